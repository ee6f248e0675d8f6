"""People who left: their accounts stay the operator's, and a reactivation by hand is drift."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.actions import ActionKind, Touch
from controller.model.actual import DAY_ZERO, Actual, Memory
from controller.model.people import OktaId, PersonState
from controller.model.plan import DriftKind, Plan
from controller.planning.make_plan import make_plan, plan_leavers
from controller.planning.people import leavers
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.state.after_run import Run, remember
from tests.unit.planning.world import (
    GENERIC,
    NOW,
    URL,
    account_of,
    actual,
    desired_scim_groups,
    done,
    make_desired,
    memory,
    person,
    with_groups,
)

ONE, OTHER = person(1), person(2)
HELD = account_of(ONE)
INACTIVE = replace(HELD, active=False)
TODAY = (NOW - DAY_ZERO).days
LEFT = {ONE.okta_id: TODAY - 9}
GONE = {ONE.okta_id: PersonState.DEACTIVATED}
DROPPING = replace(GENERIC, keeps_external_id=False)


def knowing(**changes: Any) -> Memory:
    return replace(memory([HELD, account_of(OTHER)], left=LEFT), **changes)


def back(state: PersonState | None = PersonState.DEACTIVATED, **account: Any) -> Actual:
    """The leaver's account is active again."""
    held = [replace(HELD, **account), account_of(OTHER)]
    return actual([OTHER], held, missing={ONE.okta_id: state})


def plan_of(state: Actual, known: Memory, **changes: Any) -> Plan:
    return make_plan(make_desired(**changes), state, known)


def after(state: Actual, known: Memory, **changes: Any) -> Memory:
    desired = make_desired(**changes)
    plan = make_plan(desired, state, known)
    verdict = judge(plan, desired, state, known, Circumstances(NOW))
    return remember(known, Run(desired, state, plan, verdict, done(verdict.run), NOW))


def test_an_account_that_somebody_reactivated_is_deactivated_again() -> None:
    plan = plan_of(back(), knowing())
    (action,) = plan.actions
    assert (action.kind, action.touch) == (ActionKind.DEACTIVATE_ACCOUNT, Touch.LEAVER)
    assert action.why == "reactivated at the provider by hand"
    (drift,) = plan.drift
    assert (drift.kind, drift.expected, drift.actual) == (DriftKind.ACTIVE, False, True)
    assert after(back(), knowing()).left == {"00u1": TODAY}


def test_with_report_it_is_drift_and_stays() -> None:
    plan = plan_of(back(), knowing(), corrects_drift=False)
    assert plan.actions == ()
    assert [item.kind for item in plan.drift] == [DriftKind.ACTIVE]
    assert after(back(), knowing(), corrects_drift=False).left == LEFT


def test_with_report_a_leaver_still_loses_the_account_though_it_was_edited_before() -> None:
    (action,) = plan_of(back(), knowing(left={}), corrects_drift=False).actions
    assert action.touch is Touch.LEAVER


def test_an_unassigned_person_counts_as_a_removal_and_one_long_deleted_needs_no_approval() -> None:
    for state in (PersonState.ACTIVE, None):
        (action,) = plan_of(back(state), knowing()).actions
        assert action.touch is Touch.REMOVAL
        desired = make_desired()
        plan = make_plan(desired, back(state), knowing())
        assert judge(plan, desired, back(state), knowing(), Circumstances(NOW)).run == plan.actions


def test_an_account_that_was_made_anew_with_the_id_of_a_leaver_is_ours() -> None:
    (action,) = plan_of(back(scim_id="s-new"), knowing()).actions
    assert action.remote_id == "s-new"


def test_providers_that_drop_the_id_are_known_by_the_scim_id() -> None:
    (action,) = plan_of(back(external_id=""), knowing(), profile=DROPPING).actions
    assert action.remote_id == HELD.scim_id


def test_protected_people_and_adopted_accounts_stay_active() -> None:
    protected = plan_of(back(), knowing(), protected=frozenset({"00u1"}))
    assert protected.actions == ()
    assert [one.reason for one in protected.problems] == ["Protected"]
    adopted = knowing(left={}, adopted=frozenset({ONE.okta_id}))
    idle = actual([OTHER], [INACTIVE, account_of(OTHER)], missing={})
    assert after(idle, adopted).left == {}, "whoever deactivated it, it is not ours to keep inactive"
    assert after(idle, adopted, may_deactivate_adopted=True).left == {"00u1": TODAY}
    kept = plan_of(back(), adopted)
    assert kept.actions == ()
    assert [one.reason for one in kept.problems] == ["AdoptedKept"]


def test_somebody_who_comes_back_is_no_drift() -> None:
    edited = replace(INACTIVE, values=("By hand", *INACTIVE.values[1:]))
    known = knowing(confirmed={ONE.okta_id: 7}, confirmed_paths="")
    for corrects in (True, False):
        plan = plan_of(actual([ONE], [edited]), known, corrects_drift=corrects)
        assert [action.kind for action in plan.actions] == [ActionKind.REACTIVATE_ACCOUNT]
        assert plan.drift == ()
        lacking = plan_of(actual([ONE], []), known, corrects_drift=corrects)
        assert [action.kind for action in lacking.actions] == [ActionKind.CREATE_ACCOUNT]
        assert lacking.drift == ()
    assert after(actual([ONE], [INACTIVE]), knowing()).left.get(ONE.okta_id) is None


