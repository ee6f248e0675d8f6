"""People as the two systems know them, kept compact: 100,000 of each fit in memory while a plan is made.

Made by targets, read by planning. Attribute values are tuples in the order of `Reads`, never dicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

OktaId = NewType("OktaId", str)
ScimId = NewType("ScimId", str)
Value = str | int | float | bool | None


class Unknown:
    """What only Okta can tell, since its documentation does not: compared with nothing, never written."""

    __slots__ = ()


UNKNOWN = Unknown()


class PersonState(StrEnum):
    """What a person's status in Okta means here (developer.okta.com, user lifecycle)."""

    NOT_YET_ACTIVE = "NotYetActive"
    ACTIVE = "Active"
    SUSPENDED = "Suspended"
    DEACTIVATED = "Deactivated"


STATE_OF_OKTA_STATUS = {
    "STAGED": PersonState.NOT_YET_ACTIVE,
    "PROVISIONED": PersonState.NOT_YET_ACTIVE,
    "ACTIVE": PersonState.ACTIVE,
    "RECOVERY": PersonState.ACTIVE,
    "PASSWORD_EXPIRED": PersonState.ACTIVE,
    "LOCKED_OUT": PersonState.ACTIVE,
    "SUSPENDED": PersonState.SUSPENDED,
    "DEPROVISIONED": PersonState.DEACTIVATED,
}


@dataclass(frozen=True, slots=True)
class Reads:
    """Which attributes a run reads, in which order `Person.profile` and `Account.values` hold them.

    `attributes` are names of the Okta user profile, `paths` are SCIM paths as in `name.givenName`,
    `emails[primary]` (the primary address) or `urn:calendly:scim:schemas:2.0:User:group`.
    """

    attributes: tuple[str, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """An Okta user who is assigned to the app: one row of the app's users with the user embedded."""

    okta_id: OktaId
    login: str
    """`profile.login` of the Okta user."""
    user_name: str
    """`credentials.userName` of the app user: the SaaS's userName."""
    state: PersonState
    user_type: str
    """Id of the Okta user type."""
    assigned_at: str
    """When the assignment was made, RFC 3339 in UTC; such texts sort by time."""
    profile: tuple[Value, ...]
    """Values of `Reads.attributes`."""
    direct: bool = False
    """Assigned by itself (scope USER), not through a group."""
    external_id: str = ""
    """The SaaS's id as Okta knows it; only where Okta itself provisions."""
    app_status: str = ""
    sync_state: str = ""
    last_sign_in: str = ""
    """Last sign-in to Okta, RFC 3339; read only where somebody asks who is inactive."""


@dataclass(frozen=True, slots=True)
class Account:
    """A SCIM User at the provider."""

    scim_id: ScimId
    external_id: str
    user_name: str
    active: bool
    values: tuple[Value, ...]
    """Values of `Reads.paths`; None where the provider gave none."""
    version: str = ""
    """`meta.version`, the ETag; empty where the provider gives none."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """What a run reads anew: everything, or what concerns the people named. It plans over everybody in either
    case."""

    people: frozenset[OktaId] | None = None

    @property
    def is_complete(self) -> bool:
        return self.people is None


EVERYTHING = Refresh()
