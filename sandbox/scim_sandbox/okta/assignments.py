"""Who is assigned to an app, by group or by user, and with which profile.

Called by apps, routes_apps and directory (membership and profiles change assignments). A person assigned
only through groups (scope GROUP) follows them: comes back when taken out singly, goes with the last group.
Source: developer.okta.com, Application Users and Application Groups.
"""

from __future__ import annotations

from typing import Any

from scim_sandbox.okta import expressions, provisioning
from scim_sandbox.okta.bodies import section, word
from scim_sandbox.okta.problems import OktaProblem, missing
from scim_sandbox.okta.records import (
    GONE,
    JSON,
    AppRecord,
    AppUserRecord,
    GroupAssignment,
    MappingRecord,
    UserRecord,
)
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.systemlog import target

USER_NAME_LIMIT = 100


def find_assignment(app: AppRecord, user_id: str) -> AppUserRecord:
    """The person's assignment; 404 where there is none."""
    if user_id not in app.users:
        raise missing(user_id, "AppUser")
    return app.users[user_id]


def assign_user(org: Org, app: AppRecord, user: UserRecord, body: JSON) -> AppUserRecord:
    """Assigns by scope USER (or GROUP where `body` says so); a repeated one keeps or flips the scope."""
    if user.status == GONE:
        raise OktaProblem("E0000001", "Api validation failed: user", "user: The user is deactivated.")
    if app.status != "ACTIVE":
        raise OktaProblem("E0000001", "Api validation failed: app", "app: The application is not active.")
    wanted, profile = word(body, "credentials", "userName"), section(body, "profile")
    if wanted:
        _check_user_name(org, app, user, wanted)
    _check_mapped(org, app, user, profile)
    scope, existing = body.get("scope") or "USER", app.users.get(user.id)
    if existing is None:
        return _create(org, app, user, scope, profile, wanted)
    if existing.scope == scope == "USER" and not profile and not wanted:
        raise OktaProblem("E0000062")
    existing.scope = scope
    existing.profile.update(profile)
    existing.user_name = wanted or existing.user_name
    _touched(org, app, existing)
    org.log.record("application.user_membership.update", *_targets(app, user, existing))
    return existing


def update_assignment(org: Org, app: AppRecord, user: UserRecord, body: JSON) -> AppUserRecord:
    """Partial: credentials or profile; a mapped attribute refuses another value while push is on."""
    record = find_assignment(app, user.id)
    credentials, profile = section(body, "credentials"), section(body, "profile")
    if credentials.get("password") and _scheme(app) not in (
        "EDIT_USERNAME_AND_PASSWORD",
        "ADMIN_SETS_CREDENTIALS",
    ):
        raise OktaProblem("E0000041")
    if credentials.get("userName"):
        _check_user_name(org, app, user, word(body, "credentials", "userName"))
        record.user_name = credentials["userName"]
        org.log.record("application.user_membership.change_username", *_targets(app, user, record))
    _check_mapped(org, app, user, profile)
    record.profile.update(profile)
    _touched(org, app, record)
    org.log.record("application.user_membership.update", *_targets(app, user, record))
    provisioning.profile_changed(org, app, record)
    return record


def unassign_user(org: Org, app: AppRecord, user: UserRecord) -> None:
    """Takes the assignment away; it is made anew at once where a group still assigns the person."""
    record = find_assignment(app, user.id)
    _remove(org, app, user, record)
    follow_groups(org, app, user)


def assign_group(org: Org, app: AppRecord, group_id: str, body: JSON) -> GroupAssignment:
    """Creates or replaces the assignment and assigns its members."""
    group = org.find_group(group_id)
    priority = body.get("priority")
    old = app.groups.get(group_id)
    if priority is None:
        free = max((each.priority for each in app.groups.values()), default=-1) + 1
        priority = old.priority if old else free
    record = GroupAssignment(group_id, int(priority), section(body, "profile"), org.now_text())
    app.groups[group_id] = record
    name = "group.application_assignment." + ("update" if old else "add")
    org.log.record(name, _app_target(app), target("UserGroup", group.id, group.profile["name"]))
    for user_id in list(org.members[group_id]):
        follow_groups(org, app, org.users[user_id], refresh=True)
    return record


def unassign_group(org: Org, app: AppRecord, group_id: str) -> None:
    """Takes the group away, and with it everybody whom nothing else assigns."""
    if app.groups.pop(group_id, None) is None:
        raise missing(group_id, "ApplicationGroupAssignment")
    group = org.find_group(group_id)
    org.log.record(
        "group.application_assignment.remove",
        _app_target(app),
        target("UserGroup", group.id, group.profile["name"]),
    )
    for user_id in list(org.members[group_id]):
        follow_groups(org, app, org.users[user_id], refresh=True)


