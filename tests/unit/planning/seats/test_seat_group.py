"""Seats while Okta pushes: who gets into the group, in which order one switches over, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.actions import ActionKind, Touch
from controller.model.actual import Actual, Memory
from controller.model.people import OktaId, PersonState
from controller.model.plan import HoldReason, Plan
from controller.planning.base.desired import Desired, DesiredAssignments
from controller.planning.make_plan import make_plan
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.seats.admission import settle
from tests.unit.planning.world import (
    NOW,
    account_of,
    actual,
    desired_seats,
    done,
    group,
    make_desired,
    memory,
    organization,
    person,
    ref,
    with_app,
    with_provider,
)  # fmt: skip

ON = frozenset({"PUSH_NEW_USERS", "PUSH_PROFILE_UPDATES", "PUSH_USER_DEACTIVATION", "SCIM_PROVISIONING"})
DECLARED = DesiredAssignments(
    "SeatGroup", "Seats", (ref("Users", field="spec.assignments.oktaGroups[0]"),), (), False, True
)
OKTA = make_desired(by="Okta", group=None, attributes=(), assignments=DECLARED, seats=desired_seats(2))


def state(count: int, held: int = 0, *, seats: Any = None, features: frozenset[str] = ON) -> Actual:
    """`count` members of Users, the first `held` with an account; `seats`: members of the seat group."""
    people = [person(n, login=f"p{n}@acme.com") for n in range(count)]
    ids = frozenset(one.okta_id for one in people)
    groups = {"g1": group("g1", "Users", count)}
    members, app_groups = {"g1": ids}, {"g1": 0}
    if seats is not None:
        groups["g2"] = group("g2", "Seats", len(seats))
        members["g2"], app_groups = frozenset(map(OktaId, seats)), {"g2": 0}
        people = [one for one in people if one.okta_id in members["g2"]]
    accounts = [account_of(one) for one in people[:held]]
    made = actual(people, accounts, groups=groups, members=members, app_groups=app_groups)
    made = replace(made, assignments=replace(made.assignments, logins={i: f"{i}@acme.com" for i in ids}))
    made = with_provider(made, organization=organization(purchased=50, used=held, free=50 - held))
    return with_app(made, features=features, connection_status="UNKNOWN")


def plan(desired: Desired, made: Actual, known: Memory | None = None) -> Plan:
    return make_plan(desired, made, known or memory())


def kinds(actions: Any) -> list[str]:
    return [action.kind.value for action in actions]


def test_switching_over_creates_fills_and_only_then_takes_the_old_group_off() -> None:
    found = plan(OKTA, state(3, held=1)).actions
    assert kinds(found) == [
        "CreateSeatGroup", "AssignGroup", "AddToSeatGroup", "AddToSeatGroup", "UnassignGroup",
    ]  # fmt: skip
    assert all(action.is_switchover for action in found)
    assert set(found[-1].needs) == {action.key for action in found[:-1]}


def test_whoever_has_an_account_moves_first_even_beyond_the_limit() -> None:
    added = [a for a in plan(OKTA, state(4, held=3)).actions if a.kind is ActionKind.ADD_TO_SEAT_GROUP]
    assert [a.subject for a in added] == ["00u0", "00u1", "00u2"]
    assert {a.touch for a in added} == {Touch.SETTING}


def test_who_finds_no_seat_is_not_put_into_the_group() -> None:
    found = plan(OKTA, state(5, seats=["00u0", "00u1"], held=2))
    assert kinds(found.actions) == []
    assert found.seats is not None and [login for _, login in found.seats.waiting] == [
        "00u2@acme.com", "00u3@acme.com", "00u4@acme.com",
    ]  # fmt: skip


def test_a_seat_that_was_given_counts_before_okta_has_pushed() -> None:
    desired = replace(OKTA, seats=desired_seats(3))
    found = plan(desired, state(5, seats=["00u0", "00u1"], held=2))
    (added,) = found.actions
    assert added.touch is Touch.CREATE and found.counts.pending == 1
    seats = settle(desired.seats, found.seats, done(found.actions))
    assert seats is not None and (seats.used, len(seats.waiting)) == (3, 2)
    again = plan(desired, state(5, seats=["00u0", "00u1", "00u2"], held=2))
    assert again.actions == () and again.seats is not None and again.seats.used == 3


def test_before_okta_pushes_the_switch_over_needs_a_yes_and_no_step() -> None:
    made, known = state(4, features=frozenset()), memory()
    found = plan(OKTA, made, known)
    assert [step.step_id for step in found.steps if step.blocks] == ["okta-connection", "okta-to-app"]
    reasons = {why for _, why in judge(found, OKTA, made, known, Circumstances(NOW)).held}
    assert reasons == {HoldReason.AWAITING_APPROVAL}


def test_where_no_group_has_to_go_assigning_waits_for_the_steps() -> None:
    made, known = state(4, features=frozenset()), memory()
    made = replace(made, assignments=replace(made.assignments, app_groups={}, people=()))
    found = plan(OKTA, made, known)
    verdict = judge(found, OKTA, made, known, Circumstances(NOW))
    assert {why for _, why in verdict.held} == {HoldReason.BLOCKED_BY_STEP}


def test_a_member_who_is_no_candidate_any_more_is_taken_out() -> None:
    made = state(2, seats=["00u0", "00u7"], held=1)
    (gone,) = [a for a in plan(OKTA, made).actions if a.kind is ActionKind.REMOVE_FROM_SEAT_GROUP]
    assert (gone.subject, gone.touch) == ("00u7", Touch.REMOVAL)
    assert plan(replace(OKTA, on_unassigned="Keep"), made).actions == ()
    protected = plan(replace(OKTA, protected=frozenset({"00u7"})), made)
    assert [one.reason for one in protected.problems] == ["Protected"] and protected.actions == ()


@pytest.mark.parametrize("short", ["g1", "g2"])
def test_a_group_that_was_not_read_whole_moves_nobody_out(short: str) -> None:
    made = state(2, seats=["00u0", "00u7"], held=1)
    groups = dict(made.assignments.groups)
    groups[short] = replace(groups[short], users_count=9)
    found = plan(OKTA, replace(made, assignments=replace(made.assignments, groups=groups)))
    assert "RemoveFromSeatGroup" not in kinds(found.actions)
    assert [one.reason for one in found.problems] == ["ReadIncomplete"]


def test_two_groups_of_the_seat_groups_name_are_refused() -> None:
    made = state(2, seats=["00u0"], held=1)
    groups = {**made.assignments.groups, "g3": group("g3", "Seats", 0)}
    found = plan(OKTA, replace(made, assignments=replace(made.assignments, groups=groups)))
    assert found.actions == () and found.seats is None
    assert found.problems[0].field == "spec.assignments.seatGroup.name"


def test_who_is_suspended_staged_or_locked_out_sits_by_state() -> None:
    made = state(4, seats=["00u0"], held=1)
    states = {1: PersonState.SUSPENDED, 2: PersonState.NOT_YET_ACTIVE, 3: PersonState.ACTIVE}
    people = (made.assignments.people[0], *(person(n, state=s) for n, s in states.items()))
    made = replace(made, assignments=replace(made.assignments, people=people))
    added = plan(replace(OKTA, seats=desired_seats(50)), made).actions
    assert [a.subject for a in added] == ["00u3"]
    asked = plan(replace(OKTA, seats=desired_seats(50), create_not_yet_active=True), made).actions
    assert {a.subject for a in asked} == {"00u2", "00u3"}


def test_without_a_limit_everybody_gets_in() -> None:
    made = plan(replace(OKTA, seats=None), state(3))
    assert kinds(made.actions).count("AddToSeatGroup") == 3
    assert made.seats is None


def test_while_the_number_of_seats_is_unknown_only_those_with_an_account_move() -> None:
    unknown = with_provider(state(3, held=1), organization=None, table=None)
    made = plan(replace(OKTA, seats=desired_seats(None)), unknown)
    assert [a.subject for a in made.actions if a.kind is ActionKind.ADD_TO_SEAT_GROUP] == ["00u0"]


def test_a_group_that_a_rule_fills_is_left_alone_and_told() -> None:
    """Okta would bring back whom we take out, and let in who has no seat."""
    made = state(3, held=2, seats=["00u0", "00u9"])
    ruled = replace(made, assignments=replace(made.assignments, rules={"g2": ("Everyone in Sales", "Staff")}))
    found = plan(OKTA, ruled)
    assert found.actions == ()
    (problem,) = found.problems
    assert (problem.reason, problem.field) == ("GroupRuleFillsSeats", "spec.assignments.seatGroup.name")
    assert "the group rule Everyone in Sales, Staff puts people into Seats" in problem.message
    other = replace(made, assignments=replace(made.assignments, rules={"g1": ("Everyone in Sales",)}))
    assert plan(OKTA, other).actions == plan(OKTA, made).actions != ()
