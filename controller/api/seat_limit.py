"""SeatLimit: how many people may have an account, who comes first, what to do when seats run out.

Read by operator.run_inputs and the CLI through `parsing.parse`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from controller.api.durations import Inactivity
from controller.api.meta import (
    URL,
    Api,
    Int32,
    IntegrationRef,
    OktaGroupRef,
    atomic,
    keyed,
    rule,
    rules,
    text,
)
from controller.api.status import Count, Forecast, KindStatus, Message, Seats, Status, Time, Value

PEOPLE_SHOWN: Final = 20

_Percent = Annotated[Int32, Field(ge=1, le=100)]


class SeatPriority(Api):
    """A group of people who are seated together."""

    okta_group: OktaGroupRef
    """The Okta group."""


class Billing(Api):
    """How seats are bought; it decides what the remediation says."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.method == 'Invoice' ? has(self.contact) : has(self.billingPage)",
                "Invoice gives contact, Card gives billingPage",
            )
        )
    )

    method: Literal["Invoice", "Card"]
    """Invoice: seats are added by contacting support. Card: they are added on the billing page."""
    contact: Annotated[str, text(URL)] | None = None
    """Where to ask for seats: a URL or an address, with method: Invoice."""
    billing_page: Annotated[str, text(URL)] | None = None
    """Where to add seats, with method: Card."""


class Reclaim(Api):
    """People who may not need their seat."""

    inactive_for: Inactivity
    """Time since the last sign-in after which a person is reported, between 24h and 87600h. Nobody loses a
    seat by it."""


class SeatLimitSpec(Api):
    """How many people may have an account. With provisioning.by: Okta a limit can only report, unless the
    integration assigns through: SeatGroup."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("!has(self.seats) || self.reserve < self.seats", "reserve is below seats", ".reserve"),
            rule(
                "self.warnAtPercent < self.criticalAtPercent",
                "warnAtPercent is below criticalAtPercent",
                ".warnAtPercent",
            ),
        )
    )

    integration_refs: Annotated[tuple[IntegrationRef, ...], keyed(20, "name", shortest=1)]
    """The ScimIntegration that the seats belong to: exactly one for now."""
    seats: Annotated[Int32, Field(ge=1)] | None = None
    """Seats that were bought. Omitted: what the provider reports as purchased, which needs the integration's
    provider.admin."""
    reserve: Annotated[Int32, Field(ge=0)] = 0
    """Seats that are left free for whoever is added by hand."""
    warn_at_percent: _Percent = 80
    """Share of seats in use from which the limit is NearLimit."""
    critical_at_percent: _Percent = 95
    """Share of seats in use from which the alert is critical."""
    when_full: Literal["Waitlist", "Attempt"] = "Waitlist"
    """Waitlist: people wait, are shown, and are admitted in order as seats come free. Attempt: push and relay
    what the provider says. Nobody is ever evicted to make room."""
    priority: Annotated[tuple[SeatPriority, ...], atomic(100)] = ()
    """Who is seated first: members of the groups in this order, then by time of assignment, then by login."""
    billing: Billing | None = None
    """How seats are bought. Omitted: the remediation names no way."""
    reclaim: Reclaim | None = None
    """Reports people who have not signed in for long."""


class WaitingPerson(Status):
    """Someone who waits for a seat."""

    login: Value
    """Login, or Okta id where logins are not shown."""
    since: Time | None = None
    """When the assignment was made."""


class InactivePerson(Status):
    """Someone who has not signed in for long."""

    login: Value
    """Login, or Okta id where logins are not shown."""
    last_sign_in: Time | None = None
    """When they were last active at the provider, as its admin API tells; without one the last sign-in to
    Okta. Where Okta's System Log tells of a later sign-in to the app, its day. Absent for never."""


class ReclaimStatus(Status):
    """People who may not need their seat."""

    inactive: Count | None = None
    """How many there are: assigned people with an active account who were not active for
    spec.reclaim.inactiveFor. Nothing is done about them."""
    people: Annotated[tuple[InactivePerson, ...], atomic(PEOPLE_SHOWN)] = ()
    """The first 20, longest inactive first."""
    checked_time: Time | None = None
    """Day on which sign-ins were last looked at."""


class SeatLimitStatus(KindStatus):
    """Who sits and who waits."""

    seats: Seats | None = None
    """The seats, as counts."""
    waiting: Annotated[tuple[WaitingPerson, ...], atomic(PEOPLE_SHOWN)] = ()
    """The first 20 who wait, in the order of admission."""
    forecast: Forecast | None = None
    """When the seats run out."""
    remediation: Message | None = None
    """How to get seats, by spec.billing."""
    reclaim: ReclaimStatus | None = None
    """People who may not need their seat."""
