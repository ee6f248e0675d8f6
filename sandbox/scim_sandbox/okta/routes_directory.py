"""/api/v1/users, /api/v1/groups and group rules. Called by app through ROUTES; rules stand in directory."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scim_sandbox.okta import directory, shapes
from scim_sandbox.okta.bodies import items, word
from scim_sandbox.okta.calls import Answer, Call, Route, page
from scim_sandbox.okta.encoding import encode_users
from scim_sandbox.okta.filters import compile_filter, values_at
from scim_sandbox.okta.paging import decode_cursor, read_limit
from scim_sandbox.okta.problems import OktaProblem, invalid, missing
from scim_sandbox.okta.records import GONE, JSON, UserRecord
from scim_sandbox.okta.roles import visible_users
from scim_sandbox.okta.store import Org

USER_FILTERS = (
    "status", "lastUpdated", "id", "profile.login", "profile.email", "profile.firstName", "profile.lastName",
)  # fmt: skip
GROUP_FILTERS = ("id", "type", "lastUpdated", "lastMembershipUpdated")
_FIELDS = re.compile(r"([A-Za-z_]+)(?::\(([^)]*)\))?")


def list_users(org: Org, call: Call) -> Answer:
    query = call.query
    if query.get("q"):
        return _query_users(org, call)
    limit = read_limit(query.get("limit"), 200, 200)
    test = None
    if query.get("search"):
        test = compile_filter(query["search"], ignore_case=True)
    elif query.get("filter"):
        test = compile_filter(query["filter"], USER_FILTERS)
    if query.get("search") and query.get("sortBy"):
        return _sorted_users(org, call, limit)
    found: list[JSON] = []
    visible = visible_users(org, call)
    for record in _walk_users(
        org, decode_cursor(query.get("after", "")), is_search=bool(query.get("search"))
    ):
        if (test is None and record.status == GONE) or (visible is not None and record.id not in visible):
            continue
        shape = shapes.user(org, record)
        if test is None or test(shape):
            found.append(shape)
            if len(found) > limit:
                break
    return _user_page(call, found, limit)


def _walk_users(org: Org, after: str, *, is_search: bool) -> Iterable[UserRecord]:
    """People behind `after`; a search that lags shows them as they were."""
    now = org.clock.monotonic()
    org.lagging = {key: entry for key, entry in org.lagging.items() if entry[0] > now}
    while ids := org.user_order.after(after, 500):
        after = ids[-1]
        for user_id in ids:
            old = org.lagging.get(user_id) if is_search else None
            record = old[1] if old else org.users[user_id]
            if record is not None:
                yield record


def _sorted_users(org: Org, call: Call, limit: int) -> Answer:
    test = compile_filter(call.query["search"], ignore_case=True)
    key = call.query["sortBy"]
    found = [shape for each in _walk_users(org, "", is_search=True) if test(shape := shapes.user(org, each))]
    found.sort(key=lambda shape: (str((values_at(shape, key) or [""])[0]), shape["id"]))
    if call.query.get("sortOrder", "asc").lower().startswith("desc"):
        found.reverse()
    position = decode_cursor(call.query.get("after", "")) or "0"
    if not position.isdigit():
        raise invalid("after", "Invalid cursor.")
    start = int(position)
    more = str(start + limit) if len(found) > start + limit else ""
    return page(call, [_project(call, shape) for shape in found[start : start + limit]], more)


def _user_page(call: Call, found: list[JSON], limit: int) -> Answer:
    more = found[limit - 1]["id"] if len(found) > limit else ""
    return page(call, [_project(call, shape) for shape in found[:limit]], more)


def _query_users(org: Org, call: Call) -> Answer:
    q, limit = call.query["q"].lower(), read_limit(call.query.get("limit"), 10, 200)
    names = ("firstName", "lastName", "email")
    found = [
        shapes.user(org, record)
        for record in _walk_users(org, "", is_search=False)
        if record.status != GONE
        and any(str(record.profile.get(name, "")).lower().startswith(q) for name in names)
    ]
    return Answer([_project(call, shape) for shape in found[:limit]])


def _project(call: Call, shape: JSON) -> JSON:
    """The fields asked for; `id` always."""
    wanted = call.query.get("fields")
    if not wanted:
        return shape
    result: JSON = {"id": shape["id"]}
    for name, inner in _FIELDS.findall(wanted):
        if name not in shape:
            continue
        parts = [part.strip() for part in inner.split(",") if part.strip()]
        result[name] = {key: shape[name].get(key) for key in parts} if parts else shape[name]
    return result


def get_user(org: Org, call: Call) -> Answer:
    record = org.find_user(call.names["id"])
    visible = visible_users(org, call)
    if visible is not None and record.id not in visible:
        raise missing(call.names["id"], "User")
    return Answer(shapes.user(org, record), headers=[("etag", _etag(record))])


def create_user(org: Org, call: Call) -> Answer:
    body = call.json_object()
    profile = body.get("profile")
    if not isinstance(profile, dict):
        raise invalid("profile", "The field cannot be left blank")
    # nobody stays PROVISIONED: a simulated person clicks the activation mail at once
    status = "ACTIVE" if call.flag("activate", True) else "STAGED"
    groups = tuple(str(group_id) for group_id in items(body, "groupIds"))
    type_id = word(body, "type", "id")
    record = directory.create_user(org, profile, status=status, type_id=type_id, groups=groups)
    return Answer(shapes.user(org, record))


def update_user(org: Org, call: Call) -> Answer:
    return _change_user(org, call, replace=False)


def replace_user(org: Org, call: Call) -> Answer:
    return _change_user(org, call, replace=True)


def _change_user(org: Org, call: Call, *, replace: bool) -> Answer:
    record, body = org.find_user(call.names["id"]), call.json_object()
    expected = call.headers.get("if-match")
    if expected not in (None, "*", _etag(record)):
        raise OktaProblem("E0000195", "The resource was changed by another request.", status=412)
    profile = body.get("profile")
    if profile is not None and not isinstance(profile, dict):
        raise OktaProblem("E0000003")
    if profile is not None:
        directory.update_user(org, record, profile, replace=replace)
    return Answer(shapes.user(org, record), headers=[("etag", _etag(record))])


def delete_user(org: Org, call: Call) -> Answer:
    directory.delete_user(org, org.find_user(call.names["id"]))
    return Answer(status=204)


def user_lifecycle(org: Org, call: Call) -> Answer:
    directory.change_status(org, org.find_user(call.names["id"]), call.names["action"])
    return Answer({})


def list_user_groups(org: Org, call: Call) -> Answer:
    record = org.find_user(call.names["id"])
    return Answer([shapes.group(org, org.groups[each]) for each in sorted(org.groups_of[record.id])])


def list_groups(org: Org, call: Call) -> Answer:
    query, expand = call.query, call.query.get("expand", "")
    limit = read_limit(query.get("limit"), 10_000, 10_000)
    test = None
    if query.get("search"):
        test = compile_filter(query["search"], ignore_case=True)
    elif query.get("filter"):
        test = compile_filter(query["filter"], GROUP_FILTERS)
    q, after = query.get("q", "").lower(), decode_cursor(query.get("after", ""))
    found = []
    for group_id in sorted(org.groups):
        record = org.groups[group_id]
        if group_id > after and (not q or str(record.profile["name"]).lower().startswith(q)):
            shape = shapes.group(org, record, expand)
            if test is None or test(shape):
                found.append(shape)
    more = found[limit - 1]["id"] if len(found) > limit and not q else ""
    return page(call, found[:limit], more)


def create_group(org: Org, call: Call) -> Answer:
    profile = call.json_object().get("profile")
    if not isinstance(profile, dict):
        raise invalid("profile", "The field cannot be left blank")
    return Answer(shapes.group(org, directory.create_group(org, profile)))


def get_group(org: Org, call: Call) -> Answer:
    return Answer(shapes.group(org, org.find_group(call.names["groupId"]), call.query.get("expand", "")))


def replace_group(org: Org, call: Call) -> Answer:
    record = org.find_group(call.names["groupId"])
    profile = call.json_object().get("profile")
    if not isinstance(profile, dict):
        raise invalid("profile", "The field cannot be left blank")
    return Answer(shapes.group(org, directory.update_group(org, record, profile)))


def delete_group(org: Org, call: Call) -> Answer:
    directory.delete_group(org, org.find_group(call.names["groupId"]))
    return Answer(status=204)


def list_group_users(org: Org, call: Call) -> Answer:
    record = org.find_group(call.names["groupId"])
    limit = read_limit(call.query.get("limit"), 1000, 1000)
    after, order = decode_cursor(call.query.get("after", "")), org.members[record.id]
    visible = visible_users(org, call)
    found: list[str] = []
    while len(found) <= limit and (ids := order.after(after, limit + 1)):
        after = ids[-1]
        found += [
            each for each in ids if org.users[each].status != GONE and (visible is None or each in visible)
        ]
    more = found[limit - 1] if len(found) > limit else ""
    return page(call, encode_users(org, [org.users[each] for each in found[:limit]]), more)


def add_group_user(org: Org, call: Call) -> Answer:
    directory.add_member(org, org.find_group(call.names["groupId"]), org.find_user(call.names["userId"]))
    return Answer(status=204)


def remove_group_user(org: Org, call: Call) -> Answer:
    directory.remove_member(org, org.find_group(call.names["groupId"]), org.find_user(call.names["userId"]))
    return Answer(status=204)


def list_group_apps(org: Org, call: Call) -> Answer:
    record = org.find_group(call.names["groupId"])
    limit = read_limit(call.query.get("limit"), 20, 200)
    after = decode_cursor(call.query.get("after", ""))
    ids = [each for each in sorted(org.apps) if record.id in org.apps[each].groups and each > after]
    more = ids[limit - 1] if len(ids) > limit else ""
    return page(call, [shapes.app(org, org.apps[each]) for each in ids[:limit]], more)


def list_rules(org: Org, call: Call) -> Answer:
    limit = read_limit(call.query.get("limit"), 50, 200)
    after, word = decode_cursor(call.query.get("after", "")), call.query.get("search", "").lower()
    expand = call.query.get("expand") == "groupIdToGroupNameMap"
    ids = [each for each in sorted(org.rules) if each > after and word in org.rules[each].name.lower()]
    more = ids[limit - 1] if len(ids) > limit else ""
    return page(call, [shapes.rule(org, org.rules[each], expand) for each in ids[:limit]], more)


def create_rule(org: Org, call: Call) -> Answer:
    body = call.json_object()
    expression = word(body, "conditions", "expression", "value")
    groups = [str(each) for each in items(body, "actions", "assignUserToGroups", "groupIds")]
    if not expression or not groups or not body.get("name"):
        raise invalid("conditions", "name, conditions.expression.value and actions are required")
    return Answer(
        shapes.rule(org, directory.add_rule(org, str(body["name"]), expression, groups, "INACTIVE"))
    )


def get_rule(org: Org, call: Call) -> Answer:
    rule_id = call.names["groupRuleId"]
    if rule_id not in org.rules:
        raise missing(rule_id, "GroupRule")
    return Answer(shapes.rule(org, org.rules[rule_id], call.query.get("expand") == "groupIdToGroupNameMap"))


def rule_lifecycle(org: Org, call: Call) -> Answer:
    get_rule(org, call)
    record, action = org.rules[call.names["groupRuleId"]], call.names["action"]
    if action not in ("activate", "deactivate"):
        raise OktaProblem("E0000022")
    record.status = "ACTIVE" if action == "activate" else "INACTIVE"
    record.last_updated = org.now_text()
    for user in list(org.users.values()):
        directory.run_rules(org, user)
    return Answer(status=204)


def _etag(record: UserRecord) -> str:
    return f'W/"{record.id}-{record.version}"'


_USERS_READ, _USERS_MANAGE = "okta.users.read", "okta.users.manage"
_READ, _MANAGE = "okta.groups.read", "okta.groups.manage"
ROUTES = (
    Route("GET", "/api/v1/users", _USERS_READ, list_users),
    Route("POST", "/api/v1/users", _USERS_MANAGE, create_user),
    Route("GET", "/api/v1/users/{id}", _USERS_READ, get_user),
    Route("POST", "/api/v1/users/{id}", _USERS_MANAGE, update_user),
    Route("PUT", "/api/v1/users/{id}", _USERS_MANAGE, replace_user),
    Route("DELETE", "/api/v1/users/{id}", _USERS_MANAGE, delete_user),
    Route("GET", "/api/v1/users/{id}/groups", _USERS_READ, list_user_groups),
    Route("POST", "/api/v1/users/{id}/lifecycle/{action}", _USERS_MANAGE, user_lifecycle),
    Route("GET", "/api/v1/groups", _READ, list_groups),
    Route("POST", "/api/v1/groups", _MANAGE, create_group),
    Route("GET", "/api/v1/groups/rules", _READ, list_rules),
    Route("POST", "/api/v1/groups/rules", _MANAGE, create_rule),
    Route("GET", "/api/v1/groups/rules/{groupRuleId}", _READ, get_rule),
    Route("POST", "/api/v1/groups/rules/{groupRuleId}/lifecycle/{action}", _MANAGE, rule_lifecycle),
    Route("GET", "/api/v1/groups/{groupId}", _READ, get_group),
    Route("PUT", "/api/v1/groups/{groupId}", _MANAGE, replace_group),
    Route("DELETE", "/api/v1/groups/{groupId}", _MANAGE, delete_group),
    Route("GET", "/api/v1/groups/{groupId}/users", _READ, list_group_users),
    Route("PUT", "/api/v1/groups/{groupId}/users/{userId}", _MANAGE, add_group_user),
    Route("DELETE", "/api/v1/groups/{groupId}/users/{userId}", _MANAGE, remove_group_user),
    Route("GET", "/api/v1/groups/{groupId}/apps", _READ, list_group_apps),
)
