"""Seat groups that the spec names no more: which those are, and when one may leave the app."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, Made, Memory
from controller.model.plan import Plan
from controller.planning.base.desired import Desired, DesiredAssignments
from controller.planning.make_plan import make_plan
from controller.planning.seats.former_groups import (
    created_groups,
    former_groups,
    has_created_group,
    note_seat_groups,
    seat_groups_of,
)
from controller.planning.teardown.plan import plan_departure
from controller.planning.teardown.undo_log import note_made
from tests.unit.planning.world import account_of, actual, group, make_desired, memory, person, ref

ONE, TWO = person(1), person(2)
BOTH = frozenset({ONE.okta_id, TWO.okta_id})
USERS = ref("Users", field="spec.assignments.oktaGroups[0]")
SEATS = DesiredAssignments("SeatGroup", "New", (USERS,), (), False, is_declared=True)
DIRECT = DesiredAssignments("Direct", "", (USERS,), (), prune=False, is_declared=True)
NOTHING = DesiredAssignments("Direct", "", (), (), prune=False, is_declared=False)
KNOWN = memory(seat_groups=frozenset({"g2"}))


def desired(assignments: DesiredAssignments, **changes: Any) -> Desired:
    return make_desired(
        **{"by": "Okta", "group": None, "attributes": (), "assignments": assignments, **changes}
    )


def state(candidates: Any = BOTH, **changes: Any) -> Actual:
    """Both are in the former group Old, which alone is assigned; `candidates` are the members of Users."""
    groups = {"g1": group("g1", "Users", len(candidates)), "g2": group("g2", "Old", 2)}
    members = {"g1": frozenset(candidates), "g2": BOTH}
    given = {"groups": groups, "members": members, "app_groups": {"g2": 0}, **changes}
    return actual([ONE, TWO], [account_of(ONE)], **given)


def left(plan: Plan) -> list[Action]:
    return [one for one in plan.actions if one.kind is ActionKind.UNASSIGN_GROUP]


def test_members_move_with_or_without_an_account_and_then_the_group_leaves() -> None:
    plan = make_plan(desired(SEATS), state(), KNOWN)
    (gone,) = left(plan)
    assert gone.is_switchover and gone.touch is Touch.SETTING and gone.people == ()
    assert set(gone.needs) == {
        "CreateSeatGroup/New", "AssignGroup/New", "AddToSeatGroup/00u1", "AddToSeatGroup/00u2",
    }  # fmt: skip


def test_people_who_are_candidates_no_more_are_counted_as_removals() -> None:
    (gone,) = left(make_plan(desired(SEATS), state({ONE.okta_id}), KNOWN))
    assert (gone.touch, gone.people) == (Touch.REMOVAL, (TWO.okta_id,))


def test_accounts_that_are_kept_move_too() -> None:
    plan = make_plan(desired(SEATS, on_unassigned="Keep"), state({ONE.okta_id}), KNOWN)
    assert left(plan)[0].people == () and "AddToSeatGroup/00u2" in {one.key for one in plan.actions}


def test_while_a_declared_group_was_not_read_whole_the_former_one_stays() -> None:
    seen = state()
    groups = {**seen.assignments.groups, "g1": group("g1", "Users", 9)}
    assert left(make_plan(desired(SEATS), state(groups=groups), KNOWN)) == []


@pytest.mark.parametrize("by", ["Okta", "Operator"])
def test_assigned_directly_the_group_leaves_after_what_is_declared_is_assigned(by: Any) -> None:
    (gone,) = left(make_plan(desired(DIRECT, by=by), state({ONE.okta_id}), KNOWN))
    assert gone.needs == ("AssignGroup/g1",) and gone.people == (TWO.okta_id,)
    through_another = state(
        {ONE.okta_id},
        app_groups={"g2": 0, "g3": 0},
        members={"g1": frozenset({ONE.okta_id}), "g2": BOTH, "g3": frozenset({TWO.okta_id})},
    )
    assert left(make_plan(desired(DIRECT, by=by), through_another, KNOWN))[0].people == ()


def test_what_prune_takes_away_waits_for_what_is_declared_too() -> None:
    (gone,) = left(make_plan(desired(replace(DIRECT, prune=True)), state(), KNOWN))
    assert gone.needs == ("AssignGroup/g1",) and not gone.is_switchover


def test_with_nothing_declared_it_is_reported_and_nobody_loses_access() -> None:
    plan = make_plan(desired(NOTHING), state(), KNOWN)
    assert plan.actions == () and "former seat group Old" in [one.what for one in plan.drift]


def test_a_declared_group_that_is_missing_keeps_the_former_one() -> None:
    unknown = replace(DIRECT, groups=(USERS, ref("Nobody's")))
    assert left(make_plan(desired(unknown), state(), KNOWN)) == []


def test_people_whose_account_is_kept_keep_the_group_if_okta_would_deactivate_them() -> None:
    plan = make_plan(desired(DIRECT, on_unassigned="Keep"), state({ONE.okta_id}), KNOWN)
    assert left(plan) == [] and "former seat group Old" in [one.what for one in plan.drift]


def test_a_protected_member_who_would_lose_access_keeps_the_group() -> None:
    plan = make_plan(desired(SEATS, protected=frozenset({TWO.okta_id})), state({ONE.okta_id}), KNOWN)
    assert left(plan) == [] and [one.reason for one in plan.problems] == ["Protected"]


@pytest.mark.parametrize("members", [{"g1": BOTH, "g2": frozenset({ONE.okta_id})}, {"g1": BOTH}])
def test_a_former_group_that_was_not_read_whole_stays(members: Any) -> None:
    plan = make_plan(desired(SEATS), state(members=members), KNOWN)
    assert left(plan) == [] and "ReadIncomplete" in [one.reason for one in plan.problems]


def test_a_group_whose_name_was_not_read_leaves_by_its_id() -> None:
    seen = state(groups={"g1": group("g1", "Users", 2)})
    assert left(make_plan(desired(SEATS), seen, KNOWN))[0].label == "g2"


def test_a_group_that_the_spec_names_or_that_is_of_another_app_is_no_former_one() -> None:
    assert former_groups(desired(SEATS), state(), replace(KNOWN, app_id="0oa9")) == frozenset()
    named = replace(SEATS, groups=(ref("Old"), ref("Nobody's")))
    assert former_groups(desired(named), state(), KNOWN) == frozenset()
    assert former_groups(desired(replace(SEATS, seat_group="Old")), state(), KNOWN) == frozenset()
    assert former_groups(desired(SEATS), state(), KNOWN) == {"g2"}


def made(name: str, group_id: str = "") -> dict[str, Made]:
    after = (("id", group_id),) if group_id else ()
    one = Made(ActionKind.CREATE_SEAT_GROUP, name, (), after)
    return {one.key: one}


def test_a_created_group_is_known_by_its_id_or_by_its_name_alone() -> None:
    seen = state().assignments
    assert created_groups(seen, made("Renamed since", "g2")) == {"g2"}
    assert created_groups(seen, made("Old")) == {"g2"} and created_groups(seen, made("Gone")) == frozenset()
    assert seat_groups_of(Memory(made={**made("A", "g7"), **made("B")})) == {"g7", "B"}
    assert has_created_group(desired(replace(SEATS, seat_group="Old")), seen, made("Old"))


def test_which_group_is_in_use_is_noted_until_it_is_taken_off() -> None:
    old = desired(replace(SEATS, seat_group="Old"))
    assert note_seat_groups(memory(), old, state(), ()) == {"g2"}

    def act(kind: ActionKind, subject: str, *, switches: bool = True) -> Action:
        return Action(kind, subject, "New", Touch.SETTING, (), (), "a test", is_switchover=switches)

    create, assign = act(ActionKind.CREATE_SEAT_GROUP, "New"), act(ActionKind.ASSIGN_GROUP, "New")
    new = desired(SEATS)
    assert note_seat_groups(KNOWN, new, state(), [(create, "g9"), (assign, "")]) == {"g2", "g9"}
    assert note_seat_groups(KNOWN, new, state(), [(create, ""), (assign, "")]) == {"g2"}
    assert note_seat_groups(KNOWN, new, state(), [(act(ActionKind.ASSIGN_GROUP, "g8"), "")]) == {"g2", "g8"}
    plain = act(ActionKind.ASSIGN_GROUP, "g8", switches=False)
    assert note_seat_groups(KNOWN, new, state(), [(plain, "")]) == {"g2"}
    gone = act(ActionKind.UNASSIGN_GROUP, "g2")
    assert note_seat_groups(KNOWN, new, state(), [(gone, "")]) == frozenset()
    assert note_made(made("Old", "g2"), [(gone, "")]) == {}
    assert note_made(made("Other", "g7"), [(gone, "")]) == made("Other", "g7")
    assert note_made(made("New"), [(gone, "")]) == {}


def test_deletion_undoes_a_former_group_that_is_still_assigned() -> None:
    known = replace(KNOWN, made=made("Old", "g2"))
    plan = plan_departure(desired(SEATS, is_departing=True), state(), known)
    assert [one.key for one in plan.actions] == ["UnassignGroup/g2", "DeleteSeatGroup/g2"]


def test_a_former_group_whose_size_okta_does_not_say_stays_if_nobody_was_read() -> None:
    made = state(members={"g1": BOTH})
    groups = {one: replace(row, users_count=None) for one, row in made.assignments.groups.items()}
    unsized = replace(made, assignments=replace(made.assignments, groups=groups))
    plan = make_plan(desired(SEATS), unsized, KNOWN)
    assert left(plan) == []
    assert "no member of Old was read; it stays assigned" in [one.message for one in plan.problems]
