"""Two Deployments that share the integrations by label, each with its own Lease and part of the budget."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from controller.kube.paths import object_path
from controller.metrics import Metrics
from controller.operator.main import run_operator
from controller.settings import Settings
from scim_sandbox.run import Setup, World, open_world
from tests.flow.conftest import Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION = ("ScimIntegration", "calendly")
SHARD = "scim-operator.dev/shard"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("world")
    async with open_world(Setup(directory, with_operator=False)) as opened:
        yield opened


@asynccontextmanager
async def shard(flow: Flow, name: str, percent: int) -> AsyncIterator[Metrics]:
    """The leading operator of a shard; its metrics."""
    stop, ready, metrics = asyncio.Event(), asyncio.Event(), Metrics()
    settings = Settings(allow_http_loopback=True, metrics_port=0, shard=name, shard_percent=percent)
    running = asyncio.create_task(
        run_operator(
            settings, kubeconfig=flow.world.access.kubeconfig, stop=stop, ready=ready, metrics=metrics
        )
    )
    await asyncio.wait_for(ready.wait(), 30)
    try:
        yield metrics
    finally:
        stop.set()
        await asyncio.wait_for(running, 30)


def reconciles(metrics: Metrics) -> float:
    labels = {"kind": "ScimIntegration", "result": "success"}
    return metrics.registry.get_sample_value("scim_operator_reconcile_total", labels) or 0.0


def series(metrics: Metrics) -> list[str]:
    """The series of the integration and its limit, which bear one name."""
    return [line for line in metrics.render().decode().splitlines() if 'name="calendly"' in line]


async def test_each_shard_takes_what_bears_its_label_and_leaves_what_goes_elsewhere(flow: Flow) -> None:
    async with shard(flow, "a", 60) as a, shard(flow, "b", 40) as b:
        await flow.apply(*flow.quickstart_but(INTEGRATION[0]))
        await flow.apply(flow.example(*INTEGRATION, metadata={"labels": {SHARD: "a"}}))
        await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
        assert (reconciles(a) > 0, reconciles(b)) == (True, 0)
        assert series(a) and not series(b)
        done = reconciles(a)
        await flow.patch(*INTEGRATION, {"metadata": {"labels": {SHARD: "b"}}})
        body = await flow.reconcile()
        assert condition(body, "InSync")["status"] == "True"
        assert (reconciles(a), reconciles(b) > 0) == (done, True)
        assert series(b)
        async with asyncio.timeout(20):  # a run of `a` may just have been ending
            while True:
                if not series(a):
                    break
                await asyncio.sleep(0.1)
        assert len([one for one in await flow.provider.people() if one["active"]]) == 40


async def test_each_shard_has_a_lease_of_its_own(flow: Flow) -> None:
    async with shard(flow, "a", 50), shard(flow, "b", 50):
        leases = await flow.api.list_all(object_path("coordination.k8s.io/v1", "leases", "default"))
        held = {one["metadata"]["name"]: one["spec"]["holderIdentity"] for one in leases}
    assert held["scim-operator-a"] != held["scim-operator-b"]
    assert all(held.values())
