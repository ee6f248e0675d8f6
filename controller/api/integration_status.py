"""Status of a ScimIntegration: what was read, what differs, who waits and what a person has to do.

Filled by reconcile.status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from controller.api.meta import URL, Bool, atomic, keyed, text, unique
from controller.api.status import (
    Count,
    Forecast,
    KindStatus,
    Message,
    Name,
    OktaIdText,
    Seats,
    ShortMessage,
    Status,
    Time,
    Value,
    bounded,
)

FEATURES: Final = 30
DRIFT_ITEMS: Final = 20
UNCONFIRMED: Final = 20
PLAN_ACTIONS: Final = 50
MANUAL_STEPS: Final = 10
INSTRUCTIONS: Final = 1024
HISTORY: Final = 5
FAILURES: Final = 10
ACTION_KINDS: Final = 30
SYNC_REQUEST: Final = 400

_ByKind = Annotated[Mapping[str, Count], Field(max_length=ACTION_KINDS)]


class AppStatus(Status):
    """The Okta app as found."""

    id: OktaIdText | None = None
    """Its id, pinned: another app is never followed silently."""
    label: Value | None = None
    """Its label."""
    name: Value | None = None
    """Okta's name of the kind of app."""
    status: Name | None = None
    """ACTIVE or INACTIVE."""
    sign_on_mode: Name | None = None
    """Such as SAML_2_0."""
    features: Annotated[tuple[Name, ...], unique(FEATURES)] = ()
    """What is switched on, such as PUSH_NEW_USERS."""
    org_id: OktaIdText | None = None
    """Okta's id of the org."""


class PeopleStatus(Status):
    """People, as counts."""

    assigned: Count | None = None
    """Assigned to the app."""
    provisioned: Count | None = None
    """With an account that is up to date."""
    pending: Count | None = None
    """Whom the present plan concerns."""
    waiting: Count | None = None
    """Without a seat."""
    failed: Count | None = None
    """Whose last write was refused or not confirmed."""


class DriftItemStatus(Status):
    """One difference."""

    kind: Name
    """What differs: Missing, Extra, Attribute, Active, Group, Assignment or Setting."""
    what: Value
    """Whose or which, by login or name."""
    expected: Value | None = None
    """What was declared."""
    actual: Value | None = None
    """What was found."""
    where: Literal["Okta", "Provider"]
    """On which side."""


class DriftStatus(Status):
    """What differs from what is declared."""

    total: Count | None = None
    """All differences."""
    counts: _ByKind = Field(default_factory=dict)
    """Differences by kind."""
    items: Annotated[tuple[DriftItemStatus, ...], atomic(DRIFT_ITEMS)] = ()
    """The first 20."""


class UnconfirmedChange(Status):
    """One change that the provider has accepted and somebody has to confirm."""

    what: Value
    """Whose, by login."""
    path: Value
    """SCIM path, such as emails[primary]."""
    value: Value | None = None
    """What was sent."""
    since: Time | None = None
    """When it was sent. It is sent again after provider.profile.overrides.resendAfter."""


class UnconfirmedStatus(Status):
    """Changes that the provider has accepted and that wait for somebody, such as an e-mail address that its
    owner confirms."""

    total: Count | None = None
    """All of them."""
    items: Annotated[tuple[UnconfirmedChange, ...], atomic(UNCONFIRMED)] = ()
    """The 20 that have waited longest."""


class PlannedAction(Status):
    """One action of a plan."""

    action: Name
    """What is done, such as CreateAccount."""
    what: Value
    """To whom or what, by login or name."""
    why: Value | None = None
    """Why it is done."""


class PlanStatus(Status):
    """The plan that waits, or the one that was carried out last."""

    digest: Name | None = None
    """Approve with: scimctl approve NAME DIGEST; or kubectl annotate scimint NAME
    scim-operator.dev/approve=DIGEST scim-operator.dev/approved-by=NAME, as kubectl auth whoami tells it."""
    state: Name | None = None
    """AwaitingApproval, Approved, Held, Applied or Observed."""
    created_time: Time | None = None
    """When it was made."""
    expires_time: Time | None = None
    """Until when it can be approved."""
    total: Count | None = None
    """All actions."""
    summary: _ByKind = Field(default_factory=dict)
    """Actions by kind."""
    actions: Annotated[tuple[PlannedAction, ...], atomic(PLAN_ACTIONS)] = ()
    """The first 50."""
    newer: Count | None = None
    """Actions that have become due since the plan was frozen; they are the next plan."""
    message: Message | None = None
    """Why it waits."""


class ManualStepStatus(Status):
    """Something that no API does."""

    id: Name
    """Name of the step, for the annotation scim-operator.dev/done."""
    title: Value
    """What is to be done."""
    where: Value | None = None
    """The console and page."""
    instructions: Annotated[str, text(INSTRUCTIONS), bounded(INSTRUCTIONS)] | None = None
    """The exact clicks and values, without any secret."""
    verified_by: Literal["Read", "Log", "Acknowledgement"] | None = None
    """How the operator knows that it was done. Acknowledgement: by the annotation scim-operator.dev/done."""
    blocks: Bool | None = None
    """Whether everything after it waits."""
    digest: Name | None = None
    """What an acknowledgement names: done: <id>=<digest>"""
    since: Time | None = None
    """Since when it is open."""