def follow_groups(org: Org, app: AppRecord, user: UserRecord, *, refresh: bool = False) -> None:
    """Brings the person's assignment to `app` in line with the groups; `refresh` recomputes the profile."""
    by_group = bool(org.groups_of.get(user.id, set()) & app.groups.keys()) and user.status != GONE
    record = app.users.get(user.id)
    if record is None:
        if by_group and app.status == "ACTIVE":
            _create(org, app, user, "GROUP", {}, None)
    elif user.status == GONE or (record.scope == "GROUP" and not by_group):
        _remove(org, app, user, record)
    elif refresh and record.scope == "GROUP":
        _recompute(org, app, user, record)


def membership_changed(org: Org, user: UserRecord, group_id: str) -> None:
    """A membership began or ended: every app of the group follows."""
    for app in org.apps.values():
        if group_id in app.groups:
            follow_groups(org, app, user, refresh=True)


def profile_changed(org: Org, user: UserRecord) -> None:
    """The person's Okta profile changed: mapped attributes with PUSH follow in every app."""
    for app in org.apps.values():
        record = app.users.get(user.id)
        if record is not None:
            _recompute(org, app, user, record)


def status_changed(org: Org, user: UserRecord) -> None:
    """The person was activated, deactivated or reactivated: assignments end, begin or are pushed."""
    for app in org.apps.values():
        follow_groups(org, app, user)
        record = app.users.get(user.id)
        if record is not None:
            provisioning.person_became_active(org, app, user, record)


def mapped_profile(org: Org, app: AppRecord, user: UserRecord, *, updates_only: bool = False) -> JSON:
    """Target attribute -> value by the mappings, then by group assignments, the highest priority last.

    `updates_only` leaves out what is mapped on creation only. Arrays with `union` ENABLE add up over the
    groups.
    """
    values: JSON = {}
    mapping = mapping_to(org, app, user.type_id)
    scope = _scope(org, user)
    for name, rule in (mapping.properties if mapping else {}).items():
        if name == "userName" or (updates_only and rule.get("pushStatus") == "DONT_PUSH"):
            continue
        values[name] = _value(org, app, user, rule["expression"], scope)
    assigned = [app.groups[i] for i in org.groups_of.get(user.id, set()) & app.groups.keys()]
    for assignment in sorted(assigned, key=lambda each: -each.priority):
        values.update({key: value for key, value in assignment.profile.items() if value is not None})
    values.update(_unions(app, assigned))
    return values


def _unions(app: AppRecord, assigned: list[GroupAssignment]) -> JSON:
    """Attribute -> every value that any of the groups gives, without repetition."""
    names = [name for name, attribute in app.schema.custom.items() if attribute.get("union") == "ENABLE"]
    found: JSON = {}
    for name in names:
        lists = [group.profile[name] for group in assigned if isinstance(group.profile.get(name), list)]
        if lists:
            found[name] = list(dict.fromkeys(value for values in lists for value in values))
    return found


def mapping_to(org: Org, app: AppRecord, type_id: str) -> MappingRecord | None:
    """The Okta-to-app mapping for people of a type."""
    for mapping in org.mappings.values():
        if mapping.source_id == type_id and mapping.target_id == app.id:
            return mapping
    return None


def template_changed(org: Org, app: AppRecord, old: JSON) -> None:
    """The username format changed: existing usernames follow only where Okta updates them by itself."""
    if not _user_names_follow(org, app):
        return
    for user_id, record in app.users.items():
        _rename(org, app, org.users[user_id], record)


def update_user_names(org: Org, app: AppRecord) -> int:
    """ "Update Now" in the Admin Console: every username by the present format; how many changed."""
    before = {user_id: record.user_name for user_id, record in app.users.items()}
    for user_id, record in app.users.items():
        _rename(org, app, org.users[user_id], record)
    return sum(1 for user_id, record in app.users.items() if record.user_name != before[user_id])


def apply_mappings(org: Org, app: AppRecord) -> int:
    """Mappings for everybody assigned, as by "Apply updates now"; how many profiles changed."""
    return sum(
        _recompute(org, app, org.users[user_id], record) for user_id, record in list(app.users.items())
    )


def user_name_for(org: Org, app: AppRecord, user: UserRecord) -> str:
    """The app username that the app's format gives this person."""
    template = ((app.body.get("credentials") or {}).get("userNameTemplate") or {}).get(
        "template"
    ) or "${source.login}"
    try:
        value = expressions.evaluate(expressions.template_expression(template), _scope(org, user))
    except expressions.ExpressionError:
        value = None
    return str(value or user.profile.get("login", ""))[:USER_NAME_LIMIT]


