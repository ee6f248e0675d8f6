"""What the servers of a world answer, as plain values. Only their public HTTP is asked."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

JSON = dict[str, Any]
GROUP = "/apis/scim-operator.dev/v1alpha1"
SERVED = frozenset({"ACTIVE", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT"})
WAITING = frozenset({"STAGED", "PROVISIONED"})
GONE = "DEPROVISIONED"


class Ask(Protocol):
    """How the judge asks: each method gives the decoded answer."""

    async def okta(self, method: str, path: str, body: Any = None) -> Any: ...
    async def okta_all(self, path: str) -> list[Any]: ...
    async def admin(self, tenant: str, method: str, path: str, body: Any = None) -> Any: ...
    async def kube(self, method: str, path: str, body: Any = None) -> Any: ...


def fold(name: str) -> str:
    """How names are compared: NFC and simple lower case (RFC 7644 s5), never full case folding."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).lower())


@dataclass(slots=True)
class User:
    """A person in Okta."""

    id: str
    status: str
    profile: JSON


@dataclass(slots=True)
class Account:
    """A person at a provider."""

    id: str
    user_name: str
    external_id: str
    active: bool
    shown: JSON = field(default_factory=dict)


@dataclass(slots=True)
class Okta:
    """The org: everybody, who has which app by which user name, and members of groups that rank people."""

    users: dict[str, User] = field(default_factory=dict)
    apps: dict[str, JSON] = field(default_factory=dict)
    """By label."""
    assigned: dict[str, dict[str, JSON]] = field(default_factory=dict)
    """App id -> user id -> app user."""


@dataclass(slots=True)
class Resources:
    """What lies in the cluster, by kind and (namespace, name)."""

    kinds: dict[str, dict[tuple[str, str], JSON]] = field(default_factory=dict)

    def of(self, kind: str) -> list[JSON]:
        return list(self.kinds.get(kind, {}).values())


async def read_okta(ask: Ask) -> Okta:
    """The whole org."""
    found = Okta()
    for query in ("limit=200", "filter=status%20eq%20%22DEPROVISIONED%22&limit=200"):
        for user in await ask.okta_all(f"/api/v1/users?{query}"):
            found.users[user["id"]] = User(user["id"], user["status"], user["profile"])
    for app in await ask.okta("GET", "/api/v1/apps?limit=200"):
        found.apps[app["label"]] = app
        people = await ask.okta_all(f"/api/v1/apps/{app['id']}/users?limit=500")
        found.assigned[app["id"]] = {one["id"]: one for one in people}
    return found


async def read_accounts(ask: Ask, tenant: str) -> tuple[dict[str, Account], JSON]:
    """Every account of a tenant by its id, and the organization."""
    page = await ask.admin(tenant, "GET", "/people?limit=1000")
    accounts = {}
    for one in page["people"]:
        account = Account(one["id"], one["userName"], one["externalId"] or "", one["active"], one)
        accounts[account.id] = account
    return accounts, await ask.admin(tenant, "GET", "/organization")


PLURALS = {
    "ScimIntegration": "scimintegrations",
    "GroupMapping": "groupmappings",
    "SeatLimit": "seatlimits",
    "OktaOrg": "oktaorgs",
}


async def read_resources(ask: Ask) -> Resources:
    """Every resource of ours."""
    found = Resources()
    for kind, plural in PLURALS.items():
        items = (await ask.kube("GET", f"{GROUP}/{plural}"))["items"]
        found.kinds[kind] = {(i["metadata"]["namespace"], i["metadata"]["name"]): i for i in items}
    return found


def condition(body: Mapping[str, Any], kind: str) -> JSON:
    """A condition of a status; {} without one."""
    conditions = (body.get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == kind), {})
