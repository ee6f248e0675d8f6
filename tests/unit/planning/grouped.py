"""Worlds with SCIM groups that the operator fills, in few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from controller.model.actions import Action, ActionKind
from controller.model.actual import Actual, Memory
from controller.model.people import Person
from controller.model.plan import Plan
from controller.planning.base.desired import Desired
from controller.planning.groups.memberships import changed_groups
from controller.planning.make_plan import make_plan
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.state.after_run import Run, remember
from tests.unit.planning.world import (
    NOW,
    account_of,
    actual,
    carry_out,
    desired_scim_groups,
    done,
    make_desired,
    memory,
    person,
    with_groups,
)

SALES, ENGINEERING, LEGAL = "Sales", "Engineering", "Legal"
Members = Mapping[str, Iterable[int]]
BOTH: Members = {SALES: [], ENGINEERING: []}


def of(number: int, value: Any, **changes: Any) -> Person:
    """A person whose department is `value`."""
    return person(number, profile=(value, f"p{number}@acme.com", f"p{number}"), **changes)


def world(values: Mapping[int, Any], members: Members = BOTH) -> tuple[Actual, Memory]:
    """People who all have an account of ours, by number; and who of them is in which group."""
    people = [of(number, value) for number, value in values.items()]
    held = [account_of(one) for one in people]
    return with_groups(actual(people, held), members), memory(held)


def desired(mapped: Mapping[str, str] | None = None, **changes: Any) -> Desired:
    more = {name: changes.pop(name) for name in tuple(changes) if hasattr(desired_scim_groups(), name)}
    return make_desired(group=desired_scim_groups(mapped, **more), **changes)


def moves(plan: Plan) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Okta id -> groups joined and left."""
    return {one.subject: changed_groups(one) for one in changes(plan)}


def changes(plan: Plan) -> list[Action]:
    return [one for one in plan.actions if one.kind is ActionKind.CHANGE_MEMBERSHIPS]


def after(declared: Desired, state: Actual, known: Memory, **run: Any) -> tuple[Plan, Actual, Memory]:
    """The plan, and world and memory once it is carried out."""
    plan = make_plan(declared, state, known)
    verdict = replace(judge(plan, declared, state, known, Circumstances(NOW)), **run)
    outcomes = done(verdict.run)
    remembered = remember(known, Run(declared, state, plan, verdict, outcomes, NOW))
    return plan, carry_out(state, verdict.run, declared), remembered


def settled(values: Mapping[int, Any], members: Members = BOTH, **more: Any) -> tuple[Actual, Memory]:
    """A world after the first run on it."""
    state, known = world(values, members)
    _, state, known = after(desired(**more), state, known)
    return state, known


def regrouped(state: Actual, members: Members) -> Actual:
    return with_groups(state, members)
