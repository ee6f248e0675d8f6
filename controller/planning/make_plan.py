"""From the desired state and what was read to a plan.

Called by reconcile in a thread, and by scimctl. Decides what is to be done, never whether it may be done
now: that is for policy. Equal states give the empty plan; the order of what was read changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from controller.model.actions import ORDER, Action, ActionKind, Touch
from controller.model.actual import Actual, Memory
from controller.model.people import OktaId, Value
from controller.model.plan import Counts, DriftItem, MappingPreview, Plan, Problem, Seats
from controller.names import fold
from controller.planning.base.desired import Desired
from controller.planning.base.digest import plan_digest
from controller.planning.base.setting_drift import Found
from controller.planning.groups.memberships import plan_memberships
from controller.planning.groups.preview import build_preview, find_moves
from controller.planning.okta.app_settings import plan_app
from controller.planning.okta.assignments import ASSIGNING, plan_assignments
from controller.planning.okta.manual_steps import plan_connection, provision_step, reapply_step, retry_step
from controller.planning.okta.prerequisites import find_unmet, provider_steps
from controller.planning.okta.provider_settings import is_switched_off, plan_switch, plan_table
from controller.planning.people.deferred_changes import waiting_changes
from controller.planning.people.matching import of_this_tenant
from controller.planning.people.okta_pushed import check_arrivals
from controller.planning.people.plan import plan_people
from controller.planning.people.renames import untangle
from controller.planning.seats.admission import TAKES, admit
from controller.planning.seats.former_groups import plan_former_groups
from controller.planning.seats.seat_group import plan_seat_group
from controller.planning.tokens.rotation import lacks_token, plan_rotation


@dataclass(slots=True)
class _People:
    """What becomes of people, whoever provisions."""

    actions: list[Action]
    counts: Counts
    values: Mapping[OktaId, Value]
    admitted: tuple[Action, ...] = ()
    drift: tuple[DriftItem, ...] = ()
    problems: tuple[Problem, ...] = ()
    seats: Seats | None = None
    placed: Mapping[OktaId, str] | None = None
    goes_on: bool = False


def make_plan(
    desired: Desired, actual: Actual, memory: Memory, refused: Collection[OktaId] = frozenset()
) -> Plan:
    """The plan that turns what was read into the desired state, in the order of a run. Always over everybody,
    however little of `actual` was read anew. Whom the provider has `refused` holds no seat."""
    memory = of_this_tenant(desired, memory)
    unmet, steps = find_unmet(desired, actual), provider_steps(desired, actual)
    if is_switched_off(actual):
        return _clearing_the_way(actual, (plan_switch(),), Found(steps=list(steps), problems=list(unmet)))
    found = Found(steps=list(steps), problems=list(unmet))
    if lacks_token(desired, actual.provider):
        plan_rotation(desired, actual, found)
        return _clearing_the_way(actual, ordered(found.actions, ()), found)
    _plan_settings(desired, actual, memory, found)
    is_okta = desired.by == "Okta"
    people = _okta(desired, actual, memory, found) if is_okta else _operator(desired, actual, memory, refused)
    actions = ordered([*found.actions, *people.actions], people.admitted)
    return Plan(
        actions,
        plan_digest(actions),
        _sorted_drift([*found.drift, *people.drift]),
        people.seats,
        tuple(found.steps),
        _sorted_problems([*found.problems, *people.problems]),
        replace(people.counts, assigned=len(actual.assignments.people)),
        _preview(desired, actual, people.values, actions),
        settings=found.keys,
        settled=frozenset(found.settled),
        goes_on=found.goes_on
        or people.goes_on
        or (not is_okta and any(a.kind in ASSIGNING for a in actions)),
        unconfirmed=waiting_changes(memory, actual),
        placed=people.placed,
    )


def _preview(
    desired: Desired, actual: Actual, values: Mapping[OktaId, Value], actions: tuple[Action, ...]
) -> MappingPreview:
    """What the mappings do to people, and who moves with this plan."""
    preview = build_preview(desired, values)
    return replace(preview, moves=find_moves(desired, actual, actions))


def _plan_settings(desired: Desired, actual: Actual, memory: Memory, found: Found) -> None:
    """Everything that is not about one person."""
    plan_table(desired, actual, memory, found)
    plan_app(desired, actual, memory, found)
    plan_connection(desired, actual, memory, found)
    plan_rotation(desired, actual, found)
    if desired.assignments.through == "Direct":
        plan_assignments(desired, actual, memory, found)
        plan_former_groups(desired, actual, memory, found)


def _operator(desired: Desired, actual: Actual, memory: Memory, refused: Collection[OktaId]) -> _People:
    """The operator provisions: accounts are its own to write."""
    people = plan_people(desired, actual, memory)
    freeing = sorted((a for a in people.actions if a.touch in _FREEING), key=_freeing_order)
    admission = admit(desired.seats, actual, people.candidates, freeing, refused)
    renames = untangle(desired, [*people.actions, *admission.admitted])
    admitted = tuple(one for one in renames.actions if one.kind in TAKES)
    others = [one for one in renames.actions if one.kind not in TAKES]
    writes = (*others, *admitted)
    groups = plan_memberships(desired, actual, memory, people.values, writes)
    return _People(
        [*others, *groups.actions],
        Counts(
            provisioned=people.provisioned,
            pending=len({a.subject for a in (*writes, *groups.actions) if a.touch is not Touch.SETTING}),
            waiting=len(admission.seats.waiting) if admission.seats is not None else 0,
            failed=len({problem.okta_id for problem in people.problems if problem.okta_id}),
        ),
        people.values,
        admitted,
        (*people.drift, *groups.drift),
        # Somebody who is protected is told once, whatever would be done to them.
        tuple(dict.fromkeys([*people.problems, *admission.problems, *groups.problems])),
        admission.seats,
        groups.placed,
        renames.goes_on,
    )


def _okta(desired: Desired, actual: Actual, memory: Memory, found: Found) -> _People:
    """Okta provisions: what arrived is checked, seats are given out through the seat group."""
    arrivals = check_arrivals(desired, actual, memory)
    if arrivals.failed:
        found.steps.append(retry_step(desired, actual.app, arrivals.failed))
    if arrivals.unpushed:
        found.steps.append(provision_step(desired, actual.app, arrivals.unpushed))
    if arrivals.differing and not found.keys:
        found.steps.append(reapply_step(desired, actual.app, arrivals.differing))
    if desired.assignments.through == "SeatGroup":
        seats = plan_seat_group(desired, actual, memory, found)
    else:
        seats = admit(desired.seats, actual, (), ()).seats
    waiting = len(seats.waiting) if seats is not None else 0
    coming = sum(a.kind in _ASSIGNING and a.touch is Touch.CREATE for a in found.actions)
    counts = Counts(0, arrivals.provisioned, arrivals.pending + coming, waiting, arrivals.failed)
    return _People(
        [],
        counts,
        arrivals.values,
        drift=tuple(arrivals.drift),
        problems=tuple(arrivals.problems),
        seats=seats,
    )


def plan_leavers(desired: Desired, actual: Actual, memory: Memory) -> Plan:
    """Only what takes the account from people who are deactivated in Okta. `actual` has nobody else, so that
    nothing is said of anybody else."""
    people = plan_people(desired, actual, of_this_tenant(desired, memory))
    actions = ordered([one for one in people.actions if one.touch is Touch.LEAVER], ())
    return Plan(actions, plan_digest(actions), compares_people=False)


def _clearing_the_way(actual: Actual, actions: tuple[Action, ...], found: Found) -> Plan:
    """SCIM is off, or our token is dead: whoever listed people then could only list nobody, so that people
    come in the next run."""
    counts = Counts(assigned=len(actual.assignments.people))
    return Plan(
        actions,
        plan_digest(actions),
        steps=tuple(found.steps),
        problems=_sorted_problems(found.problems),
        counts=counts,
        compares_people=False,
        goes_on=True,
    )


_ASSIGNING = frozenset({ActionKind.ADD_TO_SEAT_GROUP, ActionKind.ASSIGN_USER})
_FREEING = frozenset({Touch.LEAVER, Touch.REMOVAL})


def _freeing_order(action: Action) -> tuple[bool, str]:
    return action.touch is not Touch.LEAVER, action.subject


def ordered(actions: Iterable[Action], admitted: Iterable[Action]) -> tuple[Action, ...]:
    """Actions in the order of a run: by kind, then by label; who is admitted stays in the order of
    admission."""
    placed = sorted(actions, key=lambda a: (ORDER[a.kind], fold(a.label), a.subject))
    seated = sorted(admitted, key=lambda a: ORDER[a.kind])
    return tuple(sorted([*placed, *seated], key=lambda a: ORDER[a.kind]))


def _sorted_drift(items: Iterable[DriftItem]) -> tuple[DriftItem, ...]:
    return tuple(sorted(items, key=lambda d: (d.kind.value, d.where, fold(d.what), d.okta_id)))


def _sorted_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda p: (p.kind, p.name, p.reason, p.okta_id, p.message)))
