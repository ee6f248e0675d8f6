"""Schemas, user types, profile mappings and the org's own card. Called by app through ROUTES."""

from __future__ import annotations

from scim_sandbox.okta import mappings, schemas, shapes
from scim_sandbox.okta.calls import Answer, Call, Route, page
from scim_sandbox.okta.paging import decode_cursor, read_limit
from scim_sandbox.okta.problems import missing
from scim_sandbox.okta.records import UserTypeRecord
from scim_sandbox.okta.store import Org


def organization(org: Org, call: Call) -> Answer:
    """The same id under every host name: a custom domain is the same org."""
    links = {"organization": {"href": org.url}}
    return Answer({"id": org.id, "pipeline": "idx", "_links": links})


def get_app_schema(org: Org, call: Call) -> Answer:
    record = org.find_app(call.names["appId"])
    return Answer(shapes.app_schema(org, record, schemas.read_schema(org, record)))


def post_app_schema(org: Org, call: Call) -> Answer:
    record = org.find_app(call.names["appId"])
    changed = schemas.change_schema(org, record, call.json_object(optional=True))
    return Answer(shapes.app_schema(org, record, changed))


def get_user_schema(org: Org, call: Call) -> Answer:
    wanted = call.names["schemaId"]
    for kind in org.types.values():
        if wanted == kind.schema_id or (wanted == "default" and kind.default):
            return Answer(shapes.user_schema(org, kind))
    raise missing(wanted, "UserSchema")


def list_user_types(org: Org, call: Call) -> Answer:
    return Answer([shapes.user_type(org, kind) for kind in org.types.values()])


def get_user_type(org: Org, call: Call) -> Answer:
    return Answer(shapes.user_type(org, _user_type(org, call.names["typeId"])))


def list_mappings(org: Org, call: Call) -> Answer:
    limit = read_limit(call.query.get("limit"), 20, 200)
    after = decode_cursor(call.query.get("after", ""))
    found = [
        each
        for each in mappings.list_mappings(org, call.query.get("sourceId"), call.query.get("targetId"))
        if each.id > after
    ]
    more = found[limit - 1].id if len(found) > limit else ""
    return page(call, [shapes.mapping(org, each, whole=False) for each in found[:limit]], more)


def get_mapping(org: Org, call: Call) -> Answer:
    return Answer(shapes.mapping(org, mappings.find_mapping(org, call.names["mappingId"]), whole=True))


def post_mapping(org: Org, call: Call) -> Answer:
    record = mappings.find_mapping(org, call.names["mappingId"])
    return Answer(shapes.mapping(org, mappings.change_mapping(org, record, call.json_object()), whole=True))


def _user_type(org: Org, type_id: str) -> UserTypeRecord:
    if type_id == "default":
        return org.default_type()
    if type_id not in org.types:
        raise missing(type_id, "UserType")
    return org.types[type_id]


ROUTES = (
    Route("GET", "/.well-known/okta-organization", "", organization),
    Route("GET", "/api/v1/meta/schemas/apps/{appId}/default", "okta.schemas.read", get_app_schema),
    Route("POST", "/api/v1/meta/schemas/apps/{appId}/default", "okta.schemas.manage", post_app_schema),
    Route("GET", "/api/v1/meta/schemas/user/{schemaId}", "okta.schemas.read", get_user_schema),
    Route("GET", "/api/v1/meta/types/user", "okta.userTypes.read", list_user_types),
    Route("GET", "/api/v1/meta/types/user/{typeId}", "okta.userTypes.read", get_user_type),
    Route("GET", "/api/v1/mappings", "okta.profileMappings.read", list_mappings),
    Route("GET", "/api/v1/mappings/{mappingId}", "okta.profileMappings.read", get_mapping),
    Route("POST", "/api/v1/mappings/{mappingId}", "okta.profileMappings.manage", post_mapping),
)