def _create(
    org: Org, app: AppRecord, user: UserRecord, scope: str, profile: JSON, user_name: str | None
) -> AppUserRecord:
    now = org.now_text()
    record = AppUserRecord(
        id=user.id,
        scope=scope,
        status="ACTIVE",
        sync_state="DISABLED",
        user_name=user_name or user_name_for(org, app, user),
        profile={**mapped_profile(org, app, user), **profile},
        created=now,
        last_updated=now,
        status_changed=now,
    )
    app.users[user.id] = record
    org.app_user_order[app.id].add(user.id)
    org.log.record("application.user_membership.add", *_targets(app, user, record))
    provisioning.assigned(org, app, user, record)
    return record


def _remove(org: Org, app: AppRecord, user: UserRecord, record: AppUserRecord) -> None:
    del app.users[user.id]
    org.app_user_order[app.id].discard(user.id)
    org.log.record("application.user_membership.remove", *_targets(app, user, record))
    provisioning.unassigned(org, app, record)


def _recompute(org: Org, app: AppRecord, user: UserRecord, record: AppUserRecord) -> bool:
    """Applies mappings to somebody assigned; whether that changed the app profile or the username."""
    before = (record.user_name, dict(record.profile))
    record.profile.update(mapped_profile(org, app, user, updates_only=True))
    if _user_names_follow(org, app):
        _rename(org, app, user, record)
    if (record.user_name, record.profile) == before:
        return False
    _touched(org, app, record)
    org.log.record("application.user_membership.update", *_targets(app, user, record))
    provisioning.profile_changed(org, app, record)
    return True


def _rename(org: Org, app: AppRecord, user: UserRecord, record: AppUserRecord) -> None:
    wanted = user_name_for(org, app, user)
    if wanted != record.user_name:
        record.user_name = wanted
        _touched(org, app, record)
        org.log.record("application.user_membership.change_username", *_targets(app, user, record))


def _user_names_follow(org: Org, app: AppRecord) -> bool:
    template = (app.body.get("credentials") or {}).get("userNameTemplate") or {}
    if app.features or template.get("type") == "CUSTOM":
        return True
    pushed = [
        rule
        for mapping in org.mappings.values()
        if mapping.target_id == app.id
        for rule in mapping.properties.values()
        if rule.get("pushStatus") == "PUSH"
    ]
    return len(pushed) > 1


def _check_user_name(org: Org, app: AppRecord, user: UserRecord, wanted: str) -> None:
    if len(wanted) > USER_NAME_LIMIT:
        raise OktaProblem(
            "E0000001", "Api validation failed: credentials", "userName: The field is too long (maximum 100)."
        )
    for user_id, record in app.users.items():
        if user_id != user.id and record.user_name == wanted:
            raise OktaProblem(
                "E0000001", "Api validation failed: userName", "userName: The username is already in use."
            )


def _check_mapped(org: Org, app: AppRecord, user: UserRecord, profile: JSON) -> None:
    if not app.pushes or not profile:
        return
    mapped = mapped_profile(org, app, user)
    for name, value in profile.items():
        if name in mapped and mapped[name] != value:
            raise OktaProblem("E0000075")


def _value(org: Org, app: AppRecord, user: UserRecord, expression: str, scope: JSON) -> Any:
    try:
        return expressions.evaluate(expression, scope)
    except expressions.Undetermined:
        return None
    except expressions.ExpressionError as error:
        org.log.record(
            "application.appuser.mapping.invalid.expression",
            _app_target(app),
            target("User", user.id, str(user.profile.get("login"))),
            result="FAILURE",
            reason=f"{expression}: {error}",
        )
        return None


def _scope(org: Org, user: UserRecord) -> JSON:
    ids = org.groups_of.get(user.id, set())
    names = {org.groups[group_id].profile["name"] for group_id in ids}
    return {"user": user.profile, "source": user.profile, "groups": names, "group_ids": ids}


def sign_in(org: Org, app: AppRecord, user: UserRecord) -> None:
    """Somebody who is assigned opens the app within their session with Okta: the log gets an event by them,
    and nothing else changes."""
    app_user, app_instance, person = _targets(app, user, app.users[user.id])
    before, org.log.actor = org.log.actor, person
    org.log.record("user.authentication.sso", app_instance, app_user)
    org.log.actor = before


def _scheme(app: AppRecord) -> str:
    return str((app.body.get("credentials") or {}).get("scheme") or "")


def _touched(org: Org, app: AppRecord, record: AppUserRecord) -> None:
    record.last_updated = org.now_text()


def _app_target(app: AppRecord) -> JSON:
    return target("AppInstance", app.id, app.body["label"])


def _targets(app: AppRecord, user: UserRecord, record: AppUserRecord) -> tuple[JSON, JSON, JSON]:
    name = f"{user.profile.get('firstName', '')} {user.profile.get('lastName', '')}".strip()
    login = str(user.profile.get("login", ""))
    return (
        target("AppUser", user.id, name, record.user_name),
        _app_target(app),
        target("User", user.id, name, login),
    )
