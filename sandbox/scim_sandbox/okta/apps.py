"""Apps: made, replaced, switched on and off; their provisioning connection and To App switches.

Called by routes_apps, seed and console. Only the six apps that Okta's API can connect take a connection
from it; every other answers 200 with UNKNOWN and does nothing. `features` is written here alone: a PUT
drops it.
Source: developer.okta.com, Application Connections and Application Features.
"""

from __future__ import annotations

import copy

from scim_sandbox.okta import assignments, mappings, schemas
from scim_sandbox.okta.bodies import section
from scim_sandbox.okta.paging import SortedIds
from scim_sandbox.okta.problems import OktaProblem, invalid
from scim_sandbox.okta.records import JSON, AppRecord, Connection
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.systemlog import target

TOKEN_APPS = frozenset({"okta_org2org", "zscalerbyz"})
OAUTH_APPS = frozenset({"google", "office365", "okta_org2org", "slack", "zoomus"})
INBOUND_APPS = (TOKEN_APPS | OAUTH_APPS) - {"zscalerbyz"}
SIGN_ON_MODES = (
    "AUTO_LOGIN", "BASIC_AUTH", "BOOKMARK", "BROWSER_PLUGIN", "OPENID_CONNECT", "SAML_1_1", "SAML_2_0",
    "SECURE_PASSWORD_STORE", "WS_FEDERATION",
)  # fmt: skip
SYSTEM_FIELDS = frozenset(
    {"id", "orn", "name", "status", "created", "lastUpdated", "features", "_links", "_embedded"}
)
CREATE, UPDATE = ("PUSH_NEW_USERS",), ("PUSH_PROFILE_UPDATES",)
DEACTIVATE = ("PUSH_USER_DEACTIVATION", "REACTIVATE_USERS")
DEFAULT_CUSTOM = {"title": "Title", "nickName": "Nickname", "primaryPhone": "Primary phone"}
DEFAULT_MAPPING: JSON = {
    "givenName": {"expression": "user.firstName", "pushStatus": "PUSH"},
    "familyName": {"expression": "user.lastName", "pushStatus": "PUSH"},
    "email": {"expression": "user.email", "pushStatus": "PUSH"},
    "displayName": {"expression": "user.displayName", "pushStatus": "PUSH"},
    "title": {"expression": "user.title", "pushStatus": "PUSH"},
    "nickName": {"expression": "user.nickName", "pushStatus": "PUSH"},
    "primaryPhone": {"expression": "user.primaryPhone", "pushStatus": "PUSH"},
}


def saml_body(label: str, template: str = "${source.login}") -> JSON:
    """What an administrator's SAML app holds, unmodelled settings included."""
    return {
        "label": label,
        "signOnMode": "SAML_2_0",
        "accessibility": {"selfService": False, "errorRedirectUrl": None, "loginRedirectUrl": None},
        "visibility": {
            "autoLaunch": False,
            "autoSubmitToolbar": False,
            "hide": {"iOS": False, "web": False},
            "appLinks": {"login": True},
        },
        "credentials": {
            "userNameTemplate": {"template": template, "type": "BUILT_IN"},
            "signing": {"kid": "mh_16Cc8sIfHMFDMlHnp194cxKvJ6yXqs_mNn_6ZC0Q"},
        },
        "settings": {
            "app": {"siteUrl": "https://example.com", "audRestriction": None},
            "notifications": {
                "vpn": {"network": {"connection": "DISABLED"}, "message": None, "helpUrl": None}
            },
            "manualProvisioning": False,
            "implicitAssignment": False,
            "notes": {"admin": None, "enduser": None},
            "signOn": {
                "defaultRelayState": None,
                "ssoAcsUrlOverride": None,
                "audienceOverride": None,
                "recipientOverride": None,
                "destinationOverride": None,
                "attributeStatements": [],
                "allowMultipleAcsEndpoints": False,
                "assertionSigned": True,
                "honorForceAuthn": True,
                "requestCompressed": False,
                "responseSigned": True,
            },
        },
        "licensing": {"seatCount": 0},
    }


