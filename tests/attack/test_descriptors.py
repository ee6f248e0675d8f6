"""An editor of one resource must not use up the descriptors of the process that all share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import SecretStr

from controller.api.okta_org import OktaOrgSpec
from controller.api.scim_integration import ScimIntegrationSpec
from controller.planning.base.inputs import Inputs, Resource, SecretKey
from controller.planning.desired.build import build_desired
from controller.settings import Settings
from controller.targets.base import Targets
from controller.targets.connect import TargetConnector
from controller.transport.calls import Call
from controller.transport.connections import Connections
from controller.transport.retry import NO_RETRY
from controller.transport.session import Remote, Session, Wiring
from tests.attack.servers import KeepAlive, keep_alive

CHANGES = 200
SLACK = 4
"""Descriptors that may come and go with the loop itself."""
LIST = {"Resources": [], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0}
ORGANIZATION = {"plan": "Enterprise", "sso": True, "scimEnabled": True, "seats": {"purchased": 5, "used": 0}}
ADMIN = {**ORGANIZATION, "tokens": [], "groups": [], "entries": []}
"""What every page of the admin API says at once."""


def reply(method: str, path: str) -> Any:
    """A bit of Okta, of a SCIM service and of an admin API."""
    if path.startswith("/.well-known/"):
        return {"id": "00oACME"}
    if path.startswith("/token"):
        return {"access_token": "issued", "token_type": "Bearer", "expires_in": 3600}
    if path.startswith("/admin"):
        return ADMIN
    return LIST if path.startswith("/scim") else {"id": "00u1", "status": "ACTIVE"}


@dataclass
class Stage:
    """A connector, and an integration whose spec and Secrets somebody keeps editing."""

    server: KeepAlive
    connector: TargetConnector
    version: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("spec", "okta", "scim", "url"), 0))

    def inputs(self) -> Inputs:
        auth = {"type": "OAuth2ClientCredentials", "secretRef": {"name": "scim"}}
        provider = {
            "baseUrl": f"{self.server.url}/scim/{self.version['url']}",
            "auth": {**auth, "tokenUrl": f"{self.server.url}/token"},
            "admin": {"baseUrl": f"{self.server.url}/admin", "secretRef": {"name": "admin", "key": "token"}},
            "requestsPerSecond": 1 + self.version["spec"] % 100,
        }
        spec = ScimIntegrationSpec.model_validate(
            {
                "okta": {"orgRef": {"name": "acme"}, "app": {"id": "0oa1"}},
                "provider": provider,
                "provisioning": {"by": "Operator"},
            }
        )
        org = {"url": self.server.url, "auth": {"type": "ApiToken", "secretRef": {"name": "okta"}}}
        made, host = "2026-01-01T00:00:00Z", self.server.url.removeprefix("http://")
        keys: dict[tuple[str, str], frozenset[SecretKey]] = {}
        for namespace, name, key in self.credentials():
            held = SecretKey(name, key, frozenset({host}))
            keys[namespace, name] = keys.get((namespace, name), frozenset()) | {held}
        return Inputs(
            Resource("ScimIntegration", "default", "calendly", "u2", 1, made, spec),
            Resource("OktaOrg", "default", "acme", "u1", 1, made, OktaOrgSpec.model_validate(org)),
            secrets=keys,
        )

    def credentials(self) -> dict[tuple[str, str, str], SecretStr]:
        values = {
            ("okta", "apiToken"): f"okta-{self.version['okta']}",
            ("scim", "clientId"): "client",
            ("scim", "clientSecret"): f"secret-{self.version['scim']}",
            ("admin", "token"): "admin",
        }
        return {("default", *place): SecretStr(value) for place, value in values.items()}

    async def run(self) -> Targets:
        """What a run does: every session sends something."""
        inputs = self.inputs()
        assert inputs.org is not None
        desired, _ = build_desired(inputs)
        targets = await self.connector.connect(inputs, desired, self.credentials())
        await targets.provider_settings.observe(desired)
        org = await self.connector.open_org(inputs.org, self.credentials())
        await asyncio.gather(*(org.client.user("00u1") for _ in range(3)))
        return targets


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with keep_alive(reply) as server:
        connector = TargetConnector(Settings(allow_http_loopback=True))
        yield Stage(server, connector)
        await connector.aclose()


def descriptors() -> int:
    """How many this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count of names


