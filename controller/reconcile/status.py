"""Status of the four kinds as a function of the previous status, the report, the generation and the time.

Called by the operator after each run, for the integration and for everything that refers to it. Pure: equal
arguments give equal documents, and a run that found nothing new gives the previous status, so that nothing is
written. The models of api.integration_status and of the status beside each kind are read from the previous
document, changed, and written to the next one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from controller.api.integration_status import (
    DRIFT_ITEMS,
    FAILURES,
    FEATURES,
    HISTORY,
    INSTRUCTIONS,
    MANUAL_STEPS,
    PLAN_ACTIONS,
    SYNC_REQUEST,
    UNCONFIRMED,
    AppStatus,
    DriftItemStatus,
    DriftStatus,
    FailureStatus,
    HistoryEntry,
    ManualStepStatus,
    PeopleStatus,
    PlannedAction,
    PlanStatus,
    ProbeStatus,
    SafeguardCount,
    SafeguardStatus,
    ScimIntegrationStatus,
    TokenStatus,
    UnconfirmedChange,
    UnconfirmedStatus,
)
from controller.api.status import MESSAGE, SHORT_MESSAGE, VALUE, KindStatus
from controller.api.status_document import Document, read_status, write_status
from controller.clock import rfc3339
from controller.errors import clip
from controller.model.actions import Action, Outcome, Touch
from controller.model.people import OktaId
from controller.model.plan import DriftItem, HoldReason
from controller.planning.base.inputs import Resource
from controller.planning.people.deferred_changes import waiting_changes
from controller.planning.policy.change_limits import count_use
from controller.planning.tokens.rotation import TokenTimes, token_times
from controller.reconcile.conditions import (
    READY,
    RECONCILING,
    TRUE,
    UNKNOWN,
    Finding,
    error_findings,
    settle,
)
from controller.reconcile.findings import integration_findings
from controller.reconcile.reasons import Reason
from controller.reconcile.report import Report
from controller.reconcile.schedule import Next
from controller.reconcile.seat_status import forecast_status, seats_status
from controller.reconcile.status_output import fitted, without_churn
from controller.reconcile.totals import Amount, Show, show_login

PLAN_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Asked:
    """What annotations asked for and this run has answered; "" where nothing was."""

    reconcile_at: str = ""
    approval: str = ""
    approved_by: str = ""
    sync_user: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the process knows beside the report."""

    interval: str
    """Of full reads, as Go writes durations."""
    state_namespace: str
    """Where the operator keeps what it remembers."""
    following: Next
    """What follows the run."""


def integration_status(
    previous: Mapping[str, Any],
    report: Report,
    asked: Asked,
    around: Surroundings,
    show: Show = show_login,
) -> Document:
    """The status of the integration after `report`."""
    made = read_status(ScimIntegrationStatus, previous)
    made.effective_interval = around.interval
    made.state_namespace = around.state_namespace or made.state_namespace
    made.next_sync_time = _next_sync(made.next_sync_time, report, around.following)
    if report.plan is not None:
        _add_run(made, Amount(report), asked, show)
    _add_asked(made, asked)
    generation = report.inputs.integration.generation
    return closed(previous, made, _findings(report), generation, report.finished)


def _next_sync(known: str | None, report: Report, following: Next) -> str | None:
    """When the next complete read is due; `known` is what was due before this run."""
    if following.read_at_once:
        return rfc3339(report.finished)
    delay = following.delay_seconds
    due = rfc3339(report.finished + timedelta(seconds=delay)) if delay is not None else None
    if report.is_complete:
        return due
    return known if due is None or following.failed else min(known or due, due)


def closed(
    previous: Mapping[str, Any],
    made: KindStatus,
    findings: Iterable[Finding],
    generation: int,
    now: datetime,
) -> Document:
    """The document of `made` with its conditions, or the previous one if nothing is new."""
    made.observed_generation = generation
    made.conditions = settle(findings, made.conditions, generation, rfc3339(now))
    return without_churn(previous, fitted(write_status(made)))


def _findings(report: Report) -> list[Finding]:
    if report.error is not None:
        return error_findings(report.error)
    return integration_findings(Amount(report))


def _add_asked(made: ScimIntegrationStatus, asked: Asked) -> None:
    if asked.reconcile_at:
        made.last_handled_reconcile_at = clip(asked.reconcile_at, VALUE)
    if asked.approval:
        made.last_handled_approval = asked.approval[:SHORT_MESSAGE]
    if asked.sync_user:
        made.last_handled_sync_user = asked.sync_user[:SYNC_REQUEST]


