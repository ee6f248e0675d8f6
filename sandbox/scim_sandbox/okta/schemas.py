"""App user schemas: base attributes that stay, custom ones that come and go slowly.

Called by the schema routes, seed and console. Okta's quirks are here: a POST shows in GET a little later, a
second POST meanwhile loses the first, a deleted name stays reserved until a clean-up job ends, a mapped
attribute cannot be deleted. Source: developer.okta.com, Schemas; the words of the refusals are those
administrators quote.
"""

from __future__ import annotations

import copy

from scim_sandbox.okta.bodies import section
from scim_sandbox.okta.problems import OktaProblem, missing
from scim_sandbox.okta.records import JSON, AppRecord, AppSchema
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.systemlog import target

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
USER_BASE: dict[str, str] = {
    "login": "Username", "firstName": "First name", "lastName": "Last name", "middleName": "Middle name",
    "honorificPrefix": "Honorific prefix", "honorificSuffix": "Honorific suffix", "email": "Primary email",
    "title": "Title", "displayName": "Display name", "nickName": "Nickname", "profileUrl": "Profile Url",
    "secondEmail": "Secondary email", "mobilePhone": "Mobile phone", "primaryPhone": "Primary phone",
    "streetAddress": "Street address", "city": "City", "state": "State", "zipCode": "Zip code",
    "countryCode": "Country code", "postalAddress": "Postal Address",
    "preferredLanguage": "Preferred language", "locale": "Locale", "timezone": "Time zone",
    "userType": "User type", "employeeNumber": "Employee number", "costCenter": "Cost center",
    "organization": "Organization", "division": "Division", "department": "Department",
    "managerId": "ManagerId", "manager": "Manager",
}  # fmt: skip
TYPES = ("string", "boolean", "number", "integer", "array")
SUMMARY = "Api validation failed: updateAppUserSchemas"


def attribute(title: str, external_name: str, **more: object) -> JSON:
    """A string attribute as Okta's app templates have them."""
    return {
        "title": title,
        "type": "string",
        "externalName": external_name,
        "externalNamespace": CORE,
        "scope": "NONE",
        "mutability": "READ_WRITE",
        "master": {"type": "PROFILE_MASTER"},
        **more,
    }


def new_schema(now: str, custom: JSON | None = None) -> AppSchema:
    """The five base attributes and `custom` ones."""
    base = {
        "userName": attribute("Username", "userName", required=True, maxLength=100),
        "givenName": attribute("Given name", "name.givenName"),
        "familyName": attribute("Family name", "name.familyName"),
        "email": attribute("Email", 'emails[type eq "work"].value', format="email"),
        "displayName": attribute("Display name", "displayName"),
    }
    return AppSchema(base, dict(custom or {}), now, now)


def read_schema(org: Org, app: AppRecord) -> AppSchema:
    """The schema as GET shows it now; 404 for an app that is not active."""
    if app.status != "ACTIVE":
        raise missing(app.id, "AppInstance")
    schema = app.schema
    now = org.clock.monotonic()
    if schema.pending is not None and schema.visible_at <= now:
        schema.custom, schema.pending = schema.pending, None
    stuck = org.faults.is_on("stuck-deletion")
    schema.deleting = {name: end for name, end in schema.deleting.items() if stuck or end > now}
    return schema


def change_schema(org: Org, app: AppRecord, body: JSON) -> AppSchema:
    """Merges `definitions.custom.properties`; null removes. Answers the schema as it will be."""
    schema = read_schema(org, app)
    changes = section(body, "definitions", "custom", "properties")
    custom = copy.deepcopy(schema.custom)
    for name, value in changes.items():
        if value is None:
            _delete(org, app, custom, name)
        else:
            _put(schema, custom, name, value)
    _change_base(schema, body)
    schema.last_updated = org.now_text()
    schema.pending = custom
    schema.visible_at = org.clock.monotonic() + org.quirks.schema_delay_seconds
    org.log.record("directory.app_user_profile.update", target("AppInstance", app.id, app.body["label"]))
    shown = copy.copy(schema)
    shown.custom = custom
    return shown


def _delete(org: Org, app: AppRecord, custom: JSON, name: str) -> None:
    if name not in custom:
        return
    for mapping in org.mappings.values():
        if mapping.target_id == app.id and name in mapping.properties:
            # Okta names what the attribute feeds; for an Okta-to-app mapping that is the app's own profile
            raise OktaProblem(
                "E0000001",
                SUMMARY,
                f"Property {name} cannot be deleted. It is used to populate {app.name}.{name}.",
            )
    del custom[name]
    app.schema.deleting[name] = org.clock.monotonic() + org.quirks.attribute_deletion_seconds
    for record in app.users.values():
        record.profile.pop(name, None)


def _put(schema: AppSchema, custom: JSON, name: str, value: object) -> None:
    if not isinstance(value, dict):
        raise OktaProblem("E0000003")
    if name in schema.deleting:
        raise OktaProblem(
            "E0000001",
            SUMMARY,
            f"You cannot add the attribute with the variable name '{name}' because the deletion process for"
            " an attribute with the same variable name is incomplete. Wait until the data clean up process"
            " finishes and then try again",
        )
    old = custom.get(name)
    if old is None:
        _check_new(schema, custom, name, value)
        custom[name] = {
            "scope": "NONE",
            "mutability": "READ_WRITE",
            "master": {"type": "PROFILE_MASTER"},
            **value,
        }
        return
    for frozen in ("scope", "type", "externalName", "externalNamespace"):
        if frozen in value and value[frozen] != old.get(frozen):
            raise OktaProblem(
                "E0000001", SUMMARY, f"{name}: {frozen} of an existing property cannot be changed."
            )
    old.update({key: part for key, part in value.items() if part is not None})
    for key in [key for key, part in value.items() if part is None]:
        old.pop(key, None)


def _check_new(schema: AppSchema, custom: JSON, name: str, value: JSON) -> None:
    if name.lower() in {other.lower() for other in {**schema.base, **custom}}:
        raise OktaProblem("E0000001", SUMMARY, f"A property with the name {name} exists already.")
    if value.get("type") not in TYPES:
        raise OktaProblem("E0000001", SUMMARY, f"{name}: type must be one of {', '.join(TYPES)}.")
    if not value.get("title"):
        raise OktaProblem("E0000001", SUMMARY, f"{name}: title cannot be left blank.")
    if value.get("scope", "NONE") not in ("SELF", "NONE"):
        raise OktaProblem("E0000001", SUMMARY, f"{name}: scope must be SELF or NONE.")


def _change_base(schema: AppSchema, body: JSON) -> None:
    for name, value in section(body, "definitions", "base", "properties").items():
        if name not in schema.base or not isinstance(value, dict):
            raise OktaProblem("E0000001", SUMMARY, f"{name}: base properties cannot be added or removed.")
        if "required" in value and name == "userName" and not value["required"]:
            raise OktaProblem("E0000001", SUMMARY, f"{name}: this base property is not nullable.")
        if "required" in value:
            schema.base[name]["required"] = bool(value["required"])
