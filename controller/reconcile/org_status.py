"""Status of an OktaOrg: by its own check, and by every run that used it. Pure.

Called by the operator. The check makes one call; a run makes many, and so a permission that a run found
missing is not taken back by a check that does not need it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from controller.api.okta_org import BUCKETS, BucketStatus, OktaOrgSpec, OktaOrgStatus
from controller.api.status import VALUE
from controller.api.status_document import Document, read_status
from controller.clock import rfc3339
from controller.errors import RemoteError, SpecError, clip
from controller.planning.base.inputs import Resource
from controller.reconcile.conditions import (
    CREDENTIALS,
    FALSE,
    READY,
    RECONCILING,
    STALLED,
    TRUE,
    UNKNOWN,
    Finding,
    error_findings,
)
from controller.reconcile.reasons import Reason, known_reason
from controller.reconcile.report import Report
from controller.reconcile.status import closed

TYPES = (READY, RECONCILING, STALLED, CREDENTIALS)
BEYOND_THE_CHECK = frozenset({Reason.ACCESS_DENIED, Reason.MISSING_SCOPE, Reason.MISSING_PERMISSION})
"""What a run may have found out and the check cannot refute: it needs less."""


@dataclass(frozen=True, slots=True)
class OrgFacts:
    """What the process knows of an org beside any run."""

    integrations: int
    """That use it."""
    suspended: int = 0
    """Of those, with spec.suspend."""
    is_throttled: bool | None = None
    """Whether calls wait for their share of a bucket; None before the first call."""
    buckets: tuple[BucketStatus, ...] = ()
    """That held calls back lately."""
    last_event: datetime | None = None
    """Of the System Log, as far as this process has read it."""

    @property
    def is_idle(self) -> bool:
        """Whether every integration that uses the org is suspended: then nobody calls it."""
        return 0 < self.integrations <= self.suspended


@dataclass(frozen=True, slots=True)
class Check:
    """What a check of an org found out."""

    org_id: str = ""
    error: Exception | None = None
    requested_at: str = ""
    """The annotation that it answers."""


def org_status(org: Resource[OktaOrgSpec], report: Report, facts: OrgFacts, now: datetime) -> Document:
    """The status of an OktaOrg after a run that used it."""
    made = _begun(org, facts)
    return closed(org.status, made, _found_by_run(made, org, report), org.generation, now)


def checked_status(org: Resource[OktaOrgSpec], check: Check, facts: OrgFacts, now: datetime) -> Document:
    """The status of an OktaOrg after its own check."""
    made = _begun(org, facts)
    if check.requested_at:
        made.last_handled_reconcile_at = clip(check.requested_at, VALUE)
    return closed(org.status, made, _found_by_check(made, org, check, facts), org.generation, now)


def idle_status(org: Resource[OktaOrgSpec], facts: OrgFacts, now: datetime) -> Document:
    """The status of an OktaOrg that is not called, because whatever uses it is suspended."""
    made = _begun(org, facts)
    findings = _kept(made)
    if org.status.get("observedGeneration") != org.generation or not findings:
        told = "every ScimIntegration that uses this org is suspended; its credential was not tried"
        findings = [Finding(READY, UNKNOWN, Reason.SUSPENDED, told)]
    return closed(org.status, made, findings, org.generation, now)


def unchecked_status(org: Resource[OktaOrgSpec], facts: OrgFacts, now: datetime) -> Document:
    """The status of an OktaOrg that nothing can be said of: where no client of Okta is at hand."""
    made = _begun(org, facts)
    return closed(org.status, made, _unverified(made, org), org.generation, now)


def _begun(org: Resource[OktaOrgSpec], facts: OrgFacts) -> OktaOrgStatus:
    """The known status with everything that needs no call."""
    made = read_status(OktaOrgStatus, org.status)
    made.conditions = tuple(one for one in made.conditions if one.type in TYPES)
    made.integrations, made.budget_percent = facts.integrations, org.spec.budget_percent
    if facts.is_throttled is not None:
        made.budget = "Throttled" if facts.is_throttled else "Ok"
        made.buckets = facts.buckets[:BUCKETS]
    if facts.last_event is not None:
        made.last_event_time = rfc3339(facts.last_event)
    return made


def _found_by_run(made: OktaOrgStatus, org: Resource[OktaOrgSpec], report: Report) -> list[Finding]:
    error = report.error
    if isinstance(error, RemoteError) and error.system == "Okta":
        return _wrong(error)
    if isinstance(error, SpecError) and (error.kind, error.name) == (org.kind, org.name):
        return _wrong(error)
    if report.actual is None:
        return _unverified(made, org)
    made.org_id = report.actual.app.org_id
    return _well()


def _found_by_check(
    made: OktaOrgStatus, org: Resource[OktaOrgSpec], check: Check, facts: OrgFacts
) -> list[Finding]:
    if check.error is not None:
        return _wrong(check.error)
    made.org_id = check.org_id
    ready = next((one for one in _kept(made) if one.type == READY), None)
    is_refused = ready is not None and ready.status == FALSE and ready.reason in BEYOND_THE_CHECK
    is_known = org.status.get("observedGeneration") == org.generation
    return _kept(made) if is_refused and is_known and facts.integrations else _well()


def _wrong(error: Exception) -> list[Finding]:
    return [finding for finding in error_findings(error) if finding.type in TYPES]


def _well() -> list[Finding]:
    return [
        Finding(READY, TRUE, Reason.SUCCEEDED, "Okta answers"),
        Finding(CREDENTIALS, TRUE, Reason.ACCEPTED, "Okta took the credential"),
    ]


def _kept(made: OktaOrgStatus) -> list[Finding]:
    """The conditions as they are."""
    return [
        Finding(one.type, one.status, known_reason(one.reason, Reason.NOT_VERIFIED), one.message)
        for one in made.conditions
    ]


def _unverified(made: OktaOrgStatus, org: Resource[OktaOrgSpec]) -> list[Finding]:
    """Nothing new about an org whose spec is the one that was used last; else that it has to be tried."""
    if org.status.get("observedGeneration") == org.generation and made.conditions:
        return _kept(made)
    told = "this org was not called as it is now; its credential was not tried"
    return [Finding(READY, UNKNOWN, Reason.NOT_VERIFIED, told)]
