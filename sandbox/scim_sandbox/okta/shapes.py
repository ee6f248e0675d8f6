"""Records -> Okta's JSON, as its OpenAPI document has it. Called by the routes; writes nothing.

Links inside bodies bear the org's own URL; only paging links follow the host that was asked.
"""

from __future__ import annotations

from typing import Any

from scim_sandbox.okta.records import (
    GONE,
    JSON,
    AppRecord,
    AppSchema,
    AppUserRecord,
    GroupAssignment,
    GroupRecord,
    HookRecord,
    MappingRecord,
    RuleRecord,
    UserRecord,
    UserTypeRecord,
)
from scim_sandbox.okta.schemas import USER_BASE
from scim_sandbox.okta.store import Org

DRAFT = "http://json-schema.org/draft-04/schema#"
PROFILE_PARTS = [{"$ref": "#/definitions/base"}, {"$ref": "#/definitions/custom"}]


def user(org: Org, record: UserRecord) -> JSON:
    """A User with the links that its status allows."""
    kind = org.types[record.type_id]
    here = f"{org.url}/api/v1/users/{record.id}"
    return {
        "id": record.id,
        "status": record.status,
        "created": record.created,
        "activated": record.activated,
        "statusChanged": record.status_changed,
        "lastLogin": record.last_login,
        "lastUpdated": record.last_updated,
        "passwordChanged": record.password_changed,
        "type": {"id": record.type_id},
        "profile": {"mobilePhone": None, "secondEmail": None, **record.profile},
        "credentials": {"password": {}, "provider": {"type": "OKTA", "name": "OKTA"}},
        "_links": {
            "self": {"href": here},
            "schema": {"href": f"{org.url}/api/v1/meta/schemas/user/{kind.schema_id}"},
            "type": {"href": f"{org.url}/api/v1/meta/types/user/{kind.id}"},
            **_user_actions(here, record.status),
        },
    }


def _user_actions(here: str, status: str) -> JSON:
    names = {
        "ACTIVE": ("suspend", "deactivate", "resetPassword", "expirePassword"),
        "SUSPENDED": ("unsuspend", "deactivate"),
        "LOCKED_OUT": ("unlock", "deactivate", "resetPassword"),
        "STAGED": ("activate", "deactivate"),
        GONE: ("activate",),
    }.get(status, ("deactivate", "resetPassword"))
    paths = {"resetPassword": "reset_password", "expirePassword": "expire_password"}
    return {
        name: {
            "href": f"{here}/lifecycle/{paths.get(name, name)}",
            "method": "POST",
        }  # `method` as Okta has it
        for name in names
    }


def group(org: Org, record: GroupRecord, expand: str = "") -> JSON:
    """A Group; `expand=stats` adds the counts."""
    here = f"{org.url}/api/v1/groups/{record.id}"
    classes = {
        "OKTA_GROUP": "okta:user_group",
        "BUILT_IN": "okta:user_group",
        "APP_GROUP": "okta:windows_security_principal",
    }
    shape: JSON = {
        "id": record.id,
        "created": record.created,
        "lastUpdated": record.last_updated,
        "lastMembershipUpdated": record.last_membership_updated,
        "objectClass": [classes[record.type]],
        "type": record.type,
        "profile": {"description": None, **record.profile},
        "_links": {
            "self": {"href": here},
            "logo": [
                {
                    "name": "medium",
                    "href": f"{org.url}/img/logos/groups/okta-medium.png",
                    "type": "image/png",
                },
                {"name": "large", "href": f"{org.url}/img/logos/groups/okta-large.png", "type": "image/png"},
            ],
            "users": {"href": f"{here}/users"},
            "apps": {"href": f"{here}/apps"},
        },
    }
    if "stats" in expand.split(","):
        shape["_embedded"] = {"stats": _stats(org, record)}
    return shape