def test_who_is_back_and_active_is_in_use_again() -> None:
    assert after(actual([ONE, OTHER], [HELD, account_of(OTHER)]), knowing()).left == {}
    waiting = replace(ONE, state=PersonState.SUSPENDED)
    state = actual([waiting, OTHER], [INACTIVE, account_of(OTHER)])
    assert after(state, knowing(), on_suspended="Deactivate").left == LEFT


def test_a_suspended_person_whose_account_is_reactivated_by_hand_is_drift_too() -> None:
    suspended = replace(ONE, state=PersonState.SUSPENDED)
    state, rule = actual([suspended], [HELD]), {"on_suspended": "Deactivate"}
    assert after(state, knowing(left={}), **rule).left["00u1"] == TODAY
    assert len(plan_of(state, knowing(), **rule).actions) == 1
    told = plan_of(state, knowing(), corrects_drift=False, **rule)
    assert (told.actions, [item.kind for item in told.drift]) == ((), [DriftKind.ACTIVE])


def test_a_cleared_id_sets_the_account_free_for_a_new_person_of_that_name() -> None:
    """As the message of ForeignExternalId says."""
    newcomer = person(9, user_name=ONE.user_name)
    cleared = replace(INACTIVE, external_id="")
    plan = plan_of(actual([newcomer], [cleared]), knowing())
    assert [(a.kind, a.subject) for a in plan.actions] == [(ActionKind.REACTIVATE_ACCOUNT, "00u9")]
    kept = plan_of(actual([newcomer], [INACTIVE]), knowing())
    assert [one.reason for one in kept.problems] == ["ForeignExternalId"]
    dropped = plan_of(actual([newcomer], [cleared]), knowing(), profile=DROPPING)
    assert [one.reason for one in dropped.problems] == ["ForeignExternalId"]


def test_with_okta_pushing_it_is_reported() -> None:
    plan = plan_of(back(), knowing(), by="Okta")
    assert plan.actions == ()
    assert [item.kind for item in plan.drift] == [DriftKind.EXTRA]


def test_who_is_gone_from_the_provider_as_well_stays_known() -> None:
    assert after(actual([OTHER], [account_of(OTHER)]), knowing(left={})).left == {"00u1": TODAY}


def test_nobody_of_another_tenant_has_left() -> None:
    assert after(back(), knowing(tenant=URL + "-other"), mode="Observe").left == LEFT


def test_the_oldest_are_forgotten_first_and_nobody_who_is_assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leavers, "MOST_LEFT", 2)
    people = [person(number) for number in range(5)]
    accounts = [replace(account_of(one), active=False) for one in people]
    days = {one.okta_id: 100 + number for number, one in enumerate(people)}
    known = memory(accounts, left=days)
    suspended = replace(people[0], state=PersonState.SUSPENDED)
    found = after(actual([suspended], accounts), known, on_suspended="Deactivate")
    assert set(found.left) == {"00u0", "00u4"}
    assert set(found.pairs) == {"00u0", "00u4"}


def test_the_place_of_somebody_who_left_holds_no_group() -> None:
    placed = {ONE.okta_id: "Sales", OTHER.okta_id: "Sales"}
    idle = with_groups(actual([OTHER], [INACTIVE, account_of(OTHER)]), {"Sales": [2], "Engineering": []})
    found = after(idle, knowing(placed=placed), group=desired_scim_groups())
    assert set(found.placed) == {OktaId("00u2")}


def test_nobody_is_missed_of_those_who_left() -> None:
    """An app without people is no reason to doubt, if everybody had left before."""
    known = memory([HELD], left=LEFT, people_read=0)
    desired, state = make_desired(), actual([], [HELD], missing=GONE)
    verdict = judge(make_plan(desired, state, known), desired, state, known, Circumstances(NOW))
    assert len(verdict.run) == 1


def test_an_account_that_was_never_noted_is_left_active() -> None:
    """It may be Okta's or another tool's: it only carries the id of somebody who is assigned."""
    suspended = replace(ONE, state=PersonState.SUSPENDED)
    plan = plan_of(actual([suspended], [HELD]), memory(), on_suspended="Deactivate")
    assert plan.actions == ()
    assert plan.drift == ()


def test_a_plan_for_leavers_alone_says_nothing_of_anybody_else() -> None:
    one, other = person(1), person(2)
    gone = {one.okta_id: PersonState.DEACTIVATED, other.okta_id: PersonState.ACTIVE}
    held = [account_of(one), account_of(other)]
    plan = plan_leavers(make_desired(), actual([], held, missing=gone), memory(held))
    assert [action.subject for action in plan.actions] == [one.okta_id]
    assert plan.digest and not plan.compares_people
