"""What was read, whole: each target fills in its part, planning compares the parts with the desired state.

A part is complete, or its target raised. None means that this run did not look or cannot know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from controller.model.actions import ActionKind
from controller.model.people import Account, OktaId, Person, PersonState, ScimId, Value


@dataclass(frozen=True, slots=True)
class AppAttribute:
    """One custom attribute of the app user schema (`definitions.custom.properties`)."""

    name: str
    title: str
    external_name: str
    external_namespace: str
    scope: str


@dataclass(frozen=True, slots=True)
class ProfileMapping:
    """The Okta-to-app mapping of one user type: target attribute -> (expression, push status)."""

    mapping_id: str
    user_type: str
    properties: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AppState:
    """The Okta app and what hangs on it."""

    org_id: str
    app_id: str
    label: str
    name: str
    status: str
    sign_on_mode: str
    features: frozenset[str]
    username_template: str
    username_template_type: str
    user_types: Mapping[str, str]
    """User type id -> name; the default type is named `default`."""
    user_attributes: frozenset[str]
    """Names of the attributes that the Okta user schema has in every user type."""
    connection_status: str = ""
    """ENABLED, DISABLED or UNKNOWN; empty where it was not asked."""
    connection_url: str = ""
    attributes: tuple[AppAttribute, ...] | None = None
    base_attributes: frozenset[str] = frozenset()
    mappings: tuple[ProfileMapping, ...] | None = None

    @property
    def is_pushing(self) -> bool:
        """Whether Okta itself creates, updates or deactivates people in the SaaS."""
        return any(feature.startswith("PUSH_") for feature in self.features)


@dataclass(frozen=True, slots=True)
class OktaGroup:
    """An Okta group that a resource names."""

    group_id: str
    name: str
    type: str
    users_count: int | None = None


@dataclass(frozen=True, slots=True)
class AssignmentState:
    """Who is assigned, and through what."""

    people: tuple[Person, ...]
    app_groups: Mapping[str, int | None]
    """Id of each group that is assigned to the app -> its priority."""
    groups: Mapping[str, OktaGroup]
    """Every group that a resource names or the app is assigned to, by id."""
    members: Mapping[str, frozenset[OktaId]]
    """Members of the groups whose membership the plan needs (seat priority, seat group), by group id."""
    missing: Mapping[OktaId, PersonState | None] = field(default_factory=dict)
    """State of owned people who are no longer listed, read one by one or by a filter; None if Okta knows no
    such user and its log does not say that it was deleted."""
    left_out: int = 0
    """How many people the listing left out though each is assigned, as their own app user says: such a
    listing proves nothing."""
    unproven: frozenset[OktaId] = frozenset()
    """People of ours who have left by one complete read alone."""
    unconfirmed: frozenset[OktaId] = frozenset()
    """Those of the unproven whom the complete read before did not miss: a second one has to agree."""
    declared_users: Mapping[str, OktaId | None] = field(default_factory=dict)
    """Each login of `assignments.users`, folded -> its Okta id; None where there is no such user."""
    logins: Mapping[OktaId, str] = field(default_factory=dict)
    """Login of each of `members`, as far as it was read along."""
    rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of the active group rules that fill a group, by its id; read only where there is a seat group."""


@dataclass(frozen=True, slots=True)
class Organization:
    """The tenant as its admin API tells it."""

    plan: str
    sso: str
    scim_enabled: bool
    scim_base_url: str
    billing_method: str
    purchased: int
    used: int
    pending: int
    free: int
    profile: str