def _stats(org: Org, record: GroupRecord) -> JSON:
    return {
        "usersCount": org.member_count(record.id),
        "appsCount": sum(1 for app in org.apps.values() if record.id in app.groups),
        "groupPushMappingsCount": 0,
        "hasAdminPrivilege": False,
        "_links": {"self": {"href": f"{org.url}/api/v1/groups/{record.id}/stats"}},
    }


def app(org: Org, record: AppRecord) -> JSON:
    """The raw Application, everything that a PUT must send back included."""
    here = f"{org.url}/api/v1/apps/{record.id}"
    turn = "deactivate" if record.status == "ACTIVE" else "activate"
    return {
        "id": record.id,
        "orn": f"orn:okta:idp:{org.id}:apps:{record.name}:{record.id}",
        "name": record.name,
        "status": record.status,
        "created": record.created,
        "lastUpdated": record.last_updated,
        "features": list(record.features),
        **record.body,
        "_links": {
            "uploadLogo": {"href": f"{here}/logo", "hints": {"allow": ["POST"]}},
            "appLinks": [
                {
                    "name": f"{record.name}_link",
                    "href": f"{org.url}/home/{record.name}/{record.id}/aln1",
                    "type": "text/html",
                }
            ],
            "groups": {"href": f"{here}/groups"},
            "users": {"href": f"{here}/users"},
            "logo": [{"name": "medium", "href": f"{org.url}/img/logos/default.png", "type": "image/png"}],
            turn: {"href": f"{here}/lifecycle/{turn}"},
        },
    }


def app_summary(org: Org, record: AppRecord) -> JSON:
    """What `useOptimization=true` leaves: never to be sent back."""
    whole = app(org, record)
    return {
        key: whole[key] for key in ("id", "name", "label", "status", "signOnMode", "created", "lastUpdated")
    }


def app_user(org: Org, app_id: str, record: AppUserRecord, expand: str = "") -> JSON:
    """An AppUser; `expand=user` embeds the User."""
    shape: JSON = {
        "id": record.id,
        "externalId": record.external_id,
        "created": record.created,
        "lastUpdated": record.last_updated,
        "scope": record.scope,
        "status": record.status,
        "statusChanged": record.status_changed,
        "passwordChanged": None,
        "syncState": record.sync_state,
        "lastSync": record.last_sync,
        "credentials": {"userName": record.user_name},
        "profile": record.profile,
        "_links": {
            "app": {"href": f"{org.url}/api/v1/apps/{app_id}"},
            "user": {"href": f"{org.url}/api/v1/users/{record.id}"},
        },
    }
    if record.last_sync is None:
        del shape["lastSync"]
    if expand == "user":
        shape["_embedded"] = {"user": user(org, org.users[record.id])}
    return shape


def group_assignment(org: Org, record: AppRecord, assignment: GroupAssignment, expand: str = "") -> JSON:
    """An ApplicationGroupAssignment; `expand` is group or metadata."""
    here = f"{org.url}/api/v1/apps/{record.id}"
    shape: JSON = {
        "id": assignment.id,
        "lastUpdated": assignment.last_updated,
        "priority": assignment.priority,
        "profile": assignment.profile,
        "_links": {
            "app": {"href": here},
            "self": {"href": f"{here}/groups/{assignment.id}"},
            "group": {"href": f"{org.url}/api/v1/groups/{assignment.id}"},
        },
    }
    embedded: JSON = {}
    if "group" in expand.split(","):
        embedded["group"] = group(org, org.groups[assignment.id])
    if "metadata" in expand.split(","):
        embedded["metadata"] = _assignment_metadata(org, record, assignment)
    return {**shape, "_embedded": embedded} if embedded else shape


def _assignment_metadata(org: Org, record: AppRecord, assignment: GroupAssignment) -> JSON:
    mapped = {
        name
        for mapping in org.mappings.values()
        if mapping.target_id == record.id
        for name in mapping.properties
    }
    profile = {}
    for name in sorted({*mapped, *assignment.profile}):
        by_hand = assignment.profile.get(name) is not None
        source: JSON = {"type": "USER" if by_hand else "MAPPING", "value": [{"id": None}]}
        profile[name] = {"source": source, "lastUpdated": None}
    return {"credentials": {}, "profile": profile}


