"""SCIM groups that the operator fills: who is moved, who is let be, what a person is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.actions import ActionKind, Touch
from controller.model.actual import GroupState
from controller.model.people import OktaId, PersonState, ScimId
from controller.planning.groups.memberships import group_after, groups_before, groups_to_read
from controller.planning.make_plan import make_plan
from controller.planning.policy.change_limits import people_of
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.state.after_run import Run, remember
from tests.unit.planning.grouped import (
    BOTH,
    ENGINEERING,
    LEGAL,
    SALES,
    Members,
    after,
    changes,
    desired,
    moves,
    of,
    regrouped,
    settled,
    world,
)
from tests.unit.planning.world import (
    APP,
    NOW,
    URL,
    account_of,
    actual,
    desired_scim_groups,
    make_desired,
    memory,
    with_groups,
)

# Who is moved.


def test_everybody_is_put_where_their_value_leads_and_taken_out_of_where_it_does_not() -> None:
    state, known = world({1: SALES, 2: ENGINEERING, 3: SALES}, {SALES: [2, 3], ENGINEERING: []})
    plan = make_plan(desired(), state, known)
    assert moves(plan) == {"00u1": ((SALES,), ()), "00u2": ((ENGINEERING,), (SALES,))}
    first, second = changes(plan)
    assert (first.label, first.touch, first.remote_id) == ("p1@acme.com", Touch.CHANGE, "s-00u1")
    assert people_of(first) == ("00u1",)
    assert second.before == (("group Engineering", None), ("group Sales", "member"))
    assert second.after == (("group Engineering", "member"), ("group Sales", None))
    assert second.why == "the value Engineering leads to the group Engineering"
    assert plan.drift == () and plan.counts.pending == 2


def test_what_is_up_to_date_is_left_alone() -> None:
    state, known = world({1: SALES}, {SALES: [1], ENGINEERING: []})
    plan = make_plan(desired(), state, known)
    assert (plan.actions, plan.placed) == ((), {"00u1": SALES})


def test_groups_that_nothing_names_and_members_who_are_not_ours_are_let_be() -> None:
    state, known = world({1: SALES}, {SALES: [1, 8, 9], ENGINEERING: [9], "Board": [1, 9]})
    assert make_plan(desired(), state, known).actions == ()


UNMAPPED = (
    ("Keep", {}, LEGAL, None),
    ("Keep", {}, None, None),
    ("Remove", {}, LEGAL, ((), (SALES,))),
    ("Remove", {}, None, ((), (SALES,))),
    ("UseValue", {}, LEGAL, ((LEGAL,), (SALES,))),
    ("UseValue", {}, None, ((), (SALES,))),
    ("Default", {"unmapped_group": LEGAL}, "Other", ((LEGAL,), (SALES,))),
    ("Default", {"unmapped_group": LEGAL}, "", ((LEGAL,), (SALES,))),
)


@pytest.mark.parametrize(("action", "more", "value", "moved"), UNMAPPED)
def test_whose_value_no_row_claims_follows_the_rule(
    action: str, more: dict[str, str], value: str | None, moved: Any
) -> None:
    state, known = world({1: value}, {SALES: [1], ENGINEERING: [], LEGAL: []})
    plan = make_plan(desired(unmapped=action, **more), state, known)
    assert moves(plan).get("00u1") == moved
    if moved and not moved[0]:
        assert changes(plan)[0].why == f"{f'the value {value}' if value else 'no value'} leads to no group"


def test_a_contested_value_moves_nobody() -> None:
    declared = desired({ENGINEERING: ENGINEERING}, contested=frozenset({SALES}), unmapped="Remove")
    state, known = world({1: SALES}, {SALES: [], ENGINEERING: [1]})
    assert make_plan(declared, state, known).actions == ()


def test_without_any_mapping_nothing_is_read_nor_touched() -> None:
    declared = desired({}, mappings=frozenset(), unmapped="Remove")
    state, known = world({1: SALES}, {SALES: [1]})
    known = replace(known, claims={SALES: ("teams", SALES)}, placed={OktaId("00u1"): SALES})
    plan, _, remembered = after(declared, state, known)
    assert plan.actions == () and plan.placed is None
    assert (remembered.claims, remembered.placed) == (known.claims, known.placed)
    assert groups_to_read(declared, state.assignments.people, APP.user_types, known) == frozenset()


STATES = (
    ("suspended", {"state": PersonState.SUSPENDED}),
    ("not yet active", {"state": PersonState.NOT_YET_ACTIVE}),
)


@pytest.mark.parametrize(("name", "change"), STATES, ids=[row[0] for row in STATES])
def test_who_is_to_have_no_account_keeps_their_memberships(name: str, change: dict[str, Any]) -> None:
    one = of(1, ENGINEERING, **change)
    state = with_groups(actual([one], [account_of(one)]), {SALES: [1], ENGINEERING: []})
    assert changes(make_plan(desired(), state, memory([account_of(one)]))) == [], name


def test_who_leaves_keeps_their_memberships() -> None:
    one = of(1, ENGINEERING, state=PersonState.DEACTIVATED)
    state = with_groups(actual([one], [account_of(one)]), {SALES: [1], ENGINEERING: []})
    plan = make_plan(desired(), state, memory([account_of(one)]))
    assert [action.kind for action in plan.actions] == [ActionKind.DEACTIVATE_ACCOUNT]


def test_somebody_protected_is_left_alone_and_told_once() -> None:
    declared = desired(protected=frozenset({"p1@acme.com"}))
    state, known = world({1: ENGINEERING}, {SALES: [1], ENGINEERING: []})
    renamed = replace(state.accounts.accounts[0], values=("other", "p1@acme.com", None))
    state = replace(state, accounts=replace(state.accounts, accounts=(renamed,)))
    plan = make_plan(declared, state, known)
    assert plan.actions == () and [problem.reason for problem in plan.problems] == ["Protected"]


# Accounts that this plan makes, brings back, or takes over.


def test_who_gets_an_account_is_put_into_their_group_by_the_same_plan() -> None:
    state = with_groups(actual([of(1, SALES)]), BOTH)
    plan = make_plan(desired(), state, memory())
    creation, joining = plan.actions
    assert (creation.kind, joining.kind) == (ActionKind.CREATE_ACCOUNT, ActionKind.CHANGE_MEMBERSHIPS)
    assert (joining.needs, joining.remote_id, joining.touch) == ((creation.key,), "", Touch.CREATE)
    assert plan.counts.pending == 1 and plan.preview.moves == ()


def test_an_account_of_a_run_that_came_to_no_end_is_new_and_one_of_ours_is_changed() -> None:
    one = of(1, SALES)
    state = with_groups(actual([one], [account_of(one)]), BOTH)
    assert changes(make_plan(desired(), state, memory()))[0].touch is Touch.CREATE
    owned = memory([account_of(one)])
    recovered = replace(owned, creating={one.okta_id: "p1@acme.com"})
    assert changes(make_plan(desired(), state, recovered))[0].touch is Touch.CREATE
    assert changes(make_plan(desired(), state, owned))[0].touch is Touch.CHANGE
    moved = with_groups(state, {SALES: [], ENGINEERING: [1]})
    assert changes(make_plan(desired(), moved, memory()))[0].touch is Touch.CHANGE


def test_who_got_an_account_and_a_group_is_remembered_as_placed() -> None:
    _, state, known = after(desired(), with_groups(actual([of(1, SALES)]), BOTH), memory(), is_first=False)
    assert known.placed == {"00u1": SALES}
    assert make_plan(desired(), state, known).actions == ()


def test_who_waits_for_a_seat_is_in_no_group_yet() -> None:
    state = with_groups(actual([of(1, SALES)]), BOTH)
    assert make_plan(desired(actions=frozenset()), state, memory()).actions == ()


def test_who_is_brought_back_is_moved_after_that() -> None:
    one = of(1, ENGINEERING)
    held = account_of(one, active=False)
    plan = make_plan(
        desired(), with_groups(actual([one], [held]), {SALES: [1], ENGINEERING: []}), memory([held])
    )
    back, move = plan.actions
    assert (move.needs, move.remote_id) == ((back.key,), "s-00u1")


def test_an_account_that_is_taken_over_is_moved_after_that() -> None:
    one = of(1, SALES)
    held = account_of(one, external_id="")
    plan = make_plan(desired(), with_groups(actual([one], [held]), BOTH), memory())
    taken, move = plan.actions
    assert taken.kind is ActionKind.UPDATE_ACCOUNT and move.needs == (taken.key,)


@pytest.mark.parametrize("change", [{"external_id": "00ux"}, {"active": False}])
def test_an_account_that_is_not_ours_to_write_is_not_moved(change: dict[str, Any]) -> None:
    one = of(1, SALES)
    held = account_of(one, **change)
    declared = desired(actions=frozenset({"Create", "Update"}))
    plan = make_plan(declared, with_groups(actual([one], [held]), BOTH), memory())
    assert changes(plan) == []


# What is remembered: edits by hand, rows that were dropped, mappings that are gone.


def test_what_a_run_has_done_is_remembered_and_the_next_finds_nothing() -> None:
    state, known = settled({1: SALES, 2: LEGAL}, {SALES: [2], ENGINEERING: []}, unmapped="Remove")
    assert known.placed == {"00u1": SALES, "00u2": ""}
    assert known.claims == {SALES: ("teams", SALES), ENGINEERING: ("teams", ENGINEERING)}
    assert make_plan(desired(unmapped="Remove"), state, known).actions == ()


def test_what_a_new_or_a_returning_account_lacks_is_no_edit_of_its_groups() -> None:
    state, known = settled({1: SALES, 2: SALES})
    inactive = replace(state.accounts.accounts[1], active=False)
    state = replace(state, accounts=replace(state.accounts, accounts=(inactive,)))
    plan = make_plan(desired(), regrouped(state, BOTH), known)
    assert [one.why for one in changes(plan)] == ["the value Sales leads to the group Sales"] * 2
    assert [one.what for one in plan.drift] == ["p1@acme.com account"]


EDITS: tuple[tuple[str, Members, str | None], ...] = (
    ("taken out", {SALES: [], ENGINEERING: []}, None),
    ("moved", {SALES: [], ENGINEERING: [1]}, ENGINEERING),
    ("put into another as well", {SALES: [1], ENGINEERING: [1]}, "Engineering, Sales"),
)


@pytest.mark.parametrize(("name", "members", "held"), EDITS, ids=[row[0] for row in EDITS])
def test_an_edit_by_hand_is_drift_and_put_right(name: str, members: Members, held: str | None) -> None:
    state, known = settled({1: SALES, 2: ENGINEERING})
    members = {
        group: [*numbers, *([2] if group == ENGINEERING else [])] for group, numbers in members.items()
    }
    plan = make_plan(desired(), regrouped(state, members), known)
    assert [(one.what, one.expected, one.actual) for one in plan.drift] == [
        ("p1@acme.com groups", SALES, held)
    ]
    assert [one.why for one in plan.actions] == ["changed at the provider by hand"], name


def test_an_edit_by_hand_is_only_told_with_drift_report_however_often() -> None:
    state, known = settled({1: SALES, 2: LEGAL}, BOTH, unmapped="Remove")
    state = regrouped(state, {SALES: [2], ENGINEERING: []})
    declared = desired(corrects_drift=False, unmapped="Remove")
    for _ in range(2):
        plan, _, known = after(declared, state, known)
        assert plan.actions == ()
        assert [(one.okta_id, one.expected, one.actual) for one in plan.drift] == [
            ("00u1", SALES, None),
            ("00u2", None, SALES),
        ]


def test_a_change_in_okta_is_written_with_drift_report_too() -> None:
    state, known = settled({1: SALES})
    people = (of(1, ENGINEERING),)
    state = replace(state, assignments=replace(state.assignments, people=people))
    plan = make_plan(desired(corrects_drift=False), state, known)
    assert plan.drift == () and moves(plan) == {"00u1": ((ENGINEERING,), (SALES,))}


def test_a_group_that_is_newly_named_holds_nobody_by_hand() -> None:
    state, known = settled({1: SALES})
    state = regrouped(state, {SALES: [1], ENGINEERING: [], LEGAL: [1]})
    named = desired({SALES: SALES, ENGINEERING: ENGINEERING, "Law": LEGAL}, corrects_drift=False)
    plan = make_plan(named, state, known)
    assert plan.drift == () and moves(plan) == {"00u1": ((), (LEGAL,))}


def test_people_leave_the_group_of_a_row_that_leads_elsewhere_now() -> None:
    state, known = settled({1: SALES})
    state = regrouped(state, {SALES: [1, 9], ENGINEERING: [], "Vendors": []})
    declared = desired({SALES: "Vendors", ENGINEERING: ENGINEERING})
    plan, held, kept = after(declared, state, known, run=())
    assert moves(plan) == {"00u1": (("Vendors",), (SALES,))}
    assert kept.placed == {"00u1": SALES}, "what waits is remembered as it is"
    plan, held, kept = after(declared, state, kept)
    assert held.accounts.groups is not None
    assert held.accounts.groups.members[SALES] == {"s-00u9"}, "who was put there by somebody else stays"
    assert kept.claims == {SALES: ("teams", "Vendors"), ENGINEERING: ("teams", ENGINEERING)}


def test_a_dropped_row_leaves_its_people_to_the_rule() -> None:
    state, known = settled({1: SALES})
    for rule, moved in (("Keep", {}), ("Remove", {"00u1": ((), (SALES,))})):
        declared = desired({ENGINEERING: ENGINEERING}, unmapped=rule)
        plan, _, kept = after(declared, state, known)
        assert moves(plan) == moved, rule
        assert (SALES in kept.claims, kept.placed["00u1"]) == (
            rule == "Keep",
            SALES if rule == "Keep" else "",
        )


def test_who_was_kept_leaves_the_old_group_once_their_value_leads_elsewhere() -> None:
    state, known = settled({1: SALES})
    declared = desired({ENGINEERING: ENGINEERING})
    _, state, known = after(declared, state, known)
    state = replace(state, assignments=replace(state.assignments, people=(of(1, ENGINEERING),)))
    assert moves(make_plan(declared, state, known)) == {"00u1": ((ENGINEERING,), (SALES,))}


def test_who_was_kept_and_taken_out_by_hand_is_forgotten() -> None:
    state, known = settled({1: SALES})
    declared = desired({ENGINEERING: ENGINEERING})
    _, state, known = after(declared, state, known)
    plan, _, known = after(declared, regrouped(state, BOTH), known)
    assert plan.actions == () and known.placed == {}


def test_what_a_deleted_mapping_claimed_is_released_and_not_emptied() -> None:
    state, known = settled({1: SALES, 2: ENGINEERING})
    other = {"owners": {ENGINEERING: "others"}, "mappings": frozenset({"others"})}
    declared = desired({ENGINEERING: ENGINEERING}, unmapped="Remove", **other)
    for _ in range(2):
        plan, state, known = after(declared, state, known)
        assert plan.actions == ()
        assert known.claims[SALES] == ("teams", SALES)
    state = replace(
        state, assignments=replace(state.assignments, people=(of(1, ENGINEERING), of(2, ENGINEERING)))
    )
    assert moves(make_plan(declared, state, known)) == {"00u1": ((ENGINEERING,), ())}, (
        "its group is nobody's now"
    )


def test_nothing_is_noted_down_while_the_first_plan_waits_or_nothing_may_be_written() -> None:
    state, known = world({1: SALES})
    _, _, kept = after(desired(mode="Observe"), state, known)
    assert (kept.claims, kept.placed) == ({}, {})


def test_another_tenant_or_another_way_into_groups_forgets() -> None:
    state, known = settled({1: SALES})
    elsewhere = make_plan(desired(base_url=URL + "2"), state, known)
    assert elsewhere.placed == {"00u1": SALES}
    plan = make_plan(make_desired(), state, known)
    verdict = judge(plan, make_desired(), state, known, Circumstances(NOW))
    kept = remember(known, Run(make_desired(), state, plan, verdict, (), NOW))
    assert (kept.claims, kept.placed) == ({}, {})


# What is read, and what a reader is shown.


def test_the_groups_that_are_read() -> None:
    people = [of(1, SALES), of(2, LEGAL), of(3, None), of(4, "a\nb")]
    known = memory(placed={OktaId("00u1"): "Old", OktaId("00u2"): "", OktaId("00u9"): "Other"})
    types = APP.user_types
    assert groups_to_read(desired(), people, types, known) == {SALES, ENGINEERING, "Old"}
    by_value = groups_to_read(desired(unmapped="UseValue"), people, types, known)
    assert by_value == {SALES, ENGINEERING, LEGAL, "Old", "a\nb"}
    default = desired(unmapped="Default", unmapped_group="Everyone")
    assert groups_to_read(default, people, types, memory()) == {SALES, ENGINEERING, "Everyone"}
    nobody = desired(unmapped="UseValue", sources={"contractor": desired_scim_groups().sources["default"]})
    assert groups_to_read(nobody, people, types, memory()) == {SALES, ENGINEERING}
    assert groups_to_read(make_desired(), people, types, known) == frozenset()
    assert groups_to_read(make_desired(group=None), people, types, known) == frozenset()
    assert groups_to_read(desired(is_departing=True), people, types, known) == frozenset()


def test_who_would_move_is_shown() -> None:
    state, known = world({1: ENGINEERING, 2: SALES, 3: SALES}, {SALES: [1, 3], ENGINEERING: [1]})
    plan = make_plan(desired(), state, known)
    assert [(one.login, one.before, one.after) for one in plan.preview.moves] == [
        ("p1@acme.com", "Engineering, Sales", ENGINEERING),
        ("p2@acme.com", "", SALES),
    ]
    assert dict(plan.preview.people_by_value) == {ENGINEERING: 1, SALES: 2}


def test_an_action_says_where_it_leads() -> None:
    state, known = world({1: LEGAL}, {SALES: [1], ENGINEERING: []})
    (action,) = changes(make_plan(desired(unmapped="Remove"), state, known))
    assert (groups_before(action), group_after(action)) == ((SALES,), "")


def test_a_group_that_was_not_read_removes_nobody() -> None:
    state, known = world({1: ENGINEERING}, BOTH)
    groups = GroupState({SALES: ("g1",), ENGINEERING: ("g2",)}, {ENGINEERING: frozenset({ScimId("s-00u1")})})
    state = replace(state, accounts=replace(state.accounts, groups=groups))
    assert make_plan(desired(), state, known).actions == ()
