"""Who is assigned to the app in Okta: groups and single people as declared, and nothing else where that is
asked.

Called by make_plan in full runs, whoever provisions. Only what is declared is owned: without any group or
person named, assignments are read and left alone. seat_group has the way in which a group of the
operator's own is assigned.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, AssignmentState, Memory, OktaGroup
from controller.model.people import OktaId, Person
from controller.model.plan import DriftKind
from controller.names import fold
from controller.planning.base.desired import Desired, GroupRef
from controller.planning.base.setting_drift import Found, Setting, weigh
from controller.planning.base.wording import shown
from controller.planning.groups.okta_groups import group_name, members_of, resolve_group
from controller.planning.people.matching import is_protected

_USERS = "spec.assignments.users"
_NOT_DECLARED = "not declared, and spec.assignments.prune is Undeclared"
ASSIGNING = frozenset({ActionKind.ASSIGN_GROUP, ActionKind.ASSIGN_USER})


def plan_assignments(desired: Desired, actual: Actual, memory: Memory, found: Found) -> None:
    """Adds assignments that lack, and with `prune` takes away those that are not declared."""
    if not desired.assignments.is_declared:
        return
    groups = declared_groups(desired, actual, found)
    users = declared_users(desired, actual, found)
    for group, ref in groups:
        _assign_group(desired, actual, memory, found, group, ref)
    for okta_id, login in users:
        _assign_user(desired, actual, memory, found, okta_id, login)
    if desired.assignments.prune:
        keep = {group.group_id for group, _ in groups}
        is_whole = len(keep) == len({(ref.group_id, ref.name) for ref in desired.assignments.groups})
        if is_whole and len(users) == len(desired.assignments.users):
            _prune(desired, actual, memory, found, keep | {okta_id for okta_id, _ in users})


def declared_groups(desired: Desired, actual: Actual, found: Found) -> list[tuple[OktaGroup, GroupRef]]:
    """The groups that are declared and there, each once; what is wrong with the others is told."""
    groups: dict[str, tuple[OktaGroup, GroupRef]] = {}
    for ref in desired.assignments.groups:
        group, fault = resolve_group(ref, actual.assignments)
        if group is None:
            found.problem(desired, "GroupNotFound", fault, ref.field)
        elif group.type != "OKTA_GROUP":
            told = (
                f"{shown(group.name)} is of type {group.type}; only groups of type OKTA_GROUP can be assigned"
            )
            found.problem(desired, "GroupNotFound", told, ref.field)
        elif group.group_id in groups:
            told = f"the group {shown(group.name)} is named twice; remove one"
            found.problem(desired, "InvalidSpec", told, ref.field)
        else:
            groups[group.group_id] = (group, ref)
    return list(groups.values())


def declared_users(desired: Desired, actual: Actual, found: Found) -> list[tuple[OktaId, str]]:
    """(Okta id, login) of the people who are declared and there."""
    users: dict[OktaId, str] = {}
    for login in desired.assignments.users:
        okta_id = actual.assignments.declared_users.get(fold(login))
        if okta_id is None:
            told = f"Okta has no user with the login {shown(login)}; correct or remove it"
            found.problem(desired, "UserNotFound", told, _USERS)
        else:
            users[okta_id] = login
    return list(users.items())


def _assign_group(
    desired: Desired, actual: Actual, memory: Memory, found: Found, group: OktaGroup, ref: GroupRef
) -> None:
    present = actual.assignments.app_groups
    is_there = group.group_id in present
    priority = present.get(group.group_id)
    is_right = is_there and ref.priority in (None, priority)
    after = (("priority", ref.priority),) if ref.priority is not None else ()
    action = None
    if not is_right:
        action = Action(
            ActionKind.ASSIGN_GROUP,
            group.group_id,
            group.name,
            Touch.SETTING if is_there else Touch.CREATE,
            (("priority", priority),) if is_there else (),
            after,
            "another priority is declared" if is_there else "declared in spec.assignments.oktaGroups",
        )
    expected = "assigned" if ref.priority is None else f"assigned with priority {ref.priority}"
    seen = f"assigned with priority {priority}" if is_there else "not assigned"
    what, kind = f"group {shown(group.name)}", DriftKind.ASSIGNMENT
    setting = Setting(f"group {group.group_id}", (ref.priority,), action, what, expected, seen, kind)
    weigh(desired, memory, found, setting)


def _assign_user(
    desired: Desired, actual: Actual, memory: Memory, found: Found, okta_id: OktaId, login: str
) -> None:
    """A person who comes through a group already is assigned; making that direct is a button in Okta's
    console."""
    action = None
    if all(person.okta_id != okta_id for person in actual.assignments.people):
        if is_protected(desired, memory, okta_id, login):
            found.problem(
                desired, "Protected", f"{shown(login)} is protected by the OktaOrg", _USERS, okta_id
            )
            return
        why = f"declared in {_USERS}"
        action = Action(ActionKind.ASSIGN_USER, okta_id, login, Touch.CREATE, (), (), why)
    what, kind = f"person {shown(login)}", DriftKind.ASSIGNMENT
    setting = Setting(f"user {okta_id}", (), action, what, "assigned", "not assigned", kind)
    weigh(desired, memory, found, setting)


# What is not declared.


def unassign_group(
    state: AssignmentState,
    group_id: str,
    why: str,
    people: Iterable[OktaId],
    needs: tuple[str, ...] = (),
) -> Action:
    """Takes a group off the app: a removal of `people`, who lose access by it; a setting if nobody does."""
    losing = tuple(sorted(people))
    return Action(
        ActionKind.UNASSIGN_GROUP,
        group_id,
        group_name(state, group_id),
        Touch.REMOVAL if losing else Touch.SETTING,
        (("assigned", True),),
        (("assigned", False),),
        why,
        people=losing,
        needs=needs,
    )


def _prune(desired: Desired, actual: Actual, memory: Memory, found: Found, kept: set[str]) -> None:
    """Takes away groups and people whose id is not in `kept`."""
    state = actual.assignments
    # What is declared comes first: if Okta refuses it, nobody loses the access that they have.
    needs = tuple(action.key for action in found.actions if action.kind in ASSIGNING)
    for group_id in sorted(set(state.app_groups) - kept):
        members = people_through(actual, group_id, kept)
        if _may_remove(desired, memory, found, members, f"the group {shown(group_name(state, group_id))}"):
            losing = (member.okta_id for member in members)
            action = unassign_group(state, group_id, _NOT_DECLARED, losing, needs)
            # Pruning is a removal, also of a group by which nobody loses access.
            found.actions.append(replace(action, touch=Touch.REMOVAL))
    for person in sorted(state.people, key=lambda one: one.okta_id):
        if (
            person.direct
            and person.okta_id not in kept
            and _may_remove(desired, memory, found, [person], "the person")
        ):
            found.actions.append(
                Action(
                    ActionKind.UNASSIGN_USER,
                    person.okta_id,
                    person.login,
                    Touch.REMOVAL,
                    (("assigned", True),),
                    (("assigned", False),),
                    _NOT_DECLARED,
                    needs=needs,
                )
            )


def people_through(actual: Actual, group_id: str, kept: Iterable[str]) -> list[Person]:
    """Who may lose access with the group: its members who are in no group that stays. Where its members
    were not read, everybody who comes through some group: rather too many than too few are counted."""
    state = actual.assignments
    safe = members_of(state, kept)
    members = state.members.get(group_id)
    return [
        person
        for person in state.people
        if not person.direct and person.okta_id not in safe and (members is None or person.okta_id in members)
    ]


def _may_remove(desired: Desired, memory: Memory, found: Found, people: Iterable[Person], what: str) -> bool:
    """Whether no protected person would lose access."""
    immune = next((p for p in people if is_protected(desired, memory, p.okta_id, p.login)), None)
    if immune is not None:
        told = f"{what} stays assigned, since {shown(immune.login)} is protected by the OktaOrg"
        found.problem(desired, "Protected", told, "spec.assignments.prune", immune.okta_id)
    return immune is None
