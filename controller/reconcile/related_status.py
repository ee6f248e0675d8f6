"""Status of what stands beside an integration: GroupMapping and SeatLimit; and of what is suspended.

Called by the operator with the report of the integration, or without one where the reference leads nowhere.
Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from controller.api.group_mapping import GroupMappingSpec, GroupMappingStatus
from controller.api.integration_status import ScimIntegrationStatus
from controller.api.kinds import KINDS
from controller.api.seat_limit import PEOPLE_SHOWN, SeatLimitSpec, SeatLimitStatus, WaitingPerson
from controller.api.status import VALUE
from controller.api.status_document import Document, read_status
from controller.errors import SpecError, clip
from controller.model.plan import Problem
from controller.planning.base.inputs import Resource
from controller.reconcile.conditions import (
    CAPACITY,
    FALSE,
    IN_SYNC,
    READY,
    RECONCILING,
    REFERENCES,
    STALLED,
    TRUE,
    UNKNOWN,
    Finding,
    condition_of,
    error_findings,
)
from controller.reconcile.findings import capacity, in_sync, remedy
from controller.reconcile.mapping_status import note_counts, note_effect
from controller.reconcile.reasons import Reason, known_reason
from controller.reconcile.report import Report
from controller.reconcile.seat_status import forecast_status, reclaim_status, seats_status
from controller.reconcile.status import closed
from controller.reconcile.totals import Amount, Show, show_login

FOUND = Finding(REFERENCES, TRUE, Reason.RESOLVED, "the ScimIntegration was found")


def mapping_status(
    mapping: Resource[GroupMappingSpec], report: Report, now: datetime, show: Show = show_login
) -> Document:
    """The status of a GroupMapping after a run of its integration."""
    made = read_status(GroupMappingStatus, mapping.status)
    findings = _about_mapping(made, mapping, report, show)
    return closed(mapping.status, made, findings, mapping.generation, now)


def _about_mapping(
    made: GroupMappingStatus, mapping: Resource[GroupMappingSpec], report: Report, show: Show
) -> list[Finding]:
    """What the run found about `mapping`; its own fields go into `made`."""
    own = _own_error(mapping, report)
    if report.plan is None or report.error is not None or report.desired is None:
        if own is not None:
            return [FOUND, *error_findings(own)]
        return [FOUND, *_held_up(report), Finding(IN_SYNC, UNKNOWN, Reason.DRIFT_UNKNOWN, _BEHIND)]
    amount, preview = Amount(report), report.plan.preview
    state = _ready(amount.problems_of(mapping.kind, mapping.name), _MAPPED)
    if own is not None:
        state = [finding for finding in error_findings(own) if finding.type != IN_SYNC]
    note_counts(made, mapping.spec, preview)
    note_effect(made, mapping, report, amount.moves, show)
    return [FOUND, *state, in_sync(amount)]


_BEHIND = "the ScimIntegration could not be reconciled; see there"
_MAPPED = "the rows are in force"
_COUNTED = "the seats were counted"


def limit_status(
    limit: Resource[SeatLimitSpec], report: Report, now: datetime, show: Show = show_login
) -> Document:
    """The status of a SeatLimit after a run of its integration."""
    made = read_status(SeatLimitStatus, limit.status)
    findings = _about_limit(made, limit, report, show)
    return closed(limit.status, made, findings, limit.generation, now)


def _about_limit(
    made: SeatLimitStatus, limit: Resource[SeatLimitSpec], report: Report, show: Show
) -> list[Finding]:
    """What the run found about `limit`; its own fields go into `made`."""
    own = _own_error(limit, report)
    if own is not None:
        return [FOUND, *(f for f in error_findings(own) if f.type != IN_SYNC)]
    desired = report.desired.seats if report.desired else None
    if report.plan is None or report.error is not None or desired is None:
        return [FOUND, *_held_up(report), Finding(CAPACITY, UNKNOWN, Reason.SEATS_UNKNOWN, _BEHIND)]
    amount = Amount(report)
    seats = amount.seats
    findings = [
        FOUND,
        capacity(desired, seats),
        *_ready(amount.problems_of(limit.kind, limit.name), _COUNTED),
    ]
    made.reclaim = reclaim_status(report, show)
    made.remediation, made.waiting = remedy(desired), ()
    if seats is not None:
        made.seats = seats_status(seats)
        made.forecast = forecast_status(report.memory, seats)
        since = {person.okta_id: person.assigned_at for person in _people(report)}
        made.waiting = tuple(
            WaitingPerson(login=clip(show(okta_id, login), VALUE), since=since.get(okta_id))
            for okta_id, login in seats.waiting[:PEOPLE_SHOWN]
        )
    return findings


def _people(report: Report) -> Any:
    return report.actual.assignments.people if report.actual else ()


def _own_error(resource: Resource[Any], report: Report) -> SpecError | None:
    """What is wrong with this very resource: an error that names it, or a problem found before the plan."""
    error = report.error
    if isinstance(error, SpecError) and (error.kind, error.name) == (resource.kind, resource.name):
        return error
    for problem in report.problems:
        if (problem.kind, problem.name) == (resource.kind, resource.name):
            return SpecError(problem.message, field="", reason=problem.reason)
    return None


def _held_up(report: Report) -> list[Finding]:
    """Ready of a sibling whose integration ended early: it waits, with the integration's own words."""
    told = f"ScimIntegration {report.inputs.integration.name}: {report.error or 'not planned yet'}"
    return [
        Finding(READY, FALSE, Reason.WAITING, told),
        Finding(RECONCILING, TRUE, Reason.WAITING, told),
    ]