class TokenStatus(Status):
    """The tokens, never their values."""

    expiry_time: Time | None = None
    """When the operator's token expires; absent where the provider does not tell."""
    last_rotation_time: Time | None = None
    """When a token was last issued by the operator."""
    next_rotation_time: Time | None = None
    """When the next one is due."""
    okta_expiry_time: Time | None = None
    """When the token that Okta uses expires."""


class ProbeStatus(Status):
    """The test of the SCIM credentials."""

    time: Time | None = None
    """When it was made."""
    succeeded: Bool | None = None
    """Whether it succeeded."""
    milliseconds: Count | None = None
    """How long it took."""
    message: ShortMessage | None = None
    """Why it failed."""


class SafeguardCount(Status):
    """One class of a safeguard."""

    counted: Count | None = None
    """Distinct people within the window."""
    limit: Count | None = None
    """The lower of count and percent, as people."""
    planned: Count | None = None
    """People whom the present plan would add."""


class SafeguardStatus(Status):
    """The safeguards' window."""

    removals: SafeguardCount | None = None
    """Removals of accounts."""
    changes: SafeguardCount | None = None
    """Changes of accounts."""
    leavers: SafeguardCount | None = None
    """People deactivated in Okta."""
    tripped: Annotated[tuple[Literal["Removals", "Changes", "Leavers"], ...], unique(3)] = ()
    """Classes that are held until someone approves."""


class FailureStatus(Status):
    """One write that failed."""

    what: Value
    """Whose or which, by login or name."""
    action: Name | None = None
    """What was tried."""
    reason: Name | None = None
    """Why, in one word."""
    message: ShortMessage | None = None
    """Why, for a reader."""


class HistoryEntry(Status):
    """One reconcile that wrote something."""

    time: Time
    """When it ended."""
    digest: Name | None = None
    """Digest of its plan."""
    result: Name | None = None
    """Succeeded, PartlyFailed or Failed."""
    actions: Count | None = None
    """Writes that were made."""
    failed: Count | None = None
    """Writes that failed."""
    seconds: Count | None = None
    """How long it took."""
    drift_corrected: Count | None = None
    """Edits by hand that were undone."""
    approved_by: Value | None = None
    """Who approved, where someone did."""
    message: ShortMessage | None = None
    """What was done."""


class ScimIntegrationStatus(KindStatus):
    """What was read, what differs, who waits and what a person has to do."""

    app: AppStatus | None = None
    """The Okta app."""
    base_url: Annotated[str, text(URL), bounded(URL)] | None = None
    """The tenant that the state belongs to."""
    people: PeopleStatus | None = None
    """People, as counts."""
    drift: DriftStatus | None = None
    """What differs."""
    plan: PlanStatus | None = None
    """What is going to be done."""
    unconfirmed: UnconfirmedStatus | None = None
    """What waits for a confirmation."""
    manual_steps: Annotated[tuple[ManualStepStatus, ...], keyed(MANUAL_STEPS, "id")] = ()
    """What a person has to do."""
    manual_steps_open: Count | None = None
    """How many manual steps are open."""
    failures: Annotated[tuple[FailureStatus, ...], atomic(FAILURES)] = ()
    """The first writes that failed in the last reconcile."""
    token: TokenStatus | None = None
    """The tokens, never their values."""
    probe: ProbeStatus | None = None
    """The test of the SCIM credentials."""
    safeguards: SafeguardStatus | None = None
    """How far the safeguards are used up."""
    seats: Seats | None = None
    """Seats, where a SeatLimit or the provider tells them."""
    forecast: Forecast | None = None
    """When the seats run out."""
    history: Annotated[tuple[HistoryEntry, ...], atomic(HISTORY)] = ()
    """The last 5 reconciles that wrote something, the newest first."""
    state_namespace: Value | None = None
    """Namespace in which the operator keeps what it remembers of this integration: there are the ConfigMaps
    scim-state-HASH and, while a plan waits, scim-plan-HASH, which scimctl plan reads."""
    effective_interval: Name | None = None
    """Time between full reads as it is, with the floor and the jitter."""
    next_sync_time: Time | None = None
    """When the next full read is due, as it was known at the time of this status: it is written along with
    another change or after 6 h. Absent while nothing is due before an edit."""
    last_sync_time: Time | None = None
    """When people were last read whole; written along with another change or after 6 h."""
    last_handled_reconcile_at: Value | None = None
    """The annotation scim-operator.dev/requested-at that was answered last."""
    last_handled_approval: ShortMessage | None = None
    """The annotation scim-operator.dev/approve that was counted last."""
    last_handled_sync_user: Annotated[str, text(SYNC_REQUEST), bounded(SYNC_REQUEST)] | None = None
    """The annotation scim-operator.dev/sync-user that was answered last."""
