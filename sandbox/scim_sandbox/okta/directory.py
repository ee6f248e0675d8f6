"""People, groups, memberships and group rules: every change, with what follows from it.

Called by the routes, by seed and by the console. A person who is deactivated loses every assignment and is no
longer listed in groups, but the membership itself is kept and counts again after reactivation.
"""

from __future__ import annotations

from typing import Any

from scim_sandbox.okta import assignments, expressions
from scim_sandbox.okta.paging import SortedIds
from scim_sandbox.okta.problems import OktaProblem, invalid
from scim_sandbox.okta.records import GONE, JSON, GroupRecord, RuleRecord, UserRecord
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.systemlog import target

# action -> (states it is allowed in, state after it, event)
LIFECYCLE: dict[str, tuple[tuple[str, ...], str, str]] = {
    "activate": (("STAGED", GONE), "ACTIVE", "user.lifecycle.activate"),
    "reactivate": (("PROVISIONED",), "PROVISIONED", "user.lifecycle.reactivate"),
    "deactivate": (
        ("STAGED", "PROVISIONED", "ACTIVE", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT", "SUSPENDED"),
        GONE,
        "user.lifecycle.deactivate",
    ),
    "suspend": (("ACTIVE",), "SUSPENDED", "user.lifecycle.suspend"),
    "unsuspend": (("SUSPENDED",), "ACTIVE", "user.lifecycle.unsuspend"),
    "unlock": (("LOCKED_OUT",), "ACTIVE", "user.account.unlock_by_admin"),
    "expire_password": (("ACTIVE",), "PASSWORD_EXPIRED", "user.account.update_profile"),
    "reset_password": (("ACTIVE", "RECOVERY", "PASSWORD_EXPIRED"), "RECOVERY", "user.account.update_profile"),
}


def create_user(
    org: Org, profile: JSON, *, status: str = "ACTIVE", type_id: str = "", groups: tuple[str, ...] = ()
) -> UserRecord:
    """A new person, member of Everyone, of `groups` (ids) and of what rules say. 400 names the field."""
    clean = {key: value for key, value in profile.items() if value is not None}
    _check_profile(org, clean)
    if type_id and type_id not in org.types:
        raise invalid("type", f"No user type {type_id}.")
    for group_id in groups:
        org.find_group(group_id)
    now = org.now_text()
    activated = None if status == "STAGED" else now
    user = UserRecord(
        id=org.new_id("user"), status=status, type_id=type_id or org.default_type().id, profile=clean,
        created=now, last_updated=now, activated=activated, status_changed=activated,
        password_changed=now if status == "ACTIVE" else None,
    )  # fmt: skip
    org.users[user.id] = user
    org.user_order.add(user.id)
    org.login_ids[clean["login"].lower()] = user.id
    org.groups_of[user.id] = set()
    _note_lag(org, user.id, None)
    org.log.record("user.lifecycle.create", user_target(user))
    if status != "STAGED":
        org.log.record("user.lifecycle.activate", user_target(user))
    for group_id in (org.everyone().id, *groups):
        _join(org, org.groups[group_id], user)
    run_rules(org, user)
    return user


def update_user(org: Org, user: UserRecord, changes: JSON, *, replace: bool = False) -> UserRecord:
    """Changes the profile; null removes, `replace` removes what is not named. Mapped attributes follow."""
    kept = {} if replace else dict(user.profile)
    kept.update(changes)
    profile = {key: value for key, value in kept.items() if value is not None}
    _check_profile(org, profile, user)
    if profile == user.profile:
        return user
    _note_lag(org, user.id, user)
    del org.login_ids[user.profile["login"].lower()]
    org.login_ids[profile["login"].lower()] = user.id
    changed = sorted(key for key in {*profile, *user.profile} if profile.get(key) != user.profile.get(key))
    user.profile = profile
    _touch(org, user)
    org.log.record("user.account.update_profile", user_target(user), changedAttributes=",".join(changed))
    run_rules(org, user)
    assignments.profile_changed(org, user)
    return user


def change_status(org: Org, user: UserRecord, action: str) -> UserRecord:
    """A lifecycle operation; 403 E0000107 where the person's state forbids it."""
    if action not in LIFECYCLE:
        raise OktaProblem("E0000022")
    allowed, after, event = LIFECYCLE[action]
    if user.status not in allowed:
        raise OktaProblem("E0000107")
    _note_lag(org, user.id, user)
    user.status = after
    user.status_changed = org.now_text()
    if action == "activate":
        user.activated = user.status_changed
    _touch(org, user)
    org.log.record(event, user_target(user))
    assignments.status_changed(org, user)
    if after == "ACTIVE":
        run_rules(org, user)
    return user


def force_status(org: Org, user: UserRecord, status: str) -> UserRecord:
    """Puts a person into a state that no administrator can set, such as LOCKED_OUT."""
    user.status = status
    user.status_changed = org.now_text()
    _touch(org, user)
    if status == "LOCKED_OUT":
        org.log.record("user.account.lock", user_target(user))
    assignments.status_changed(org, user)
    return user


def delete_user(org: Org, user: UserRecord) -> None:
    """Two calls, as in Okta: the first deactivates, the second deletes for good."""
    if user.status != GONE:
        change_status(org, user, "deactivate")
        return
    for group_id in org.groups_of.pop(user.id, set()):
        org.members[group_id].discard(user.id)
    del org.users[user.id]
    org.user_order.discard(user.id)
    org.login_ids.pop(user.profile["login"].lower(), None)
    org.log.record("user.lifecycle.delete.initiated", user_target(user))


def create_group(org: Org, profile: JSON, kind: str = "OKTA_GROUP") -> GroupRecord:
    """A new group; 400 where an Okta group of that name exists already."""
    name = profile.get("name")
    if not isinstance(name, str) or not name:
        raise invalid("name", "The field cannot be left blank")
    taken = any(group.profile["name"] == name and group.type == kind for group in org.groups.values())
    if taken and kind == "OKTA_GROUP":
        raise invalid("name", "An object with this field already exists in the current organization")
    now = org.now_text()
    group = GroupRecord(org.new_id("group"), kind, dict(profile), now, now, now)
    org.groups[group.id] = group
    org.members[group.id] = SortedIds()
    org.log.record("group.lifecycle.create", group_target(group))
    return group


def update_group(org: Org, group: GroupRecord, profile: JSON) -> GroupRecord:
    """Replaces the profile of an OKTA_GROUP."""
    _check_editable(group)
    if not isinstance(profile.get("name"), str) or not profile["name"]:
        raise invalid("name", "The field cannot be left blank")
    group.profile, group.last_updated = dict(profile), org.now_text()
    org.log.record("group.profile.update", group_target(group))
    return group


def delete_group(org: Org, group: GroupRecord) -> None:
    """Removes the group; its assignments end first."""
    _check_editable(group)
    for app in org.apps.values():
        if group.id in app.groups:
            assignments.unassign_group(org, app, group.id)
    for user_id in org.members.pop(group.id):
        org.groups_of[user_id].discard(group.id)
    del org.groups[group.id]
    org.log.record("group.lifecycle.delete", group_target(group))


def add_member(org: Org, group: GroupRecord, user: UserRecord) -> None:
    """Makes `user` a member; nothing happens where that is so already."""
    _check_editable(group)
    if user.status == GONE:
        raise invalid("user", "A deactivated user cannot be added to a group.")
    _join(org, group, user)


def remove_member(org: Org, group: GroupRecord, user: UserRecord) -> None:
    """Ends the membership; a group rule that still holds begins it again, as Okta does."""
    _check_editable(group)
    if user.id not in org.members[group.id]:
        return
    org.members[group.id].discard(user.id)
    org.groups_of[user.id].discard(group.id)
    group.last_membership_updated = org.now_text()
    org.log.record("group.user_membership.remove", user_target(user), group_target(group))
    assignments.membership_changed(org, user, group.id)


def add_rule(
    org: Org, name: str, expression: str, group_ids: list[str], status: str = "ACTIVE"
) -> RuleRecord:
    """A group rule; an active one runs at once for everybody."""
    try:
        expressions.parse(expression)
    except expressions.ExpressionError as error:
        raise invalid("conditions", str(error)) from None
    for group_id in group_ids:
        _check_editable(org.find_group(group_id))
    now = org.now_text()
    rule = RuleRecord(org.new_id("rule"), name, status, expression, list(group_ids), now, now)
    org.rules[rule.id] = rule
    org.log.record("group.rule.add", target("GroupRule", rule.id, name))
    for user in org.users.values():
        run_rules(org, user)
    return rule


def run_rules(org: Org, user: UserRecord) -> None:
    """Joins `user` to the groups of every active rule that holds."""
    if user.status == GONE:
        return
    for rule in org.rules.values():
        if rule.status == "ACTIVE" and user.id not in rule.excluded_users and _holds(rule, user):
            for group_id in rule.group_ids:
                _join(org, org.groups[group_id], user)


def user_target(user: UserRecord) -> JSON:
    """The person as a target of an event."""
    name = f"{user.profile.get('firstName', '')} {user.profile.get('lastName', '')}".strip()
    return target("User", user.id, name, str(user.profile.get("login", "")))


def group_target(group: GroupRecord) -> JSON:
    """The group as a target of an event."""
    return target("UserGroup", group.id, group.profile["name"], "unknown")


def _holds(rule: RuleRecord, user: UserRecord) -> bool:
    try:
        return bool(expressions.evaluate(rule.expression, {"user": user.profile}))
    except expressions.ExpressionError:
        return False


def _join(org: Org, group: GroupRecord, user: UserRecord) -> None:
    if user.id in org.members[group.id]:
        return
    org.members[group.id].add(user.id)
    org.groups_of[user.id].add(group.id)
    group.last_membership_updated = org.now_text()
    org.log.record("group.user_membership.add", user_target(user), group_target(group))
    assignments.membership_changed(org, user, group.id)


def _check_editable(group: GroupRecord) -> None:
    if group.type != "OKTA_GROUP":
        raise OktaProblem(
            "E0000001",
            "Api validation failed: group",
            "group: Only groups of type OKTA_GROUP can be changed.",
        )


def _check_profile(org: Org, profile: JSON, present: UserRecord | None = None) -> None:
    for name, shortest, longest in (
        ("login", 5, 100),
        ("email", 5, 100),
        ("firstName", 1, 50),
        ("lastName", 1, 50),
    ):
        value: Any = profile.get(name)
        if value is None or value == "":
            raise invalid(name, "The field cannot be left blank")
        if not isinstance(value, str) or not shortest <= len(value) <= longest:
            raise invalid(name, f"The field must be from {shortest} to {longest} characters long")
    if "@" not in profile["login"] or "@" not in profile["email"]:
        raise invalid("login", "Username must be in the form of an email address")
    owner = org.login_ids.get(profile["login"].lower())
    if owner is not None and (present is None or owner != present.id):
        raise invalid("login", "An object with this field already exists in the current organization")


def _touch(org: Org, user: UserRecord) -> None:
    user.last_updated = org.now_text()
    user.version += 1


def _note_lag(org: Org, user_id: str, before: UserRecord | None) -> None:
    """Keeps what `search` still sees for a while, where search is told to be behind."""
    lag = org.quirks.search_lag_seconds
    if lag <= 0 or user_id in org.lagging:
        return
    copy = None
    if before is not None:
        values = {name: getattr(before, name) for name in UserRecord.__slots__}
        copy = UserRecord(**{**values, "profile": dict(before.profile)})
    org.lagging[user_id] = (org.clock.monotonic() + lag, copy)
