"""Groups that lack, are there twice, or differ in case; a provider that shows none."""

from __future__ import annotations

from dataclasses import replace

from controller.model.actions import ActionKind, Touch
from controller.planning.make_plan import make_plan
from tests.unit.planning.grouped import BOTH, ENGINEERING, LEGAL, SALES, changes, desired, moves, of, world
from tests.unit.planning.world import actual, memory, table, with_groups, with_provider


def test_a_group_that_lacks_is_told_on_its_mapping_and_nobody_is_moved() -> None:
    state, known = world({1: SALES}, {ENGINEERING: [1]})
    plan = make_plan(desired(), state, known)
    (problem,) = plan.problems
    assert plan.actions == () and plan.placed == {}
    assert (problem.kind, problem.name, problem.reason) == ("GroupMapping", "teams", "ProviderGroupMissing")
    assert "WhenMissing" in problem.message


def test_a_group_that_lacks_is_made_first_where_that_is_declared() -> None:
    state, known = world({1: SALES}, {ENGINEERING: []})
    plan = make_plan(
        desired({SALES: SALES, ENGINEERING: ENGINEERING, LEGAL: LEGAL}, create_groups=True), state, known
    )
    made = [one for one in plan.actions if one.kind is ActionKind.CREATE_PROVIDER_GROUP]
    assert [(one.subject, one.touch, one.after) for one in made] == [
        (LEGAL, Touch.SETTING, (("displayName", LEGAL),)),
        (SALES, Touch.SETTING, (("displayName", SALES),)),
    ]
    assert changes(plan)[0].needs == ("CreateProviderGroup/Sales",)
    assert plan.counts.pending == 1 and plan.problems == ()


def test_a_group_whose_name_differs_in_case_is_neither_made_nor_used() -> None:
    state, known = world({1: SALES}, {"SALES": [], ENGINEERING: []})
    plan = make_plan(desired(create_groups=True), state, known)
    assert plan.actions == ()
    assert "the provider has SALES and no Sales" in plan.problems[0].message


def test_two_groups_of_one_name_are_both_let_be() -> None:
    state, known = world({1: SALES, 2: ENGINEERING}, {ENGINEERING: []})
    groups = state.accounts.groups
    assert groups is not None
    twofold = replace(groups, ids={**groups.ids, SALES: ("g1", "g2")})
    state = replace(state, accounts=replace(state.accounts, groups=twofold))
    plan = make_plan(desired(create_groups=True), state, known)
    assert moves(plan) == {"00u2": ((ENGINEERING,), ())}
    (problem,) = plan.problems
    assert (problem.kind, problem.reason) == ("GroupMapping", "ProviderGroupAmbiguous")


def test_a_group_that_only_a_value_names_and_that_lacks_is_told_on_whoever_has_it() -> None:
    state, known = world({1: LEGAL, 2: SALES}, BOTH)
    plan = make_plan(desired(unmapped="UseValue"), state, known)
    (problem,) = plan.problems
    assert (problem.reason, problem.okta_id) == ("ProviderGroupMissing", "00u1")
    assert "p1@acme.com stays where they are" in problem.message
    assert list(moves(plan)) == ["00u2"]


def test_the_group_of_the_rule_that_lacks_is_told_once_on_the_integration() -> None:
    state, known = world({1: LEGAL, 2: LEGAL}, BOTH)
    plan = make_plan(desired(unmapped="Default", unmapped_group="Everyone"), state, known)
    (problem,) = plan.problems
    assert (problem.kind, problem.name, problem.field) == (
        "ScimIntegration",
        "calendly",
        "spec.groups.unmapped.group",
    )
    assert "no group Everyone" in problem.message


def test_two_groups_of_a_value_are_told_on_whoever_has_it() -> None:
    state, known = world({1: LEGAL}, BOTH)
    groups = state.accounts.groups
    assert groups is not None
    twofold = replace(groups, ids={**groups.ids, LEGAL: ("g1", "g2")})
    state = replace(state, accounts=replace(state.accounts, groups=twofold))
    (problem,) = make_plan(desired(unmapped="UseValue"), state, known).problems
    assert (problem.reason, problem.okta_id) == ("ProviderGroupAmbiguous", "00u1")


def test_a_value_that_can_be_no_name_of_a_group_is_told() -> None:
    state, known = world({1: "a\nb"}, BOTH)
    plan = make_plan(desired(unmapped="UseValue", create_groups=True), state, known)
    assert plan.actions == ()
    assert [(problem.reason, problem.okta_id) for problem in plan.problems] == [("ValueNotSent", "00u1")]


def test_a_provider_without_groups_is_told_and_people_are_provisioned() -> None:
    state = with_groups(actual([of(1, SALES)]), {}, fault="404")
    plan = make_plan(desired(), state, memory())
    assert [action.kind for action in plan.actions] == [ActionKind.CREATE_ACCOUNT]
    assert [(one.kind, one.reason, one.field) for one in plan.problems] == [
        ("GroupMapping", "GroupsNotServed", "spec.integrationRef"),
        ("ScimIntegration", "GroupsNotServed", "spec.groups.via"),
    ]
    assert plan.placed is None


def test_a_provider_whose_own_table_decides_is_told() -> None:
    state, known = world({1: SALES})
    plan = make_plan(desired(), with_provider(state, table=table()), known)
    assert plan.actions == () and {one.reason for one in plan.problems} == {"GroupTableInUse"}
    without = make_plan(desired(), with_provider(state, table=None), known)
    assert moves(without) == {"00u1": ((SALES,), ())}
