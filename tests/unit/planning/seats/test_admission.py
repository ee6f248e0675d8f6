"""Seats: who sits, who waits, what is said about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.actions import ActionKind, Outcome, Result
from controller.model.actual import Actual
from controller.model.people import OktaId, PersonState
from controller.model.plan import Plan, SeatState
from controller.planning.make_plan import make_plan
from controller.planning.seats.admission import settle
from tests.unit.planning.world import (
    account_of,
    actual,
    desired_seats,
    group,
    make_desired,
    memory,
    organization,
    person,
    ref,
    with_provider,
)


def crowd(seated: int, newcomers: int, **changes: object) -> Actual:
    """`seated` people with an account, and `newcomers` who were assigned later."""
    people = [person(number) for number in range(seated)]
    later = [
        person(f"n{number:02}", assigned_at=f"2026-02-{number + 1:02}T00:00:00Z")
        for number in range(newcomers)
    ]
    return actual([*people, *later], map(account_of, people), **changes)


def created(plan: Plan) -> list[str]:
    return [action.subject for action in plan.actions if action.kind is ActionKind.CREATE_ACCOUNT]


def test_ten_of_twelve_get_a_seat_and_two_wait_in_order() -> None:
    plan = make_plan(make_desired(seats=desired_seats(50)), crowd(40, 12), memory())
    assert created(plan) == [f"00un{number:02}" for number in range(10)]
    assert plan.seats is not None
    assert plan.seats.waiting == (("00un10", "pn10@acme.com"), ("00un11", "pn11@acme.com"))
    assert plan.seats.state is SeatState.AT_CAPACITY
    assert (plan.seats.used, plan.seats.available, plan.seats.admitted) == (40, 10, 10)
    assert plan.counts.waiting == 2


def test_leavers_make_room_in_the_same_plan() -> None:
    state = crowd(50, 3)
    people = [
        replace(one, state=PersonState.DEACTIVATED) if number < 2 else one
        for number, one in enumerate(state.assignments.people)
    ]
    state = replace(state, assignments=replace(state.assignments, people=tuple(people)))
    plan = make_plan(make_desired(seats=desired_seats(50)), state, memory(state.accounts.accounts))
    assert created(plan) == ["00un00", "00un01"]
    needs = [action.needs for action in plan.actions if action.kind is ActionKind.CREATE_ACCOUNT]
    assert needs == [("DeactivateAccount/00u0",), ("DeactivateAccount/00u1",)]
    assert plan.seats is not None
    assert [login for _, login in plan.seats.waiting] == ["pn02@acme.com"]


def test_where_more_are_used_than_there_are_the_first_freed_seats_admit_nobody() -> None:
    state = crowd(52, 2)
    people = [
        replace(one, state=PersonState.DEACTIVATED) if number < 3 else one
        for number, one in enumerate(state.assignments.people)
    ]
    state = replace(state, assignments=replace(state.assignments, people=tuple(people)))
    plan = make_plan(make_desired(seats=desired_seats(50)), state, memory(state.accounts.accounts))
    (action,) = [action for action in plan.actions if action.kind is ActionKind.CREATE_ACCOUNT]
    assert action.needs == ("DeactivateAccount/00u2",)
    assert plan.seats is not None
    assert plan.seats.state is SeatState.OVER_CAPACITY


def test_priority_groups_come_first_then_time_then_login() -> None:
    state = crowd(
        0,
        4,
        groups={"g1": group("g1", "Executives"), "g2": group("g2", "Sales")},
        members={"g1": frozenset({OktaId("00un03")}), "g2": frozenset({OktaId("00un02"), OktaId("00un03")})},
    )
    limit = desired_seats(3, priority=(ref("Executives"), ref(group_id="g2")))
    assert created(make_plan(make_desired(seats=limit), state, memory())) == ["00un03", "00un02", "00un00"]


def test_people_of_one_time_come_by_login_whatever_its_case() -> None:
    people = [person(1, login="b@x"), person(2, login="A@x"), person(3, login="c@x", assigned_at="")]
    assert created(make_plan(make_desired(seats=desired_seats(9)), actual(people), memory())) == [
        "00u2",
        "00u1",
        "00u3",
    ]


UNKNOWN = (
    ("by name", ref("Nobody"), {}, "no Okta group named Nobody"),
    ("by id", ref(group_id="g9"), {}, "no Okta group with the id g9"),
    (
        "by a name of two",
        ref("Sales"),
        {"g1": group("g1", "Sales"), "g2": group("g2", "Sales")},
        "give the id of one: g1, g2",
    ),
)


@pytest.mark.parametrize(("name", "one", "groups", "told"), UNKNOWN, ids=[row[0] for row in UNKNOWN])
def test_an_unknown_priority_group_is_told_and_the_rest_goes_on(
    name: str, one: object, groups: object, told: str
) -> None:
    plan = make_plan(
        make_desired(seats=desired_seats(9, priority=(one,))), crowd(0, 2, groups=groups), memory()
    )
    assert len(created(plan)) == 2
    (problem,) = plan.problems
    assert (problem.kind, problem.reason, problem.field) == ("SeatLimit", "GroupNotFound", "spec.priority[0]")
    assert told in problem.message


def test_a_group_of_okta_is_meant_where_an_app_group_has_the_same_name() -> None:
    groups = {"g1": group("g1", "Sales"), "g2": group("g2", "Sales", kind="APP_GROUP")}
    state = crowd(0, 2, groups=groups, members={"g1": frozenset({OktaId("00un01")})})
    plan = make_plan(make_desired(seats=desired_seats(1, priority=(ref("Sales"),))), state, memory())
    assert created(plan) == ["00un01"]


def test_the_reserve_is_left_free() -> None:
    plan = make_plan(make_desired(seats=desired_seats(50, reserve=5)), crowd(40, 12), memory())
    assert len(created(plan)) == 5


def test_a_reserve_of_all_seats_is_told_on_the_limit() -> None:
    state = with_provider(crowd(0, 1), organization=organization(purchased=5))
    plan = make_plan(make_desired(seats=desired_seats(None, reserve=5)), state, memory())
    assert created(plan) == []
    assert [(one.kind, one.field) for one in plan.problems] == [("SeatLimit", "spec.reserve")]


def test_purchased_seats_count_where_none_are_declared() -> None:
    state = with_provider(crowd(2, 5), organization=organization(purchased=4, used=2, pending=1, free=2))
    plan = make_plan(make_desired(seats=desired_seats(None)), state, memory())
    assert len(created(plan)) == 2
    assert plan.seats is not None
    assert (plan.seats.limit, plan.seats.pending) == (4, 1)


def test_nobody_is_admitted_while_the_number_of_seats_is_unknown() -> None:
    state = replace(crowd(2, 5), provider=replace(crowd(0, 0).provider, organization=None))
    plan = make_plan(make_desired(seats=desired_seats(None)), state, memory())
    assert created(plan) == []
    assert plan.seats is None


def test_attempt_lets_the_provider_refuse() -> None:
    plan = make_plan(make_desired(seats=desired_seats(41, waitlist=False)), crowd(40, 5), memory())
    assert len(created(plan)) == 5
    assert plan.seats is not None
    assert plan.seats.waiting == ()


STATES = (
    ("plenty", 10, SeatState.WITHIN_LIMIT, 20),
    ("near", 40, SeatState.NEAR_LIMIT, 80),
    ("full", 50, SeatState.AT_CAPACITY, 100),
    ("over", 51, SeatState.OVER_CAPACITY, 102),
)


@pytest.mark.parametrize(("name", "used", "state", "percent"), STATES, ids=[row[0] for row in STATES])
def test_the_state_follows_the_numbers(name: str, used: int, state: SeatState, percent: int) -> None:
    seats = make_plan(make_desired(seats=desired_seats(50)), crowd(used, 0), memory()).seats
    assert seats is not None
    assert (seats.state, seats.percent_used) == (state, percent), name


def test_the_seats_are_counted_again_after_the_run() -> None:
    limit = desired_seats(50, invites=True)
    state = with_provider(crowd(40, 12), organization=organization(purchased=50, used=40, pending=3, free=10))
    plan = make_plan(make_desired(seats=limit), state, memory())
    outcomes = [Outcome(action, Result.DONE) for action in plan.actions[:9]]
    outcomes.append(Outcome(plan.actions[9], Result.FAILED))
    after = settle(limit, plan.seats, outcomes)
    assert after is not None
    assert (after.used, after.pending, after.available, after.percent_used) == (49, 12, 1, 98)
    assert after.state is SeatState.AT_CAPACITY
    assert settle(None, plan.seats, outcomes) is None
    assert settle(limit, None, outcomes) is None


def test_deactivations_give_seats_back_in_the_count_after_the_run() -> None:
    one = person(1, state=PersonState.DEACTIVATED)
    held = account_of(one)
    plan = make_plan(make_desired(seats=desired_seats(1)), actual([one], [held], admin=False), memory([held]))
    after = settle(desired_seats(1), plan.seats, [Outcome(action, Result.DONE) for action in plan.actions])
    assert after is not None
    assert (after.used, after.pending, after.state) == (0, None, SeatState.WITHIN_LIMIT)


def test_more_than_was_purchased_is_given_to_nobody() -> None:
    state = with_provider(crowd(48, 5), organization=organization(purchased=50, used=48, free=2))
    plan = make_plan(make_desired(seats=desired_seats(55)), state, memory())
    assert len(created(plan)) == 2
    assert plan.seats is not None and (plan.seats.limit, len(plan.seats.waiting)) == (50, 3)
    plan = make_plan(make_desired(seats=desired_seats(49)), state, memory())
    assert len(created(plan)) == 1