def user_type(org: Org, record: UserTypeRecord) -> JSON:
    schema = {"href": f"{org.url}/api/v1/meta/schemas/user/{record.schema_id}"}
    return {
        "id": record.id,
        "displayName": record.display_name,
        "name": record.name,
        "description": "",
        "createdBy": "sprSimulator",
        "lastUpdatedBy": "sprSimulator",
        "created": record.created,
        "lastUpdated": record.created,
        "default": record.default,
        "_links": {"self": {"href": f"{org.url}/api/v1/meta/types/user/{record.id}"}, "schema": schema},
    }


def user_schema(org: Org, record: UserTypeRecord) -> JSON:
    """The UserSchema of a type of people: Okta's base attributes and the type's own."""
    base: JSON = {}
    for name, title in USER_BASE.items():
        required = name in ("login", "email")
        base[name] = {
            "title": title,
            "type": "string",
            "required": required,
            "mutability": "READ_WRITE",
            "scope": "NONE",
            "permissions": [{"principal": "SELF", "action": "READ_ONLY"}],
            "master": {"type": "PROFILE_MASTER"},
        }
    return _schema(
        f"{org.url}/meta/schemas/user/{record.schema_id}",
        record.display_name,
        record.created,
        base,
        record.custom,
    )


def app_schema(org: Org, record: AppRecord, schema: AppSchema) -> JSON:
    """The UserSchema of an app."""
    shape = _schema(
        f"{org.url}/meta/schemas/apps/{record.id}/default",
        f"{record.body['label']} User",
        schema.created,
        schema.base,
        schema.custom,
    )
    return {**shape, "name": record.name, "lastUpdated": schema.last_updated}


def _schema(schema_id: str, title: str, created: str, base: JSON, custom: JSON) -> JSON:
    def part(name: str, properties: JSON) -> JSON:
        required = [key for key, value in properties.items() if value.get("required")]
        return {"id": f"#{name}", "type": "object", "properties": properties, "required": required}

    return {
        "id": schema_id,
        "$schema": DRAFT,
        "name": "user",
        "title": title,
        "lastUpdated": created,
        "created": created,
        "definitions": {"custom": part("custom", custom), "base": part("base", base)},
        "type": "object",
        "properties": {"profile": {"allOf": PROFILE_PARTS}},
        "_links": {"self": {"href": schema_id, "rel": "self"}},
    }


def mapping(org: Org, record: MappingRecord, *, whole: bool) -> JSON:
    """A ProfileMapping; a listing leaves `properties` out."""
    shape: JSON = {
        "id": record.id,
        "source": _mapping_end(org, record.source_id),
        "target": _mapping_end(org, record.target_id),
        "_links": {"self": {"href": f"{org.url}/api/v1/mappings/{record.id}"}},
    }
    if whole:
        shape["properties"] = _mapping_properties(org, record)
    return shape


def _mapping_properties(org: Org, record: MappingRecord) -> JSON:
    target_app = org.apps.get(record.target_id)
    if target_app is None:
        return record.properties
    template = ((target_app.body.get("credentials") or {}).get("userNameTemplate") or {}).get("template", "")
    known = {"${source.email}": "user.email", "${source.login}": "user.login"}
    return {
        "userName": {"expression": known.get(template, template or "user.login"), "pushStatus": "PUSH"},
        **record.properties,
    }


