"""One person now: what `scim-operator.dev/sync-user: <login>#<token>` asks for, and what came of it. Pure.

Called by the operator around a run that looks at this person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.api.meta import SYNC_USER
from controller.model.actions import Result
from controller.reconcile.events import Event
from controller.reconcile.reasons import Reason
from controller.reconcile.report import Report


@dataclass(frozen=True, slots=True)
class Request:
    """Who is to be looked at; `value` is the whole annotation, echoed in status once it is answered."""

    login: str
    value: str


def read_request(annotations: Mapping[str, str], status: Mapping[str, object]) -> Request | None:
    """The request that has not been answered yet, or None."""
    value = annotations.get(SYNC_USER, "").strip()[:400]
    login = value.partition("#")[0].strip()
    if not login or status.get("lastHandledSyncUser") == value:
        return None
    return Request(login, value)


def unknown_user(request: Request) -> Event:
    """The answer where Okta has no such user."""
    told = f"{request.login}: no user of that login in Okta"
    return Event("Warning", Reason.USER_SYNC_FAILED, told)


def answer(request: Request, okta_id: str, shown: str, report: Report) -> Event:
    """What a run did for the person."""
    if report.error is not None:
        return Event("Warning", Reason.USER_SYNC_FAILED, f"{shown}: {report.error}")
    for outcome in report.outcomes:
        if outcome.action.subject == okta_id and outcome.result in (Result.FAILED, Result.SKIPPED):
            told = f"{shown}: {outcome.action.kind.value}: {outcome.message or outcome.reason}"
            return Event("Warning", Reason.USER_SYNC_FAILED, told)
    for problem in report.plan.problems if report.plan else ():
        if problem.okta_id == okta_id:
            return Event("Warning", Reason.USER_SYNC_FAILED, f"{shown}: {problem.message}")
    for action, reason in report.verdict.held if report.verdict else ():
        if action.subject == okta_id:
            told = f"{shown}: {action.kind.value} is held ({reason.value})"
            return Event("Warning", Reason.USER_SYNC_FAILED, told)
    return Event("Normal", Reason.USER_SYNCED, f"{shown}: {_done(okta_id, report)}")


def _done(okta_id: str, report: Report) -> str:
    done = [one.action.kind.value for one in report.outcomes if one.action.subject == okta_id]
    if done:
        return ", ".join(done)
    seats = report.plan.seats if report.plan else None
    if seats is not None and any(waiting == okta_id for waiting, _ in seats.waiting):
        return "waits for a seat"
    if report.wants_complete_read:
        return "is decided by the complete read that follows"
    return "is up to date"
