"""The parts of Okta's JSON that we read, as TypedDicts: names and forms are Okta's own.

Every key may be missing: callers use `get` where that is possible. What is written back (an app, which
Okta replaces whole) is never narrowed to these, but passed on. Source: Okta management API, OpenAPI document.
"""

from __future__ import annotations

from typing import Any, TypedDict

Json = dict[str, Any]


class App(TypedDict, total=False):
    """An Application; `credentials` has `userNameTemplate {template, type}`."""

    id: str
    name: str
    label: str
    status: str
    signOnMode: str
    features: list[str]
    credentials: Json


class AppUser(TypedDict, total=False):
    """An app user; `id` is the Okta user's, `externalId` the SaaS's. `_embedded.user` with expand=user."""

    id: str
    externalId: str | None
    scope: str
    status: str
    syncState: str
    created: str
    lastUpdated: str
    statusChanged: str
    profile: Json
    credentials: Json
    _embedded: Json


class AppGroup(TypedDict, total=False):
    """A group assigned to an app; `_embedded.group` with expand=group."""

    id: str
    priority: int
    profile: Json
    _embedded: Json


class User(TypedDict, total=False):
    """An Okta user; `type.id` is its user type."""

    id: str
    status: str
    profile: Json
    type: Json
    lastLogin: str | None
    lastUpdated: str


class Group(TypedDict, total=False):
    """An Okta group; `type` is OKTA_GROUP, APP_GROUP or BUILT_IN; `_embedded.stats` with expand=stats."""

    id: str
    type: str
    profile: Json
    lastMembershipUpdated: str
    _embedded: Json


class UserType(TypedDict, total=False):
    """A user type; `default` tells the one that every org has."""

    id: str
    name: str
    displayName: str
    default: bool
    _links: Json


class Mapping(TypedDict, total=False):
    """A profile mapping; a listing omits `properties`."""

    id: str
    source: Json
    target: Json
    properties: Json


class Schema(TypedDict, total=False):
    """A user or app user schema; attributes are under `definitions.base|custom.properties`."""

    id: str
    definitions: Json


class Connection(TypedDict, total=False):
    """The provisioning connection; UNKNOWN means that the app does not support the API."""

    status: str
    baseUrl: str | None
    profile: Json


class Feature(TypedDict, total=False):
    """A feature; `capabilities` holds the To-App switches."""

    name: str
    status: str
    capabilities: Json


class Rule(TypedDict, total=False):
    """A group rule; `actions.assignUserToGroups.groupIds` are the groups it fills."""

    id: str
    name: str
    status: str
    actions: Json


class LogEvent(TypedDict, total=False):
    """A System Log event; targets are found by `type`, not by position."""

    uuid: str
    published: str
    eventType: str
    displayMessage: str
    outcome: Json
    actor: Json
    target: list[Json] | None
