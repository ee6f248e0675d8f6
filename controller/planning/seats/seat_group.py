"""Seats while Okta itself pushes: a group of the operator's own is the only one assigned, and is filled in
order.

Called by make_plan. Whoever should have an account is a candidate; whoever has a seat is a member. Switching
over goes create, assign, fill, and only then unassign, each step needing the ones before: nobody who has
an account is out of the app for a moment. It always waits for a person's yes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, Memory
from controller.model.people import Account, OktaId, Person, PersonState
from controller.model.plan import Seats
from controller.planning.base.desired import Desired, GroupRef
from controller.planning.base.setting_drift import Found
from controller.planning.base.wording import shown
from controller.planning.groups.okta_groups import members_of, read_in_part, resolve_group
from controller.planning.okta.assignments import declared_groups, declared_users, unassign_group
from controller.planning.people.matching import is_protected
from controller.planning.seats.admission import Candidate, Room, count_seats, in_order, ranks_of, room_of
from controller.planning.seats.former_groups import former_groups, leave_groups, members_who_move


@dataclass(frozen=True, slots=True)
class _Group:
    """The operator's group: `group_id` is its name while it has to be created."""

    group_id: str
    name: str
    exists: bool
    members: frozenset[OktaId]
    is_assigned: bool


@dataclass(frozen=True, slots=True)
class _Seated:
    """People who have a seat."""

    accounts: frozenset[OktaId]
    moving: frozenset[OktaId]
    """They are in a former seat group, and not in the group yet."""

    def __contains__(self, okta_id: OktaId) -> bool:
        return okta_id in self.accounts or okta_id in self.moving


def plan_seat_group(desired: Desired, actual: Actual, memory: Memory, found: Found) -> Seats | None:
    """Adds what fills the group and, once, what switches over to it; the seats as they are then counted."""
    group = _own_group(desired, actual, found)
    if group is None or _is_filled_by_rules(desired, actual, found, group):
        return None
    candidates = _candidates(desired, actual, found)
    everybody, former = _everybody(desired, actual), former_groups(desired, actual, memory)
    moving = members_who_move(desired, actual, former, everybody) - group.members
    waiting = (everybody - group.members) | moving
    seated, seats = _admit(desired, actual, found, group, waiting, _Seated(_holders(actual), moving))
    steps = [*_start(group), *seated]
    if not group.is_assigned:
        made = tuple(action.key for action in steps if action.kind is ActionKind.CREATE_SEAT_GROUP)
        steps = [replace(a, is_switchover=True, needs=made if a.key not in made else ()) for a in steps]
    found.actions += [*steps, *_removals(desired, actual, memory, found, group, candidates)]
    found.actions += _old_groups(desired, actual, group, steps, candidates)
    if former and candidates is not None:
        needed = [a for a in steps if a.subject in moving or a.kind is not ActionKind.ADD_TO_SEAT_GROUP]
        staying = (group.members | moving, tuple(action.key for action in needed))
        leave_groups(desired, actual, memory, found, former, staying)
    return seats


def _own_group(desired: Desired, actual: Actual, found: Found) -> _Group | None:
    name = desired.assignments.seat_group
    same = [
        one for one in actual.assignments.groups.values() if one.name == name and one.type == "OKTA_GROUP"
    ]
    if not same:
        return _Group(name, name, False, frozenset(), False)
    group, fault = resolve_group(GroupRef(name=name), actual.assignments)
    if group is None:
        found.problem(desired, "GroupNotFound", fault, "spec.assignments.seatGroup.name")
        return None
    if told := read_in_part(actual.assignments, group.group_id):
        found.problem(desired, "ReadIncomplete", f"{told}; nobody is moved")
        return None
    members = members_of(actual.assignments, [group.group_id])
    is_assigned = group.group_id in actual.assignments.app_groups
    return _Group(group.group_id, name, True, members, is_assigned)


def _is_filled_by_rules(desired: Desired, actual: Actual, found: Found, group: _Group) -> bool:
    """Whether Okta itself puts people into the group, whoever has a seat: it brings back whom we take out."""
    names = actual.assignments.rules.get(group.group_id, ())
    if names:
        told = (
            f"the group rule {', '.join(map(shown, names))} puts people into {shown(group.name)} by itself; "
            "deactivate it or name another group; nobody is moved"
        )
        found.problem(desired, "GroupRuleFillsSeats", told, "spec.assignments.seatGroup.name")
    return bool(names)


def _candidates(desired: Desired, actual: Actual, found: Found) -> frozenset[OktaId] | None:
    """Who should have an account; None where a group could not be read whole, so that nobody is taken out."""
    declared = declared_groups(desired, actual, found)
    users = declared_users(desired, actual, found)
    wanted = {okta_id for okta_id, _ in users}
    is_whole = len(declared) == len(desired.assignments.groups) and len(users) == len(
        desired.assignments.users
    )
    for group, ref in declared:
        wanted |= members_of(actual.assignments, [group.group_id])
        if told := read_in_part(actual.assignments, group.group_id):
            found.problem(desired, "ReadIncomplete", told, ref.field)
            is_whole = False
    return frozenset(wanted) if is_whole else None


def _holders(actual: Actual) -> frozenset[OktaId]:
    """People who have an active account."""
    active = [account for account in actual.accounts.accounts if account.active]
    by_id: dict[str, Account] = {account.scim_id: account for account in active}
    marked = {OktaId(account.external_id) for account in active if account.external_id}
    known = {one.okta_id for one in actual.assignments.people if one.external_id in by_id}
    return frozenset(marked | known)


