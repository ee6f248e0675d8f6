"""The ways into the Okta app that go with an integration that is being deleted, and who has no other.

Called by teardown. Groups and people that the operator assigned are taken off the app; a seat group that it
created goes, a former one too; out of one that was there before go those whom it put in. What would take
a protected person along stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, AssignmentState, Made, Memory
from controller.model.people import OktaId
from controller.names import fold
from controller.planning.base.desired import Desired
from controller.planning.base.setting_drift import Found
from controller.planning.base.wording import shown
from controller.planning.groups.okta_groups import members_of
from controller.planning.okta.assignments import unassign_group
from controller.planning.people.matching import is_protected
from controller.planning.seats.former_groups import created_groups, named_groups, named_seat_group
from controller.planning.teardown.undo_log import WHY

_NOBODY: frozenset[OktaId] = frozenset()
_ASSIGNED = ((("assigned", True),), (("assigned", False),))
_MEMBER = ((("member", True),), (("member", False),))


@dataclass(frozen=True, slots=True)
class Access:
    """What is taken away."""

    groups: frozenset[str] = frozenset()
    """Ids of the groups that are taken off the app."""
    users: frozenset[OktaId] = _NOBODY
    seat_group: str = ""
    """Id of the seat group of the spec, where there is one."""
    members: frozenset[OktaId] = _NOBODY
    """Who is taken out of it."""
    deleted: frozenset[str] = frozenset()
    """Ids of the seat groups that are deleted: former ones too, as long as they are assigned."""
    losing: frozenset[OktaId] = _NOBODY
    """People who come in by nothing else."""


def find_access(
    desired: Desired, actual: Actual, memory: Memory, made: Mapping[str, Made], found: Found
) -> Access:
    """What the operator has given, as far as nobody protected would lose by it."""
    state = actual.assignments
    given = _given(desired, state, made)
    immune = {
        person.okta_id: person.login
        for person in state.people
        if person.okta_id in given.losing and is_protected(desired, memory, person.okta_id, person.login)
    }
    for okta_id, login in sorted(immune.items()):
        told = f"{shown(login)} is protected by the OktaOrg and keeps the assignment"
        found.problem(desired, "Protected", told, "spec.deletionPolicy", okta_id)
    held = {one for one in given.groups if immune.keys() & members_of(state, [one])}
    kept = replace(
        given,
        groups=given.groups - held,
        users=given.users - immune.keys(),
        members=given.members - immune.keys(),
        deleted=given.deleted - held,
    )
    return replace(kept, losing=_losing(state, kept))


def _given(desired: Desired, state: AssignmentState, made: Mapping[str, Made]) -> Access:
    """Everything that the operator has given and that is still there."""
    seat_group, deleted = named_seat_group(desired, state), _created(desired, state, made)
    named = {one.subject for one in made.values() if one.kind is ActionKind.ASSIGN_GROUP and not one.before}
    groups = {one for one in state.app_groups if one in named}
    groups |= {one for one in deleted if one in state.app_groups}
    if seat_group in state.app_groups and desired.assignments.seat_group in named:
        groups.add(seat_group)
    people = {one.subject for one in made.values() if one.kind is ActionKind.ASSIGN_USER}
    put_in = {one.subject for one in made.values() if one.kind is ActionKind.ADD_TO_SEAT_GROUP}
    given = Access(
        frozenset(groups),
        frozenset(person.okta_id for person in state.people if person.direct and person.okta_id in people),
        seat_group,
        frozenset()
        if seat_group in deleted
        else frozenset(one for one in members_of(state, [seat_group]) if one in put_in),
        deleted,
    )
    return replace(given, losing=_losing(state, given))


def _created(desired: Desired, state: AssignmentState, made: Mapping[str, Made]) -> frozenset[str]:
    """Ids of the seat groups that the operator has created: that of the spec, and former ones that are still
    assigned; not one that the spec names as a group of people."""
    created, current = created_groups(state, made), named_seat_group(desired, state)
    former = (created & state.app_groups.keys()) - named_groups(desired, state)
    return former | (created & {current})


def _losing(state: AssignmentState, access: Access) -> frozenset[OktaId]:
    staying: set[OktaId] = set()
    for group_id in set(state.app_groups) - access.groups:
        out = access.members if group_id == access.seat_group else _NOBODY
        staying |= members_of(state, [group_id]) - out
    touched = access.users | access.members | members_of(state, access.groups)
    return frozenset(
        person.okta_id
        for person in state.people
        if person.okta_id in touched
        and person.okta_id not in staying
        and (not person.direct or person.okta_id in access.users)
    )


# As actions.


def plan_endings(desired: Desired, state: AssignmentState, access: Access) -> list[Action]:
    """What takes it away, in the order of a run."""
    logins = {person.okta_id: person.login for person in state.people}
    names = {okta_id: logins.get(okta_id, state.logins.get(okta_id, okta_id)) for okta_id in access.members}
    out = [
        Action(ActionKind.REMOVE_FROM_SEAT_GROUP, one, names[one], Touch.REMOVAL, *_MEMBER, WHY)
        for one in sorted(access.members)
    ]
    groups = [
        unassign_group(state, one, WHY, access.losing & members_of(state, [one]))
        for one in sorted(access.groups)
    ]
    users = [
        Action(ActionKind.UNASSIGN_USER, one, logins[one], Touch.REMOVAL, *_ASSIGNED, WHY)
        for one in sorted(access.users, key=lambda one: (fold(logins[one]), one))
    ]
    return [*out, *groups, *users, *_deletions(desired, state, access, groups)]


def _deletions(
    desired: Desired, state: AssignmentState, access: Access, groups: list[Action]
) -> Iterator[Action]:
    for group_id in sorted(access.deleted):
        name = state.groups[group_id].name
        subject = name if group_id == named_seat_group(desired, state) else group_id
        needs = tuple(action.key for action in groups if action.subject == group_id)
        fields = (("name", name),), (("name", None),)
        yield Action(ActionKind.DELETE_SEAT_GROUP, subject, name, Touch.SETTING, *fields, WHY, needs=needs)
