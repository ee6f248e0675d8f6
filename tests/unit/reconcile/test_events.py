"""Which changes are worth an event, and what came of one person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from controller.errors import Unavailable
from controller.model.actions import ActionKind, Result
from controller.model.plan import HoldReason, Problem, SeatState
from controller.reconcile.events import report_events, transition_events
from controller.reconcile.report import Report
from controller.reconcile.sync_user import Request, answer, read_request, unknown_user
from tests.unit.reconcile.reports import action, drift, failed, outcome, report, seats, setting

ASKED = Request("p1@acme.com", "p1@acme.com#1")


def one(kind: str, status: str, reason: str, message: str = "told") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def events(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found = transition_events({"conditions": before}, {"conditions": after})
    return [(event.type, event.reason) for event in found]


READY = one("Ready", "True", "Succeeded")


def test_nothing_new_is_no_event_even_where_the_words_differ() -> None:
    assert events([READY], [{**READY, "message": "other"}]) == []


def test_the_first_visit_tells_ready_and_what_is_wrong() -> None:
    after = [
        READY,
        one("InSync", "True", "InSync"),
        one("Configured", "False", "ManualStepRequired"),
        one("WithinCapacity", "True", "NearLimit"),
        one("ReferencesResolved", "True", "Resolved"),
    ]
    assert events([], after) == [
        ("Normal", "Succeeded"),
        ("Warning", "ManualStepRequired"),
        ("Warning", "NearLimit"),
    ]


def test_each_reason_is_told_once_and_reconciling_never() -> None:
    after = [
        one("Ready", "False", "Unavailable"),
        one("Reconciling", "True", "ProgressingWithRetry"),
        one("InSync", "Unknown", "DriftUnknown"),
    ]
    assert events([READY], after) == [("Warning", "Unavailable")]
    stalled = [one("Ready", "False", "InvalidSpec"), one("Stalled", "True", "InvalidSpec")]
    assert events([READY], stalled) == [("Warning", "InvalidSpec")]
    assert events([], [one("Stalled", "True", "InvalidSpec")]) == [("Warning", "InvalidSpec")]


def test_good_news_after_bad_is_told() -> None:
    before = [one("WithinCapacity", "False", "AtCapacity")]
    assert events(before, [one("WithinCapacity", "True", "WithinLimit")]) == [("Normal", "WithinLimit")]


def test_waiting_for_a_yes_is_no_warning() -> None:
    assert events([READY], [one("InSync", "False", "AwaitingApproval")]) == [("Normal", "AwaitingApproval")]


def test_corrections_and_ignored_approvals_are_events_of_the_run() -> None:
    items = tuple(drift(number=number) for number in range(5))
    done = [outcome(action(number=number)) for number in range(5)]
    verdict = {"is_approval_ignored": True, "handled_approval": "abc"}
    found = report_events(report([action()], done, plan={"drift": items}, verdict=verdict))
    assert [event.reason for event in found] == ["DriftCorrected", "ApprovalIgnored"]
    assert found[0].message.startswith("5 edits undone: ")
    assert found[0].message.endswith("and 2 more")
    assert "abc" in found[1].message
    few = report_events(report([action()], done[1:2], plan={"drift": items[1:2]}))
    assert few[0].message == "1 edits undone: p1@acme.com displayName"
    assert report_events(report()) == []
    assert report_events(failed(KeyError("x"))) == []


def test_settings_that_vanished_with_a_write_are_told() -> None:
    told = "features of the app vanished with the write: PUSH_NEW_USERS"
    one = replace(
        outcome(action(ActionKind.SET_USERNAME_FORMAT), Result.FAILED), reason="FeaturesLost", message=told
    )
    (event,) = report_events(report([one.action], [one]))
    assert (event.type, event.reason, event.message) == ("Warning", "FeaturesLost", told)


def test_a_request_counts_once() -> None:
    asked = {"scim-operator.dev/sync-user": " ada@acme.com#1 "}
    assert read_request(asked, {}) == Request("ada@acme.com", "ada@acme.com#1")
    assert read_request(asked, {"lastHandledSyncUser": "ada@acme.com#1"}) is None
    assert read_request({}, {}) is None
    assert read_request({"scim-operator.dev/sync-user": "#1"}, {}) is None


def told(made: Report) -> tuple[str, str]:
    event = answer(ASKED, "00u1", "p1@acme.com", made)
    return event.reason, event.message.removeprefix("p1@acme.com: ")


def test_what_came_of_one_person() -> None:
    create = action(ActionKind.CREATE_ACCOUNT)
    problem = Problem("ScimIntegration", "calendly", "UserNameMissing", "no user name", okta_id="00u1")
    waits = seats(SeatState.AT_CAPACITY, 50, 2)
    cases: list[tuple[Report, tuple[str, str]]] = [
        (report([create], [outcome(create)]), ("UserSynced", "CreateAccount")),
        (report(), ("UserSynced", "is up to date")),
        (report(plan={"seats": waits}), ("UserSynced", "waits for a seat")),
        (report(wants_complete_read=True), ("UserSynced", "is decided by the complete read that follows")),
        (
            report([create], [outcome(create, Result.FAILED, "Rejected", "no e-mail")]),
            ("UserSyncFailed", "CreateAccount: no e-mail"),
        ),
        (report(plan={"problems": (problem,)}), ("UserSyncFailed", "no user name")),
        (
            report([create], held=[(create, HoldReason.AWAITING_APPROVAL)]),
            ("UserSyncFailed", "CreateAccount is held (AwaitingApproval)"),
        ),
        (failed(Unavailable("down", system="SCIM")), ("UserSyncFailed", "down")),
        (replace(failed(KeyError()), error=None), ("UserSynced", "is up to date")),
    ]
    assert [told(made) for made, _ in cases] == [expected for _, expected in cases]


def test_others_in_the_report_are_not_told() -> None:
    other = action(number=2)
    problem = Problem("ScimIntegration", "calendly", "UserNameMissing", "x", okta_id="00u2")
    made = report(
        [other],
        [outcome(other, Result.FAILED)],
        held=[(other, HoldReason.OBSERVING)],
        plan={"problems": (problem,)},
    )
    assert told(made) == ("UserSynced", "is up to date")
    assert unknown_user(ASKED).reason == "UserSyncFailed"


def test_a_token_that_was_issued_or_revoked_is_told_once_and_without_its_value() -> None:
    issue = setting(ActionKind.ISSUE_TOKEN, subject="operator", label="calendly-scim/token", why="it is old")
    revoke = setting(
        ActionKind.REVOKE_TOKEN, subject="t1", label="operator team/calendly", why="it was replaced"
    )
    failed = setting(ActionKind.ISSUE_TOKEN, subject="okta", label="calendly-okta/token")
    outcomes = [outcome(issue), outcome(revoke), outcome(failed, Result.FAILED), outcome(setting())]
    found = report_events(report([issue, revoke, failed], outcomes))
    assert [(event.type, event.reason) for event in found] == [
        ("Normal", "TokenRotated"),
        ("Normal", "TokenRevoked"),
    ]
    assert "calendly-scim/token" in found[0].message and "it is old" in found[0].message
    assert "t1" in found[1].message


def test_an_account_that_looks_like_a_new_one_is_told_once_it_was_created() -> None:
    alike = Problem("ScimIntegration", "calendly", "LooksAlike", "straße looks like strasse", "", "00u1")
    made = action(ActionKind.CREATE_ACCOUNT)
    told = report([made], [outcome(made)], plan={"problems": (alike,)})
    assert [(one.reason, one.message) for one in report_events(told)] == [("LooksAlike", alike.message)]
    assert report_events(report(plan={"problems": (alike,)})) == []
