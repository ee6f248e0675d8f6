"""/api/v1/apps and what hangs from an app: lifecycle, connection, features, app users, app groups.

Called by app through ROUTES. Each handler answers as developer.okta.com has it; rules stand in apps and
assignments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scim_sandbox.okta import apps, assignments, shapes
from scim_sandbox.okta.calls import Answer, Call, Route, page
from scim_sandbox.okta.encoding import encode_app_users
from scim_sandbox.okta.filters import compile_filter
from scim_sandbox.okta.paging import decode_cursor, read_limit
from scim_sandbox.okta.problems import OktaProblem, invalid, missing
from scim_sandbox.okta.records import JSON, AppRecord, AppUserRecord, GroupAssignment
from scim_sandbox.okta.roles import visible_users
from scim_sandbox.okta.store import Org

APP_FILTERS = ("id", "status", "name", "credentials.signing.kid", "settings.slo.enabled")
FEATURES = ("USER_PROVISIONING", "INBOUND_PROVISIONING")
LONGEST_PATCH = 100


def list_apps(org: Org, call: Call) -> Answer:
    limit = read_limit(call.query.get("limit"), 20, 200, -1)
    limit = 20 if limit < 1 else limit
    after, q = decode_cursor(call.query.get("after", "")), call.query.get("q", "").lower()
    user_id = _named_user(call)
    given = "" if user_id else call.query.get("filter")
    test = compile_filter(given, APP_FILTERS) if given else None
    visible = visible_users(org, call)
    if user_id and visible is not None and user_id not in visible:
        raise missing(user_id, "User")
    found: list[AppRecord] = []
    for app_id in sorted(org.apps):
        record = org.apps[app_id]
        if app_id <= after or (q and not _starts(q, record.name, record.body["label"])):
            continue
        if user_id and user_id not in record.users:
            continue
        if test is None or test(shapes.app(org, record)):
            found.append(record)
    more = found[limit - 1].id if len(found) > limit else ""
    shape = shapes.app_summary if call.flag("useOptimization") else shapes.app
    return page(call, [shape(org, record) for record in found[:limit]], more)


def _named_user(call: Call) -> str:
    """The user of `user.id eq "..."`, which has to come with `expand=user/...` of the same user."""
    match = re.fullmatch(r'\s*user\.id\s+eq\s+"([^"]*)"\s*', call.query.get("filter", ""))
    if match is None or call.query.get("expand") != f"user/{match[1]}":
        return ""
    return match[1]


def get_app(org: Org, call: Call) -> Answer:
    record = org.find_app(call.names["appId"])
    shape = shapes.app(org, record)
    expand = call.query.get("expand", "")
    if expand.startswith("user/") and expand[5:] in record.users:
        shape["_embedded"] = {"user": shapes.app_user(org, record.id, record.users[expand[5:]])}
    return Answer(shape)


def create_app(org: Org, call: Call) -> Answer:
    body = call.json_object()
    name = body.get("name") or f"{org.name}_{str(body.get('label', 'app')).lower().replace(' ', '')}_1"
    record = apps.create_app(org, str(name), body)
    return Answer(shapes.app(org, record))


def replace_app(org: Org, call: Call) -> Answer:
    record = apps.replace_app(org, org.find_app(call.names["appId"]), call.json_object())
    return Answer(shapes.app(org, record))


def delete_app(org: Org, call: Call) -> Answer:
    apps.delete_app(org, org.find_app(call.names["appId"]))
    return Answer(status=204)


def activate_app(org: Org, call: Call) -> Answer:
    apps.set_status(org, org.find_app(call.names["appId"]), "ACTIVE")
    return Answer({})


def deactivate_app(org: Org, call: Call) -> Answer:
    apps.set_status(org, org.find_app(call.names["appId"]), "INACTIVE")
    return Answer({})


def get_connection(org: Org, call: Call) -> Answer:
    record = org.find_app(call.names["appId"])
    return Answer(shapes.connection(org, record, is_known=apps.is_connectable(record)))


def post_connection(org: Org, call: Call) -> Answer:
    record = org.find_app(call.names["appId"])
    apps.set_connection(org, record, call.json_object(), activate=call.flag("activate"))
    return get_connection(org, call)


def activate_connection(org: Org, call: Call) -> Answer:
    apps.switch_connection(org, org.find_app(call.names["appId"]), True)
    return Answer(status=204)


def deactivate_connection(org: Org, call: Call) -> Answer:
    apps.switch_connection(org, org.find_app(call.names["appId"]), False)
    return Answer(status=204)


def list_features(org: Org, call: Call) -> Answer:
    record = org.find_app(call.names["appId"])
    names = [name for name in FEATURES if name == FEATURES[0] or record.name in apps.INBOUND_APPS]
    return Answer([shapes.feature(org, record, name, apps.capabilities(record, name)) for name in names])


def get_feature(org: Org, call: Call) -> Answer:
    record, name = org.find_app(call.names["appId"]), _feature_name(call)
    return Answer(shapes.feature(org, record, name, apps.capabilities(record, name)))


def put_feature(org: Org, call: Call) -> Answer:
    record, name = org.find_app(call.names["appId"]), _feature_name(call)
    changed = apps.change_capabilities(org, record, name, call.json_object())
    return Answer(shapes.feature(org, record, name, changed))


def list_app_users(org: Org, call: Call) -> Answer:
    record = org.find_app(call.names["appId"])
    limit = read_limit(call.query.get("limit"), 50, 500)
    after, expand = decode_cursor(call.query.get("after", "")), call.query.get("expand", "")
    found = []
    for app_user in _walk_app_users(org, call, record, after, limit + 1):
        found.append(app_user)
        if len(found) > limit:
            break
    more = found[limit - 1].id if len(found) > limit else ""
    return page(call, encode_app_users(org, record.id, found[:limit], expand), more)


def _walk_app_users(
    org: Org, call: Call, record: AppRecord, after: str, step: int
) -> Iterator[AppUserRecord]:
    """Those whom the caller may see, behind `after`, read `step` at a time."""
    order, visible, q = (
        org.app_user_order[record.id],
        visible_users(org, call),
        call.query.get("q", "").lower(),
    )
    while ids := order.after(after, step):
        after = ids[-1]
        for user_id in ids:
            if visible is not None and user_id not in visible:
                continue
            if not q or _starts(q, *_names(org, record.users[user_id])):
                yield record.users[user_id]


def _names(org: Org, app_user: AppUserRecord) -> tuple[Any, ...]:
    profile = org.users[app_user.id].profile
    return app_user.user_name, profile["firstName"], profile["lastName"], profile["email"]


def assign_app_user(org: Org, call: Call) -> Answer:
    record, body = org.find_app(call.names["appId"]), call.json_object()
    if not isinstance(body.get("id"), str):
        raise invalid("id", "The field cannot be left blank")
    if body.get("scope", "USER") not in ("USER", "GROUP"):
        raise invalid("scope", "must be USER or GROUP")
    assigned = assignments.assign_user(org, record, org.find_user(body["id"]), body)
    return Answer(shapes.app_user(org, record.id, assigned))


def get_app_user(org: Org, call: Call) -> Answer:
    record, user_id = org.find_app(call.names["appId"]), call.names["userId"]
    visible = visible_users(org, call)
    if visible is not None and user_id not in visible:
        raise missing(user_id, "AppUser")
    found = assignments.find_assignment(record, user_id)
    return Answer(shapes.app_user(org, record.id, found, call.query.get("expand", "")))


def update_app_user(org: Org, call: Call) -> Answer:
    record, body = org.find_app(call.names["appId"]), call.json_object()
    if not body.get("credentials") and body.get("profile") is None:
        raise invalid("profile", "Either profile or credentials must be given")
    assignments.find_assignment(record, call.names["userId"])
    changed = assignments.update_assignment(org, record, org.find_user(call.names["userId"]), body)
    return Answer(shapes.app_user(org, record.id, changed))


def unassign_app_user(org: Org, call: Call) -> Answer:
    record = org.find_app(call.names["appId"])
    assignments.find_assignment(record, call.names["userId"])
    assignments.unassign_user(org, record, org.find_user(call.names["userId"]))
    return Answer(status=204)


def list_app_groups(org: Org, call: Call) -> Answer:
    record = org.find_app(call.names["appId"])
    limit = read_limit(call.query.get("limit"), 20, 200, 20)
    after, q = decode_cursor(call.query.get("after", "")), call.query.get("q", "").lower()
    ids = [
        group_id
        for group_id in sorted(record.groups)
        if group_id > after and (not q or _starts(q, org.groups[group_id].profile["name"]))
    ]
    more = ids[limit - 1] if len(ids) > limit else ""
    expand = call.query.get("expand", "")
    return page(
        call,
        [shapes.group_assignment(org, record, record.groups[each], expand) for each in ids[:limit]],
        more,
    )


def get_app_group(org: Org, call: Call) -> Answer:
    record, found = _app_group(org, call)
    return Answer(shapes.group_assignment(org, record, found, call.query.get("expand", "")))


def put_app_group(org: Org, call: Call) -> Answer:
    record, body = org.find_app(call.names["appId"]), call.json_object(optional=True)
    _check_priority(body.get("priority"))
    changed = assignments.assign_group(org, record, call.names["groupId"], body)
    return Answer(shapes.group_assignment(org, record, changed))


def patch_app_group(org: Org, call: Call) -> Answer:
    record, found = _app_group(org, call)
    operations = call.json()
    if not isinstance(operations, list) or len(operations) > LONGEST_PATCH:
        raise OktaProblem("E0000003")
    body: JSON = {"priority": found.priority, "profile": dict(found.profile)}
    for operation in operations:
        _patch(body, operation)
    _check_priority(body["priority"])
    changed = assignments.assign_group(org, record, found.id, body)
    return Answer(shapes.group_assignment(org, record, changed))


def delete_app_group(org: Org, call: Call) -> Answer:
    record = org.find_app(call.names["appId"])
    assignments.unassign_group(org, record, call.names["groupId"])
    return Answer(status=204)


def _app_group(org: Org, call: Call) -> tuple[AppRecord, GroupAssignment]:
    record, group_id = org.find_app(call.names["appId"]), call.names["groupId"]
    if group_id not in record.groups:
        raise missing(group_id, "ApplicationGroupAssignment")
    return record, record.groups[group_id]


def _patch(body: JSON, operation: Any) -> None:
    if not isinstance(operation, dict) or operation.get("op") not in ("replace", "remove"):
        raise invalid("op", "must be replace or remove")
    path = str(operation.get("path", "")).strip("/").split("/")
    removes = operation["op"] == "remove"
    if path == ["priority"] and not removes:
        body["priority"] = operation.get("value")
    elif path == ["profile"] and not removes and isinstance(operation.get("value"), dict):
        body["profile"] = dict(operation["value"])
    elif len(path) == 2 and path[0] == "profile":
        if removes:
            body["profile"].pop(path[1], None)
        else:
            body["profile"][path[1]] = operation.get("value")
    else:
        raise invalid("path", "must be /priority, /profile or /profile/<attribute>")


def _check_priority(priority: Any) -> None:
    if priority is not None and (
        isinstance(priority, bool) or not isinstance(priority, int) or not 0 <= priority <= 100
    ):
        raise invalid("priority", "must be a whole number from 0 to 100")


def _feature_name(call: Call) -> str:
    name = call.names["featureName"]
    if name not in FEATURES:
        raise missing(name, "ApplicationFeature")
    return name


def _starts(q: str, *values: Any) -> bool:
    return any(str(value).lower().startswith(q) for value in values)


_APP = "/api/v1/apps/{appId}"
_READ, _MANAGE = "okta.apps.read", "okta.apps.manage"
ROUTES = (
    Route("GET", "/api/v1/apps", _READ, list_apps),
    Route("POST", "/api/v1/apps", _MANAGE, create_app),
    Route("GET", _APP, _READ, get_app),
    Route("PUT", _APP, _MANAGE, replace_app),
    Route("DELETE", _APP, _MANAGE, delete_app),
    Route("POST", _APP + "/lifecycle/activate", _MANAGE, activate_app),
    Route("POST", _APP + "/lifecycle/deactivate", _MANAGE, deactivate_app),
    Route("GET", _APP + "/connections/default", _READ, get_connection),
    Route("POST", _APP + "/connections/default", _MANAGE, post_connection),
    Route("POST", _APP + "/connections/default/lifecycle/activate", _MANAGE, activate_connection),
    Route("POST", _APP + "/connections/default/lifecycle/deactivate", _MANAGE, deactivate_connection),
    Route("GET", _APP + "/features", _READ, list_features),
    Route("GET", _APP + "/features/{featureName}", _READ, get_feature),
    Route("PUT", _APP + "/features/{featureName}", _MANAGE, put_feature),
    Route("GET", _APP + "/users", _READ, list_app_users),
    Route("POST", _APP + "/users", _MANAGE, assign_app_user),
    Route("GET", _APP + "/users/{userId}", _READ, get_app_user),
    Route("POST", _APP + "/users/{userId}", _MANAGE, update_app_user),
    Route("DELETE", _APP + "/users/{userId}", _MANAGE, unassign_app_user),
    Route("GET", _APP + "/groups", _READ, list_app_groups),
    Route("GET", _APP + "/groups/{groupId}", _READ, get_app_group),
    Route("PUT", _APP + "/groups/{groupId}", _MANAGE, put_app_group),
    Route("PATCH", _APP + "/groups/{groupId}", _MANAGE, patch_app_group),
    Route("DELETE", _APP + "/groups/{groupId}", _MANAGE, delete_app_group),
)
