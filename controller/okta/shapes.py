"""The parts of Okta's JSON that we read, as TypedDicts: names and forms are Okta's own.

Every answer is checked against them by the client. A key that is not Required may be missing or null: callers
use `get` and `or`. What is written back (an app, which Okta replaces whole) is never narrowed to these, but
passed on. Source: Okta management API, OpenAPI document.
"""

from __future__ import annotations

from typing import Any, Required, TypedDict

Json = dict[str, Any]


class UserNameTemplate(TypedDict, total=False):
    """How an app makes user names."""

    template: str
    type: str


class AppCredentials(TypedDict, total=False):
    """`credentials` of an app."""

    userNameTemplate: UserNameTemplate


class App(TypedDict, total=False):
    """An Application."""

    id: Required[str]
    name: str
    label: str
    status: str
    signOnMode: str
    features: list[str]
    credentials: AppCredentials


class UserProfile(TypedDict, total=False):
    """The part of a user's profile that has a fixed meaning."""

    login: str


class TypeRef(TypedDict, total=False):
    """The type of a user."""

    id: str


class User(TypedDict, total=False):
    """An Okta user; `type.id` is its user type."""

    id: Required[str]
    status: str
    profile: UserProfile
    type: TypeRef
    lastLogin: str | None
    lastUpdated: str


class EmbeddedUser(TypedDict, total=False):
    """`_embedded` of an app user with expand=user."""

    user: User


class AppUserCredentials(TypedDict, total=False):
    """`credentials` of an app user."""

    userName: str


class AppUser(TypedDict, total=False):
    """An app user; `id` is the Okta user's, `externalId` the SaaS's. `_embedded.user` with expand=user."""

    id: Required[str]
    externalId: str | None
    scope: str
    status: str
    syncState: str
    created: str
    lastUpdated: str
    statusChanged: str
    profile: Json
    credentials: AppUserCredentials
    _embedded: EmbeddedUser


class AppGroup(TypedDict, total=False):
    """A group assigned to an app; `_embedded.group` with expand=group."""

    id: Required[str]
    priority: int
    profile: Json
    _embedded: Json


class GroupProfile(TypedDict, total=False):
    """The part of a group's profile that is read."""

    name: str


class GroupStats(TypedDict, total=False):
    """Counts of a group."""

    usersCount: int


class EmbeddedStats(TypedDict, total=False):
    """`_embedded` of a group with expand=stats."""

    stats: GroupStats


class Group(TypedDict, total=False):
    """An Okta group; `type` is OKTA_GROUP, APP_GROUP or BUILT_IN; `_embedded.stats` with expand=stats."""

    id: Required[str]
    type: str
    profile: GroupProfile
    lastMembershipUpdated: str
    _embedded: EmbeddedStats


class Link(TypedDict, total=False):
    """One link of `_links`."""

    href: str


class UserTypeLinks(TypedDict, total=False):
    """`_links` of a user type."""

    schema: Link


class UserType(TypedDict, total=False):
    """A user type; `default` tells the one that every org has."""

    id: Required[str]
    name: str
    displayName: str
    default: bool
    _links: UserTypeLinks


class MappingEnd(TypedDict, total=False):
    """`source` or `target` of a profile mapping."""

    id: str


class Mapping(TypedDict, total=False):
    """A profile mapping; a listing omits `properties`."""

    id: Required[str]
    source: MappingEnd
    target: MappingEnd
    properties: dict[str, Json]


class SchemaSection(TypedDict, total=False):
    """`base` or `custom` of a schema: attributes by name."""

    properties: dict[str, Json]


class SchemaDefinitions(TypedDict, total=False):
    """`definitions` of a schema."""

    base: SchemaSection
    custom: SchemaSection


class Schema(TypedDict, total=False):
    """A user or app user schema; attributes are under `definitions.base|custom.properties`."""

    id: str
    definitions: SchemaDefinitions


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


class RuleGroups(TypedDict, total=False):
    """`assignUserToGroups` of a rule."""

    groupIds: list[str]


class RuleActions(TypedDict, total=False):
    """`actions` of a rule."""

    assignUserToGroups: RuleGroups


class Rule(TypedDict, total=False):
    """A group rule; `actions.assignUserToGroups.groupIds` are the groups it fills."""

    id: str
    name: str
    status: str
    actions: RuleActions


class Outcome(TypedDict, total=False):
    """`outcome` of a System Log event."""

    result: str
    reason: str


class Actor(TypedDict, total=False):
    """`actor` of a System Log event."""

    id: str


class LogTarget(TypedDict, total=False):
    """One target of a System Log event."""

    id: str
    type: str


class LogEvent(TypedDict, total=False):
    """A System Log event; targets are found by `type`, not by position. A hook that brings another form is
    refused; in the log itself one such event must not keep the rest from being read."""

    uuid: str
    published: str
    eventType: str
    displayMessage: str
    outcome: Outcome
    actor: Actor
    target: list[LogTarget] | None


class LogRow(TypedDict, total=False):
    """Any row of the System Log."""
