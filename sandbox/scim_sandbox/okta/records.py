"""What the simulated org remembers: plain records, one dataclass per thing, saved and loaded whole.

Changed by directory, assignments, schemas and mappings only; turned into Okta's JSON by shapes. Times are
strings of Okta's form (`2026-01-01T00:00:00.000Z`), which sort as they read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]

GONE = "DEPROVISIONED"


@dataclass(slots=True)
class UserRecord:
    """A person. `profile` holds only what is set; `version` counts changes and makes the ETag."""

    id: str
    status: str
    type_id: str
    profile: JSON
    created: str
    last_updated: str
    activated: str | None = None
    status_changed: str | None = None
    last_login: str | None = None
    password_changed: str | None = None
    version: int = 0


@dataclass(slots=True)
class GroupRecord:
    """A group. `type`: OKTA_GROUP | APP_GROUP | BUILT_IN; only the first may be changed by hand."""

    id: str
    type: str
    profile: JSON
    created: str
    last_updated: str
    last_membership_updated: str


@dataclass(slots=True)
class AppUserRecord:
    """A person's assignment to an app, with the profile that the app's mappings gave it."""

    id: str
    scope: str
    status: str
    sync_state: str
    user_name: str
    profile: JSON
    created: str
    last_updated: str
    status_changed: str
    last_sync: str | None = None
    external_id: str | None = None


@dataclass(slots=True)
class GroupAssignment:
    """A group's assignment to an app; 0 is the highest priority."""

    id: str
    priority: int
    profile: JSON
    last_updated: str


@dataclass(slots=True)
class Connection:
    """How Okta reaches the app: by API or by hand in the Admin Console. The token never leaves.

    `style` is how the integration was built: OIN updates by PUT and deactivates by PATCH, AIW does both by
    PUT, PATCH does both by PATCH.
    """

    status: str = "DISABLED"
    auth_scheme: str = "TOKEN"
    base_url: str = ""
    token: str = ""
    by_hand: bool = False
    style: str = "OIN"


@dataclass(slots=True)
class AppSchema:
    """`base` cannot lose attributes; `custom` can. `deleting` maps a name to when its clean-up ends.

    `pending` is a write that GET does not show before `visible_at`; a second write meanwhile starts from
    `custom` and so loses it.
    """

    base: JSON
    custom: JSON
    created: str
    last_updated: str
    deleting: dict[str, float] = field(default_factory=dict)
    pending: JSON | None = None
    visible_at: float = 0.0


@dataclass(slots=True)
class AppRecord:
    """An app. `body` is what a PUT replaces; the rest is the system's."""

    id: str
    name: str
    status: str
    body: JSON
    created: str
    last_updated: str
    schema: AppSchema
    features: list[str] = field(default_factory=list)
    capabilities: JSON = field(default_factory=dict)
    connection: Connection = field(default_factory=Connection)
    users: dict[str, AppUserRecord] = field(default_factory=dict)
    groups: dict[str, GroupAssignment] = field(default_factory=dict)

    @property
    def pushes(self) -> bool:
        """Whether profile changes go to the app by themselves."""
        return "PUSH_PROFILE_UPDATES" in self.features


@dataclass(slots=True)
class UserTypeRecord:
    """A type of people; its schema has an id of its own. `custom` are attributes beside Okta's base ones."""

    id: str
    schema_id: str
    name: str
    display_name: str
    default: bool
    created: str
    custom: JSON = field(default_factory=dict)


@dataclass(slots=True)
class MappingRecord:
    """Expressions from a source's profile to a target's; one per user type, app and direction."""

    id: str
    source_id: str
    target_id: str
    properties: JSON


@dataclass(slots=True)
class RuleRecord:
    """A group rule: people for whom `expression` holds become members of `group_ids`."""

    id: str
    name: str
    status: str
    expression: str
    group_ids: list[str]
    created: str
    last_updated: str
    excluded_users: list[str] = field(default_factory=list)


@dataclass(slots=True)
class HookRecord:
    """An event hook: where events of `events` are delivered once it is verified."""

    id: str
    name: str
    status: str
    verification: str
    uri: str
    events: list[str]
    created: str
    last_updated: str
    headers: JSON = field(default_factory=dict)
    auth_key: str = ""
    auth_value: str = ""


@dataclass(slots=True)
class TaskRecord:
    """A job of the provisioning agent.

    `state`: QUEUED | RUNNING | WAITING (after a 429) | FAILED (a person must retry).
    """

    id: str
    app_id: str
    user_id: str
    kind: str
    state: str = "QUEUED"
    attempts: int = 0
    due: float = 0.0
    reason: str = ""
    external_id: str = ""


@dataclass(slots=True)
class Principal:
    """Who calls: an API token or a service app. `scopes` None means all; `groups` narrows what is listed."""

    id: str
    name: str
    kind: str = "SSWS"
    secret_hash: str = ""
    scopes: list[str] | None = None
    read_only: bool = False
    groups: list[str] | None = None
    jwks: list[JSON] = field(default_factory=list)
    dpop: bool = False
    status: str = "ACTIVE"


@dataclass(slots=True)
class Quirks:
    """Behaviours of Okta that can be switched or timed. Seconds are of the org's clock.

    put_wipes_scim: an app PUT loses a SCIM set-up made by hand. push_existing: turning Create Users on
    pushes those assigned before; off: they wait for "Provision User". push_empty: attributes without a value
    are sent as empty strings.
    """

    put_wipes_scim: bool = False
    attribute_deletion_seconds: float = 5.0
    schema_delay_seconds: float = 0.25
    search_lag_seconds: float = 0.0
    push_existing: bool = True
    push_empty: bool = False
    request_log: int = 100_000