def _ready(problems: tuple[Problem, ...], told: str) -> list[Finding]:
    if not problems:
        return [Finding(READY, TRUE, Reason.SUCCEEDED, told)]
    first = problems[0]
    reason = known_reason(first.reason, Reason.INVALID_SPEC)
    found = [Finding(READY, FALSE, reason, first.message), Finding(STALLED, TRUE, reason, first.message)]
    if condition_of(reason) == REFERENCES:
        found.append(Finding(REFERENCES, FALSE, reason, first.message))
    return found


def dangling_status(resource: Resource[Any], wanted: str, now: datetime) -> Document:
    """The status of a GroupMapping or SeatLimit whose integrationRef names nothing."""
    path = "spec.integrationRef.name" if resource.kind == "GroupMapping" else "spec.integrationRefs[0].name"
    told = f"{path}: no ScimIntegration {wanted} in this namespace; create it or correct the name"
    findings = [
        Finding(READY, FALSE, Reason.INTEGRATION_NOT_FOUND, told),
        Finding(RECONCILING, TRUE, Reason.WAITING, told),
        Finding(REFERENCES, FALSE, Reason.INTEGRATION_NOT_FOUND, told),
    ]
    made = read_status(KINDS[resource.kind].status, resource.status)
    return closed(resource.status, made, findings, resource.generation, now)


def broken_status(
    status: Mapping[str, Any], generation: int, error: Exception, now: datetime, kind: str
) -> Document:
    """The status of a resource whose spec does not even parse."""
    findings = error_findings(error)
    if kind not in ("ScimIntegration", "GroupMapping"):
        findings = [finding for finding in findings if finding.type != IN_SYNC]
    return closed(status, read_status(KINDS[kind].status, status), findings, generation, now)


def suspended_with_status(resource: Resource[Any], integration: str, now: datetime) -> Document:
    """The status of a GroupMapping or SeatLimit of an integration with spec.suspend."""
    told = f"ScimIntegration {integration}: spec.suspend is true; nothing is read and nothing is written"
    made = read_status(KINDS[resource.kind].status, resource.status)
    findings = [FOUND, Finding(READY, UNKNOWN, Reason.SUSPENDED, told)]
    return closed(resource.status, made, findings, resource.generation, now)


def suspended_status(resource: Resource[Any], now: datetime) -> Document:
    """The status of an integration with spec.suspend: what was known stays, Ready is Unknown."""
    told = "spec.suspend is true: nothing is read and nothing is written"
    findings = [Finding(READY, UNKNOWN, Reason.SUSPENDED, told)]
    made = read_status(ScimIntegrationStatus, resource.status)
    made.next_sync_time = None
    return closed(resource.status, made, findings, resource.generation, now)
