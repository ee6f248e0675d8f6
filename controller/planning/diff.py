"""From the wish and what was read to a plan.

Called by reconcile in a thread, and by scimctl. Decides what is to be done, never whether it may be done
now: that is guard's. Equal states give the empty plan; the order of what was read changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from controller.model.actions import ORDER, Action, Touch
from controller.model.actual import Actual, Memory
from controller.model.plan import Counts, DriftItem, ManualStep, Plan, Problem
from controller.planning.digest import plan_digest
from controller.planning.matching import fold
from controller.planning.people import PeopleWish, plan_people
from controller.planning.prerequisites import find_unmet, provider_steps
from controller.planning.seats import Admission, admit
from controller.planning.settings import is_switched_off, plan_settings, plan_switch
from controller.planning.wish import Desired


@dataclass(frozen=True, slots=True)
class Previous:
    """What the last run left in status that this one has to know."""

    waiting: int = 0
    """How many people waited for a seat after the last full run."""


FIRST_RUN = Previous()


def make_plan(desired: Desired, actual: Actual, memory: Memory, previous: Previous = FIRST_RUN) -> Plan:
    """The plan that turns what was read into the wish, in the order of a run."""
    memory = of_this_tenant(desired, memory)
    unmet, steps = find_unmet(desired, actual), provider_steps(desired, actual)
    if is_switched_off(actual):
        return _switching_on(actual, unmet, steps)
    people = plan_people(desired, actual, memory)
    settings, drift, problems = plan_settings(desired, actual, memory)
    freeing = sorted((a for a in people.actions if a.touch in _FREEING), key=_freeing_order)
    admission = admit(desired.seats, actual, people.candidates, freeing, previous.waiting)
    actions = ordered([*settings, *people.actions], admission.admitted)
    found = [*unmet, *problems, *people.problems, *admission.problems]
    return Plan(
        actions,
        plan_digest(actions),
        _sorted_drift([*drift, *people.drift]),
        admission.seats,
        steps,
        _sorted_problems(found),
        _counts(actual, people, admission, actions),
        people.preview,
        not actual.assignments.is_scoped,
        admission.wants_full,
    )


def of_this_tenant(desired: Desired, memory: Memory) -> Memory:
    """`memory` without what belongs to another tenant: no account there is known to be ours."""
    if memory.tenant in ("", desired.base_url):
        return memory
    return replace(memory, pairs={}, adopted=frozenset(), rows={}, confirmed={}, deferred={})


def _switching_on(actual: Actual, unmet: tuple[Problem, ...], steps: tuple[ManualStep, ...]) -> Plan:
    """SCIM is off: whoever listed people then could only list nobody, so that people come in the next run."""
    actions = (plan_switch(),)
    counts = Counts(assigned=len(actual.assignments.people))
    return Plan(
        actions,
        plan_digest(actions),
        steps=steps,
        problems=unmet,
        counts=counts,
        # Nobody was looked at, so nobody may be forgotten either.
        is_full=False,
        wants_full=True,
    )


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


def _counts(actual: Actual, people: PeopleWish, admission: Admission, actions: tuple[Action, ...]) -> Counts:
    waiting = len(admission.seats.waiting) if admission.seats is not None else 0
    return Counts(
        assigned=len(actual.assignments.people),
        provisioned=people.provisioned,
        pending=sum(action.touch is not Touch.SETTING and not action.people for action in actions),
        waiting=waiting,
        failed=len({problem.okta_id for problem in people.problems if problem.okta_id}),
    )
