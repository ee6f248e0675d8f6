"""Conditions as pure functions of the previous ones, the report and the time, as kstatus reads them.

Called by status. A *finding* says what a run found about one condition type; `settle` turns findings into the
list that is stored. Here lives the mapping from an error's class and reason to the condition that goes False.
The rules are those of kstatus and of Flux's condition checker; tests/kstatus.py states them once more, from
the outside, and the flow tests call it after every step.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from controller.api.status import Condition
from controller.errors import (
    ControllerError,
    RateLimited,
    RemoteError,
    SpecError,
    Unauthorized,
    Unavailable,
    Waiting,
    clip,
)
from controller.reconcile.reasons import Reason, known_reason

READY, RECONCILING, STALLED = "Ready", "Reconciling", "Stalled"
REFERENCES, CREDENTIALS, PREREQUISITES = "ReferencesResolved", "CredentialsValid", "PrerequisitesMet"
CONFIGURED, IN_SYNC, CAPACITY = "Configured", "InSync", "WithinCapacity"
ORDER = (READY, RECONCILING, STALLED, REFERENCES, CREDENTIALS, PREREQUISITES, CONFIGURED, IN_SYNC, CAPACITY)
NEGATIVE = frozenset({RECONCILING, STALLED})
STATUS_LIMIT = 64 * 1024

Truth = Literal["True", "False", "Unknown"]
TRUE: Final = "True"
FALSE: Final = "False"
UNKNOWN: Final = "Unknown"

_CONDITION_OF_REASON = {
    **dict.fromkeys(
        (
            Reason.INTEGRATION_NOT_FOUND,
            Reason.ORG_NOT_FOUND,
            Reason.NAMESPACE_NOT_ALLOWED,
            Reason.SECRET_NOT_FOUND,
            Reason.SECRET_KEY_MISSING,
            Reason.SECRET_FORBIDDEN,
            Reason.CA_BUNDLE_NOT_FOUND,
            Reason.APP_NOT_FOUND,
            Reason.APP_AMBIGUOUS,
            Reason.APP_CHANGED,
            Reason.GROUP_NOT_FOUND,
            Reason.GROUP_AMBIGUOUS,
            Reason.PROVIDER_GROUP_MISSING,
            Reason.PROVIDER_GROUP_AMBIGUOUS,
            Reason.USER_NOT_FOUND,
        ),
        REFERENCES,
    ),
    **dict.fromkeys(
        (
            Reason.HOST_NOT_ALLOWED,
            Reason.CREDENTIALS_REJECTED,
            Reason.ACCESS_DENIED,
            Reason.MISSING_SCOPE,
            Reason.MISSING_PERMISSION,
            Reason.PROOF_REFUSED,
            Reason.CREDENTIALS_INVALID,
            Reason.PROBE_FAILED,
        ),
        CREDENTIALS,
    ),
    **dict.fromkeys((Reason.PLAN_TOO_LOW, Reason.SSO_MISSING), PREREQUISITES),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one run found about one condition type."""

    type: str
    status: Truth
    reason: Reason
    message: str


def condition_of(reason: Reason) -> str:
    """The condition that goes False for `reason`; "" where only Ready does."""
    return _CONDITION_OF_REASON.get(reason, "")


def error_findings(error: Exception) -> list[Finding]:
    """What an error that ended a run says: Ready, the condition concerned, and Stalled where a person has to
    act or Reconciling where the operator tries again by itself. InSync is unknown from then on."""
    reason, message = _told(error)
    found = [
        Finding(READY, FALSE, reason, message),
        _trouble(error, reason, message),
        Finding(IN_SYNC, UNKNOWN, Reason.DRIFT_UNKNOWN, "not compared: the last reconcile ended early"),
    ]
    concerned = condition_of(reason)
    if concerned:
        found = [finding for finding in found if finding.type != concerned]
        found.append(Finding(concerned, FALSE, reason, message))
    if concerned == CREDENTIALS:
        found.append(Finding(REFERENCES, TRUE, Reason.RESOLVED, "the Secrets that are named were found"))
    return found


def _told(error: Exception) -> tuple[Reason, str]:
    if isinstance(error, ControllerError):
        return known_reason(error.reason, _reason_of_class(error)), error.message
    kind = type(error).__name__
    return Reason.UNEXPECTED_ERROR, f"{kind}: this is a bug of the operator; its log has the traceback"


def _reason_of_class(error: ControllerError) -> Reason:
    by_class = (
        (SpecError, Reason.INVALID_SPEC),
        (Waiting, Reason.WAITING),
        (Unauthorized, Reason.CREDENTIALS_REJECTED),
        (RateLimited, Reason.RATE_LIMITED),
        (Unavailable, Reason.UNAVAILABLE),
        (RemoteError, Reason.REJECTED),
    )
    return next((reason for kind, reason in by_class if isinstance(error, kind)), Reason.UNEXPECTED_ERROR)


def _trouble(error: Exception, reason: Reason, message: str) -> Finding:
    if isinstance(error, SpecError | Unauthorized):
        return Finding(STALLED, TRUE, reason, message)
    if isinstance(error, Waiting):
        return Finding(RECONCILING, TRUE, Reason.WAITING, message)
    return Finding(RECONCILING, TRUE, Reason.PROGRESSING_WITH_RETRY, message)


def settle(
    findings: Iterable[Finding], previous: Iterable[Condition], generation: int, now: str
) -> tuple[Condition, ...]:
    """The conditions to store, in ORDER. What was not found out this time stays as it was, with the
    generation it was about, except Reconciling and Stalled, which are there only while they are True.
    lastTransitionTime moves only where the status flips."""
    before = {condition.type: condition for condition in previous}
    found = {finding.type: finding for finding in findings}
    kept = {kind: old for kind, old in before.items() if kind in ORDER and kind not in NEGATIVE}
    made = {kind: _condition(finding, before.get(kind), generation, now) for kind, finding in found.items()}
    return tuple(sorted({**kept, **made}.values(), key=lambda condition: ORDER.index(condition.type)))


def _condition(finding: Finding, old: Condition | None, generation: int, now: str) -> Condition:
    is_same = old is not None and old.status == finding.status
    return Condition(
        type=finding.type,
        status=finding.status,
        observed_generation=generation,
        last_transition_time=old.last_transition_time if old is not None and is_same else now,
        reason=finding.reason.value,
        message=clip(finding.message),
    )


def by_type(conditions: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The conditions by their type."""
    return {str(condition["type"]): condition for condition in conditions}


def size_of(status: Mapping[str, Any]) -> int:
    """Bytes of a status as an API server stores it."""
    return len(json.dumps(status, ensure_ascii=False).encode())
