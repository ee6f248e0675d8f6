"""Which events a change of status is worth: transitions only, never "still so". Pure.

Called by the operator with the status before and after. An event's reason is the reason of the condition that
changed, so that `kubectl describe` and the condition tell the same story.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from controller.model.actions import ActionKind, Result
from controller.reconcile.conditions import (
    CAPACITY,
    FALSE,
    IN_SYNC,
    READY,
    RECONCILING,
    STALLED,
    TRUE,
    by_type,
)
from controller.reconcile.reasons import Reason
from controller.reconcile.report import Report
from controller.reconcile.totals import Amount

Severity = Literal["Normal", "Warning"]
SHOWN = 3
QUIET = frozenset(
    {
        Reason.DRIFT_UNKNOWN,
        Reason.SEATS_UNKNOWN,
        Reason.RESOLVED,
        Reason.ACCEPTED,
        Reason.NOT_VERIFIED,
        Reason.PROGRESSING,
    }
)
"""Reasons that follow from another one, which has the event."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `reason` is of the closed set."""

    type: Severity
    reason: str
    message: str


def transition_events(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Event]:
    """An event for each condition whose status or reason changed, each reason once; on the first visit only
    for what is wrong and for Ready."""
    old, new = by_type(before.get("conditions") or []), by_type(after.get("conditions") or [])
    found: dict[str, Event] = {}
    for kind, condition in new.items():
        was = old.get(kind)
        is_same = was is not None and _essence(was) == _essence(condition)
        is_good_news = condition["status"] == TRUE and kind not in (STALLED, RECONCILING)
        is_good_news = is_good_news and condition["reason"] != Reason.NEAR_LIMIT
        is_first = was is None and is_good_news and kind != READY
        if not (is_same or is_first or condition["reason"] in QUIET or kind == RECONCILING):
            found.setdefault(str(condition["reason"]), _event(kind, condition))
    return list(found.values())


def _essence(condition: Mapping[str, Any]) -> tuple[object, object]:
    return condition.get("status"), condition.get("reason")


def _event(kind: str, condition: Mapping[str, Any]) -> Event:
    is_bad = kind == STALLED or condition["status"] == FALSE
    is_bad = is_bad and condition["reason"] not in (Reason.AWAITING_APPROVAL, Reason.OUTSIDE_WINDOW)
    is_bad = is_bad or (kind == CAPACITY and condition["reason"] == Reason.NEAR_LIMIT)
    told = f"{condition['reason']}: {condition['message']}" if kind == IN_SYNC else str(condition["message"])
    return Event("Warning" if is_bad else "Normal", str(condition["reason"]), told)


def report_events(report: Report) -> list[Event]:
    """Events of the run itself: edits by hand that were undone, SCIM settings that vanished with a write, an
    approval that matched nothing."""
    found = []
    if report.plan is not None:
        corrected = Amount(report).corrected
        if corrected:
            told = "; ".join(item.what for item in corrected[:SHOWN])
            more = f", and {len(corrected) - SHOWN} more" if len(corrected) > SHOWN else ""
            found.append(
                Event("Normal", Reason.DRIFT_CORRECTED, f"{len(corrected)} edits undone: {told}{more}")
            )
    found += _token_events(report)
    found += _twin_events(report)
    lost = (one for one in report.outcomes if one.reason == Reason.FEATURES_LOST)
    found += [Event("Warning", Reason.FEATURES_LOST, one.message) for one in lost]
    verdict = report.verdict
    if verdict is not None and verdict.is_approval_ignored:
        told = f"scim-operator.dev/approve={verdict.handled_approval} names no plan that waits: ignored"
        found.append(Event("Warning", Reason.APPROVAL_IGNORED, told))
    return found


def _twin_events(report: Report) -> list[Event]:
    """One for each person who got an account of their own though another looks the same: told once."""
    created = {one.action.subject for one in report.outcomes if one.action.kind is ActionKind.CREATE_ACCOUNT}
    problems = report.plan.problems if report.plan is not None else ()
    alike = [one for one in problems if one.reason == Reason.LOOKS_ALIKE and one.okta_id in created]
    return [Event("Warning", Reason.LOOKS_ALIKE, one.message) for one in alike[:SHOWN]]


def _token_events(report: Report) -> list[Event]:
    """One for each token that was issued or revoked: neither shows in a condition."""
    found = []
    for one in report.outcomes:
        if one.result is not Result.DONE:
            continue
        if one.action.kind is ActionKind.ISSUE_TOKEN:
            told = f"a new token for {one.action.subject} is in the Secret {one.action.label}"
            found.append(Event("Normal", Reason.TOKEN_ROTATED, f"{told}: {one.action.why}"))
        elif one.action.kind is ActionKind.REVOKE_TOKEN:
            told = f"the token {one.action.label} (id {one.action.subject}) was revoked: {one.action.why}"
            found.append(Event("Normal", Reason.TOKEN_REVOKED, told))
    return found
