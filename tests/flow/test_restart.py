"""What survives the process: whose accounts are ours, and that lost state costs nobody an account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from controller.kube.paths import object_path
from controller.kube.state_store import state_name
from controller.operator.main import run_operator
from controller.settings import Settings
from scim_sandbox.run import OPERATOR_NAMESPACE, World, open_world
from tests.cluster.fixtures import Cluster
from tests.flow.conftest import Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION = ("ScimIntegration", "calendly")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("world")
    async with open_world(cluster.setup(directory, with_operator=False)) as opened:
        yield opened


@asynccontextmanager
async def operator(flow: Flow) -> AsyncIterator[None]:
    """An operator for a while; it ends as a pod ends."""
    stop, ready = asyncio.Event(), asyncio.Event()
    settings = Settings(allow_http_loopback=True, metrics_port=0, state_namespace=OPERATOR_NAMESPACE)
    running = asyncio.create_task(
        run_operator(settings, kubeconfig=flow.world.operator_kubeconfig, stop=stop, ready=ready)
    )
    await asyncio.wait_for(ready.wait(), 30)
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, 30)


async def active(flow: Flow) -> set[str]:
    return {one["userName"] for one in await flow.provider.people() if one["active"]}


async def unassign(flow: Flow, login: str) -> None:
    groups = await flow.okta_send("GET", "/api/v1/groups?q=Calendly%20users")
    user = await flow.okta.user(login)
    await flow.okta_send("DELETE", f"/api/v1/groups/{groups[0]['id']}/users/{user['id']}")


async def test_a_restarted_operator_knows_whose_accounts_are_its_own(flow: Flow) -> None:
    async with operator(flow):
        await flow.apply_quickstart()
        await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    before = await flow.get(*INTEGRATION)
    login = min(await active(flow))
    await unassign(flow, login)
    async with operator(flow):
        body = await flow.reconcile()
    assert login not in await active(flow)
    assert len(await active(flow)) == 39
    assert body["status"]["history"][0]["message"] == "1 DeactivateAccount"
    assert condition(body, "Ready") == condition(before, "Ready") | {
        "message": condition(body, "Ready")["message"]
    }


async def test_a_re_created_resource_goes_on_with_the_state_of_its_tenant(flow: Flow) -> None:
    async with operator(flow):
        await flow.apply_quickstart()
        body = await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
        assert "history" not in body["status"], "39 accounts were there and are known"


async def test_lost_state_removes_nobody_and_holds_the_next_plan(flow: Flow) -> None:
    await flow.api.delete(
        object_path(
            "v1", "configmaps", OPERATOR_NAMESPACE, state_name("default", flow.world.access.scim_base_url)
        )
    )
    login = min(await active(flow))
    await unassign(flow, login)
    await flow.okta.change(max(await active(flow)), department="Finance", displayName="Somebody New")
    async with operator(flow):
        await flow.apply_quickstart()
        await flow.until(*INTEGRATION, says("InSync", "False", "AwaitingApproval"))
    assert login in await active(flow)
