"""Organizations: plan, single sign-on, the SCIM switch, billing, and the counters of seats and people.

Called by every part of the provider inside a unit of work. The row of an organization is what writes that
touch seats lock first; its counters change in the same transaction as the people they count.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import bindparam, insert, select, update

from controller.errors import SpecError
from controller.provider.documents import JsonObject
from controller.provider.journal import Actor, Write, record
from controller.provider.mapping import EMPTY_MAPPING, ValueMapping, parse_mapping
from controller.provider.profiles import Profile, resolve, resolve_stored
from controller.provider.statements import Prepared, Row, Taken, Unit
from controller.provider.tables import organizations

PlanName = Literal["Free", "Standard", "Teams", "Enterprise"]
BillingMethod = Literal["Invoice", "Card"]
PLANS: tuple[str, ...] = get_args(PlanName)
BILLING_METHODS: tuple[str, ...] = get_args(BillingMethod)
MAX_SEATS = 10_000_000
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Organization:
    """One row. `seats_used` counts people who hold a seat, invited ones if the profile says so."""

    id: str
    name: str
    plan: PlanName
    sso: bool
    scim_enabled: bool
    billing_method: BillingMethod
    purchased: int
    seats_used: int
    seats_pending: int
    people_total: int
    people_removals: int
    groups_total: int
    profile: Profile
    overrides: str
    mapping: ValueMapping
    created: str

    @property
    def seats_free(self) -> int:
        """Seats nobody holds; 0 if more are used than purchased."""
        return max(0, self.purchased - self.seats_used)

    def why_scim_is_off(self) -> str | None:
        """The reason why SCIM requests are refused, or None if they are served."""
        if not self.scim_enabled:
            return "SCIM provisioning is switched off for this organization"
        return self.why_scim_cannot_be_on()

    def why_scim_cannot_be_on(self) -> str | None:
        """What has to be set up before SCIM, or None."""
        if not self.profile.needs_plan:
            return None
        if self.plan != "Enterprise":
            return f"SCIM needs the Enterprise plan; this organization is on {self.plan}"
        return None if self.sso else "SAML single sign-on must be set up before SCIM"


COLUMNS = (
    organizations.c.id,
    organizations.c.name,
    organizations.c.plan,
    organizations.c.sso,
    organizations.c.scim_enabled,
    organizations.c.billing_method,
    organizations.c.purchased,
    organizations.c.seats_used,
    organizations.c.seats_pending,
    organizations.c.people_total,
    organizations.c.people_removals,
    organizations.c.groups_total,
    organizations.c.profile,
    organizations.c.overrides,
    organizations.c.mapping,
    organizations.c.created,
)
_NAMES = tuple(column.name for column in COLUMNS)
_ONE = Prepared(select(*COLUMNS).where(organizations.c.id == bindparam("org_id")))
_LOCKED = Prepared(select(*COLUMNS).where(organizations.c.id == bindparam("org_id")).with_for_update())
_INSERT = Prepared(insert(organizations).values({column.name: bindparam(column.name) for column in COLUMNS}))
COUNTERS = ("purchased", "seats_used", "seats_pending", "people_total", "people_removals", "groups_total")
_COUNT = Prepared(
    update(organizations)
    .where(organizations.c.id == bindparam("org_id"))
    .values({name: organizations.c[name] + bindparam(f"d_{name}") for name in COUNTERS})
)


@dataclass(slots=True)
class CounterChange:
    """What a write adds to the counters of its organization."""

    purchased: int = 0
    seats_used: int = 0
    seats_pending: int = 0
    people_total: int = 0
    people_removals: int = 0
    groups_total: int = 0

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)


def organization_of(row: Row) -> Organization:
    """The organization in a row of COLUMNS."""
    values = dict(zip(_NAMES, row, strict=True))
    values["sso"], values["scim_enabled"] = bool(values["sso"]), bool(values["scim_enabled"])
    values["profile"] = resolve_stored(values["profile"], values["overrides"])
    values["mapping"] = parse_mapping(values["mapping"])
    return Organization(**values)


def find_organization(unit: Unit, org_id: str) -> Organization | None:
    """The organization, or None."""
    row = unit.one(_ONE, org_id=org_id)
    return organization_of(row) if row else None


def lock_organization(unit: Unit, org_id: str) -> Organization:
    """The organization as of now; nobody else changes its counters until this transaction ends."""
    row = unit.one(_LOCKED, org_id=org_id)
    if row is None:
        raise SpecError(f"there is no organization {org_id!r}", field="organization")
    return organization_of(row)


def added(change: CounterChange) -> dict[str, int]:
    """The parameters that add `change` to the counters."""
    return {f"d_{name}": getattr(change, name) for name in COUNTERS}


def count(unit: Unit, org_id: str, change: CounterChange) -> None:
    """Adds `change` to the counters."""
    if change:
        unit.run(_COUNT, org_id=org_id, **added(change))


@dataclass(frozen=True)
class NewOrganization:
    """What an organization starts with. `overrides` are single settings of the profile."""

    name: str
    profile: str = "rfc7643"
    plan: str = "Enterprise"
    sso: bool = True
    seats: int = 1_000_000
    billing: str = "Card"
    scim_enabled: bool = True
    overrides: JsonObject | None = None

    def slug(self) -> str:
        """The name as it stands in URLs; raises SpecError if nothing is left of it."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")[:63].strip("-")
        if not _SLUG.fullmatch(slug):
            raise SpecError("must contain a letter or a digit", field="name")
        return slug

    def check(self) -> None:
        """Raises SpecError naming the field at fault."""
        one_of("plan", self.plan, PLANS)
        one_of("billing.method", self.billing, BILLING_METHODS)
        in_range("seats.purchased", self.seats)
        resolve(self.profile, json.dumps(self.overrides or {}, sort_keys=True))


