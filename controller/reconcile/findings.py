"""What a report says about each condition of a ScimIntegration, and about the limits and mappings beside it.

Called by status. Each function answers one question and decides nothing else; Ready is derived last, from
the others, and set nowhere else. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from controller.api.meta import IN_OWN_NAME
from controller.errors import ControllerError
from controller.model.plan import HoldReason, Problem, Seats, SeatState
from controller.model.words import many
from controller.planning.base.desired import DesiredSeats
from controller.reconcile.conditions import (
    CAPACITY,
    CONFIGURED,
    CREDENTIALS,
    FALSE,
    IN_SYNC,
    PREREQUISITES,
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
from controller.reconcile.reasons import Reason, known_reason
from controller.reconcile.totals import Amount

SHOWN = 3
INTEGRATION = "ScimIntegration"


def integration_findings(amount: Amount) -> list[Finding]:
    """All conditions of an integration after a run that had a plan."""
    report = amount.report
    assert report.desired is not None
    problems = amount.problems_of(INTEGRATION, report.desired.name)
    seats = amount.seats
    found = [
        references(problems),
        credentials(amount, problems),
        prerequisites(amount, problems),
        configured(amount),
        in_sync(amount),
        capacity(report.desired.seats, seats),
    ]
    if report.trouble is not None:
        return _while_not_read(report.trouble, found)
    return [*ready(amount, found, problems), *found]


def _while_not_read(trouble: ControllerError, found: Iterable[Finding]) -> list[Finding]:
    """What is known of a few people says nothing of the others, while nobody can read everything."""
    told = error_findings(trouble)
    kinds = {finding.type for finding in told}
    return [*told, *(finding for finding in found if finding.type not in kinds)]


def references(problems: Iterable[Problem]) -> Finding:
    """ReferencesResolved."""
    return _first(problems, REFERENCES) or Finding(
        REFERENCES, TRUE, Reason.RESOLVED, "everything that the resource names was found"
    )


def _first(problems: Iterable[Problem], kind: str) -> Finding | None:
    for problem in problems:
        reason = known_reason(problem.reason, Reason.INVALID_SPEC)
        if condition_of(reason) == kind:
            return Finding(kind, FALSE, reason, problem.message)
    return None


def credentials(amount: Amount, problems: Iterable[Problem]) -> Finding:
    """CredentialsValid."""
    refused = _first(problems, CREDENTIALS)
    if refused:
        return refused
    actual = amount.report.actual
    if actual is not None and not actual.provider.probe.ok:
        cause = actual.provider.probe.cause or "no cause was given"
        return Finding(CREDENTIALS, FALSE, Reason.PROBE_FAILED, f"the SCIM probe failed: {cause}")
    return Finding(CREDENTIALS, TRUE, Reason.ACCEPTED, "Okta and the provider took the credentials")


def prerequisites(amount: Amount, problems: Iterable[Problem]) -> Finding:
    """PrerequisitesMet: Unknown, and not in the way, where the provider cannot be asked."""
    unmet = _first(problems, PREREQUISITES)
    if unmet:
        return unmet
    desired, actual = amount.report.desired, amount.report.actual
    if desired is None or not (desired.required_plan or desired.sso_required):
        return Finding(PREREQUISITES, TRUE, Reason.NOT_REQUIRED, "spec.requirements asks for nothing")
    if actual is None or actual.provider.organization is None:
        return Finding(
            PREREQUISITES,
            UNKNOWN,
            Reason.NOT_VERIFIABLE,
            "the provider has no admin API: check its plan and single sign-on by hand, see the manual steps",
        )
    return Finding(PREREQUISITES, TRUE, Reason.MET, "plan and single sign-on are as required")


def configured(amount: Amount) -> Finding:
    """Configured."""
    if amount.steps:
        first, more = amount.steps[0], len(amount.steps) - 1
        told = f"{first.title} ({first.where})" + (f", and {more} more steps" if more else "")
        return Finding(CONFIGURED, FALSE, Reason.MANUAL_STEP_REQUIRED, f"{told}; see status.manualSteps")
    settings = [item for item in amount.remaining if item.kind.value == "Setting"]
    if settings:
        told = "; ".join(f"{item.what} at {item.where}" for item in settings[:SHOWN])
        return Finding(
            CONFIGURED, FALSE, Reason.CONFIGURATION_DRIFT, f"{len(settings)} settings differ: {told}"
        )
    return Finding(CONFIGURED, TRUE, Reason.CONFIGURED, "the app and the provider are set up as declared")


_HELD = (
    (HoldReason.SAFETY_THRESHOLD_EXCEEDED, Reason.SAFETY_THRESHOLD_EXCEEDED),
    (HoldReason.READ_INCOMPLETE, Reason.READ_INCOMPLETE),
    (HoldReason.AWAITING_APPROVAL, Reason.AWAITING_APPROVAL),
)


def in_sync(amount: Amount) -> Finding:
    """InSync: the weightiest reason for which accounts are not as declared."""
    verdict, held = amount.report.verdict, amount.held
    for hold, reason in _HELD:
        if held[hold]:
            return Finding(IN_SYNC, FALSE, reason, _held_message(amount, reason, held[hold]))
    if amount.failed or amount.people_at_fault:
        return _people_failed(amount)
    if held[HoldReason.OBSERVING]:
        actions = many(held[HoldReason.OBSERVING], "action", "actions")
        told = f"{actions} would be taken, but spec.mode is Observe"
        return Finding(IN_SYNC, FALSE, Reason.DRIFT_DETECTED, told)
    if amount.remaining:
        told = "; ".join(item.what for item in amount.remaining[:SHOWN])
        differences = many(len(amount.remaining), "difference", "differences")
        return Finding(IN_SYNC, FALSE, Reason.DRIFT_DETECTED, f"{differences}: {told}")
    if held[HoldReason.OUTSIDE_WINDOW]:
        opens = (
            f"; the next window opens at {verdict.opens_at:%Y-%m-%dT%H:%M:%SZ}"
            if verdict and verdict.opens_at
            else ""
        )
        waits = many(held[HoldReason.OUTSIDE_WINDOW], "action waits", "actions wait")
        told = f"{waits} for a window{opens}"
        return Finding(IN_SYNC, FALSE, Reason.OUTSIDE_WINDOW, told)
    if held[HoldReason.AWAITING_READ]:
        told = many(held[HoldReason.AWAITING_READ], "action waits", "actions wait")
        return Finding(IN_SYNC, FALSE, Reason.DRIFT_DETECTED, f"{told} for a complete read, which follows")
    return _nearly_in_sync(amount)


def _nearly_in_sync(amount: Amount) -> Finding:
    plan = amount.report.plan
    if plan is not None and not plan.compares_people:
        told = "accounts are compared in the next reconcile, once the provider lists them"
        return Finding(IN_SYNC, UNKNOWN, Reason.DRIFT_UNKNOWN, told)
    waiting = amount.counts.waiting
    if waiting:
        told = many(waiting, "person waits", "people wait")
        return Finding(IN_SYNC, FALSE, Reason.PEOPLE_WAITING, f"{told} for a seat")
    if amount.steps or amount.held[HoldReason.BLOCKED_BY_STEP]:
        blocked = amount.held[HoldReason.BLOCKED_BY_STEP]
        waits = f"; {many(blocked, 'action waits', 'actions wait')} for them" if blocked else ""
        told = many(len(amount.steps), "manual step is open", "manual steps are open") + waits
        return Finding(IN_SYNC, FALSE, Reason.MANUAL_STEP_OPEN, told)
    unconfirmed = sum(len(fields) for fields in amount.report.memory.deferred.values())
    waits = many(unconfirmed, "change waits", "changes wait")
    told = f"; {waits} for a confirmation at the provider" if unconfirmed else ""
    return Finding(IN_SYNC, TRUE, Reason.IN_SYNC, f"accounts are as declared{told}")


def _held_message(amount: Amount, reason: Reason, count: int) -> str:
    verdict = amount.report.verdict
    desired = amount.report.desired
    assert verdict is not None
    assert desired is not None
    told = verdict.message or many(count, "action waits", "actions wait")
    if not verdict.digest or reason is Reason.READ_INCOMPLETE:
        return told
    command = (
        f"kubectl annotate -n {desired.namespace} scimint {desired.name} --overwrite "
        f"scim-operator.dev/approve={verdict.digest} {IN_OWN_NAME}"
    )
    return told if "scim-operator.dev/approve" in told else f"{told}; approve with: {command}"


def _people_failed(amount: Amount) -> Finding:
    told = [f"{one.action.label}: {one.message or one.reason}" for one in amount.failed[:SHOWN]]
    told += [problem.message for problem in amount.people_at_fault[: SHOWN - len(told)]]
    count = amount.counts.failed or len(amount.failed)
    return Finding(IN_SYNC, FALSE, Reason.PEOPLE_FAILED, f"{count} failed: {'; '.join(told)}")


def capacity(desired: DesiredSeats | None, seats: Seats | None) -> Finding:
    """WithinCapacity, with the remedy by billing method where seats are short."""
    if desired is None:
        return Finding(CAPACITY, TRUE, Reason.NO_LIMIT, "no SeatLimit refers to the integration")
    if seats is None:
        told = "the seats or the accounts could not be counted"
        return Finding(CAPACITY, UNKNOWN, Reason.SEATS_UNKNOWN, told)
    reason = known_reason(seats.state.value, Reason.SEATS_UNKNOWN)
    is_within = seats.state in (SeatState.WITHIN_LIMIT, SeatState.NEAR_LIMIT)
    told = f"{seats.used} of {seats.limit} seats used"
    if seats.reserved:
        told += f", {seats.reserved} reserved"
    if seats.waiting:
        told += f", {many(len(seats.waiting), 'person waits', 'people wait')}"
    if desired.seats is not None and seats.limit < desired.seats:
        told += f"; spec.seats is {desired.seats}, but {seats.limit} were purchased: correct it"
    if seats.state is not SeatState.WITHIN_LIMIT:
        told += f". {remedy(desired)}"
    return Finding(CAPACITY, TRUE if is_within else FALSE, reason, told)


def remedy(desired: DesiredSeats) -> str:
    """How seats are bought, by spec.billing."""
    if desired.billing_method == "Invoice":
        return f"Paid by invoice: ask for more seats at {desired.billing_where}"
    if desired.billing_method == "Card":
        return f"Paid by card: add seats on the billing page {desired.billing_where}"
    return "Add seats at the provider, or free some; spec.billing can say where seats are bought"


def ready(amount: Amount, found: Iterable[Finding], problems: Iterable[Problem]) -> list[Finding]:
    """Ready, with Reconciling or Stalled where something is in the way."""
    by_kind = {finding.type: finding for finding in found}
    stalled = by_kind[IN_SYNC] if by_kind[IN_SYNC].reason is Reason.SAFETY_THRESHOLD_EXCEEDED else None
    if stalled:
        return _not_ready(STALLED, stalled.reason, stalled.message)
    unmet = by_kind[PREREQUISITES]
    if unmet.status == FALSE:
        return _not_ready(RECONCILING, unmet.reason, unmet.message, Reason.WAITING_FOR_PERSON)
    if amount.blocking:
        told = by_kind[CONFIGURED].message
        return _not_ready(RECONCILING, Reason.MANUAL_STEP_REQUIRED, told, Reason.WAITING_FOR_PERSON)
    for kind in (CREDENTIALS, REFERENCES):
        if by_kind[kind].status == FALSE:
            finding = by_kind[kind]
            return _not_ready(RECONCILING, finding.reason, finding.message, Reason.PROGRESSING_WITH_RETRY)
    other = next((problem for problem in problems if not condition_of(_reason(problem))), None)
    if other:
        return _not_ready(STALLED, _reason(other), other.message)
    if told := _why_in_vain(amount, by_kind[IN_SYNC]):
        return _not_ready(RECONCILING, Reason.WRITES_FAILED, told, Reason.PROGRESSING_WITH_RETRY)
    if amount.is_under_way:
        told = f"{_summary(amount)} so far; the next reconcile follows at once"
        return _not_ready(RECONCILING, Reason.PROGRESSING, told)
    return [Finding(READY, TRUE, Reason.SUCCEEDED, _summary(amount))]


def _why_in_vain(amount: Amount, in_sync: Finding) -> str:
    """What of the work came to nothing, in words; "" where some of each kind was done and nobody who left
    keeps an account."""
    if amount.leavers_kept:
        first, count = amount.leavers_kept[0], len(amount.leavers_kept)
        people = many(count, "person who left keeps an account", "people who left keep an account")
        return f"{people}: {first.action.label}: {first.message or first.reason}"
    if kinds := amount.kinds_failed:
        return f"every {' and every '.join(kinds)} failed: {in_sync.message}"
    return ""


def _reason(problem: Problem) -> Reason:
    return known_reason(problem.reason, Reason.INVALID_SPEC)


def _not_ready(kind: str, reason: Reason, message: str, trouble: Reason | None = None) -> list[Finding]:
    return [Finding(READY, FALSE, reason, message), Finding(kind, TRUE, trouble or reason, message)]


def _summary(amount: Amount) -> str:
    counts = amount.counts
    told = f"{counts.provisioned} of {counts.assigned} assigned people have an account"
    return told + (f", {counts.waiting} wait for a seat" if counts.waiting else "")
