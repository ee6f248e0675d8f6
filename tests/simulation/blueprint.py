"""What a world is made of, drawn from its seed: integrations, people with difficult values, seats, mappings."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.entropy import dice

JSON = dict[str, Any]
API = "scim-operator.dev/v1alpha1"
OKTA = "acme.okta.test"
CALENDLY_URN = "urn:calendly:scim:schemas:2.0:User"
DEPARTMENTS = ("Engineering", "Sales EMEA", "Sales US", "Support", "Marketing", "Finance", "")
GROUP_OF = {
    "Engineering": "Engineering", "Sales EMEA": "Sales", "Sales US": "Sales", "Support": "Customer Care",
    "Marketing": "Marketing",
}  # fmt: skip
LOGINS = (
    "straße.{n}", "strasse.{n}", "Ｆull.{n}", "josé.{n}", "jose\u0301.{n}", "UPPER.{n}", "o'brien.{n}",
    "a+b.{n}", "ſharp.{n}", "İstanbul.{n}", "ﬁsh.{n}", "under_score.{n}", "percent%41.{n}", "amp&eq=.{n}",
)  # fmt: skip
NAMES = (
    "Ada", "José", "Jose\u0301", "Œuvre", "  padded  ", "O\"Quote", "Back\\slash", "Null", "名前", "Ω" * 40,
    "a" * 50, "<b>bold</b>", "{{x}}", "%s", "İ", "ß", "ﬁ",
)  # fmt: skip


@dataclass(slots=True)
class Someone:
    """A person as Okta first knows them."""

    login: str
    first: str
    last: str
    display: str
    department: str
    groups: tuple[str, ...] = ()
    assigned: tuple[str, ...] = ()
    """Names of integrations whose app they have."""


@dataclass(slots=True)
class Tenant:
    """One integration with all that belongs to it."""

    name: str
    namespace: str
    spec: JSON
    profile: str
    purchased: int
    limit: JSON | None
    mappings: list[list[JSON]]
    has_admin: bool

    @property
    def host(self) -> str:
        return f"{self.name}.scim.test"

    @property
    def group(self) -> str:
        """The Okta group whose members have the app."""
        return f"{self.name} users"

    @property
    def label(self) -> str:
        return f"App {self.name}"


@dataclass(slots=True)
class Blueprint:
    """A whole world before anything happens."""

    seed: int
    tenants: list[Tenant] = field(default_factory=list)
    people: list[Someone] = field(default_factory=list)
    namespaces: list[str] = field(default_factory=list)
    replicas: int = 1
    hours: float = 4.0


def draw(seed: int) -> Blueprint:
    """The world of `seed`."""
    chance = dice(seed, "blueprint")
    world = Blueprint(seed)
    world.namespaces = ["default"] if chance.random() < 0.6 else ["default", "team-b"]
    world.replicas = 2 if chance.random() < 0.35 else 1
    world.hours = chance.choice((1.0, 1.5, 2.0, 3.0))
    for number in range(chance.choices((1, 2, 3, 4), (70, 20, 7, 3))[0]):
        world.tenants.append(_tenant(chance, f"t{number}", chance.choice(world.namespaces)))
    count = chance.choices((20, 35, 60, 120, 400), (60, 27, 10, 2.5, 0.5))[0]
    for number in range(count):
        world.people.append(_person(chance, number, world))
    for tenant in world.tenants:
        _give_seats(chance, tenant, sum(tenant.name in person.assigned for person in world.people))
    return world


def _person(chance: Random, number: int, world: Blueprint) -> Someone:
    template = chance.choice(LOGINS) if chance.random() < 0.3 else "person.{n}"
    # Twins: two people whose names differ only by what full case folding or normalization takes away.
    twin = number // 2 if template.startswith(("stra", "jos")) and chance.random() < 0.7 else number
    first = chance.choice(NAMES) if chance.random() < 0.3 else f"First{number}"
    last = chance.choice(NAMES) if chance.random() < 0.2 else f"Last{number}"
    login = template.format(n=twin) + "@example.com"
    if any(login.lower() == other.login.lower() for other in world.people):
        login = f"person.{number}@example.com"
    assigned = tuple(tenant.name for tenant in world.tenants if chance.random() < 0.7)
    groups = ("Executives",) if chance.random() < 0.1 else ()
    display = f"{first} {last}".strip()
    return Someone(login, first, last, display[:90], chance.choice(DEPARTMENTS), groups, assigned)


def _tenant(chance: Random, name: str, namespace: str) -> Tenant:
    profile = chance.choices(("calendly", "generic", "rfc7643"), (60, 20, 20))[0]
    has_admin = chance.random() < 0.7
    via = "UserAttribute" if profile == "calendly" else chance.choice(("ScimGroups", ""))
    tenant = Tenant(name, namespace, {}, profile, 0, None, [], has_admin)
    tenant.spec = _spec(chance, tenant, via)
    if via and chance.random() < 0.85:
        tenant.mappings = _mappings(chance)
    return tenant


def _spec(chance: Random, tenant: Tenant, via: str) -> JSON:
    base = f"https://{tenant.host}"
    spec: JSON = {
        "mode": chance.choices(("Enforce", "Approve", "Observe"), (75, 20, 5))[0],
        "okta": {"orgRef": {"name": "acme", "namespace": "default"}, "app": {"label": tenant.label}},
        "provider": {
            "baseUrl": f"{base}/scim/v2/{tenant.name}",
            "auth": {"type": "Bearer", "secretRef": {"name": f"{tenant.name}-scim", "key": "token"}},
            "profile": {"name": tenant.profile},
        },
        "provisioning": {"by": "Operator"},
        "drift": chance.choices(("Correct", "Report"), (85, 15))[0],
        "interval": chance.choices(("5m", "10m", "20m", "30m", "1h"), (3, 4, 4, 2, 1))[0],
        "assignments": {"oktaGroups": [{"name": tenant.group}]} if chance.random() < 0.5 else {},
    }
    if tenant.has_admin:
        secret = {"name": f"{tenant.name}-admin", "key": "token"}
        spec["provider"]["admin"] = {"baseUrl": f"{base}/admin/v1/{tenant.name}", "secretRef": secret}
    if via == "UserAttribute":
        spec["groups"] = {
            "attribute": {"displayName": "Calendly group", "name": "calendlyGroup", "externalName": "group",
                          "externalNamespace": CALENDLY_URN},
            "sources": [{"source": "user.department"}],
            "createGroups": "WhenMissing",
        }  # fmt: skip
    elif via:
        spec["groups"] = {
            "via": "ScimGroups", "sources": [{"source": "user.department"}], "createGroups": "WhenMissing",
        }  # fmt: skip
    if chance.random() < 0.3:
        spec["lifecycle"] = {"suspended": "Deactivate"}
    if chance.random() < 0.3:
        spec["safeguards"] = {"minimum": chance.choice((2, 3, 5)), "removals": {"count": 20, "percent": 10}}
    return spec


def _mappings(chance: Random) -> list[list[JSON]]:
    """Rows, split over several resources."""
    rows = [
        {"values": [value for value in GROUP_OF if GROUP_OF[value] == group], "providerGroup": group}
        for group in dict.fromkeys(GROUP_OF.values())
    ]
    parts = chance.choice((1, 1, 2, 3))
    return [rows[place::parts] for place in range(parts)]


def _give_seats(chance: Random, tenant: Tenant, assigned: int) -> None:
    """Often too few: who waits, and for what, is where much can go wrong."""
    has_limit = chance.random() < 0.75
    room = max(3, assigned + chance.choice((-8, -4, -2, -1, 0, 0, 1, 3, 10)))
    tenant.purchased = room if has_limit else assigned + 30
    if not has_limit:
        return
    tenant.limit = {"integrationRefs": [{"name": tenant.name}], "whenFull": "Waitlist"}
    if not tenant.has_admin or chance.random() < 0.6:
        tenant.limit["seats"] = room
        tenant.purchased = room + chance.choice((0, 0, 5))
    if chance.random() < 0.2 and room > 6:
        tenant.limit["reserve"] = 2
    if chance.random() < 0.4:
        tenant.limit["priority"] = [{"oktaGroup": {"name": "Executives"}}]
