"""The SCIM bodies that Okta sends for an app user. Pure; called by agent.

Okta pushes the whole app profile: base attributes and custom ones, mapped or not. `password`, `locale` and
`groups` go along with every create. Source: Okta's SCIM 2.0 reference for app integrations.
"""

from __future__ import annotations

import copy
from typing import Any

from scim_sandbox.okta.records import JSON, AppRecord, AppUserRecord
from scim_sandbox.okta.schemas import CORE

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def create_body(app: AppRecord, record: AppUserRecord, password: str, push_empty: bool) -> JSON:
    """POST /Users."""
    body = profile_body(app, record, push_empty)
    body.update(
        {"locale": "en-US", "externalId": record.id, "groups": [], "password": password, "active": True}
    )
    return body


def profile_body(app: AppRecord, record: AppUserRecord, push_empty: bool = False) -> JSON:
    """userName and every attribute of the app profile that has a value, in its namespace."""
    body: JSON = {"schemas": [CORE], "userName": record.user_name}
    for name, attribute in {**app.schema.base, **app.schema.custom}.items():
        value = record.profile.get(name)
        if name == "userName" or (value in (None, "") and not push_empty):
            continue
        _place(body, attribute, "" if value is None else value)
    return body


def merged(present: Any, app: AppRecord, record: AppUserRecord, active: bool, push_empty: bool) -> JSON:
    """Okta's data put over what GET returned, `id` and `meta` included: the body of a PUT."""
    body = copy.deepcopy(present) if isinstance(present, dict) else {}
    for key, value in profile_body(app, record, push_empty).items():
        if key == "schemas":
            known = body.get("schemas") or []
            body["schemas"] = [*known, *(urn for urn in value if urn not in known)]
        elif isinstance(value, dict) and isinstance(body.get(key), dict):
            body[key] = {**body[key], **value}
        else:
            body[key] = value
    body["active"] = active
    body["externalId"] = record.id
    return body


def patch_body(value: JSON) -> JSON:
    """A PATCH without a path, as Okta sends it."""
    return {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": value}]}


def _place(body: JSON, attribute: JSON, value: Any) -> None:
    namespace = attribute.get("externalNamespace") or CORE
    name = str(attribute.get("externalName") or "")
    if namespace != CORE:
        body.setdefault(namespace, {})[name] = value
        if namespace not in body["schemas"]:
            body["schemas"].append(namespace)
    elif name.startswith("emails"):
        body["emails"] = [{"primary": True, "value": value, "type": "work"}]
    elif name.startswith("phoneNumbers") or name == "primaryPhone":
        body["phoneNumbers"] = [{"primary": True, "value": value, "type": "work"}]
    elif "." in name:
        outer, _, inner = name.partition(".")
        body.setdefault(outer, {})[inner] = value
    else:
        body[name] = value
