"""Approvals: what a yes puts in force, for how long, and what happens meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.model.actions import Outcome, Result
from controller.model.actual import Actual, Memory
from controller.model.people import Person
from controller.model.plan import Frozen, Plan, Verdict
from controller.planning.base.desired import Desired, Limit
from controller.planning.base.digest import fingerprint
from controller.planning.make_plan import make_plan
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.state.after_run import Run, remember
from tests.unit.planning.world import NOW, account_of, actual, carry_out, done, make_desired, memory, person

APPROVE = make_desired(mode="Approve")


def moved(one: Person, department: str = "Engineering") -> Person:
    return replace(one, profile=(department, *one.profile[1:]))


def world(*changed: int, count: int = 6) -> tuple[Actual, Memory]:
    people = [person(number) for number in range(count)]
    held = [account_of(one) for one in people]
    return actual([moved(p) if n in changed else p for n, p in enumerate(people)], held), memory(held)


def look(
    desired: Desired, state: Actual, known: Memory, frozen: Frozen | None = None, **at: object
) -> tuple[Plan, Verdict]:
    plan = make_plan(desired, state, known)
    return plan, judge(plan, desired, state, known, replace(Circumstances(NOW, frozen=frozen), **at))


def subjects(verdict: Verdict) -> list[str]:
    return [action.subject for action in verdict.run]


def test_what_comes_later_is_counted_and_not_approved_along() -> None:
    _, first = look(APPROVE, *world(0, 1))
    state, known = world(0, 1, 2)
    _, second = look(APPROVE, state, known, first.frozen)
    assert (second.digest, second.newer) == (first.digest, 1)
    assert second.frozen == first.frozen
    approved = replace(APPROVE, approval=first.digest)
    _, third = look(approved, state, known, second.frozen)
    assert subjects(third) == ["00u0", "00u1"]
    assert third.handled_approval == first.digest
    assert third.frozen is not None
    assert [action.subject for action in third.frozen.actions] == ["00u2"]


def test_an_approval_stays_in_force_over_restarts_until_it_is_carried_out() -> None:
    state, known = world(0, 1)
    _, first = look(APPROVE, state, known)
    approved = replace(APPROVE, approval=first.digest)
    plan, second = look(approved, state, known, first.frozen)
    outcomes = (Outcome(plan.actions[0], Result.DONE), Outcome(plan.actions[1], Result.FAILED, "Unavailable"))
    known = remember(known, Run(approved, state, plan, second, outcomes, NOW))
    assert known.approved == first.digest
    assert known.approved_keys == {fingerprint(plan.actions[1])}
    state = carry_out(state, plan.actions[:1], approved)
    plan, third = look(APPROVE, state, replace(known, confirmed={}))
    assert subjects(third) == ["00u1"]
    known = remember(known, Run(APPROVE, state, plan, third, done(plan.actions), NOW))
    _, fourth = look(APPROVE, carry_out(state, plan.actions, APPROVE), known)
    assert (fourth.run, fourth.memory_approved, fourth.approved_keys) == ((), "", frozenset())


def test_what_is_no_longer_wanted_falls_out_of_the_approval() -> None:
    state, known = world(0)
    _, first = look(APPROVE, state, known)
    plan, second = look(replace(APPROVE, approval=first.digest), state, known, first.frozen)
    known = remember(known, Run(APPROVE, state, plan, second, (), NOW))
    assert known.approved_keys
    calm, _ = world()
    plan, third = look(APPROVE, calm, known)
    known = remember(known, Run(APPROVE, calm, plan, third, (), NOW))
    assert known.approved_keys == frozenset()
    assert subjects(look(APPROVE, state, known)[1]) == []


IGNORED = (
    ("another digest", "0" * 64),
    ("half of it", "half"),
    ("a token alone", "#2"),
)


@pytest.mark.parametrize(("name", "value"), IGNORED, ids=[row[0] for row in IGNORED])
def test_an_approval_that_matches_nothing_is_ignored(name: str, value: str) -> None:
    state, known = world(0)
    _, first = look(APPROVE, state, known)
    value = first.digest[:32] if value == "half" else value
    _, second = look(replace(APPROVE, approval=value), state, known, first.frozen)
    assert second.run == (), name
    assert second.is_approval_ignored is (value != "#2")
    assert second.digest == first.digest


def test_a_token_makes_the_same_digest_count_again() -> None:
    state, known = world(0)
    _, first = look(APPROVE, state, known)
    _, second = look(replace(APPROVE, approval=f"{first.digest}#2"), state, known, first.frozen)
    assert subjects(second) == ["00u0"]
    assert second.handled_approval == f"{first.digest}#2"


OVER = (
    ("after a day", timedelta(hours=24), 1, False),
    ("just before", timedelta(hours=23, minutes=59), 1, True),
    ("after an edit", timedelta(minutes=1), 2, False),
    ("a clock set back a little", timedelta(minutes=-5), 1, True),
    ("a clock set back a day", timedelta(hours=-24), 1, False),
)


@pytest.mark.parametrize(("name", "age", "generation", "holds"), OVER, ids=[row[0] for row in OVER])
def test_a_waiting_plan_grows_old(name: str, age: timedelta, generation: int, holds: bool) -> None:
    _, first = look(APPROVE, *world(0))
    state, known = world(0, 1)
    desired = replace(APPROVE, generation=generation)
    _, second = look(desired, state, known, first.frozen, now=NOW + age)
    assert (second.digest == first.digest) is holds, name
    _, third = look(replace(desired, approval=first.digest), state, known, first.frozen, now=NOW + age)
    assert bool(third.run) is holds


def test_a_plan_of_which_nothing_holds_gives_way() -> None:
    _, first = look(APPROVE, *world(0))
    _, second = look(APPROVE, *world(1), first.frozen)
    assert second.digest != first.digest
    assert second.newer == 0
    _, third = look(replace(APPROVE, approval=first.digest), *world(1), first.frozen)
    assert third.is_approval_ignored
    assert third.run == ()


def test_the_digest_of_a_plan_that_was_not_stored_counts_too() -> None:
    state, known = world(0)
    plan, _ = look(APPROVE, state, known)
    _, verdict = look(replace(APPROVE, approval=plan.digest), state, known)
    assert subjects(verdict) == ["00u0"]


def test_an_approval_releases_a_tripped_safeguard_and_newer_people_trip_it_again() -> None:
    guards = replace(make_desired().safeguards, minimum=0, changes=Limit(1, 100))
    desired = make_desired(safeguards=guards)
    state, known = world(0, 1)
    _, first = look(desired, state, known)
    assert first.run == ()
    plan, second = look(replace(desired, approval=first.digest), state, known, first.frozen)
    assert subjects(second) == ["00u0", "00u1"]
    known = remember(known, Run(desired, state, plan, second, done(second.run), NOW))
    later, _ = world(2)
    held = carry_out(state, second.run, desired).accounts
    people = state.assignments.people[:2] + later.assignments.people[2:]
    later = replace(later, accounts=held, assignments=replace(later.assignments, people=people))
    _, third = look(desired, later, known)
    assert third.run == ()
    assert third.tripped


def test_a_different_outcome_for_the_same_person_is_not_covered() -> None:
    state, known = world(0)
    _, first = look(APPROVE, state, known)
    other = replace(
        state,
        assignments=replace(
            state.assignments, people=(moved(person(0), "Legal"), *state.assignments.people[1:])
        ),
    )
    _, second = look(replace(APPROVE, approval=first.digest), other, known, first.frozen)
    assert second.run == ()
    assert second.is_approval_ignored


def test_a_busy_org_converges() -> None:
    """Each round somebody approves what is shown, while others move on; in the end nobody is left."""
    state, known = world(0, 1, 2, count=9)
    frozen, people = None, list(state.assignments.people)
    for round_number in range(3, 12):
        _, shown = look(APPROVE, state, known, frozen)
        if round_number < 9:
            people[round_number] = moved(people[round_number])
            state = replace(state, assignments=replace(state.assignments, people=tuple(people)))
        desired = replace(APPROVE, approval=f"{shown.digest}#{round_number}" if shown.digest else "")
        plan, verdict = look(desired, state, known, shown.frozen)
        known = remember(known, Run(desired, state, plan, verdict, done(verdict.run), NOW))
        state, frozen = carry_out(state, verdict.run, desired), verdict.frozen
    assert make_plan(APPROVE, state, known).actions == ()


def test_what_is_approved_and_needs_something_that_is_not_waits_for_a_plan_with_that() -> None:
    """Else nobody could ever approve what is lacking."""
    state, known = world(0, 1)
    plan, _ = look(APPROVE, state, known)
    first, second = plan.actions
    plan = replace(plan, actions=(first, replace(second, needs=(first.key,))))
    known = replace(known, approved="d" * 64, approved_keys=frozenset({fingerprint(second)}))
    verdict = judge(plan, APPROVE, state, known, Circumstances(NOW))
    assert verdict.run == ()
    assert verdict.frozen is not None
    assert [action.key for action in verdict.frozen.actions] == [first.key]
    assert verdict.digest
