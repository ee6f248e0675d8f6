"""How soon a change is noticed: one person on request, the System Log, an event hook."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from controller.settings import Settings
from scim_sandbox.run import World, free_port, open_world
from tests.cluster.fixtures import Cluster
from tests.flow.conftest import SECONDS, Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION = ("ScimIntegration", "calendly")
SECRET = "the shared secret of the hook"
PORT = free_port()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("world")
    secret = directory / "hook-secret"
    secret.write_text(SECRET)
    settings = Settings(
        allow_http_loopback=True,
        metrics_port=0,
        log_poll_seconds=5,
        hook_port=PORT,
        hook_secret_file=str(secret),
    )
    async with open_world(cluster.setup(directory, settings=settings)) as opened:
        yield opened


async def ready(flow: Flow) -> str:
    """A login that is in no Finance group, once all is in sync."""
    await flow.apply_quickstart()
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    return next(one["userName"] for one in await flow.provider.people() if one["group"] != "Finance")


async def in_finance(flow: Flow, login: str) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            if (await flow.provider.person(login))["group"] == "Finance":
                return
            await asyncio.sleep(0.05)


async def test_one_person_is_synced_in_under_two_seconds(flow: Flow) -> None:
    login = await ready(flow)
    await flow.okta.change(login, department="Finance")
    before = await flow.get(*INTEGRATION)
    await flow.begin()
    started = time.monotonic()
    await flow.annotate(*INTEGRATION, sync_user=f"{login}#1")
    event = await flow.until_event("calendly", "UserSynced")
    assert time.monotonic() - started < 2
    assert event["message"] == f"{login}: UpdateAccount"
    await in_finance(flow, login)
    listings = [call for call in await flow.okta_calls() if call.endswith("/users")]
    assert listings == [], "nobody else is read"
    body = await flow.until(
        *INTEGRATION, lambda one: one["status"].get("lastHandledSyncUser") == f"{login}#1"
    )
    assert body["status"]["people"] == before["status"]["people"]
    assert condition(body, "InSync")["status"] == "True"


async def test_a_login_that_okta_does_not_know_is_answered_too(flow: Flow) -> None:
    await ready(flow)
    await flow.annotate(*INTEGRATION, sync_user="nobody@example.com#1")
    event = await flow.until_event("calendly", "UserSyncFailed")
    assert "nobody@example.com" in event["message"]
    await flow.until(
        *INTEGRATION, lambda one: one["status"].get("lastHandledSyncUser") == "nobody@example.com#1"
    )


async def test_a_change_in_okta_is_noticed_in_the_system_log(flow: Flow) -> None:
    login = await ready(flow)
    await flow.okta.change(login, department="Finance")
    await in_finance(flow, login)
    org = next(key for key in flow.quickstart if key[0] == "OktaOrg")
    await flow.annotate(*org, requested_at="now")
    await flow.until(*org, lambda body: bool(body["status"].get("lastEventTime")))


async def test_a_hook_brings_a_change_at_once_and_strangers_are_refused(flow: Flow) -> None:
    login = await ready(flow)
    user = await flow.okta.user(login)
    event = {
        "uuid": "hook-1",
        "eventType": "user.account.update_profile",
        "target": [{"type": "User", "id": user["id"]}],
    }
    body = {"data": {"events": [event]}}
    url = f"http://127.0.0.1:{PORT}/"
    async with httpx.AsyncClient(trust_env=False) as client:
        asked = await client.get(url, headers={"x-okta-verification-challenge": "abc"})
        assert asked.json() == {"verification": "abc"}
        refused = await client.post(url, json=body, headers={"Authorization": "guess"})
        assert refused.status_code == 401
        await flow.okta.change(login, department="Finance")
        taken = await client.post(url, json=body, headers={"Authorization": SECRET})
        assert taken.status_code == 204
        started = time.monotonic()
        await in_finance(flow, login)
        assert time.monotonic() - started < 3
        assert (await client.post(url, content=b"x", headers={"Authorization": SECRET})).status_code == 400
