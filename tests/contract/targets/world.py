"""A simulated org and the bundled provider, in this process, and everything that makes targets on them.

Used by the contract suite and by the tests of single targets.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.model.actions import Action, ActionKind, Outcome, Result, Touch
from controller.model.people import Reads, Value
from controller.okta.connect import OpenOrg, OrgAccess, okta_budgets, open_org
from controller.planning.base.desired import Desired, DesiredAssignments, Limit, Profile, Safeguards
from controller.provider.app import CreatedOrganization, Provider, add_organization, build_app
from controller.provider.organizations import NewOrganization
from controller.scim.admin import AdminClient
from controller.scim.connect import OpenProvider, ProviderAccess, open_admin, open_provider
from controller.transport.retry import RetryPolicy
from controller.transport.session import Wiring
from scim_sandbox.faulty_provider import FaultyProvider
from scim_sandbox.okta import app as okta_app
from scim_sandbox.okta import assignments
from scim_sandbox.okta.records import AppRecord, Quirks
from scim_sandbox.okta.seed import seed
from scim_sandbox.okta.store import Org
from scim_sandbox.people import SandboxPerson
from tests.contract.okta.judge import Judge

OKTA, SCIM = "https://acme.okta.example", "https://scim.example.test"
API_TOKEN = "ssws-token-of-the-operator"
GROUP = "urn:calendly:scim:schemas:2.0:User:group"
READS = Reads(
    ("login", "firstName", "lastName", "email", "displayName", "department"),
    ("name.givenName", "name.familyName", "emails[primary]", "displayName", GROUP),
)
LARGE = Limit(1000, 100)


class Hosts(httpx.AsyncBaseTransport):
    """Requests by host to the app of that host; counts them."""

    def __init__(self, **apps: Any) -> None:
        self._apps = {host: httpx.ASGITransport(app) for host, app in apps.items()}
        self.calls: list[tuple[str, str, str]] = []
        self.wrote = asyncio.Event()
        """Set with the first request that is no read."""
        self.deny: set[str] = set()
        """Hosts that answer 401 to everything."""
        self.swallow: set[str] = set()
        """Hosts whose writes are answered as done and are not done; nothing is found there afterwards."""
        self.lost_answers = 0
        """How many writes are carried out and not answered."""
        self.foreign: set[str] = set()
        """Ends of paths at which a proxy answers 404 by a page of its own."""
        self.down: set[str] = set()
        self.down_paths: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append((request.url.host, request.method, request.url.path))
        if request.method != "GET":
            self.wrote.set()
        if request.url.host in self.down or any(
            request.url.path.startswith(path) for path in self.down_paths
        ):
            raise httpx.ReadTimeout("down")
        if request.url.host in self.swallow and request.method != "GET":
            return httpx.Response(201, json={"id": "nobody"})
        if request.url.host in self.swallow and "/Users" in request.url.path:
            return httpx.Response(404, json={"detail": "no such user"})
        if any(request.url.path.endswith(path) for path in self.foreign):
            return httpx.Response(404, html="<html><body>404 page not found</body></html>")
        if request.url.host in self.deny:
            return httpx.Response(401, json={"detail": "no"})
        try:
            answer = await self._apps[request.url.host].handle_async_request(request)
            if request.method != "GET" and self.lost_answers:
                self.lost_answers -= 1
                raise httpx.ReadTimeout("the answer got lost")
            return answer
        except ConnectionResetError:
            raise httpx.ReadError("the connection was closed") from None


@dataclass
class World:
    """Both ends, and sessions to them on a clock that stands still."""

    org: Org
    app: AppRecord
    provider: Provider
    tenant: CreatedOrganization
    hosts: Hosts
    wiring: Wiring
    clock: ManualClock
    okta: OpenOrg
    scim: OpenProvider
    admin: AdminClient
    judge: Judge
    """Holds what is said to Okta, and what it answers, against its own document."""

    async def aclose(self) -> None:
        """Closes the sessions and the provider's database."""
        await self.okta.aclose()
        await self.scim.aclose()
        await self.provider.close()

    def calls(self, host: str, method: str = "") -> list[tuple[str, str]]:
        """(method, path) of what was sent to `host`."""
        return [(m, path) for h, m, path in self.hosts.calls if h == host and method in ("", m)]

    def writes(self) -> list[tuple[str, str, str]]:
        """Everything sent that is no read."""
        return [call for call in self.hosts.calls if call[1] != "GET" and "oauth2" not in call[2]]


def people(count: int) -> list[SandboxPerson]:
    """`count` people of two departments."""
    return [
        SandboxPerson(
            f"p{n:05}@acme.example",
            f"First{n}",
            f"Last{n}",
            f"First{n} Last{n}",
            "Sales" if n % 2 else "Support",
        )
        for n in range(count)
    ]