def _add_run(made: ScimIntegrationStatus, amount: Amount, asked: Asked, show: Show) -> None:
    report = amount.report
    if report.wrote:
        made.history = (_history(amount, asked), *made.history)[:HISTORY]
    made.failures = _failures(amount, show)
    if amount.seats is not None:
        made.seats = seats_status(amount.seats)
        made.forecast = forecast_status(report.memory, amount.seats)
    if report.error is not None:
        return
    made.people = _people(amount)
    made.drift = _drift(amount.remaining, show)
    made.unconfirmed = _unconfirmed(report, show)
    made.plan = _plan(amount, made.plan, show)
    made.manual_steps = _steps(amount, made.manual_steps)
    made.manual_steps_open = len(amount.steps)
    if report.is_complete:
        made.last_sync_time = rfc3339(report.finished)
    made.safeguards = _safeguards(report)
    _add_read(made, amount)


def _add_read(made: ScimIntegrationStatus, amount: Amount) -> None:
    """What was read beside people: the app, the tenant, the probe, the token."""
    desired, actual = amount.report.desired, amount.report.actual
    if desired is None or actual is None:
        return
    app, probe = actual.app, actual.provider.probe
    made.base_url = desired.base_url
    made.app = AppStatus(
        id=app.app_id,
        label=clip(app.label, VALUE),
        name=clip(app.name, VALUE),
        status=app.status,
        sign_on_mode=app.sign_on_mode,
        features=tuple(sorted(app.features)[:FEATURES]),
        org_id=app.org_id,
    )
    made.probe = ProbeStatus(
        time=rfc3339(probe.at),
        succeeded=probe.ok,
        milliseconds=round(probe.seconds * 1000),
        message=clip(probe.cause, SHORT_MESSAGE),
    )
    if actual.provider.tokens is not None:
        made.token = _token(token_times(desired, actual.provider))


def _token(times: TokenTimes) -> TokenStatus:
    def told(moment: datetime | None) -> str | None:
        return rfc3339(moment) if moment is not None else None

    return TokenStatus(
        expiry_time=told(times.expiry),
        last_rotation_time=told(times.last_rotation),
        next_rotation_time=told(times.next_rotation),
        okta_expiry_time=told(times.okta_expiry),
    )


_CLASSES: Final[Mapping[Touch, Literal["Removals", "Changes", "Leavers"]]] = {
    Touch.REMOVAL: "Removals",
    Touch.CHANGE: "Changes",
    Touch.LEAVER: "Leavers",
}


def _safeguards(report: Report) -> SafeguardStatus | None:
    """How far the safeguards are used up, without the classes in which nobody was or would be touched."""
    desired, actual, plan, verdict = report.desired, report.actual, report.plan, report.verdict
    if desired is None or actual is None or plan is None or verdict is None:
        return None
    held = [action for action, _ in verdict.held if action.touch in _CLASSES]
    if not held and not report.memory.window:
        return None
    uses = count_use(desired, actual, report.memory, plan, held, report.finished)
    found = {
        use.touch: SafeguardCount(counted=use.counted, limit=use.limit, planned=use.planned)
        for use in uses
        if use.counted or use.planned
    }
    tripped = [_CLASSES[touch] for touch in verdict.tripped if touch in {a.touch for a in held}]
    return SafeguardStatus(
        removals=found.get(Touch.REMOVAL),
        changes=found.get(Touch.CHANGE),
        leavers=found.get(Touch.LEAVER),
        tripped=tuple(tripped),
    )


def _people(amount: Amount) -> PeopleStatus:
    counts = amount.counts
    return PeopleStatus(
        assigned=counts.assigned,
        provisioned=counts.provisioned,
        pending=counts.pending,
        waiting=counts.waiting,
        failed=counts.failed,
    )


def _drift(items: Sequence[DriftItem], show: Show) -> DriftStatus:
    return DriftStatus(
        total=len(items),
        counts=dict(sorted(Counter(item.kind.value for item in items).items())),
        items=tuple(_drift_item(item, show) for item in items[:DRIFT_ITEMS]),
    )


def _drift_item(item: DriftItem, show: Show) -> DriftItemStatus:
    return DriftItemStatus(
        kind=item.kind.value,
        what=clip(show(item.okta_id, item.what), VALUE),
        expected=_value(item.expected),
        actual=_value(item.actual),
        where=item.where,
    )


def _value(value: object) -> str | None:
    if value is None:
        return None
    return clip(str(value).lower() if isinstance(value, bool) else str(value), VALUE)


def _unconfirmed(report: Report, show: Show) -> UnconfirmedStatus:
    """What waits for a confirmation after the run."""
    found = waiting_changes(report.memory, report.actual) if report.actual is not None else ()
    return UnconfirmedStatus(
        total=len(found) or None,
        items=tuple(
            UnconfirmedChange(
                what=clip(show(one.okta_id, one.login), VALUE),
                path=clip(one.path, VALUE),
                # A setting may keep people's names and addresses out of status.
                value=clip(one.value, VALUE) if show(one.okta_id, one.login) == one.login else None,
                since=one.since,
            )
            for one in found[:UNCONFIRMED]
        ),
    )


