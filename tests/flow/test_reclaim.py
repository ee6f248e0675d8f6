"""Who may not need a seat: a sign-in to the app that only Okta's System Log tells takes a person off the
report."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from controller.kube.client import JSON
from controller.settings import Settings
from scim_sandbox.run import World, open_world
from tests.cluster.fixtures import Cluster
from tests.flow.conftest import SECONDS, Flow, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
LONG_AGO = "2025-01-01T00:00:00.000Z"
LIMIT = ("SeatLimit", "calendly")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = Settings(allow_http_loopback=True, metrics_port=0, log_poll_seconds=5)
    directory = tmp_path_factory.mktemp("world")
    async with open_world(cluster.setup(directory, settings=settings)) as opened:
        yield opened


async def assigned_long_ago(flow: Flow) -> None:
    """Everybody's assignment as old as it is in an org that has been there for a while."""
    state: Any = await flow.okta_send("GET", "/_control/state")
    for app in state["apps"]:
        for user in app["users"].values():
            user["created"] = LONG_AGO
    await flow.okta_send("PUT", "/_control/state", state)


async def reclaim_once(flow: Flow, holds: Callable[[JSON], bool]) -> JSON:
    """What the limit reports once `holds` is true of it, after as many runs as that takes."""
    async with asyncio.timeout(SECONDS):
        while True:
            await flow.reconcile()
            found: JSON = (await flow.get(*LIMIT))["status"].get("reclaim", {})
            if found and holds(found):
                return found
            await asyncio.sleep(0.5)


async def test_who_opened_the_app_is_not_reported_although_only_the_log_knows(flow: Flow) -> None:
    await assigned_long_ago(flow)
    integration = flow.example(
        "ScimIntegration", spec={"provider": {"admin": None}, "groups": None, "requirements": None}
    )
    limit = flow.example("SeatLimit", spec={"reclaim": {"inactiveFor": "720h"}})
    others = flow.quickstart_but("ScimIntegration")
    await flow.apply(
        *(b for b in others if b["kind"] not in ("SeatLimit", "GroupMapping")), integration, limit
    )
    await flow.until("ScimIntegration", "calendly", says("InSync", "True", "InSync"))
    before = await reclaim_once(flow, lambda found: True)
    login = before["people"][0]["login"]
    await flow.okta_send("POST", "/_control/sign-in", {"app": "Calendly", "user": login})
    after = await reclaim_once(flow, lambda found: found["inactive"] < before["inactive"])
    assert after["inactive"] == before["inactive"] - 1
    assert login not in [one["login"] for one in after["people"]]