def create_app(org: Org, name: str, body: JSON, *, properties: JSON | None = None) -> AppRecord:
    """A new active app with schema and mappings for every user type. `properties` are its first mappings."""
    _check_body(body)
    now = org.now_text()
    custom = {key: schemas.attribute(title, key) for key, title in DEFAULT_CUSTOM.items()}
    record = AppRecord(
        id=org.new_id("app"),
        name=name,
        status="ACTIVE",
        body=_replaceable(body),
        created=now,
        last_updated=now,
        schema=schemas.new_schema(now, custom),
    )
    org.apps[record.id] = record
    org.app_user_order[record.id] = SortedIds()
    for kind in org.types.values():
        mappings.create_mappings(org, record, kind, properties or DEFAULT_MAPPING)
    org.log.record("application.lifecycle.create", app_target(record))
    return record


def replace_app(org: Org, record: AppRecord, body: JSON) -> AppRecord:
    """PUT: everything that is not the system's is replaced; what is left out is gone."""
    _check_body(body)
    old_template = copy.deepcopy((record.body.get("credentials") or {}).get("userNameTemplate") or {})
    record.body = _replaceable(body)
    record.last_updated = org.now_text()
    if org.quirks.put_wipes_scim and record.connection.by_hand:
        record.connection, record.features = Connection(), []
    org.log.record("application.lifecycle.update", app_target(record))
    if (record.body.get("credentials") or {}).get("userNameTemplate") != old_template:
        assignments.template_changed(org, record, old_template)
    return record


def set_status(org: Org, record: AppRecord, status: str) -> None:
    """ACTIVE or INACTIVE. Who joins a group meanwhile is assigned when the app is active again."""
    if record.status == status:
        return
    record.status, record.last_updated = status, org.now_text()
    event = "activate" if status == "ACTIVE" else "deactivate"
    org.log.record(f"application.lifecycle.{event}", app_target(record))
    if status == "ACTIVE":
        for user in list(org.users.values()):
            assignments.follow_groups(org, record, user)


def delete_app(org: Org, record: AppRecord) -> None:
    """Only an inactive app can be deleted."""
    if record.status == "ACTIVE":
        raise OktaProblem("E0000056", "Delete application forbidden.", status=403)
    del org.apps[record.id], org.app_user_order[record.id]
    org.mappings = {
        key: each for key, each in org.mappings.items() if record.id not in (each.source_id, each.target_id)
    }
    org.log.record("application.lifecycle.delete", app_target(record))


def is_connectable(record: AppRecord, scheme: str = "") -> bool:
    """Whether Okta's API can connect this app (by `scheme`, where given)."""
    if scheme:
        return record.name in {"TOKEN": TOKEN_APPS, "OAUTH2": OAUTH_APPS}.get(scheme, frozenset())
    return record.name in TOKEN_APPS | OAUTH_APPS


def set_connection(org: Org, record: AppRecord, body: JSON, *, activate: bool) -> None:
    """POST of the default connection; silently nothing for an app that the API cannot connect."""
    profile = body.get("profile")
    if not isinstance(profile, dict) or profile.get("authScheme") not in ("TOKEN", "OAUTH2"):
        raise invalid("profile.authScheme", "must be TOKEN or OAUTH2")
    scheme = profile["authScheme"]
    if not is_connectable(record, scheme):
        return
    if scheme == "TOKEN" and not profile.get("token"):
        raise invalid("profile.token", "The field cannot be left blank")
    state = record.connection
    state.auth_scheme, state.token = scheme, str(profile.get("token") or state.token)
    if record.name == "zscalerbyz":
        state.base_url = str(body.get("baseUrl") or state.base_url)
    org.log.record("application.configuration.update", app_target(record))
    if activate:
        switch_connection(org, record, True)


def switch_connection(org: Org, record: AppRecord, enabled: bool) -> None:
    """Turns provisioning on or off; off takes every To App switch with it."""
    if not is_connectable(record):
        return
    record.connection.status = "ENABLED" if enabled else "DISABLED"
    if enabled:
        add_features(record, "SCIM_PROVISIONING")
    else:
        record.features = []
    org.log.record("application.configuration.update", app_target(record))