def _everybody(desired: Desired, actual: Actual) -> frozenset[OktaId]:
    """Candidates as far as they were read, for admission, which takes nobody anything."""
    ids = [
        one.group_id
        for ref in desired.assignments.groups
        if (one := resolve_group(ref, actual.assignments)[0])
    ]
    users = [one for one in actual.assignments.declared_users.values() if one is not None]
    return members_of(actual.assignments, ids).union(users)


def _admit(
    desired: Desired,
    actual: Actual,
    found: Found,
    group: _Group,
    people: frozenset[OktaId],
    seated: _Seated,
) -> tuple[list[Action], Seats | None]:
    """Those of `people` who are added: who has an account first and whatever the limit, then by the seats'
    order. A seat counts as free once the provider says so: Okta deactivates in its own time."""
    states = {person.okta_id: person for person in actual.assignments.people}
    waiting = [_candidate(actual, states, one, seated) for one in people]
    waiting = [one for one in waiting if one[0].okta_id in seated.moving or _may_sit(one[0], desired)]
    limit = desired.seats
    if limit is None:
        return [action for _, action in in_order(waiting)], None
    ranks, problems = ranks_of(limit, actual.assignments)
    found.problems += problems
    sitting = [one for one in waiting if one[0].okta_id in seated]
    others = in_order([one for one in waiting if one[0].okta_id not in seated], ranks)
    room = room_of(limit, actual)
    if room is None:
        return [action for _, action in in_order(sitting, ranks)], None
    expected = len((group.members | seated.moving) - seated.accounts)
    room = Room(room.limit, room.used + expected, room.reserve, room.pending)
    free = max(0, room.free) if limit.waitlist else len(others)
    named = tuple((person.okta_id, person.login or person.okta_id) for person, _ in others[free:])
    seats = count_seats(limit.warn_at_percent, room, named, min(free, len(others)))
    return [action for _, action in [*in_order(sitting, ranks), *others[:free]]], seats


def _candidate(actual: Actual, states: dict[OktaId, Person], okta_id: OktaId, seated: _Seated) -> Candidate:
    login = actual.assignments.logins.get(okta_id, "")
    person = states.get(okta_id) or Person(okta_id, login, login, PersonState.ACTIVE, "", "", ())
    is_moving = okta_id in seated
    why = "has a seat and moves to the seat group" if is_moving else "a seat is free"
    touch, label = Touch.SETTING if is_moving else Touch.CREATE, person.login or okta_id
    return person, Action(ActionKind.ADD_TO_SEAT_GROUP, okta_id, label, touch, (), (), why)


def _may_sit(person: Person, desired: Desired) -> bool:
    if person.state is PersonState.NOT_YET_ACTIVE:
        return desired.create_not_yet_active
    return person.state is PersonState.ACTIVE


def _removals(
    desired: Desired,
    actual: Actual,
    memory: Memory,
    found: Found,
    group: _Group,
    candidates: frozenset[OktaId] | None,
) -> list[Action]:
    """Members who are candidates no longer. Okta itself takes out who is deactivated."""
    if candidates is None or desired.on_unassigned == "Keep":
        return []
    removals = []
    for okta_id in sorted(group.members - candidates):
        login = actual.assignments.logins.get(okta_id, okta_id)
        if is_protected(desired, memory, okta_id, login):
            told = f"{shown(login)} is protected by the OktaOrg and keeps the seat"
            found.problem(desired, "Protected", told, "spec.protected", okta_id)
            continue
        why = "in none of the declared groups any more"
        fields = (("member", True),), (("member", False),)
        removals.append(
            Action(ActionKind.REMOVE_FROM_SEAT_GROUP, okta_id, login, Touch.REMOVAL, *fields, why)
        )
    return removals


def _start(group: _Group) -> list[Action]:
    """The group itself and its assignment, as far as they lack."""
    steps = []
    if not group.exists:
        why, fields = "people with a seat are in this group", (("name", group.name),)
        steps.append(
            Action(ActionKind.CREATE_SEAT_GROUP, group.name, group.name, Touch.SETTING, (), fields, why)
        )
    if not group.is_assigned:
        why = "the group of those who have a seat is assigned to the app"
        steps.append(Action(ActionKind.ASSIGN_GROUP, group.group_id, group.name, Touch.CREATE, (), (), why))
    return steps


def _old_groups(
    desired: Desired,
    actual: Actual,
    group: _Group,
    steps: Sequence[Action],
    candidates: frozenset[OktaId] | None,
) -> list[Action]:
    """The declared groups that are still assigned themselves: taken off once everybody with an account is
    in."""
    if candidates is None:
        return []
    needs = tuple(action.key for action in steps)
    inside = group.members | {OktaId(a.subject) for a in steps if a.kind is ActionKind.ADD_TO_SEAT_GROUP}
    losing = (_holders(actual) & candidates) - inside
    found = []
    for ref in desired.assignments.groups:
        old, _ = resolve_group(ref, actual.assignments)
        if old is None or old.group_id not in actual.assignments.app_groups or old.group_id == group.group_id:
            continue
        why = "its people come through the seat group now"
        action = unassign_group(actual.assignments, old.group_id, why, losing, needs)
        found.append(replace(action, is_switchover=True))
    return found