async def open_world(
    database: Path, count: int = 6, *, profile: str = "calendly", seats: int = 1000, **quirks: Any
) -> World:
    """An org with `count` people, all assigned to the app through a group, and an empty tenant."""
    clock = ManualClock()
    org = Org(OKTA, api_token=API_TOKEN, clock=clock, quirks=Quirks(schema_delay_seconds=0, **quirks))
    app = seed(org, people(count), assigned=count)
    provider = build_app(f"sqlite:///{database}", clock, public_url=SCIM)
    new = NewOrganization("acme", profile=profile, seats=seats, billing="Invoice")
    tenant = add_organization(provider.database, new, clock)
    judge = Judge(okta_app.build_app(org))
    hosts = Hosts(**{"acme.okta.example": judge, "scim.example.test": FaultyProvider(provider)})
    wiring = Wiring(clock=clock, transport=hosts, retry=RetryPolicy(base_seconds=0.01))
    access = OrgAccess(OKTA, "ApiToken", api_token=SecretStr(API_TOKEN))
    opened = await open_org(access, okta_budgets(wiring), owner="a/acme", percent=50, wiring=wiring)
    scim = open_provider(
        ProviderAccess(
            SCIM + tenant.scim_path, "Bearer", token=SecretStr(tenant.scim_token), requests_per_second=1000
        ),
        wiring,
    )
    admin, _ = open_admin(SCIM + tenant.admin_path, SecretStr(tenant.admin_token), wiring)
    return World(org, app, provider, tenant, hosts, wiring, clock, opened, scim, admin, judge)


def make_desired(world: World, **more: Any) -> Desired:
    """Desired state for the world's app and tenant; `more` replaces single fields."""
    desired = Desired(
        namespace="default",
        name="calendly",
        generation=1,
        mode="Enforce",
        by="Operator",
        app_id=world.app.id,
        app_label="",
        username_format="",
        allow_app_replace=False,
        base_url=SCIM + world.tenant.scim_path,
        profile=Profile("calendly", None, defers=frozenset({"emails[primary]"})),
        reads=READS,
        attributes=(),
        attribute_policy="Additive",
        prune_schema=False,
        group=None,
        assignments=DesiredAssignments("Direct", "", (), (), False, False),
        seats=None,
        actions=frozenset({"Create", "Update", "Deactivate"}),
        required_plan="",
        sso_required=False,
        on_deactivated="Deactivate",
        on_suspended="Keep",
        on_unassigned="Deactivate",
        create_not_yet_active=False,
        adopts_orphans=False,
        may_deactivate_adopted=False,
        safeguards=Safeguards(timedelta(hours=24), 5, LARGE, LARGE, LARGE),
        protected=frozenset(),
        corrects_drift=True,
        windows=(),
    )
    return replace(desired, **more)


_numbers = itertools.count(1)


def creation(okta_id: str = "", login: str = "", **fields: Value) -> Action:
    """A CREATE_ACCOUNT for a person of their own."""
    number = next(_numbers)
    okta_id, login = okta_id or f"00u{number:05}", login or f"new{number}@acme.example"
    after: tuple[tuple[str, Value], ...] = (
        ("externalId", okta_id),
        ("userName", login),
        ("active", True),
        ("name.givenName", "Ada"),
        ("name.familyName", "Lovelace"),
        ("emails[primary]", login),
        ("displayName", "Ada Lovelace"),
        (GROUP, "Sales"),
        *fields.items(),
    )
    return Action(ActionKind.CREATE_ACCOUNT, okta_id, login, Touch.CREATE, (), after, "assigned in Okta")


def action(kind: ActionKind, subject: str, after: dict[str, Value], **more: Any) -> Action:
    """Any other action; `before` holds the same fields as None unless given."""
    before = more.pop("before", dict.fromkeys(after))
    return Action(
        kind, subject, more.pop("label", subject), more.pop("touch", Touch.CHANGE),
        tuple(before.items()), tuple(after.items()), "a test", **more,
    )  # fmt: skip


async def apply(target: Any, desired: Desired, actions: Sequence[Action]) -> list[Outcome]:
    """The outcomes in the order in which they were told."""
    told: list[Outcome] = []
    await target.apply(desired, actions, told.append)
    return told


def results(outcomes: Sequence[Outcome]) -> list[Result]:
    """What became of the actions, in the order told."""
    return [outcome.result for outcome in outcomes]


def assign_directly(world: World) -> None:
    """Assigns everybody to the app directly, as with `scope: USER`, and takes its groups away: no group's
    count says how many people there must be."""
    for user_id in list(world.app.users):
        assignments.assign_user(world.org, world.app, world.org.users[user_id], {"scope": "USER"})
    for group_id in list(world.app.groups):
        assignments.unassign_group(world.org, world.app, group_id)


def narrow_role(world: World, groups: Sequence[str] | None) -> None:
    """Narrows what the operator's own token may see to the members of some groups; None ends it."""
    for principal in world.org.principals.values():
        principal.groups = None if groups is None else list(groups)
