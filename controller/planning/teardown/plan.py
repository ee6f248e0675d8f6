"""The plan of an integration that is being deleted with deletionPolicy: Deprovision.

Called by the engine in place of the usual plan. Undoes what the operator did and nothing else: access ends
the assignments that it made in Okta, then the accounts that are its own are deactivated, then undo puts the
app's settings back. Where Okta provisions, an account goes only with its person's assignment. Accounts that
were there before, protected people and accounts that are inactive already stay as they are. Whether it may
run is guard's decision, as for any plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from controller.errors import Unavailable, Waiting
from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, AssignmentState, Made, Memory
from controller.model.people import Account, OktaId
from controller.model.plan import Counts, Plan
from controller.names import fold
from controller.planning.base.desired import Desired
from controller.planning.base.digest import plan_digest
from controller.planning.base.setting_drift import Found
from controller.planning.groups.okta_groups import group_name, read_in_part
from controller.planning.okta.provider_settings import is_switched_off
from controller.planning.people.matching import Register, is_protected, of_this_tenant
from controller.planning.policy.change_limits import people_of
from controller.planning.seats.former_groups import made_of
from controller.planning.teardown.revocations import Access, find_access, plan_endings
from controller.planning.teardown.undo_log import WHY, plan_restoring


def plan_departure(desired: Desired, actual: Actual, memory: Memory) -> Plan:
    """The actions that undo, in the order of a run. Raises Waiting or Unavailable where what was read does
    not tell who is there: then nothing may be undone, nor forgotten."""
    memory = of_this_tenant(desired, memory)
    _check(desired, actual, memory)
    made, found = made_of(memory, actual.app), Found()
    access = find_access(desired, actual, memory, made, found)
    endings = plan_endings(desired, actual.assignments, access)
    gone = sorted(
        _deactivations(desired, actual, memory, access, endings),
        key=lambda action: (fold(action.label), action.subject),
    )
    actions = [*endings, *gone]
    gates = _gates(actions)
    actions += plan_restoring(desired, actual.app, made.values(), gates)
    actions += _priorities(actual.assignments, made, gates)
    counts = Counts(assigned=len(actual.assignments.people), provisioned=len(gone), pending=len(gone))
    return Plan(tuple(actions), plan_digest(actions), problems=tuple(found.problems), counts=counts)


def _check(desired: Desired, actual: Actual, memory: Memory) -> None:
    if is_switched_off(actual) and memory.in_use:
        raise Waiting(
            f"SCIM is off at the provider, so that the {len(memory.in_use)} accounts that are ours cannot be "
            "read; turn it on, or set spec.deletionPolicy to Orphan"
        )
    state = actual.assignments
    for group_id in state.app_groups:
        if told := read_in_part(state, group_id):
            raise Unavailable(f"{told}; nothing is undone", system="Okta", reason="Incomplete")


def _deactivations(
    desired: Desired, actual: Actual, memory: Memory, access: Access, endings: Sequence[Action]
) -> Iterator[Action]:
    """Each needs what ends the person's assignment: Okta would only bring the account back."""
    staying = {person.okta_id for person in actual.assignments.people} - access.losing
    needs: dict[str, tuple[str, ...]] = {}
    for action in endings:
        for okta_id in people_of(action):
            needs[okta_id] = (*needs.get(okta_id, ()), action.key)
    register = Register(actual.accounts.accounts, memory.pairs)
    for okta_id in memory.pairs:
        account = register.owned(okta_id)
        if account is None or not account.active or (desired.by == "Okta" and okta_id in staying):
            continue
        if not _stays(desired, memory, okta_id, account):
            yield _deactivation(okta_id, account, needs.get(okta_id, ()))


def _stays(desired: Desired, memory: Memory, okta_id: OktaId, account: Account) -> bool:
    if okta_id in memory.adopted and not desired.may_deactivate_adopted:
        return True
    return is_protected(desired, memory, okta_id, account.user_name)


def _deactivation(okta_id: OktaId, account: Account, needs: tuple[str, ...]) -> Action:
    return Action(
        ActionKind.DEACTIVATE_ACCOUNT,
        okta_id,
        account.user_name,
        Touch.REMOVAL,
        (("active", True),),
        (("active", False),),
        WHY,
        account.scim_id,
        needs=needs,
    )


def _priorities(state: AssignmentState, made: Mapping[str, Made], needs: tuple[str, ...]) -> Iterator[Action]:
    """The priorities of groups that were assigned before, where they still are as they were left."""
    for one in sorted(made.values(), key=lambda one: one.key):
        was, left = (dict(fields).get("priority") for fields in (one.before, one.after))
        is_kept = one.kind is ActionKind.ASSIGN_GROUP and was is not None
        if is_kept and one.subject in state.app_groups and state.app_groups[one.subject] == left:
            name = group_name(state, one.subject)
            fields = (("priority", left),), (("priority", was),)
            yield Action(ActionKind.ASSIGN_GROUP, one.subject, name, Touch.SETTING, *fields, WHY, needs=needs)


def _gates(actions: Sequence[Action]) -> tuple[str, ...]:
    """What has to be done before settings are put back: every group, and the first person of each kind. What
    holds one person holds all of them."""
    firsts: dict[ActionKind, str] = {}
    for action in actions:
        firsts.setdefault(action.kind, action.key)
    groups = [action.key for action in actions if action.kind is ActionKind.UNASSIGN_GROUP]
    return tuple(dict.fromkeys([*firsts.values(), *groups]))