async def settled(server: KeepAlive, most: int) -> int:
    """How many connections the server has once those that were closed have been noticed."""
    for _ in range(200):
        if len(server.open) <= most:
            break
        await asyncio.sleep(0.01)
    return len(server.open)


async def test_two_hundred_edits_leave_no_descriptors_behind(stage: Stage) -> None:
    await stage.run()
    before, connections = descriptors(), len(stage.server.open)
    for number in range(CHANGES):
        stage.version[list(stage.version)[number % len(stage.version)]] += 1
        await stage.run()
    assert stage.server.opened > CHANGES
    assert await settled(stage.server, connections) <= connections
    # Each connection has two ends, both in this process.
    assert descriptors() <= before + SLACK
    assert stage.server.most_open <= 2 * connections + 3


async def test_what_is_deleted_is_closed(stage: Stage) -> None:
    await stage.run()
    await stage.connector.forget_integration("default", "calendly")
    await stage.connector.forget_org("default", "acme")
    assert await settled(stage.server, 0) == 0
    assert stage.connector.opened_org("default", "acme") is None


async def test_a_run_on_replaced_sessions_ends_well_and_leaves_nothing_open(stage: Stage) -> None:
    inputs = stage.inputs()
    assert inputs.org is not None
    desired, _ = build_desired(inputs)
    old = await stage.run()
    old_org = await stage.connector.open_org(inputs.org, stage.credentials())
    stage.server.gate.clear()
    asked = stage.server.asked
    under_way = asyncio.gather(old.provider_settings.observe(desired), old_org.client.user("00u1"))
    await stage.server.was_asked(asked + 2)
    stage.version["okta"] += 1
    stage.version["scim"] += 1
    replacing = asyncio.create_task(stage.run())
    await asyncio.sleep(0.05)
    stage.server.gate.set()
    await asyncio.gather(under_way, replacing)
    kept = len(stage.server.open)
    # Somebody may still have the old ones in hand, such as the poller of the log.
    await old_org.client.user("00u1")
    await old.provider_settings.observe(desired)
    assert await settled(stage.server, kept) <= kept


async def test_an_org_that_moved_gives_its_claim_on_the_budget_back(stage: Stage) -> None:
    await stage.run()
    budget = stage.connector.budgets.find(f"{stage.server.url} 00oACME")
    assert budget is not None
    budget.claim("other/acme", 50)
    assert budget.percent == 30
    async with keep_alive(lambda _m, path: {"id": "00oOTHER"}) as elsewhere:
        spec = {"url": elsewhere.url, "auth": {"type": "ApiToken", "secretRef": {"name": "okta"}}}
        moved = Resource(
            "OktaOrg", "default", "acme", "u1", 2, "2026-01-01T00:00:00Z", OktaOrgSpec.model_validate(spec)
        )
        await stage.connector.open_org(moved, stage.credentials())
    assert budget.percent == 50


async def test_a_quiet_session_keeps_no_connection(stage: Stage) -> None:
    """Thousands of integrations are read once an hour: between that none of them may hold a descriptor."""
    session = Session(Remote(stage.server.url, "scim", "SCIM"), Wiring(retry=NO_RETRY))
    remake = session._connections._make
    session._connections = Connections(remake, idle_seconds=0.05)
    await session.send(Call("GET", "/scim/Users", "/Users"))
    assert len(stage.server.open) == 1
    assert await settled(stage.server, 0) == 0
    await session.send(Call("GET", "/scim/Users", "/Users"))
    assert len(stage.server.open) == 1
    await session.aclose()
    assert await settled(stage.server, 0) == 0
