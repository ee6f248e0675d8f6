"""The desired state: what `desired` makes of the specs, and what `diff`, `seats`, `guard` and targets read.

Frozen, holds neither people nor secret values. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from controller.model.people import PersonState, Reads, Unknown, Value
from controller.urls import normal_url

Evaluate = Callable[[tuple[Value, ...]], Value | Unknown]
"""From `Person.profile`, in the order of `Reads.attributes`, to the value; UNKNOWN if only Okta can tell."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An Okta expression of the safe subset, compiled against a `Reads`."""

    text: str
    reads: frozenset[str]
    evaluate: Evaluate
    position: int | None = None
    """Place in `Person.profile` where the expression is nothing but that attribute; None for any other."""
    needs: str = ""
    """What it needs besides the profile, so that only Okta can evaluate it; "" if nothing."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute that is pushed: `path` is its SCIM path, `index` its place in `Reads.paths`."""

    target: str
    path: str
    index: int
    expression: Expression
    always: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """How a SaaS behaves, by name with single settings overridden (spec.provider.profile)."""

    name: str
    allowed_paths: frozenset[str] | None
    """SCIM paths that it accepts beside userName, active and externalId; None: any."""
    keeps_external_id: bool = True
    patch: Literal["Pathless", "Path", "Put"] = "Pathless"
    """How a change is written: PATCH without path as Okta does, PATCH with paths, or PUT of the whole."""
    defers: frozenset[str] = frozenset()
    """Paths whose change waits for somebody, such as an e-mail address that its owner confirms."""
    page_size: int = 100
    invites: bool = False
    """New accounts are pending until their owner accepts."""
    resend_after: timedelta = timedelta(days=7)
    """How long a deferred change waits before it is sent again."""
    serves_groups: bool = True
    """Whether it has SCIM /Groups."""


@dataclass(frozen=True, slots=True)
class DesiredGroups:
    """How people get into the SaaS's groups."""

    via: Literal["UserAttribute", "ScimGroups"]
    path: str
    """SCIM path of the group attribute; "" with ScimGroups, which has none."""
    index: int
    """Its place in `Reads.paths`; of no meaning without a path."""
    attribute_name: str
    """Variable name in the Okta app schema, and its title and external names."""
    attribute_title: str
    external_name: str
    external_namespace: str
    sources: Mapping[str, Expression]
    """By name of the user type; `default` serves those that are not listed."""
    table: Mapping[str, str]
    """Value -> provider group, over all GroupMappings; exact, case-sensitive."""
    rows: tuple[tuple[tuple[str, ...], str], ...]
    """The same as rows, sorted by group, as the provider's admin API takes them."""
    owners: Mapping[str, str]
    """Value -> name of the GroupMapping that claims it."""
    create_groups: bool
    unmapped: Literal["Keep", "Remove", "UseValue", "Default"]
    unmapped_group: str = ""
    contested: frozenset[str] = frozenset()
    """Values that two mappings claim: in neither `table` nor `rows`; the provider's row for such a value
    stays as it is, so that nobody moves until the claim is settled."""
    mappings: frozenset[str] = frozenset()
    """Names of the GroupMappings that exist; without any the provider's table is left alone."""


@dataclass(frozen=True, slots=True)
class GroupRef:
    """An Okta group as a resource names it: exactly one of the two."""

    group_id: str = ""
    name: str = ""
    priority: int | None = None
    field: str = ""
    """Path of the reference in its resource, for messages."""


@dataclass(frozen=True, slots=True)
class DesiredAssignments:
    """Who is to be assigned to the app."""

    through: Literal["Direct", "SeatGroup"]
    seat_group: str
    groups: tuple[GroupRef, ...]
    users: tuple[str, ...]
    """Logins."""
    prune: bool
    is_declared: bool
    """Whether groups or users are named at all; without, assignments are read and left alone."""


@dataclass(frozen=True, slots=True)
class DesiredSeats:
    """The SeatLimit of the integration."""

    name: str
    seats: int | None
    """None: what the provider reports as purchased."""
    reserve: int
    warn_at_percent: int
    critical_at_percent: int
    waitlist: bool
    priority: tuple[GroupRef, ...]
    billing_method: Literal["Invoice", "Card", ""]
    billing_where: str
    inactive_for: timedelta | None
    invites: bool = False
    """The profile's: new accounts are pending until their owner accepts."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The lower of the two trips; no percent where there is None."""

    count: int
    percent: int | None