@dataclass(frozen=True, slots=True)
class GroupTable:
    """The provider's value -> group table; `digest` is what a save must name."""

    attribute: str
    """SCIM path of the attribute whose value decides."""
    entries: tuple[tuple[tuple[str, ...], str], ...]
    create_groups: str
    """Never or WhenMissing."""
    unmapped: str
    """Keep, Remove, UseValue, or `Default/<group>`."""
    digest: str
    groups: frozenset[str] = frozenset()
    """Names of the groups that exist."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token at the provider, never its value."""

    token_id: str
    name: str
    scopes: tuple[str, ...]
    created: datetime | None
    expires: datetime | None
    last_used: datetime | None
    last_user_agent: str = ""
    fingerprint: str = ""
    """Equal to that of the Secret's value where the Secret holds this token; "" where the API tells none."""


@dataclass(frozen=True, slots=True)
class HeldTokens:
    """Fingerprints of the tokens that the Secrets hold, "" where a Secret holds none."""

    operator: str = ""
    """What the operator itself uses, of provider.auth.secretRef."""
    issued: str = ""
    """What is in the Secret of tokenRotation.issueTo; the same as `operator` where it is the same Secret."""
    okta: str = ""
    """What Okta is given, of provider.oktaTokenRef."""


NO_TOKENS = HeldTokens()


@dataclass(frozen=True, slots=True)
class Probe:
    """Our own test of the SCIM credentials: timed, the cause in words where it failed."""

    ok: bool
    seconds: float
    at: datetime
    cause: str = ""


@dataclass(frozen=True, slots=True)
class ProviderState:
    """The provider's settings; the parts are None where there is no admin API."""

    probe: Probe
    organization: Organization | None = None
    table: GroupTable | None = None
    tokens: tuple[Token, ...] | None = None
    held: HeldTokens = NO_TOKENS
    last_active: Mapping[OktaId, str] | None = None
    """When each person was last active, by externalId, RFC 3339; only where somebody asks who is inactive."""


@dataclass(frozen=True, slots=True)
class GroupState:
    """The provider's SCIM groups, as far as memberships are kept in them."""

    ids: Mapping[str, tuple[str, ...]]
    """displayName -> ids of every group of that name."""
    members: Mapping[str, frozenset[ScimId]]
    """displayName -> members of each group that was asked for and is the only one of its name."""
    fault: str = ""
    """Why the provider tells no groups, in words; "" where it tells them."""


@dataclass(frozen=True, slots=True)
class AccountState:
    """Who has an account at the provider."""

    accounts: tuple[Account, ...]
    groups: GroupState | None = None
    """Only where the operator itself keeps memberships."""


@dataclass(frozen=True, slots=True)
class Actual:
    """Everything that a plan compares with the desired state: the picture of a tenant."""

    app: AppState
    assignments: AssignmentState
    provider: ProviderState
    accounts: AccountState
    fresh: frozenset[OktaId] | None = None
    """Who was read in this run, person and account, while the rest is of an earlier one; None where
    everything was."""


@dataclass(frozen=True, slots=True)
class Touched:
    """One entry of the safeguards' window: who was touched, how, when (RFC 3339)."""

    okta_id: str
    touch: str
    at: str


@dataclass(frozen=True, slots=True)
class Made:
    """One thing in Okta that the operator has set up: what was there before its first write, what its last
    one left."""

    kind: ActionKind
    subject: str
    before: tuple[tuple[str, Value], ...] = ()
    after: tuple[tuple[str, Value], ...] = ()

    @property
    def key(self) -> str:
        """`kind/subject`, as of the action that made it."""
        return f"{self.kind.value}/{self.subject}"


@dataclass(frozen=True, slots=True)
class Deferred:
    """One change that the provider has accepted and that waits for somebody to confirm it."""

    value: str
    """What was sent."""
    before: str | None = None
    """What the account held then; None until it was read."""
    at: str = ""
    """When it was sent, RFC 3339; "" for one that an earlier version has noted."""
    is_due: bool = False
    """It has waited for too long and is sent again; set for one plan, never stored."""


