"""The OpenAPI document of the admin API, served at /admin/v1/openapi.json.

Built from routes, so that no path is forgotten, and from the tables below, which say what bodies and answers
look like. Tests drive the API by it (schemathesis), so it cannot drift from what the handlers do.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from controller.provider.admin.routes import ROUTES
from controller.provider.mapping import Table
from controller.provider.organizations import BILLING_METHODS, MAX_SEATS, PLANS
from controller.provider.profiles import PROFILES, Profile
from controller.provider.tokens import MAX_NAME, SCOPES

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
MAYBE_TEXT: Json = {"type": ["string", "null"]}
COUNT: Json = {"type": "integer", "minimum": 0}
FLAG: Json = {"type": "boolean"}
# Texts of one line: no control characters, and something in them besides blanks.
NAME: Json = {"type": "string", "minLength": 1, "maxLength": 256, "pattern": r"^[^\x00-\x1f\x7f-\xa0]+$"}
# A moment of this century, on a day that every month has.
RECENT = r"^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T[01]\d:[0-5]\d:[0-5]\dZ$"
TIME: Json = {"type": ["string", "null"], "format": "date-time"}
SEATS: Json = {"type": "integer", "minimum": 0, "maximum": MAX_SEATS}


def _object(properties: Json, required: tuple[str, ...] | None = None, *, is_open: bool = False) -> Json:
    names = list(properties) if required is None else list(required)
    return {
        "type": "object",
        "properties": properties,
        **({"required": names} if names else {}),
        **({} if is_open else {"additionalProperties": False}),
    }


def _list(item: Json) -> Json:
    return {"type": "array", "items": item}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


PERSON: Json = _object(
    {
        "id": TEXT, "userName": TEXT, "displayName": MAYBE_TEXT, "givenName": MAYBE_TEXT,
        "familyName": MAYBE_TEXT, "email": MAYBE_TEXT, "pendingEmail": MAYBE_TEXT, "externalId": MAYBE_TEXT,
        "active": FLAG, "status": {"enum": ["active", "pending", "deactivated"]}, "seat": FLAG,
        "licence": {"enum": ["full", "basic"]}, "group": MAYBE_TEXT, "groups": _list(TEXT),
        "groupValue": MAYBE_TEXT, "created": TIME, "lastModified": TIME, "acceptedAt": TIME,
        "lastActive": TIME, "version": COUNT,
    }
)  # fmt: skip
GROUP: Json = _object(
    {"id": TEXT, "displayName": TEXT, "externalId": MAYBE_TEXT, "members": COUNT, "created": TIME,
     "lastModified": TIME}
)  # fmt: skip
TOKEN: Json = _object(
    {
        "id": TEXT, "name": TEXT, "scopes": _list({"enum": list(SCOPES)}), "created": TIME, "createdBy": TEXT,
        "expires": TIME, "revoked": TIME, "alive": FLAG, "lastUsed": TIME, "lastUserAgent": MAYBE_TEXT,
        "fingerprint": TEXT,
    }
)  # fmt: skip
ORGANIZATION: Json = _object(
    {
        "id": TEXT,
        "name": TEXT,
        "plan": {"enum": list(PLANS)},
        "sso": FLAG,
        "scimEnabled": FLAG,
        "scimBaseUrl": TEXT,
        "billing": _object({"method": {"enum": list(BILLING_METHODS)}, "remedy": TEXT}),
        "seats": _object({"purchased": COUNT, "used": COUNT, "pending": COUNT, "free": COUNT}),
        "people": COUNT,
        "groups": COUNT,
        "mappingActive": FLAG,
        "profile": {"enum": list(PROFILES)},
        "overrides": {"type": "object"},
        "created": TIME,
    }
)
ENTRY: Json = _object(
    {
        "seq": COUNT, "at": TIME, "actor": TEXT, "action": TEXT, "resource": TEXT, "resourceId": TEXT,
        "before": {"type": ["object", "null"]}, "after": {"type": ["object", "null"]}, "requestId": TEXT,
    }
)  # fmt: skip
PREVIEW: Json = _object(
    {
        "digest": TEXT,
        "matched": _list(_object({"value": TEXT, "group": TEXT, "people": COUNT})),
        "unmatched": _list(_object({"value": TEXT, "people": COUNT})),
        "withoutValue": COUNT,
        "unmapped": {"type": "object"},
        "groupsToCreate": _list(TEXT),
        "missingGroups": _list(TEXT),
        "effect": _object({"changed": COUNT, "people": _list({"type": "object"})}),
    }
)
PROBLEM: Json = _object(
    {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "reason": TEXT,
        "field": TEXT,
    },
    ("type", "title", "status", "detail", "reason"),
    is_open=True,
)


def _inlined(schema: Json) -> Json:
    """A pydantic schema without $defs, which OpenAPI keeps elsewhere."""
    definitions = schema.pop("$defs", {})

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return walk(definitions[value["$ref"].rpartition("/")[2]])
            return {name: walk(item) for name, item in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else value

    return dict(walk(schema))


def _schemas() -> Json:
    mapping = _inlined(Table.model_json_schema())
    saved = {**mapping, "properties": {**mapping["properties"], "active": FLAG, "saved": _ref("Preview")}}
    return {
        "Person": PERSON, "Group": GROUP, "Token": TOKEN, "Organization": ORGANIZATION, "Entry": ENTRY,
        "Preview": PREVIEW, "Problem": PROBLEM, "Mapping": mapping, "SavedMapping": saved,
        "Profile": _inlined(Profile.model_json_schema()),
    }  # fmt: skip


EDIT: Json = _object(
    {
        "userName": NAME, "displayName": NAME, "givenName": NAME, "familyName": NAME, "email": NAME,
        "externalId": NAME, "active": FLAG,
        "lastActive": {**TIME, "pattern": RECENT},
        "groups": {"type": "array", "items": TEXT, "maxItems": 50},
    },
    (),
)  # fmt: skip
SETTINGS: Json = _object(
    {
        "name": {**NAME, "maxLength": 128},
        "plan": {"enum": list(PLANS)},
        "sso": FLAG,
        "scimEnabled": FLAG,
        "billing": _object({"method": {"enum": list(BILLING_METHODS)}}),
        "seats": _object({"purchased": SEATS}),
        "profile": {"enum": list(PROFILES)},
        "overrides": {"type": "object"},
    },
    (),
)
NEW_TOKEN: Json = _object(
    {
        "name": {**NAME, "maxLength": MAX_NAME},
        "scopes": {"type": "array", "items": {"enum": list(SCOPES)}, "minItems": 1},
        "expiresIn": {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 1}]},
    },
    ("name",),
)
NAMED: Json = _object({"displayName": NAME})
NOTHING: Json = _object({}, (), is_open=True)


def _parameter(name: str, schema: Json, description: str, place: str = "query") -> Json:
    return {
        "name": name, "in": place, "required": place == "path", "schema": schema, "description": description,
    }  # fmt: skip


NUMBER: Json = {"type": "integer", "minimum": 0}
PAGE = {**NUMBER, "maximum": 1000}
# Below each route: the body's schema, the answer's schema and status, and the parameters.
PEOPLE = _object({"people": _list(_ref("Person")), "total": COUNT, "next": TEXT}, ("people", "total"))
CREATED_TOKEN = _object({"id": TEXT, "token": TEXT, "name": TEXT, "scopes": _list(TEXT)})
SHAPES: dict[tuple[str, str], tuple[Json | None, Json | None, int, list[Json]]] = {
    ("GET", "organization"): (None, _ref("Organization"), 200, []),
    ("PATCH", "organization"): (SETTINGS, _ref("Organization"), 200, []),
    ("GET", "tokens"): (None, _object({"tokens": _list(_ref("Token"))}), 200, []),
    ("POST", "tokens"): (NEW_TOKEN, CREATED_TOKEN, 201, []),
    ("DELETE", "tokens/{id}"): (None, None, 204, []),
    ("GET", "group-mapping"): (None, _ref("SavedMapping"), 200, []),
    ("PUT", "group-mapping"): (
        _ref("Mapping"),
        {"anyOf": [_ref("Preview"), _ref("SavedMapping")]},
        200,
        [
            _parameter("preview", {"enum": ["true", "false"]}, "true: saves nothing, answers the preview"),
            _parameter("If-Match", TEXT, "The digest of the preview that is saved", "header"),
        ],
    ),
    ("GET", "people"): (
        None,
        PEOPLE,
        200,
        [
            _parameter("query", TEXT, "Part of a name or address, whatever its case"),
            _parameter("status", {"enum": ["active", "pending", "deactivated"]}, "Only people who stand so"),
            _parameter("group", TEXT, "Only members of the group with exactly this displayName"),
            _parameter("limit", PAGE, "People on a page"),
            _parameter("after", NUMBER, "`next` of the page before"),
        ],
    ),
    ("GET", "people/{id}"): (None, _ref("Person"), 200, []),
    ("PATCH", "people/{id}"): (EDIT, _ref("Person"), 200, []),
    ("POST", "people/{id}/accept"): (NOTHING, _ref("Person"), 200, []),
    ("POST", "people/{id}/deactivate"): (NOTHING, _ref("Person"), 200, []),
    ("POST", "people/{id}/confirm-email"): (NOTHING, _ref("Person"), 200, []),
    ("GET", "groups"): (None, _object({"groups": _list(_ref("Group")), "total": COUNT}), 200, []),
    ("POST", "groups"): (NAMED, _ref("Group"), 201, []),
    ("PATCH", "groups/{id}"): (NAMED, _ref("Group"), 200, []),
    ("DELETE", "groups/{id}"): (None, None, 204, []),
    ("POST", "billing/seats"): (_object({"purchased": SEATS}), _ref("Organization"), 200, []),
    ("GET", "journal"): (
        None,
        _object({"entries": _list(_ref("Entry")), "next": TEXT}, ("entries",)),
        200,
        [
            _parameter("limit", {**NUMBER, "maximum": 500}, "Entries on a page"),
            _parameter("before", NUMBER, "`next` of the page before"),
            _parameter("format", {"enum": ["json", "jsonl"]}, "jsonl: lines, oldest first"),
        ],
    ),
}


def _operation(method: str, pattern: str, summary: str) -> Json:
    body, answer, status, parameters = SHAPES[method, pattern]
    identifier = [_parameter("id", TEXT, "The id of the resource", "path")] if "{id}" in pattern else []
    operation: Json = {
        "operationId": f"{method.lower()}-{pattern.replace('/', '-').replace('{id}', 'one')}",
        "summary": summary,
        "parameters": [*identifier, *parameters],
        "responses": {
            str(status): {"description": "Done"} | ({"content": _content(answer)} if answer else {}),
            "4XX": {
                "description": "Refused; `reason`, `detail` and `field` say why",
                "content": {"application/problem+json": {"schema": _ref("Problem")}},
            },
        },
    }
    if pattern == "journal":
        operation["responses"]["200"]["content"]["application/jsonl"] = {"schema": TEXT}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _content(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def build_document() -> Json:
    """The document; its paths are relative to /admin/v1/{organization}."""
    paths: Json = {}
    for (method, pattern), handler in ROUTES.items():
        summary = (handler.__doc__ or "").strip().partition("\n")[0]
        paths.setdefault(f"/{pattern}", {})[method.lower()] = _operation(method, pattern, summary)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Admin API of the SCIM provider",
            "version": "1",
            "description": "What an organization's administrators do. Errors are RFC 9457 problem details.",
        },
        "servers": [{"url": "/admin/v1/{organization}", "variables": {"organization": {"default": "acme"}}}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


@cache
def document_bytes() -> bytes:
    """The document as JSON."""
    return json.dumps(build_document(), ensure_ascii=False).encode()
