"""The value -> group table: ownership of rows, groups that lack, edits by hand, who is moved, the preview."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.actions import Action, Touch
from controller.model.actual import Actual, GroupTable, Memory
from controller.model.plan import Plan
from controller.planning.base.desired import Desired
from controller.planning.groups.mapping_table import table_of
from controller.planning.make_plan import make_plan
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.state.after_run import Run, remember
from tests.unit.planning.world import (
    GROUP,
    NOW,
    account_of,
    actual,
    desired_groups,
    done,
    make_desired,
    memory,
    organization,
    person,
    table,
    with_provider,
)


def world(present: GroupTable | None) -> tuple[Actual, Memory]:
    people = [person(1), person(2), replace(person(3), profile=("Engineering", "p3@acme.com", "p3"))]
    held = [account_of(one) for one in people]
    return with_provider(actual(people, held), table=present), memory(held)


def plan_of(desired: Desired, present: GroupTable | None, **known: object) -> Plan:
    state, remembered = world(present)
    return make_plan(desired, state, replace(remembered, **known))


def saved(plan: Plan) -> dict[str, str]:
    (action,) = plan.actions
    return {value: name for values, name in table_of(action).rows for value in values}


def test_a_table_as_declared_is_left_alone() -> None:
    assert plan_of(make_desired(), table()).actions == ()


def test_a_row_that_lacks_is_added_and_its_people_are_counted() -> None:
    plan = plan_of(make_desired(), table({"Engineering": "Engineering"}))
    (action,) = plan.actions
    assert saved(plan) == {"Engineering": "Engineering", "Sales": "Sales"}
    assert (action.touch, action.people, action.remote_id) == (Touch.CHANGE, ("00u1", "00u2"), "d1")
    assert action.why == "Sales -> Sales"
    assert plan.drift == ()


def test_a_row_that_moves_nobody_is_a_setting() -> None:
    desired = make_desired(
        group=desired_groups({"Sales": "Sales", "Engineering": "Engineering", "Legal": "Sales"})
    )
    (action,) = plan_of(desired, table()).actions
    assert (action.touch, action.people) == (Touch.SETTING, ())


def test_people_without_an_account_move_nowhere() -> None:
    state, known = world(table({"Engineering": "Engineering"}))
    state = replace(state, accounts=replace(state.accounts, accounts=()))
    plan = make_plan(make_desired(), state, replace(known, pairs={}))
    assert plan.actions[0].people == ()


ROWS = (
    (
        "of a mapping that dropped it",
        {"Legal": ("teams", "Sales")},
        {"Sales": "Sales", "Engineering": "Engineering"},
    ),
    ("of a mapping that is gone", {"Legal": ("old", "Sales")}, None),
    ("of nobody", {}, None),
)


@pytest.mark.parametrize(("name", "rows", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_too_many(name: str, rows: dict[str, tuple[str, str]], expected: dict[str, str] | None) -> None:
    present = table({"Sales": "Sales", "Engineering": "Engineering", "Legal": "Sales"})
    plan = plan_of(make_desired(), present, rows=rows)
    assert (saved(plan) if plan.actions else None) == expected, name
    if plan.actions:
        assert plan.actions[0].why == "Legal is no longer mapped"


def test_without_any_mapping_the_table_is_left_alone() -> None:
    desired = make_desired(group=desired_groups({}, mappings=frozenset()))
    assert plan_of(desired, table(), rows={"Sales": ("teams", "Sales")}).actions == ()
    assert plan_of(make_desired(group=None), table()).actions == ()
    assert plan_of(make_desired(), None).actions == ()


def test_a_contested_value_keeps_the_row_it_has() -> None:
    desired = make_desired(
        group=desired_groups({"Engineering": "Engineering"}, contested=frozenset({"Sales", "Legal"}))
    )
    present = table({"Sales": "Elsewhere", "Engineering": "Engineering"}, groups=frozenset({"Engineering"}))
    assert plan_of(desired, present, rows={"Sales": ("teams", "Sales")}).actions == ()


def test_a_group_that_lacks_is_told_on_its_mapping_and_the_rest_is_saved() -> None:
    desired = make_desired(
        group=desired_groups({"Sales": "Nowhere", "Engineering": "Engineering", "Legal": "Nowhere"})
    )
    plan = plan_of(desired, table({"Sales": "Sales"}))
    assert saved(plan) == {"Sales": "Sales", "Engineering": "Engineering"}
    (problem,) = plan.problems
    assert (problem.kind, problem.name, problem.reason) == ("GroupMapping", "teams", "ProviderGroupMissing")
    assert "createGroups of ScimIntegration calendly" in problem.message


def test_a_group_that_lacks_is_created_where_that_is_declared() -> None:
    desired = make_desired(
        group=desired_groups({"Sales": "Nowhere", "Engineering": "Engineering"}, create_groups=True)
    )
    plan = plan_of(desired, table())
    assert saved(plan)["Sales"] == "Nowhere"
    assert dict(plan.actions[0].after)["createGroups"] == "WhenMissing"


UNMAPPED = (
    ("Remove", "", "Remove"),
    ("UseValue", "", "UseValue"),
    ("Default", "Everyone", "Default/Everyone"),
)


@pytest.mark.parametrize(("action", "group", "text"), UNMAPPED)
def test_the_rule_for_unmapped_values_is_saved(action: str, group: str, text: str) -> None:
    desired = make_desired(group=desired_groups(unmapped=action, unmapped_group=group))
    plan = plan_of(desired, table())
    assert table_of(plan.actions[0]).unmapped == text
    assert table_of(plan.actions[0]).attribute == GROUP
    assert plan.actions[0].why == "the table's settings are declared otherwise"


OURS = {"Sales": ("teams", "Sales"), "Engineering": ("teams", "Engineering")}


def test_a_row_changed_by_hand_is_drift_and_put_back() -> None:
    present = table({"Sales": "Engineering", "Engineering": "Engineering"})
    plan = plan_of(make_desired(), present, rows=OURS)
    assert saved(plan)["Sales"] == "Sales"
    assert [(d.what, d.expected, d.actual) for d in plan.drift] == [
        ("group table row Sales", "Sales", "Engineering")
    ]
    told = plan_of(make_desired(corrects_drift=False), present, rows=OURS)
    assert told.actions == ()
    assert len(told.drift) == 1


def test_a_changed_declaration_is_no_drift() -> None:
    desired = make_desired(group=desired_groups({"Sales": "Engineering", "Engineering": "Engineering"}))
    plan = plan_of(desired, table(), rows=OURS)
    assert plan.drift == ()
    assert saved(plan)["Sales"] == "Engineering"


def test_a_row_that_would_move_somebody_protected_stays() -> None:
    desired = make_desired(protected=frozenset({"p1@acme.com"}))
    plan = plan_of(desired, table({"Sales": "Engineering"}))
    assert saved(plan) == {"Sales": "Engineering", "Engineering": "Engineering"}
    assert [problem.reason for problem in plan.problems] == ["Protected"]


EVERYBODY = (
    ("Remove", "", ("00u1", "00u2", "00u4"), "in no group any more"),
    ("Default", "Everyone", ("00u1", "00u2", "00u4"), "in the default group"),
    ("UseValue", "", ("00u1", "00u2", "00u4"), "in groups of their own name, or none"),
    ("Keep", "", (), "where they are"),
)


@pytest.mark.parametrize(("action", "group", "moved", "why"), EVERYBODY, ids=[row[3] for row in EVERYBODY])
def test_a_changed_rule_for_unmapped_values_counts_those_whom_it_moves(
    action: str, group: str, moved: tuple[str, ...], why: str
) -> None:
    """Sales is claimed by no row, and person 4 has no value."""
    state, known = world(table({"Engineering": "Engineering"}))
    nobody = replace(person(4), profile=("", "p4@acme.com", "p4"))
    people, held = (*state.assignments.people, nobody), (*state.accounts.accounts, account_of(nobody))
    state = replace(
        state,
        assignments=replace(state.assignments, people=people),
        accounts=replace(state.accounts, accounts=held),
    )
    rows = {"Engineering": "Engineering"}
    desired = make_desired(group=desired_groups(rows, unmapped=action, unmapped_group=group))
    plan = make_plan(desired, state, replace(known, pairs={}))
    assert [one.people for one in plan.actions] == ([moved] if moved else []), why
    assert tuple(move.okta_id for move in plan.preview.moves) == moved


@pytest.mark.parametrize("value", ["Sales", ""])
def test_a_rule_for_unmapped_values_that_would_move_somebody_protected_stays(value: str) -> None:
    state, known = world(table({"Engineering": "Engineering"}))
    first = replace(person(1), profile=(value, "p1@acme.com", "p1"))
    people = (first, *state.assignments.people[1:])
    state = replace(state, assignments=replace(state.assignments, people=people))
    desired = make_desired(
        group=desired_groups({"Engineering": "Engineering"}, unmapped="Remove"), protected=frozenset({"00u1"})
    )
    plan = make_plan(desired, state, known)
    assert [one for one in plan.actions if one.kind.value == "SaveGroupTable"] == []
    told = "the rule for unmapped values of the group table stays as it is"
    assert [problem for problem in plan.problems if told in problem.message]


def test_who_would_move_is_told_by_name_with_both_groups() -> None:
    desired = make_desired(group=desired_groups({"Sales": "Engineering", "Engineering": "Engineering"}))
    assert [(m.login, m.before, m.after) for m in plan_of(desired, table()).preview.moves] == [
        ("p1@acme.com", "Sales", "Engineering"),
        ("p2@acme.com", "Sales", "Engineering"),
    ]


def test_a_changed_value_moves_its_person_alone() -> None:
    state, known = world(table())
    changed = replace(person(1), profile=("Engineering", "p1@acme.com", "p1"))
    state = replace(state, assignments=replace(state.assignments, people=(changed, person(2))))
    moves = make_plan(make_desired(), state, known).preview.moves
    assert [(m.login, m.before, m.after) for m in moves] == [("p1@acme.com", "Sales", "Engineering")]


def test_without_an_admin_api_moves_are_told_by_the_declared_table() -> None:
    state, known = world(None)
    changed = [replace(person(n), profile=(v, f"p{n}@acme.com", f"p{n}")) for n, v in ((1, "Legal"), (2, ""))]
    state = replace(state, assignments=replace(state.assignments, people=tuple(changed)))
    assert make_plan(make_desired(), state, known).preview.moves == (), "unmapped values stay"
    desired = make_desired(group=desired_groups(unmapped="Remove"))
    moves = make_plan(desired, state, known).preview.moves
    assert [(m.okta_id, m.before, m.after) for m in moves] == [("00u1", "Sales", ""), ("00u2", "Sales", "")]


def after(desired: Desired, present: GroupTable, known: Memory, *, saves: bool) -> Memory:
    state, _ = world(present)
    plan = make_plan(desired, state, known)
    verdict = judge(plan, desired, state, known, Circumstances(NOW))
    actions: tuple[Action, ...] = plan.actions if saves else ()
    return remember(known, Run(desired, state, plan, verdict, done(actions), NOW))


def test_rows_are_ours_once_they_are_saved() -> None:
    _, known = world(table())
    assert after(make_desired(), table({}), known, saves=False).rows == {}
    assert after(make_desired(), table({}), known, saves=True).rows == OURS
    assert after(make_desired(), table(), known, saves=False).rows == OURS


def test_rows_of_a_deleted_mapping_are_released() -> None:
    _, known = world(table())
    desired = make_desired(group=desired_groups({"Sales": "Sales"}, mappings=frozenset({"teams"})))
    known = replace(known, rows={"Engineering": ("old", "Engineering")})
    assert after(desired, table(), known, saves=True).rows == {"Sales": ("teams", "Sales")}


def test_a_provider_that_is_switched_off_is_switched_on_before_anything_else() -> None:
    state, known = world(table({}))
    state = with_provider(state, organization=organization(scim_enabled=False))
    state = replace(state, accounts=replace(state.accounts, accounts=()))
    plan = make_plan(make_desired(), state, known)
    assert [action.kind.value for action in plan.actions] == ["EnableScim"]
    assert plan.goes_on and not plan.compares_people


def test_the_preview_counts_people_by_value() -> None:
    group = desired_groups(
        {"Sales": "Sales", "legal": "Legal", "Nobody": "None"}, contested=frozenset({"Ops"})
    )
    departments = ["Sales", "Sales", "Legal", " LEGAL", "Ops", "Other", None, ""]
    people = [replace(person(n), profile=(d, f"p{n}@acme.com", "x")) for n, d in enumerate(departments)]
    preview = make_plan(make_desired(group=group), actual(people), memory()).preview
    assert dict(preview.people_by_value) == {"Nobody": 0, "Sales": 2, "legal": 0}
    assert dict(preview.unmatched) == {" LEGAL": 1, "Legal": 1, "Other": 1}
    assert dict(preview.suggestions) == {" LEGAL": "legal", "Legal": "legal"}
    assert preview.unused == ("Nobody", "legal")
    assert preview.without_value == 2


@pytest.mark.parametrize(
    "typed",
    ["sales emea", "Sales  EMEA", " Sales EMEA ", "Sales\u00a0EMEA", "Sales\u200b EMEA", "SALES\tEMEA"],
)
def test_what_looks_the_same_to_the_eye_is_suggested(typed: str) -> None:
    people = [replace(person(1), profile=(typed, "p1@acme.com", "x"))]
    preview = make_plan(
        make_desired(group=desired_groups({"Sales EMEA": "Sales"})), actual(people), memory()
    ).preview
    assert dict(preview.suggestions) == {typed: "Sales EMEA"}


def test_numbers_are_values_as_okta_sends_them() -> None:
    group = desired_groups({"7": "Seven", "true": "Yes"})
    people = [replace(person(n), profile=(v, f"p{n}@acme.com", "x")) for n, v in enumerate([7, True, 7.5])]
    preview = make_plan(make_desired(group=group), actual(people), memory()).preview
    assert dict(preview.people_by_value) == {"7": 1, "true": 1}
    assert dict(preview.unmatched) == {"7.5": 1}