DAY_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
"""The day from which Memory.sign_ins counts."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What must outlive a run, a restart and the re-creation of the resource.

    `pairs` says which accounts are ours: without a pair nothing is ever deactivated.
    """

    pairs: Mapping[OktaId, ScimId] = field(default_factory=dict)
    adopted: frozenset[OktaId] = frozenset()
    """People whose account was there before us: deactivated only with adoption.mayDeactivate."""
    left: Mapping[OktaId, int] = field(default_factory=dict)
    """Day, counted from DAY_ZERO, on which the account of each person who should have none was found or made
    inactive. Their pair stays: an account that is active again was reactivated by hand."""
    creating: Mapping[OktaId, str] = field(default_factory=dict)
    """Okta id -> folded user name of each account that a run under way may have created: found after a crash
    by the Okta id that it carries, or by its name if the provider drops externalId, it is ours."""
    window: tuple[Touched, ...] = ()
    tenant: str = ""
    """The provider URL that the pairs belong to; another one holds the next plan."""
    app_id: str = ""
    logins: Mapping[OktaId, tuple[str, ...]] = field(default_factory=dict)
    """Former logins of protected people."""
    approved: str = ""
    """Digest of the plan in force, until each of its actions is done or no longer wanted."""
    approved_keys: frozenset[str] = frozenset()
    """Fingerprints of the actions that the approval still covers."""
    people_read: int = 0
    """How many people the last complete read listed: fewer after a credential change hold removals."""
    credential: str = ""
    """Fingerprint of the Okta credential of that read."""
    unlisted: frozenset[OktaId] = frozenset()
    """People of ours whom the last complete read did not list, without any other proof that they left: the
    next complete read confirms it or not."""
    seat_history: tuple[tuple[str, int], ...] = ()
    """(day, used) once a day, oldest first."""
    confirmed: Mapping[OktaId, int] = field(default_factory=dict)
    """32 bits of what was last read back for a person. They tell a change in Okta from an edit made by hand
    at the provider."""
    confirmed_paths: str = ""
    """Which attributes those hashes are of: with others read since, they tell nothing."""
    is_new: bool = True
    """No state was found: the first plan on a tenant with accounts is held."""
    settled: frozenset[str] = frozenset()
    """Fingerprints of settings that were up to date once: one that differs now was edited by hand."""
    deferred: Mapping[OktaId, Mapping[str, Deferred]] = field(default_factory=dict)
    """SCIM path -> change that was accepted and waits for somebody: not drift, and not sent again for now."""
    failures: Mapping[OktaId, str] = field(default_factory=dict)
    """Whom Okta could not push -> the reason that its System Log gave."""
    sign_ins: Mapping[OktaId, int] = field(default_factory=dict)
    """Day of each person's newest sign-in to the app, counted from DAY_ZERO in UTC, as the System Log told;
    only where somebody asks who is inactive."""
    trouble: str = ""
    """Why Okta does not reach the provider, as its System Log tells; "" where nothing is wrong."""
    rows: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Value in the provider's group table -> (name of the GroupMapping that put it there, group as saved). A
    row is taken away only where its mapping still exists and has dropped it; what a deleted mapping owned is
    released."""
    claims: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """With groups.via: ScimGroups, value -> (name of the GroupMapping that claimed it, group). What a mapping
    that is gone has claimed stays here: people with that value are left where they are."""
    placed: Mapping[OktaId, str] = field(default_factory=dict)
    """With groups.via: ScimGroups, the group in which each person was seen or put as desired; "" for none. It
    tells an edit by hand from a change, and lets them be taken out of a group that no row names any more."""
    made: Mapping[str, Made] = field(default_factory=dict)
    """What deletionPolicy: Deprovision may undo in Okta, by key; of the app `app_id` alone."""
    seat_groups: frozenset[str] = frozenset()
    """Ids of the Okta groups that are or were the seat group of the app `app_id`, until the operator has
    taken them off it: one that the spec no longer names lets people in."""

    @property
    def in_use(self) -> frozenset[OktaId]:
        """People whose account is ours and who have not left."""
        return frozenset(self.pairs.keys() - self.left.keys())
