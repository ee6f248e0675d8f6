"""Seat groups that the spec no longer names: as long as one is assigned, its members keep their access.

Called by seat_group and make_plan, which take them off the app; by after_run and before_run, which note
which group is in use; by revocations and engine. A group counts by its id, whatever it is called in Okta by
now. Only its assignment goes: the group itself stays, somebody may use it elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from controller.model.actions import Action, ActionKind
from controller.model.actual import Actual, AppState, AssignmentState, Made, Memory
from controller.model.people import OktaId
from controller.model.plan import DriftItem, DriftKind
from controller.planning.base.desired import Desired
from controller.planning.base.setting_drift import Found
from controller.planning.base.wording import shown
from controller.planning.groups.okta_groups import group_name, members_of, read_in_part, resolve_group
from controller.planning.okta.assignments import ASSIGNING, declared_groups, declared_users, unassign_group
from controller.planning.people.matching import is_protected

GROUP_ID = "id"
"""Field of Made for a created group: its id, where its creation was answered."""
WHY = "the spec names another seat group or none; the group itself stays in Okta and may be deleted"


# Which groups.


def made_of(memory: Memory, app: AppState) -> Mapping[str, Made]:
    """What was set up on `app`; nothing of what is remembered of another one."""
    return memory.made if memory.app_id in ("", app.app_id) else {}


def seat_groups_of(memory: Memory) -> frozenset[str]:
    """Id of every group that was the seat group and may be assigned; the name of one whose creation was not
    answered."""
    created = (one for one in memory.made.values() if one.kind is ActionKind.CREATE_SEAT_GROUP)
    return memory.seat_groups.union(str(dict(one.after).get(GROUP_ID, one.subject)) for one in created)


def named_seat_group(desired: Desired, state: AssignmentState) -> str:
    """Id of the seat group of the spec; "" where it is not there, or several have the name."""
    return _id_of(state, desired.assignments.seat_group)


def created_groups(state: AssignmentState, made: Mapping[str, Made]) -> frozenset[str]:
    """Ids of the seat groups that the operator has created, as far as they were read."""
    created = [one for one in made.values() if one.kind is ActionKind.CREATE_SEAT_GROUP]
    ids = {str(dict(one.after).get(GROUP_ID) or _id_of(state, one.subject)) for one in created}
    return frozenset(ids & state.groups.keys())


def has_created_group(desired: Desired, state: AssignmentState, made: Mapping[str, Made]) -> bool:
    """Whether the seat group of the spec was created by the operator."""
    return named_seat_group(desired, state) in created_groups(state, made)


def _id_of(state: AssignmentState, name: str) -> str:
    found = [one.group_id for one in state.groups.values() if one.name == name and one.type == "OKTA_GROUP"]
    return found[0] if name and len(found) == 1 else ""


def former_groups(desired: Desired, actual: Actual, memory: Memory) -> frozenset[str]:
    """Ids of the seat groups that are still assigned and that the spec does not name, as one or as the
    other."""
    state = actual.assignments
    known = _known(memory, actual.app) | created_groups(state, made_of(memory, actual.app))
    return (known & state.app_groups.keys()) - named_groups(desired, state)


def named_groups(desired: Desired, state: AssignmentState) -> frozenset[str]:
    """Ids of the groups that spec.assignments names."""
    refs = [resolve_group(ref, state)[0] for ref in desired.assignments.groups]
    return frozenset({named_seat_group(desired, state), *(one.group_id for one in refs if one is not None)})


def _known(memory: Memory, app: AppState) -> frozenset[str]:
    return memory.seat_groups if memory.app_id in ("", app.app_id) else frozenset()


def note_seat_groups(
    memory: Memory, desired: Desired, actual: Actual, written: Iterable[tuple[Action, str]]
) -> frozenset[str]:
    """What `memory` has to know after the actions of `written`, each with the id that its target has given:
    the group in use counts as well if somebody else created or assigned it."""
    state, found = actual.assignments, set(_known(memory, actual.app))
    current = named_seat_group(desired, state)
    if current in state.app_groups:
        found.add(current)
    ids: dict[str, str] = {}
    for action, remote_id in written:
        if action.kind is ActionKind.CREATE_SEAT_GROUP:
            ids[action.subject] = remote_id
        elif action.kind is ActionKind.ASSIGN_GROUP and action.is_switchover:
            found.add(ids.get(action.subject, action.subject))
        elif action.kind is ActionKind.UNASSIGN_GROUP:
            found.discard(action.subject)
    # Without an id the group is known by its creation.
    return frozenset(found - {""} - ids.keys())


# What becomes of them.


def members_who_move(
    desired: Desired, actual: Actual, former: Iterable[str], wanted: frozenset[OktaId]
) -> frozenset[OktaId]:
    """Members of `former` groups who are put into the new one whatever the limit: they have a seat. `wanted`
    are the people whom the declared groups and logins name."""
    members = members_of(actual.assignments, former)
    return members if desired.on_unassigned == "Keep" else members & wanted


def plan_former_groups(desired: Desired, actual: Actual, memory: Memory, found: Found) -> None:
    """Takes former seat groups off an app that is assigned directly, once what is declared is assigned. If
    nothing is declared, nothing may be taken: they are reported."""
    declared, state = desired.assignments, actual.assignments
    former = former_groups(desired, actual, memory)
    if not former or (declared.prune and declared.is_declared):
        return
    # What is wrong with these has been reported by plan_assignments.
    groups, users = declared_groups(desired, actual, Found()), declared_users(desired, actual, Found())
    if not declared.is_declared:
        for group_id in sorted(former):
            _report(state, found, group_id)
    elif len(groups) == len(declared.groups) and len(users) == len(declared.users):
        inside = members_of(state, (group.group_id for group, _ in groups)).union(one for one, _ in users)
        needs = tuple(action.key for action in found.actions if action.kind in ASSIGNING)
        leave_groups(desired, actual, memory, found, former, (inside, needs))


def leave_groups(
    desired: Desired,
    actual: Actual,
    memory: Memory,
    found: Found,
    former: frozenset[str],
    staying: tuple[frozenset[OktaId], tuple[str, ...]],
) -> None:
    """Adds what takes `former` groups off the app. `staying`: people who keep their access, and the keys of
    the actions that they need for it; somebody approves the rest."""
    state, (inside, needs) = actual.assignments, staying
    leaving = former | {a.subject for a in found.actions if a.kind is ActionKind.UNASSIGN_GROUP}
    direct = {person.okta_id for person in state.people if person.direct}
    safe = inside | direct | members_of(state, state.app_groups.keys() - leaving)
    for group_id in sorted(former):
        if _is_whole(desired, state, found, group_id):
            losing = sorted(state.members[group_id] - safe)
            if _may_leave(desired, state, memory, found, group_id, losing):
                action = unassign_group(state, group_id, WHY, losing, needs)
                found.actions.append(replace(action, is_switchover=True))


def _is_whole(desired: Desired, state: AssignmentState, found: Found, group_id: str) -> bool:
    told = read_in_part(state, group_id)
    if not told and group_id not in state.members:
        told = f"no member of {shown(group_name(state, group_id))} was read"
    if told:
        found.problem(desired, "ReadIncomplete", f"{told}; it stays assigned")
    return not told


def _may_leave(
    desired: Desired,
    state: AssignmentState,
    memory: Memory,
    found: Found,
    group_id: str,
    losing: Sequence[OktaId],
) -> bool:
    """Whether nobody who is protected, or whose account is kept, would lose access."""
    if losing and desired.by == "Okta" and desired.on_unassigned == "Keep":
        _report(state, found, group_id)
        return False
    logins = {**state.logins, **{person.okta_id: person.login for person in state.people}}
    for okta_id in losing:
        login = logins.get(okta_id, okta_id)
        if is_protected(desired, memory, okta_id, login):
            told = (
                f"the group {shown(group_name(state, group_id))} stays assigned, since {shown(login)} is "
                "protected by the OktaOrg"
            )
            found.problem(desired, "Protected", told, "spec.assignments", okta_id)
            return False
    return True


def _report(state: AssignmentState, found: Found, group_id: str) -> None:
    what = f"former seat group {shown(group_name(state, group_id))}"
    found.drift.append(DriftItem(DriftKind.ASSIGNMENT, "Okta", what, "not assigned", "assigned"))