def _plan(amount: Amount, previous: PlanStatus | None, show: Show) -> PlanStatus | None:
    """The plan that waits, or else the one that this run carried out; a run without any keeps the last."""
    verdict, plan = amount.report.verdict, amount.report.plan
    assert plan is not None
    if verdict is None or not (plan.actions or verdict.frozen):
        return previous if previous is not None and previous.state == "Applied" else None
    frozen = verdict.frozen
    actions = frozen.actions if frozen else plan.actions
    digest = frozen.digest if frozen else plan.digest
    created = rfc3339(frozen.created if frozen else amount.report.started)
    if previous is not None and previous.digest == digest:
        created = previous.created_time or created
    return PlanStatus(
        digest=verdict.digest if frozen and verdict.digest else digest,
        state=_plan_state(amount),
        created_time=created,
        expires_time=rfc3339(frozen.created + PLAN_LIFE) if frozen else None,
        total=len(actions),
        summary=dict(sorted(Counter(action.kind.value for action in actions).items())),
        actions=tuple(_planned(action, show) for action in actions[:PLAN_ACTIONS]),
        newer=verdict.newer,
        message=clip(verdict.message, MESSAGE),
    )


def _planned(action: Action, show: Show) -> PlannedAction:
    return PlannedAction(
        action=action.kind.value,
        what=clip(show(action.subject if not action.people else "", action.label), VALUE),
        why=clip(action.why, VALUE),
    )


def _plan_state(amount: Amount) -> str:
    held = amount.held
    if held[HoldReason.AWAITING_APPROVAL]:
        return "AwaitingApproval"
    if held[HoldReason.OBSERVING]:
        return "Observed"
    if held:
        return "Held"
    return "Applied" if amount.report.wrote else "Approved"


def _steps(amount: Amount, previous: Iterable[ManualStepStatus]) -> tuple[ManualStepStatus, ...]:
    since = {step.id: step.since for step in previous}
    now = rfc3339(amount.report.finished)
    return tuple(
        ManualStepStatus(
            id=step.step_id,
            title=clip(step.title, VALUE),
            where=clip(step.where, VALUE),
            instructions=clip(step.instructions, INSTRUCTIONS),
            verified_by=step.verified_by,
            blocks=step.blocks,
            digest=step.digest,
            since=since.get(step.step_id) or now,
        )
        for step in amount.steps[:MANUAL_STEPS]
    )


def _failures(amount: Amount, show: Show) -> tuple[FailureStatus, ...]:
    """Writes that failed, and people whom Okta could not push."""
    actual = amount.report.actual
    logins = {one.okta_id: one.login for one in actual.assignments.people} if actual else {}
    pushes = [
        FailureStatus(
            what=clip(show(one.okta_id, logins.get(OktaId(one.okta_id), "")) or one.okta_id, VALUE),
            action="Push",
            reason=one.reason,
            message=clip(one.message, SHORT_MESSAGE),
        )
        for one in amount.people_at_fault
        if one.reason == Reason.PUSH_FAILED
    ]
    return (*(_failure(one, show) for one in amount.failed[:FAILURES]), *pushes)[:FAILURES]


def _failure(outcome: Outcome, show: Show) -> FailureStatus:
    action = outcome.action
    return FailureStatus(
        what=clip(show("" if action.people else action.subject, action.label), VALUE),
        action=action.kind.value,
        reason=outcome.reason,
        message=clip(outcome.message, SHORT_MESSAGE),
    )


def _history(amount: Amount, asked: Asked) -> HistoryEntry:
    report = amount.report
    result = "Succeeded" if not amount.failed else "PartlyFailed" if amount.done else "Failed"
    kinds = Counter(one.action.kind.value for one in amount.done)
    return HistoryEntry(
        time=rfc3339(report.finished),
        digest=report.plan.digest if report.plan else "",
        result=result,
        actions=len(amount.done) + len(amount.failed),
        failed=len(amount.failed),
        seconds=max(0, round((report.finished - report.started).total_seconds())),
        drift_corrected=len(amount.corrected),
        approved_by=asked.approved_by if asked.approval else "",
        message=clip(", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())), SHORT_MESSAGE),
    )


def progressing_status(integration: Resource[Any], now: datetime) -> Document:
    """The status of a new generation whose first run takes a while."""
    told = f"generation {integration.generation} is being worked on"
    findings = [
        Finding(READY, UNKNOWN, Reason.PROGRESSING, told),
        Finding(RECONCILING, TRUE, Reason.PROGRESSING, told),
    ]
    made = read_status(ScimIntegrationStatus, integration.status)
    return closed(integration.status, made, findings, integration.generation, now)


def unknown_user_status(integration: Resource[Any], request: str, now: datetime) -> Document:
    """The status after a request (annotation sync-user) for somebody whom Okta does not know."""
    made = read_status(ScimIntegrationStatus, integration.status)
    made.last_handled_sync_user = request[:SYNC_REQUEST]
    return closed(integration.status, made, [], integration.generation, now)
