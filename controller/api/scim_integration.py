"""ScimIntegration: one app in Okta, one tenant of a SaaS, and how people get from one to the other.

Read by operator.run_inputs and the CLI through `parsing.parse`; its sections have modules of their own.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict

from controller.api.attributes import Attributes, Groups
from controller.api.durations import Duration, Interval, Opening
from controller.api.meta import Api, Bool, atomic, rule, rules, text, unique
from controller.api.okta_app import OktaApp
from controller.api.people import Adoption, Assignments, Lifecycle, Safeguards
from controller.api.provider import Provider

PushAction = Literal["Create", "Update", "Deactivate"]


class Requirements(Api):
    """What must hold before anything is written."""

    plan: Annotated[str, text(64, 1)] | None = None
    """Plan that the organization must be on, such as Enterprise, compared without case."""
    sso: Literal["Required", "Optional"] = "Optional"
    """Required: the Okta app signs on by SAML 2.0 and SSO is on at the provider. Until then nothing else
    happens."""


class Provisioning(Api):
    """Who writes the accounts."""

    by: Literal["Okta", "Operator"]
    """Operator: the operator reads Okta and pushes SCIM itself. Okta: Okta's own agent pushes; the operator
    sets up what Okta's API lets it, turns the rest into manual steps and verifies what arrived. Then
    safeguards, protected people and windows cannot hold back Okta's own agent."""
    actions: Annotated[tuple[PushAction, ...], unique(3)] = ("Create", "Update", "Deactivate")
    """What may happen to accounts: the three switches under Provisioning, To App. Memberships of SCIM groups
    are kept by groups.via alone."""


class Window(Api):
    """A recurring time in which writing is allowed or denied."""

    kind: Literal["Allow", "Deny"] = "Allow"
    """Writing happens inside some Allow, if there is any, and outside every Deny."""
    schedule: Annotated[
        str,
        text(
            100,
            None,
            rule(
                "self.matches('^([0-9*/,-]+ +){3}[0-9A-Za-z*/,-]+ +[0-9A-Za-z*/,-]+$')",
                "five cron fields: minute hour day month weekday",
            ),
            rule(
                r"!self.matches('^[^ ]+ +[^ ]+ +((30|31) +(0?2|[Ff][Ee][Bb])|31 +(0?[469]|11"
                r"|[Aa][Pp][Rr]|[Jj][Uu][Nn]|[Ss][Ee][Pp]|[Nn][Oo][Vv])) +[*]$')",
                "a day that the month has",
            ),
        ),
    ]
    """When it opens, as five cron fields: minute hour day month weekday."""
    duration: Opening
    """How long it stays open, between 1m and 168h."""
    time_zone: Annotated[
        str,
        text(
            64,
            None,
            rule("timestamp('2000-01-01T00:00:00Z').getHours(self) >= 0", "an IANA time zone"),
        ),
    ] = "Etc/UTC"
    """IANA time zone of the schedule."""


class ScimIntegrationSpec(Api):
    """One app in Okta, one tenant of a SaaS, and how people get from one to the other."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.provisioning.by == 'Okta' || !has(self.provider.oktaTokenRef)",
                "oktaTokenRef goes with provisioning.by: Okta",
                ".provider.oktaTokenRef",
            ),
            rule(
                "!has(self.assignments) || self.assignments.through == 'Direct' "
                "|| self.provisioning.by == 'Okta'",
                "SeatGroup goes with by: Okta",
                ".assignments.through",
            ),
        )
    )

    mode: Literal["Observe", "Approve", "Enforce"] = "Approve"
    """Observe: nothing is ever written. Approve: every plan waits for the annotation
    scim-operator.dev/approve with its digest. Enforce: plans run at once, within the safeguards."""
    okta: OktaApp
    """The Okta side: the org, the app, the username format."""
    provider: Provider
    """The SCIM service provider."""
    requirements: Requirements | None = None
    """What must hold before anything is written. Omitted: nothing is checked."""
    provisioning: Provisioning
    """Who writes the accounts, and what may happen to them."""
    attributes: Attributes = Attributes()
    """Which attributes of people are pushed."""
    groups: Groups | None = None
    """How people get into the provider's groups; needed by GroupMappings. Omitted: groups are left alone."""
    assignments: Assignments = Assignments()
    """Who is assigned to the app in Okta. Without oktaGroups and users, assignments are read and left
    alone."""
    lifecycle: Lifecycle = Lifecycle()
    """What a person's state in Okta means for the account."""
    adoption: Adoption = Adoption()
    """What happens to accounts that were there before."""
    safeguards: Safeguards = Safeguards()
    """What holds a mass change back. With provisioning.by: Okta they cannot hold back Okta's own agent, only
    what the operator itself writes."""
    drift: Literal["Correct", "Report"] = "Correct"
    """Edits made by hand in Okta or at the provider. Correct: undone by the next plan. Report: shown only."""
    interval: Interval = Duration("1h")
    """Time between two full reads, jittered, between 1m and 24h. Events and the log poller do not wait for
    it."""
    windows: Annotated[tuple[Window, ...], atomic(20)] = ()
    """When writing is allowed. Leavers are exempt. Omitted: always."""
    deletion_policy: Literal["Orphan", "Deprovision"] = "Orphan"
    """What deleting this resource does. Orphan: nothing remote. Deprovision: undoes what the operator did in
    Okta and at the provider, within the safeguards: assignments, accounts, then the settings that nobody has
    changed since. What it took away, such as an assignment, is not given back; memberships of SCIM groups
    stay."""
    suspend: Bool = False
    """true: no call to Okta or the provider at all. Leave it out of version control rather than writing
    false, so that a suspension by hand is not undone."""