def is_slug(text: str) -> bool:
    """Whether `text` may be the id of an organization."""
    return _SLUG.fullmatch(text) is not None


def one_of(field: str, value: object, allowed: tuple[str, ...]) -> str:
    """`value`, if it is one of `allowed`; else SpecError."""
    if value not in allowed:
        raise SpecError(f"must be one of {', '.join(allowed)}", field=field)
    return str(value)


def in_range(field: str, value: object) -> int:
    """`value`, if it is a number of seats; else SpecError."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SEATS:
        raise SpecError(f"must be a whole number from 0 to {MAX_SEATS}", field=field)
    return value


def insert_organization(unit: Unit, new: NewOrganization, actor: Actor, now: str) -> str:
    """The id of the organization created; raises SpecError if the name is taken."""
    new.check()
    org_id = new.slug()
    values = {column.name: 0 for column in COLUMNS} | {
        "id": org_id,
        "name": new.name,
        "plan": new.plan,
        "sso": int(new.sso),
        "scim_enabled": int(new.scim_enabled),
        "billing_method": new.billing,
        "purchased": new.seats,
        "profile": new.profile,
        "overrides": json.dumps(new.overrides or {}, sort_keys=True),
        "mapping": EMPTY_MAPPING,
        "created": now,
    }
    try:
        unit.run(_INSERT, **values)
    except Taken as error:
        raise SpecError(f"an organization {org_id!r} exists", field="name") from error
    write = Write("organization.create", "Organization", org_id, after=json.dumps(values))
    record(unit, org_id, write, actor, now)
    return org_id


def update_organization(
    unit: Unit, org_id: str, values: dict[str, str | int], actor: Actor, now: str
) -> None:
    """Sets columns of the row, already checked, and records what changed."""
    before = lock_organization(unit, org_id)
    unit.run(update(organizations).where(organizations.c.id == org_id).values(values))
    shown = {name: getattr(before, name) for name in values if name not in ("profile", "mapping")}
    if "profile" in values:
        shown["profile"] = before.profile.name
    if "mapping" in values:
        shown["mapping"] = before.mapping.text
    write = Write("organization.update", "Organization", org_id, json.dumps(shown), json.dumps(values))
    record(unit, org_id, write, actor, now)
