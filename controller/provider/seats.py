"""Seats: who gets one, and how a refusal looks.

Called by people inside the transaction that holds the organization's row, so that of a hundred who ask for
the last seat at once exactly one gets it. RFC 7644 has no scimType for this; the default is what most
services answer: 403, a SCIM Error, a plain detail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scim2_models import SCIMException

from controller.provider.organizations import Organization
from controller.provider.profiles import OverCapacity

Status = Literal["active", "pending", "deactivated"]

REMEDIES = {
    "Invoice": "Contact support to add seats to your contract.",
    "Card": "Add seats on the billing page.",
}


class OverCapacityError(SCIMException):
    """No seat is free. `settings` say how that is answered."""

    def __init__(self, detail: str, settings: OverCapacity) -> None:
        super().__init__(detail=detail)
        self.status = settings.status
        self.scim_type = settings.scim_type or ""
        self.settings = settings


@dataclass(frozen=True, slots=True)
class SeatDecision:
    """What becomes of somebody who wants a seat."""

    seated: bool
    licence: Literal["full", "basic"] = "full"
    purchases: int = 0
    status: Status | None = None


def next_status(org: Organization, is_active: bool, was_accepted: bool) -> Status:
    """The state of a person: deactivated, or pending until they accept if the profile has invitations."""
    if not is_active:
        return "deactivated"
    return "pending" if org.profile.invitations and not was_accepted else "active"


def takes_seat(org: Organization, status: Status) -> bool:
    """Whether somebody in `status` occupies a seat."""
    if status == "pending":
        return org.profile.over_capacity.count_on == "create"
    return status == "active"


def capacity(org: Organization) -> int:
    """The number of people admitted: purchased seats and what grace adds."""
    settings = org.profile.over_capacity
    share = org.purchased * settings.grace_percent // 100
    return org.purchased + max(settings.grace_count, share, 1 if settings.grace_percent else 0)


def admit(org: Organization, status: Status, *, is_checked: bool = True) -> SeatDecision:
    """A seat for one more person in `status`. Raises OverCapacityError if the profile refuses."""
    if not takes_seat(org, status):
        return SeatDecision(seated=False)
    if not is_checked or org.seats_used < capacity(org):
        return SeatDecision(seated=True)
    settings = org.profile.over_capacity
    if settings.mode == "downgrade":
        return SeatDecision(seated=False, licence="basic")
    if settings.mode == "autoExpand":
        return SeatDecision(seated=True, purchases=1)
    if settings.mode == "acceptPending":
        return SeatDecision(seated=False, status="pending")
    raise refusal(org)


def refusal(org: Organization) -> OverCapacityError:
    """The error that the profile gives if no seat is free."""
    settings = org.profile.over_capacity
    values = {
        "purchased": org.purchased,
        "used": org.seats_used,
        "pending": org.seats_pending,
        "billing": org.billing_method,
        "remedy": REMEDIES[org.billing_method],
    }
    detail = settings.detail
    for name, value in values.items():
        detail = detail.replace("{" + name + "}", str(value))
    return OverCapacityError(detail, settings)