def _mapping_end(org: Org, item_id: str) -> JSON:
    if item_id in org.apps:
        record = org.apps[item_id]
        here = {"href": f"{org.url}/api/v1/apps/{item_id}"}
        schema = {"href": f"{org.url}/api/v1/meta/schemas/apps/{item_id}/default"}
        return {
            "id": item_id,
            "name": record.name,
            "type": "appuser",
            "_links": {"self": here, "schema": schema},
        }
    kind = org.types[item_id]
    here = {"href": f"{org.url}/api/v1/meta/types/user/{item_id}"}
    schema = {"href": f"{org.url}/api/v1/meta/schemas/user/{kind.schema_id}"}
    return {"id": item_id, "name": kind.name, "type": "user", "_links": {"self": here, "schema": schema}}


def rule(org: Org, record: RuleRecord, expand: bool = False) -> JSON:
    """A GroupRule."""
    shape: JSON = {
        "type": "group_rule",
        "id": record.id,
        "status": record.status,
        "name": record.name,
        "created": record.created,
        "lastUpdated": record.last_updated,
        "conditions": {
            "people": {"users": {"exclude": record.excluded_users}, "groups": {"exclude": []}},
            "expression": {"value": record.expression, "type": "urn:okta:expression:1.0"},
        },
        "actions": {"assignUserToGroups": {"groupIds": record.group_ids}},
    }
    if expand:
        names = {group_id: org.groups[group_id].profile["name"] for group_id in record.group_ids}
        shape["_embedded"] = {"groupIdToGroupNameMap": names}
    return shape


def connection(org: Org, record: AppRecord, *, is_known: bool) -> JSON:
    """The default provisioning connection; UNKNOWN throughout where Okta's API cannot tell."""
    here = f"{org.url}/api/v1/apps/{record.id}/connections/default"
    links: JSON = {"self": {"href": here, "hints": {"allow": ["GET", "POST"]}}}
    if not is_known:
        return {"status": "UNKNOWN", "profile": {"authScheme": "UNKNOWN"}, "_links": links}
    state = record.connection
    turn = "deactivate" if state.status == "ENABLED" else "activate"
    links[turn] = {"href": f"{here}/lifecycle/{turn}", "hints": {"allow": ["POST"]}}
    shape: JSON = {"status": state.status, "profile": {"authScheme": state.auth_scheme}, "_links": links}
    if state.auth_scheme == "TOKEN":
        shape["authScheme"] = "TOKEN"
    return {**shape, "baseUrl": state.base_url} if state.base_url else shape


def feature(org: Org, record: AppRecord, name: str, capabilities: JSON) -> JSON:
    """An ApplicationFeature."""
    texts = {
        "USER_PROVISIONING": "User provisioning settings from Okta to a downstream application",
        "INBOUND_PROVISIONING": "In-bound provisioning settings from a downstream application to Okta",
    }
    return {
        "name": name,
        "status": "ENABLED",
        "description": texts[name],
        "capabilities": capabilities,
        "_links": {
            "self": {
                "href": f"{org.url}/api/v1/apps/{record.id}/features/{name}",
                "hints": {"allow": ["GET", "PUT"]},
            }
        },
    }


def hook(org: Org, record: HookRecord) -> JSON:
    """An EventHook; the secret of its header never leaves."""
    here = f"{org.url}/api/v1/eventHooks/{record.id}"
    scheme: Any = {"type": "HEADER", "key": record.auth_key} if record.auth_key else None
    headers = [{"key": key, "value": value} for key, value in record.headers.items()]
    return {
        "id": record.id,
        "status": record.status,
        "verificationStatus": record.verification,
        "name": record.name,
        "created": record.created,
        "createdBy": "sprSimulator",
        "lastUpdated": record.last_updated,
        "events": {"type": "EVENT_TYPE", "items": record.events},
        "channel": {
            "type": "HTTP",
            "version": "1.0.0",
            "config": {"uri": record.uri, "headers": headers, "method": "POST", "authScheme": scheme},
        },
        "_links": {
            "self": {"href": here},
            "verify": {"href": f"{here}/lifecycle/verify", "hints": {"allow": ["POST"]}},
            "deactivate": {"href": f"{here}/lifecycle/deactivate", "hints": {"allow": ["POST"]}},
        },
    }
