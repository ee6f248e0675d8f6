"""What arrived of Okta's pushes, person by person: missing, extra, differing, failed, not taken up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.actions import Action
from controller.model.actual import Memory
from controller.model.people import OktaId, PersonState
from controller.model.plan import DriftKind, Plan
from controller.planning.make_plan import make_plan
from tests.unit.planning.world import account_of, actual, make_desired, memory, person, with_app

ON = frozenset({"PUSH_NEW_USERS", "PUSH_PROFILE_UPDATES", "PUSH_USER_DEACTIVATION", "SCIM_PROVISIONING"})
OKTA = make_desired(by="Okta", group=None)
ADA = person(1, external_id="s-00u1", app_status="PROVISIONED", sync_state="SYNCHRONIZED")


def plan(people: Any, accounts: Any, known: Memory | None = None, **more: Any) -> Plan:
    state = with_app(actual(people, accounts, **more), features=ON)
    return make_plan(OKTA, state, known or memory())


def drift(found: Plan) -> list[tuple[DriftKind, str]]:
    return [(item.kind, item.okta_id) for item in found.drift]


def steps(found: Plan) -> list[str]:
    return [step.step_id for step in found.steps]


def test_who_arrived_up_to_date_leaves_nothing_behind() -> None:
    found = plan([ADA], [account_of(ADA)])
    assert (found.counts.provisioned, drift(found), steps(found)) == (1, [], [])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, DriftKind.MISSING),
        ({"external_id": ""}, None),
        ({"app_status": "STAGED"}, None),
    ],
)
def test_who_is_said_to_be_pushed_and_is_not_there_is_missing(changes: Any, expected: Any) -> None:
    found = plan([replace(ADA, **changes)], [])
    assert drift(found) == ([(expected, "00u1")] if expected else [])
    assert found.counts.pending == (0 if expected else 1)


def test_who_was_assigned_before_okta_pushed_is_told_as_a_step() -> None:
    early = replace(ADA, external_id="", app_status="ACTIVE", sync_state="DISABLED")
    found = plan([early], [])
    assert steps(found) == ["okta-provision-users"]
    assert found.counts.pending == 1
    assert "1 person was assigned while Okta did not push" in found.steps[0].instructions


def test_an_account_that_was_deactivated_by_hand_is_told() -> None:
    found = plan([ADA], [replace(account_of(ADA), active=False)])
    assert drift(found) == [(DriftKind.ACTIVE, "00u1")]


def test_values_that_differ_are_told_and_counted_for_the_step() -> None:
    found = plan([ADA], [replace(account_of(ADA), values=("Other", "p1@acme.com", "Sales"))])
    assert drift(found) == [(DriftKind.ATTRIBUTE, "00u1")]
    assert steps(found) == ["okta-reapply-mappings"]


def test_a_failed_push_bears_oktas_reason_where_the_log_told_it() -> None:
    failed = replace(ADA, sync_state="ERROR")
    (silent,) = plan([failed], []).problems
    assert silent.message == "Okta could not push p1@acme.com; its System Log has the reason"
    found = plan([failed], [], memory(failures={OktaId("00u1"): "no seat is free"}))
    assert found.problems[0].message == "Okta could not push p1@acme.com: no seat is free"
    assert steps(found) == ["okta-retry-tasks"]
    assert found.counts.failed == 1


def test_a_deactivation_that_failed_bears_its_reason() -> None:
    known = memory([account_of(ADA)], failures={OktaId("00u1"): "HTTP 500"})
    found = plan([], [account_of(ADA)], known, missing={OktaId("00u1"): PersonState.DEACTIVATED})
    assert drift(found) == [(DriftKind.EXTRA, "00u1")]
    assert [one.message for one in found.problems] == ["Okta could not deactivate p1@acme.com: HTTP 500"]


def test_an_account_of_somebody_who_left_is_extra_unless_it_is_kept() -> None:
    known, gone = memory([account_of(ADA)]), {OktaId("00u1"): PersonState.DEACTIVATED}
    assert drift(plan([], [account_of(ADA)], known, missing=gone)) == [(DriftKind.EXTRA, "00u1")]
    state = with_app(actual([], [account_of(ADA)], missing=gone), features=ON)
    for change in ({"on_deactivated": "Keep"}, {"actions": frozenset({"Create"})}):
        assert make_plan(replace(OKTA, **change), state, known).drift == ()


def test_a_suspended_person_keeps_the_account_by_default_and_not_where_declared() -> None:
    asleep = replace(ADA, state=PersonState.SUSPENDED)
    assert drift(plan([asleep], [account_of(asleep)])) == []
    state = with_app(actual([asleep], [account_of(asleep)]), features=ON)
    found = make_plan(replace(OKTA, on_suspended="Deactivate"), state, memory())
    assert drift(found) == [(DriftKind.EXTRA, "00u1")]


def test_who_is_not_yet_active_is_not_missed() -> None:
    staged = replace(ADA, state=PersonState.NOT_YET_ACTIVE, external_id="")
    found = plan([staged], [])
    assert (drift(found), found.counts.pending) == ([], 0)


def test_a_changed_login_and_a_rehire_are_known_by_id_and_by_user_name() -> None:
    renamed = replace(ADA, login="ada.new@acme.com")
    assert drift(plan([renamed], [account_of(ADA)])) == []
    rehired = replace(ADA, okta_id=OktaId("00u9"), external_id="s-00u1")
    assert (DriftKind.ATTRIBUTE, "00u9") in drift(plan([rehired], [account_of(ADA)]))


def test_nothing_is_planned_for_people_whom_okta_pushes() -> None:
    actions: tuple[Action, ...] = plan([ADA, person(2)], []).actions
    assert actions == ()
