"""A hostile server that claims the id of another tenant's Okta org: it shares neither the budget of calls nor
the reading of the System Log with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from pydantic import SecretStr

from controller.api.okta_org import OktaOrgSpec
from controller.clock import ManualClock
from controller.okta.connect import OpenOrg
from controller.okta.events import Change
from controller.operator.log_poller import Orgs
from controller.planning.base.inputs import Resource
from controller.settings import Settings
from controller.targets.connect import TargetConnector
from tests.attack.servers import keep_alive
from tests.unit.planning import world
from tests.unit.reconcile.reports import inputs, report, resource

ORG_ID = "00oVICTIM"


def claims(method: str, path: str) -> Any:
    return {"id": ORG_ID}


@asynccontextmanager
async def two_orgs() -> AsyncIterator[tuple[TargetConnector, OpenOrg, OpenOrg]]:
    """The victim's org, and one on another port of the attacker's that says it is the same."""
    connector = TargetConnector(Settings(allow_http_loopback=True))
    async with keep_alive(claims) as victim, keep_alive(claims) as attacker:
        mine = await opened(connector, victim.url, "victim", 40)
        theirs = await opened(connector, attacker.url, "attacker", 1)
        yield connector, mine, theirs
        await connector.aclose()


async def opened(connector: TargetConnector, url: str, namespace: str, percent: int) -> OpenOrg:
    auth = {"type": "ApiToken", "secretRef": {"name": "okta"}}
    spec = OktaOrgSpec.model_validate({"url": url, "auth": auth, "budgetPercent": percent})
    org = Resource("OktaOrg", namespace, "acme", namespace, 1, "2026-01-01T00:00:00Z", spec)
    return await connector.open_org(org, {(namespace, "okta", "apiToken"): SecretStr("token")})


async def test_a_claimed_id_takes_nothing_from_the_budget_of_the_org() -> None:
    async with two_orgs() as (connector, mine, theirs):
        assert mine.org_id == theirs.org_id
        budget = connector.budget_of("victim", "acme")
        assert budget is not None and budget is not connector.budget_of("attacker", "acme")
        assert budget.percent == 40


async def test_the_same_org_in_another_spelling_of_its_url_is_one_budget() -> None:
    connector = TargetConnector(Settings(allow_http_loopback=True))
    async with keep_alive(claims) as server:
        await opened(connector, server.url, "one", 40)
        await opened(connector, server.url.replace("127.0.0.1", "LOCALHOST") + "/", "other", 30)
        assert connector.budget_of("one", "acme") is connector.budget_of("other", "acme")
        await connector.aclose()


async def test_a_credential_that_the_org_refuses_takes_nothing_from_its_budget() -> None:
    """The URL and the id of an org are public: anybody can name them in an OktaOrg, with any token."""
    connector = TargetConnector(Settings(allow_http_loopback=True))
    async with keep_alive(claims) as server:
        mine = await opened(connector, server.url, "victim", 40)
        await opened(connector, server.url, "attacker", 1)
        budget = connector.budget_of("victim", "acme")
        assert budget is not None and budget is connector.budget_of("attacker", "acme")
        await mine.client.user("00u1")
        assert budget.percent == 40, "the org has let the victim in, and nobody else"
        budget.prove("attacker/acme")
        assert budget.percent == 1
        budget.release("attacker/acme")
        budget.prove("attacker/acme")
        assert budget.percent == 40
        await connector.aclose()


@pytest.fixture
async def orgs() -> AsyncIterator[tuple[Orgs, list[str]]]:
    enqueued: list[str] = []
    links = Mock(load=AsyncMock(return_value=""), save=AsyncMock(), delete=AsyncMock())
    made = Orgs(ManualClock(), 30, lambda key, scope, why: enqueued.append(key), links)
    yield made, enqueued
    await made.aclose()


def run_of(namespace: str) -> Any:
    integration = resource("ScimIntegration", namespace=namespace)
    given = inputs(integration=integration, org=resource("OktaOrg", namespace=namespace))
    state = world.with_app(world.actual([world.person(1)]), app_id="0oa1")
    return replace(report(actual=state, desired=world.make_desired()), inputs=given)


async def test_a_claimed_id_neither_silences_nor_fakes_the_log_of_the_org(
    orgs: tuple[Orgs, list[str]],
) -> None:
    one, enqueued = orgs
    async with two_orgs() as (_, mine, theirs):
        one.use("victim/calendly", mine, run_of("victim"))
        one.use("attacker/calendly", theirs, run_of("attacker"))
        await asyncio.sleep(0)
        assert one._orgs[mine.key].client is mine.client, "the victim's log is read with its own client"
        one.take([event()], theirs.key)
        assert set(enqueued) == {"attacker/calendly"}


def event() -> Change:
    return Change(
        "e1",
        "2026-01-01T00:00:00Z",
        "application.user_membership.remove",
        frozenset({"0oa1"}),
        frozenset({"00u1"}),
    )
