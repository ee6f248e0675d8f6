"""What a report says about each condition of an integration."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.errors import Unavailable
from controller.model.actions import ActionKind, Outcome, Result, Touch
from controller.model.plan import (
    Counts,
    DriftKind,
    Frozen,
    HoldReason,
    ManualStep,
    Problem,
    SeatState,
)
from controller.reconcile.conditions import Finding, settle
from controller.reconcile.findings import integration_findings
from controller.reconcile.report import Report
from controller.reconcile.totals import Amount, show_id, show_login
from tests.kstatus import kstatus_faults
from tests.unit.planning import world
from tests.unit.reconcile.reports import (
    NOW,
    action,
    drift,
    outcome,
    report,
    seats,
    setting,
)

STEP = ManualStep("s1", "Turn it on", "Console", "Click", "Read", blocks=True, digest="x")
DIGEST = {"digest": "d" * 64, "message": "1 action waits"}


def findings(made: Report) -> dict[str, Finding]:
    """By type; whatever a report says, the resulting status obeys kstatus."""
    found = integration_findings(Amount(made))
    settled = settle(found, [], 1, "2026-03-02T12:00:00Z")
    conditions = [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in settled]
    body = {"metadata": {"generation": 1}, "status": {"observedGeneration": 1, "conditions": conditions}}
    assert kstatus_faults(body) == []
    return {finding.type: finding for finding in found}


def brief(made: Report, kind: str) -> tuple[str, str]:
    finding = findings(made)[kind]
    return finding.status, finding.reason.value


def test_nothing_to_do_is_ready_and_in_sync() -> None:
    found = findings(report())
    assert {kind: (one.status, one.reason.value) for kind, one in found.items()} == {
        "Ready": ("True", "Succeeded"),
        "ReferencesResolved": ("True", "Resolved"),
        "CredentialsValid": ("True", "Accepted"),
        "PrerequisitesMet": ("True", "NotRequired"),
        "Configured": ("True", "Configured"),
        "InSync": ("True", "InSync"),
        "WithinCapacity": ("True", "NoLimit"),
    }
    assert found["Ready"].message == "3 of 3 assigned people have an account"


HELD = [
    (HoldReason.SAFETY_THRESHOLD_EXCEEDED, "SafetyThresholdExceeded", "False"),
    (HoldReason.READ_INCOMPLETE, "ReadIncomplete", "True"),
    (HoldReason.AWAITING_APPROVAL, "AwaitingApproval", "True"),
    (HoldReason.OBSERVING, "DriftDetected", "True"),
    (HoldReason.OUTSIDE_WINDOW, "OutsideWindow", "True"),
    (HoldReason.BLOCKED_BY_STEP, "ManualStepOpen", "True"),
]


@pytest.mark.parametrize(("hold", "reason", "ready"), HELD)
def test_held_actions_are_not_in_sync_for_a_reason(hold: HoldReason, reason: str, ready: str) -> None:
    made = report([action()], held=[(action(), hold)], verdict=DIGEST)
    assert brief(made, "InSync") == ("False", reason)
    assert findings(made)["Ready"].status == ready


def test_a_tripped_safeguard_stalls_and_says_how_to_approve() -> None:
    made = report([action()], held=[(action(), HoldReason.SAFETY_THRESHOLD_EXCEEDED)], verdict=DIGEST)
    stalled = findings(made)["Stalled"]
    assert stalled.reason == "SafetyThresholdExceeded"
    assert f"scim-operator.dev/approve={'d' * 64}" in stalled.message


def test_a_message_that_tells_the_command_is_not_doubled() -> None:
    told = "1 waits; approve with: kubectl annotate x scim-operator.dev/approve=d"
    made = report(
        [action()], held=[(action(), HoldReason.AWAITING_APPROVAL)], verdict={**DIGEST, "message": told}
    )
    assert findings(made)["InSync"].message == told
    bare = report([action()], held=[(action(), HoldReason.READ_INCOMPLETE)])
    assert findings(bare)["InSync"].message == "1 action waits"


def test_a_closed_window_says_when_it_opens() -> None:
    held = [(action(), HoldReason.OUTSIDE_WINDOW)]
    opens = report([action()], held=held, verdict={"opens_at": NOW + timedelta(hours=1)})
    assert "2026-03-02T13:00:00Z" in findings(opens)["InSync"].message
    assert "opens" not in findings(report([action()], held=held))["InSync"].message


def test_a_run_that_only_clears_the_way_does_not_claim_that_accounts_are_as_declared() -> None:
    switch = setting(ActionKind.ENABLE_SCIM)
    made = report([switch], [outcome(switch)], plan={"compares_people": False})
    assert brief(made, "InSync") == ("Unknown", "DriftUnknown")


def test_some_failures_leave_ready_and_all_failures_do_not() -> None:
    good, bad = outcome(action(number=1)), outcome(action(number=2), Result.FAILED, "Rejected", "no e-mail")
    some = report([action()], [good, bad])
    assert brief(some, "InSync") == ("False", "PeopleFailed")
    assert brief(some, "Ready")[0] == "True"
    assert "p2@acme.com: no e-mail" in findings(some)["InSync"].message
    every = report([action()], [bad])
    assert brief(every, "Ready") == ("False", "WritesFailed")
    assert brief(every, "Reconciling") == ("True", "ProgressingWithRetry")


def test_problems_of_people_count_as_failures_unless_they_are_on_purpose() -> None:
    def with_problem(reason: str) -> Report:
        problem = Problem("ScimIntegration", "calendly", reason, "told", okta_id="00u1")
        return report(plan={"problems": (problem,)})

    assert brief(with_problem("ForeignExternalId"), "InSync") == ("False", "PeopleFailed")
    assert brief(with_problem("Protected"), "InSync") == ("True", "InSync")


@pytest.mark.parametrize(
    ("reason", "kind", "trouble"),
    [
        ("GroupNotFound", "ReferencesResolved", "Reconciling"),
        ("CredentialsRejected", "CredentialsValid", "Reconciling"),
        ("PlanTooLow", "PrerequisitesMet", "Reconciling"),
        ("SsoMissing", "PrerequisitesMet", "Reconciling"),
        ("InvalidSpec", "", "Stalled"),
        ("GroupsNotServed", "", "Stalled"),
        ("GroupTableInUse", "", "Stalled"),
        ("ProviderGroupAmbiguous", "ReferencesResolved", "Reconciling"),
    ],
)
def test_a_problem_of_the_integration_is_told_where_it_belongs(reason: str, kind: str, trouble: str) -> None:
    problem = Problem("ScimIntegration", "calendly", reason, "told", "spec.x")
    found = findings(report(plan={"problems": (problem,)}))
    assert (found["Ready"].status, found["Ready"].reason.value) == ("False", reason)
    assert found[trouble].status == "True"
    assert not kind or found[kind].status == "False"


def test_problems_of_siblings_do_not_touch_the_integration() -> None:
    problem = Problem("GroupMapping", "teams", "ValueClaimedTwice", "told")
    assert brief(report(problems=(problem,)), "Ready") == ("True", "Succeeded")


def test_prerequisites_that_cannot_be_asked_are_unknown_and_do_not_block() -> None:
    asked = {"required_plan": "Enterprise"}
    assert brief(report(desired_with=asked), "PrerequisitesMet") == ("True", "Met")
    blind = report(desired_with=asked, actual=world.actual(admin=False))
    assert brief(blind, "PrerequisitesMet") == ("Unknown", "NotVerifiable")
    assert brief(blind, "Ready")[0] == "True"


def test_a_failed_probe_is_a_credential_that_is_not_valid() -> None:
    probe = replace(world.actual().provider.probe, ok=False, cause="401")
    broken = report(actual=world.with_provider(world.actual(), probe=probe))
    assert brief(broken, "CredentialsValid") == ("False", "ProbeFailed")
    silent = world.with_provider(world.actual(), probe=replace(probe, cause=""))
    assert "no cause" in findings(report(actual=silent))["CredentialsValid"].message


def test_a_step_that_blocks_waits_for_a_person_and_one_that_does_not_leaves_ready() -> None:
    blocking = report(plan={"steps": (replace(STEP, step_id="s2", blocks=False), STEP)})
    assert brief(blocking, "Ready") == ("False", "ManualStepRequired")
    assert brief(blocking, "Reconciling") == ("True", "WaitingForPerson")
    assert "Turn it on (Console), and 1 more steps" in findings(blocking)["Configured"].message
    open_one = report(plan={"steps": (replace(STEP, blocks=False),)})
    assert brief(open_one, "Configured") == ("False", "ManualStepRequired")
    assert brief(open_one, "InSync") == ("False", "ManualStepOpen")
    assert brief(open_one, "Ready")[0] == "True"


def test_drift_that_was_put_right_is_gone_and_the_rest_is_told() -> None:
    items = (drift(number=1), drift(number=2))
    made = report([action()], [outcome(action(number=1))], plan={"drift": items})
    assert brief(made, "InSync") == ("False", "DriftDetected")
    assert findings(made)["InSync"].message == "1 difference: p2@acme.com displayName"
    assert Amount(made).corrected == (items[0],)


def test_a_membership_edited_by_hand_is_put_right_by_its_own_action_alone() -> None:
    desired_with = {"group": world.desired_scim_groups()}
    items = (drift(DriftKind.GROUP, what="p1@acme.com groups"), drift(number=1))
    update, move = action(), action(ActionKind.CHANGE_MEMBERSHIPS)
    moved = report(
        [update, move],
        [outcome(update, Result.FAILED), outcome(move)],
        plan={"drift": items},
        desired_with=desired_with,
    )
    assert Amount(moved).corrected == items[:1]
    updated = report(
        [update, move],
        [outcome(update), outcome(move, Result.FAILED)],
        plan={"drift": items},
        desired_with=desired_with,
    )
    assert Amount(updated).corrected == items[1:]


def test_settings_that_differ_are_configuration_drift_until_all_are_saved() -> None:
    row = drift(DriftKind.SETTING, okta_id="", what="group table row 'Sales'")
    left = report(plan={"drift": (row,)})
    assert brief(left, "Configured") == ("False", "ConfigurationDrift")
    saved = report([setting()], [outcome(setting())], plan={"drift": (row,)})
    assert brief(saved, "Configured") == ("True", "Configured")
    held = report(
        [setting()],
        [outcome(setting())],
        held=[(setting(), HoldReason.AWAITING_APPROVAL)],
        plan={"drift": (row,)},
    )
    assert brief(held, "Configured") == ("False", "ConfigurationDrift")


@pytest.mark.parametrize(
    ("state", "used", "waiting", "status"),
    [
        (SeatState.WITHIN_LIMIT, 10, 0, "True"),
        (SeatState.NEAR_LIMIT, 45, 0, "True"),
        (SeatState.AT_CAPACITY, 50, 2, "False"),
        (SeatState.OVER_CAPACITY, 51, 0, "False"),
    ],
)
def test_capacity_by_state_never_takes_ready_away(
    state: SeatState, used: int, waiting: int, status: str
) -> None:
    plan = {"seats": seats(state, used, waiting), "counts": Counts(3, 3, waiting=waiting)}
    made = report(plan=plan, desired_with={"seats": world.desired_seats()})
    found = findings(made)
    assert (found["WithinCapacity"].status, found["WithinCapacity"].reason.value) == (status, state.value)
    assert found["Ready"].status == "True"
    if waiting:
        assert found["InSync"].reason == "PeopleWaiting"


@pytest.mark.parametrize(
    ("method", "words"),
    [("Invoice", "ask for more seats at W"), ("Card", "billing page W"), ("", "spec.billing")],
)
def test_the_remedy_depends_on_how_seats_are_paid(method: str, words: str) -> None:
    limit = world.desired_seats(billing_method=method, billing_where="W")
    made = report(
        plan={"seats": seats(SeatState.AT_CAPACITY, 50, 1, reserved=5)}, desired_with={"seats": limit}
    )
    assert words in findings(made)["WithinCapacity"].message


def test_seats_that_could_not_be_counted_are_unknown() -> None:
    made = report(desired_with={"seats": world.desired_seats()})
    assert brief(made, "WithinCapacity") == ("Unknown", "SeatsUnknown")


def test_while_everything_cannot_be_read_a_few_people_say_nothing_of_the_others() -> None:
    desired_with = {"seats": world.desired_seats()}
    made = report(
        plan={"seats": seats()}, desired_with=desired_with, trouble=Unavailable("Okta is down", system="Okta")
    )
    assert brief(made, "Ready") == ("False", "Unavailable")
    assert brief(made, "InSync")[0] == "Unknown"
    assert brief(made, "WithinCapacity") == ("True", "WithinLimit")


def test_what_waits_for_a_complete_read_is_not_in_sync() -> None:
    made = report([action()], held=[(action(), HoldReason.AWAITING_READ)])
    assert brief(made, "InSync") == ("False", "DriftDetected")
    assert "1 action waits for a complete read" in findings(made)["InSync"].message


def test_what_failed_before_and_was_not_tried_again_still_counts() -> None:
    bad = outcome(action(), Result.FAILED, "Rejected", "no e-mail")
    made = report([action()], failing=(bad,))
    assert brief(made, "InSync") == ("False", "PeopleFailed")
    assert Amount(made).counts.failed == 1


def test_counts_after_the_run() -> None:
    create = action(ActionKind.CREATE_ACCOUNT, 4)
    made = report(
        [create, action()],
        [outcome(create), outcome(action(number=2), Result.FAILED), outcome(setting())],
        plan={"counts": Counts(assigned=5, provisioned=3, pending=2, waiting=1)},
    )
    assert Amount(made).counts == Counts(assigned=5, provisioned=4, pending=1, waiting=1, failed=1)


def test_somebody_with_two_actions_is_pending_until_both_are_done() -> None:
    create, move = action(ActionKind.CREATE_ACCOUNT), action(ActionKind.CHANGE_MEMBERSHIPS)
    plan = {"counts": Counts(assigned=1, pending=1)}
    both = report([create, move], [outcome(create), outcome(move)], plan=plan)
    half = report([create, move], [outcome(create), outcome(move, Result.FAILED)], plan=plan)
    held = report([create, move], [outcome(create)], [(move, HoldReason.AWAITING_APPROVAL)], plan=plan)
    assert [Amount(one).counts.pending for one in (both, half, held)] == [0, 1, 1]
    assert [Amount(one).counts.failed for one in (both, half, held)] == [0, 1, 0]


def test_people_are_shown_by_login_or_by_id() -> None:
    assert (show_login("00u1", "ada"), show_login("00u1", "")) == ("ada", "00u1")
    assert (show_id("00u1", "ada"), show_id("", "group table")) == ("00u1", "group table")


def test_a_frozen_plan_is_no_finding_of_its_own() -> None:
    frozen = Frozen("d" * 64, 1, NOW, (action(),))
    made = report(
        [action()], held=[(action(), HoldReason.AWAITING_APPROVAL)], verdict={"frozen": frozen, **DIGEST}
    )
    assert brief(made, "InSync") == ("False", "AwaitingApproval")


def create(number: int, result: Result = Result.DONE) -> Outcome:
    return outcome(
        action(ActionKind.CREATE_ACCOUNT, number), result, "" if result is Result.DONE else "Rejected"
    )


def leaver(result: Result) -> Outcome:
    gone = action(ActionKind.DEACTIVATE_ACCOUNT, 9, touch=Touch.LEAVER)
    return outcome(gone, result, "Rejected", "no such operation")


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([create(1, Result.FAILED), outcome(action(number=2))], "every creation failed"),
        ([create(1, Result.FAILED), create(2)], ""),
        ([outcome(action(), Result.FAILED, "Rejected"), create(2)], ""),
        (
            [leaver(Result.FAILED), create(1)],
            "1 person who left keeps an account: p9@acme.com: no such operation",
        ),
        ([leaver(Result.DONE)], ""),
    ],
)
def test_a_run_whose_creations_or_deactivations_were_all_in_vain_is_not_ready(
    outcomes: list[Outcome], words: str
) -> None:
    made = report([one.action for one in outcomes], outcomes)
    assert brief(made, "Ready") == (("False", "WritesFailed") if words else ("True", "Succeeded"))
    assert words in findings(made)["Ready"].message


def test_what_goes_on_in_the_next_run_is_not_ready_yet() -> None:
    made = report([setting()], [outcome(setting())], plan={"goes_on": True})
    assert brief(made, "Ready") == ("False", "Progressing")
    assert "follows at once" in findings(made)["Reconciling"].message
    assert brief(report(plan={"goes_on": True}), "Ready") == ("True", "Succeeded"), "nothing was done"


def test_more_seats_than_were_purchased_are_told() -> None:
    desired = {"seats": world.desired_seats(55)}
    told = findings(report(plan={"seats": seats()}, desired_with=desired))["WithinCapacity"].message
    assert "spec.seats is 55, but 50 were purchased" in told
    assert (
        "purchased"
        not in findings(report(plan={"seats": seats()}, desired_with={"seats": world.desired_seats(50)}))[
            "WithinCapacity"
        ].message
    )