@dataclass(frozen=True, slots=True)
class Safeguards:
    """spec.safeguards."""

    window: timedelta
    minimum: int
    removals: Limit
    changes: Limit
    leavers: Limit


@dataclass(frozen=True, slots=True)
class Window:
    """One row of spec.windows."""

    allow: bool
    schedule: str
    duration: timedelta
    time_zone: str


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """One token that is rotated, and where it lives."""

    holder: Literal["operator", "okta"]
    """Who uses it."""
    token_name: str
    """What tokens for this place are called at the provider; nothing else bears that name."""
    secret: str
    key: str
    """Where an issued token goes."""
    used_secret: str
    """The Secret out of which it is used; another one than `secret` where somebody carries it over."""
    field: str
    """Path of the reference in the spec."""
    owner: str = ""
    """Who else keeps `secret`; then it is never written."""
    replaced: str = ""
    """Id of the token that the present one replaced, as noted beside it; "" for none."""


@dataclass(frozen=True, slots=True)
class DesiredRotation:
    """spec.provider.tokenRotation."""

    every: timedelta
    min_overlap: timedelta
    places: tuple[TokenPlace, ...]


Lifecycle = Literal["Deactivate", "Keep"]


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything that one integration with its mappings and limit asks for."""

    namespace: str
    name: str
    generation: int
    mode: Literal["Observe", "Approve", "Enforce"]
    by: Literal["Okta", "Operator"]
    app_id: str
    app_label: str
    """Exactly one of app_id and app_label is not empty."""
    username_format: Literal["Email", "EmailLowercase", "OktaUsername", ""]
    allow_app_replace: bool
    base_url: str
    """Of the SCIM provider, without a trailing slash."""
    profile: Profile
    reads: Reads
    attributes: tuple[Attribute, ...]
    attribute_policy: Literal["Exact", "Additive"]
    prune_schema: bool
    group: DesiredGroups | None
    assignments: DesiredAssignments
    seats: DesiredSeats | None
    actions: frozenset[str]
    """Of Create, Update, Deactivate."""
    required_plan: str
    sso_required: bool
    on_deactivated: Literal["Deactivate", "Keep"]
    on_suspended: Literal["Deactivate", "Keep"]
    on_unassigned: Literal["Deactivate", "Keep"]
    create_not_yet_active: bool
    adopts_orphans: bool
    """adoption.foreignExternalId is AdoptIfOwnerDeprovisioned."""
    may_deactivate_adopted: bool
    safeguards: Safeguards
    protected: frozenset[str]
    """Logins, folded, and Okta ids."""
    corrects_drift: bool
    windows: tuple[Window, ...]
    okta_token_name: str = ""
    """Secret and key, for manual steps: `calendly-okta/token`."""
    acknowledged: Mapping[str, str] = field(default_factory=dict)
    """Manual step id -> digest, from the annotation `done`."""
    approval: str = ""
    """Value of the annotation `approve`, while it has not been handled yet."""
    has_written: bool = False
    """An earlier reconcile of this resource wrote something: if the tenant is unknown all the same, its URL
    was changed or its state was lost."""
    rotation: DesiredRotation | None = None
    is_departing: bool = False
    """The integration is being deleted: what it set up is to be undone."""
    seat_groups: frozenset[str] = frozenset()
    """Ids, or names where no id is known, of the groups that are or were the seat group, as state knows them:
    who is in them has to be read."""
    pinned_app: str = ""
    """Id of the app that the status pins; a label that leads elsewhere is not followed."""

    @property
    def tenant(self) -> str:
        """The provider's URL as tenants are compared: another spelling of it is no other tenant."""
        return normal_url(self.base_url)


def account_rule(desired: Desired, state: PersonState) -> Literal["Provision", "Deactivate", "Keep", "Wait"]:
    """What the lifecycle rules want for an assigned person in `state`."""
    if state is PersonState.ACTIVE:
        return "Provision"
    if state is PersonState.NOT_YET_ACTIVE:
        return "Provision" if desired.create_not_yet_active else "Wait"
    return desired.on_suspended if state is PersonState.SUSPENDED else desired.on_deactivated
