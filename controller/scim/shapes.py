"""The parts of SCIM resources and of the admin API's JSON that we read, as TypedDicts.

Answers are checked against them by the clients; a key that is not Required may be missing or null. Services
differ in the rest of a resource, which is read path by path (scim.paths). Sources: RFC 7643, RFC 7644, the
provider's admin API.
"""

from __future__ import annotations

from typing import Any, Required, TypedDict

Json = dict[str, Any]


class Resource(TypedDict, total=False):
    """Any SCIM resource."""

    id: Required[str]


class Member(TypedDict, total=False):
    """A member of a group."""

    value: str


class GroupResource(TypedDict, total=False):
    """A SCIM Group."""

    id: str
    displayName: str
    members: list[Member]


class Seats(TypedDict, total=False):
    """`seats` of the organization."""

    purchased: Required[int]
    used: int
    pending: int
    free: int


class Organization(TypedDict, total=False):
    """One organization; `sso` is a boolean or a text, `billing` an object or a text."""

    plan: str
    sso: Any
    scimEnabled: bool
    scimBaseUrl: str
    seats: Seats
    profile: str
    billing: Any


class Token(TypedDict, total=False):
    """A token in the list."""

    id: Required[str]
    name: str
    scopes: list[str]
    created: str
    expires: str
    lastUsed: str
    lastUserAgent: str
    fingerprint: str


class IssuedToken(TypedDict, total=False):
    """A new token with its value."""

    id: Required[str]
    token: Required[str]


class TableEntry(TypedDict, total=False):
    """A row of the group table."""

    values: list[str]
    group: str


class Unmapped(TypedDict, total=False):
    """What becomes of people whose value no row has."""

    action: str
    group: str


class TableAnswer(TypedDict, total=False):
    """The group table."""

    attribute: str
    entries: list[TableEntry]
    createGroups: str
    unmapped: Unmapped


class PersonRow(TypedDict, total=False):
    """A person."""

    id: str
    externalId: str
    lastActive: str


class GroupRow(TypedDict, total=False):
    """A group."""

    displayName: str
    name: str


class Anything(TypedDict, total=False):
    """An object of which nothing is relied on."""