def capabilities(record: AppRecord, feature: str) -> JSON:
    """The feature's capabilities; 400 as Okta words it where provisioning is not enabled, 404 for no such
    feature.
    """
    if not is_connectable(record) or record.connection.status != "ENABLED":
        raise OktaProblem(
            "E0000001", "Api validation failed: feature", "Provisioning is not enabled for the app instance."
        )
    if feature == "INBOUND_PROVISIONING":
        default: JSON = {
            "importSettings": {
                "username": {"usernameFormat": "EMAIL"},
                "schedule": {"status": "DISABLED"},
            },
            "importRules": {"userCreateAndMatch": {"exactMatchCriteria": "USERNAME"}},
        }
        return {**default, **record.capabilities.get(feature, {})}
    on = {True: "ENABLED", False: "DISABLED"}
    return {
        "create": {"lifecycleCreate": {"status": on[CREATE[0] in record.features]}},
        "update": {
            "profile": {"status": on[UPDATE[0] in record.features]},
            "lifecycleDeactivate": {"status": on[DEACTIVATE[0] in record.features]},
            "password": record.capabilities.get(
                "password", {"status": "DISABLED", "seed": "RANDOM", "change": "KEEP_EXISTING"}
            ),
        },
    }


def change_capabilities(org: Org, record: AppRecord, feature: str, body: JSON) -> JSON:
    """PUT of a feature: partial, the bare capabilities object."""
    capabilities(record, feature)
    if feature == "INBOUND_PROVISIONING":
        if not section(body, "importSettings") or not section(body, "importRules"):
            raise invalid("importSettings", "importSettings and importRules are both required")
        record.capabilities[feature] = body
        return body
    switches = (
        (CREATE, section(body, "create", "lifecycleCreate")),
        (UPDATE, section(body, "update", "profile")),
        (DEACTIVATE, section(body, "update", "lifecycleDeactivate")),
    )
    for flags, setting in switches:
        if setting:
            _switch(record, flags, setting.get("status"))
    if password := section(body, "update", "password"):
        present = capabilities(record, feature)["update"]["password"]
        record.capabilities["password"] = {**present, **password}
    org.log.record("application.lifecycle.update", app_target(record))
    return capabilities(record, feature)


def set_to_app(org: Org, record: AppRecord, *, create: bool, update: bool, deactivate: bool) -> None:
    """The three To App switches, as a person sets them in the Admin Console."""
    for flags, on in ((CREATE, create), (UPDATE, update), (DEACTIVATE, deactivate)):
        _switch(record, flags, "ENABLED" if on else "DISABLED")
    org.log.record("application.lifecycle.update", app_target(record))


def add_features(record: AppRecord, *names: str) -> None:
    record.features.extend(name for name in names if name not in record.features)


def app_target(record: AppRecord) -> JSON:
    """The app as a target of an event."""
    return target("AppInstance", record.id, record.body["label"])


def _switch(record: AppRecord, flags: tuple[str, ...], status: object) -> None:
    if status not in ("ENABLED", "DISABLED"):
        raise invalid("status", "must be ENABLED or DISABLED")
    if status == "ENABLED":
        add_features(record, *flags)
    else:
        record.features = [name for name in record.features if name not in flags]


def _replaceable(body: JSON) -> JSON:
    return {key: copy.deepcopy(value) for key, value in body.items() if key not in SYSTEM_FIELDS}


def _check_body(body: JSON) -> None:
    label = body.get("label")
    if not isinstance(label, str) or not label:
        raise invalid("label", "The field cannot be left blank")
    if body.get("signOnMode") not in SIGN_ON_MODES:
        raise invalid("signOnMode", "The field cannot be left blank")
    section(body, "settings")
    template = section(body, "credentials", "userNameTemplate")
    if not isinstance(template.get("template", ""), str):
        raise invalid("credentials.userNameTemplate.template", "must be a string")
    if template.get("type") not in (None, "NONE", "BUILT_IN", "CUSTOM"):
        raise invalid("credentials.userNameTemplate.type", "must be NONE, BUILT_IN or CUSTOM")
