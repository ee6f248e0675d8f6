"""Two operator processes and one Lease: takeover after a crash, and a former leader that wakes up."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from controller.clock import SystemClock
from controller.kube.leader_election import USUAL, LeaderThread, Place
from scim_sandbox.run import World, free_port, open_world
from tests.cluster.fixtures import Cluster
from tests.flow.conftest import Flow, says

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
FAILOVER_SECONDS = 15
INTEGRATION = ("ScimIntegration", "calendly")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("world")
    async with open_world(cluster.setup(directory, with_operator=False)) as opened:
        yield opened


@dataclass
class Replica:
    """An operator in a process of its own."""

    process: asyncio.subprocess.Process
    port: int
    log: Path

    async def leads(self) -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=1) as client:
                text = (await client.get(f"http://127.0.0.1:{self.port}/metrics")).text
        except httpx.HTTPError:
            return False
        return "scim_operator_leader 1.0" in text

    async def until_leads(self, seconds: float) -> float:
        """How long it took."""
        begun = time.monotonic()
        async with asyncio.timeout(seconds):
            while True:
                if await self.leads():
                    break
                await asyncio.sleep(0.1)
        return time.monotonic() - begun


@asynccontextmanager
async def replica(world: World, tmp_path: Path, name: str) -> AsyncIterator[Replica]:
    port, log = free_port(), tmp_path / f"{name}.log"
    environment = {
        **os.environ,
        "SCIM_OPERATOR_ALLOW_HTTP_LOOPBACK": "true",
        "SCIM_OPERATOR_METRICS_PORT": str(port),
    }
    command = [
        sys.executable,
        "-m",
        "controller.cli.main",
        "operator",
        "--kubeconfig",
        world.operator_kubeconfig,
    ]
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=sink, stderr=sink)
    try:
        yield Replica(process, port, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_standby_takes_over_from_a_leader_that_is_killed(flow: Flow, tmp_path: Path) -> None:
    async with replica(flow.world, tmp_path, "a") as first:
        await first.until_leads(60)
        async with replica(flow.world, tmp_path, "b") as second:
            await flow.apply_quickstart()
            await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
            assert not await second.leads()
            first.process.kill()
            assert await second.until_leads(FAILOVER_SECONDS + 15) < FAILOVER_SECONDS
            await flow.reconcile()
            assert len([one for one in await flow.provider.people() if one["active"]]) == 40


async def test_a_leader_that_is_told_to_stop_hands_over_at_once(flow: Flow, tmp_path: Path) -> None:
    async with replica(flow.world, tmp_path, "a") as first:
        await first.until_leads(60)
        async with replica(flow.world, tmp_path, "b") as second:
            async with asyncio.timeout(60):
                while True:
                    if b"standing by" in second.log.read_bytes():
                        break
                    await asyncio.sleep(0.1)
            first.process.terminate()
            assert await first.process.wait() == 0
            assert await second.until_leads(20) < 6


async def test_a_former_leader_that_wakes_up_writes_nothing_and_ends(flow: Flow, tmp_path: Path) -> None:
    async with replica(flow.world, tmp_path, "a") as first:
        await first.until_leads(60)
        async with replica(flow.world, tmp_path, "b") as second:
            await flow.apply_quickstart()
            await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
            first.process.send_signal(signal.SIGSTOP)
            await second.until_leads(FAILOVER_SECONDS + 15)
            written = len(first.log.read_bytes())
            first.process.send_signal(signal.SIGCONT)
            async with asyncio.timeout(30):
                assert await first.process.wait() == 1
            told = first.log.read_bytes()[written:].decode()
            assert "not leading any more" in told
            assert '"message": "write"' not in told
            assert "Traceback" not in told
            await flow.reconcile()


class Skewed(SystemClock):
    """A machine whose clock is so many hours off."""

    def __init__(self, hours: float) -> None:
        self._off = timedelta(hours=hours)

    def now(self) -> datetime:
        return super().now() + self._off


@pytest.mark.parametrize("hours", [-3, 3])
async def test_replicas_whose_clocks_differ_by_hours_agree_on_who_leads(flow: Flow, hours: int) -> None:
    lease = f"skew{hours}"
    first, second = (
        LeaderThread(flow.world.access.kubeconfig, Place("default", lease, name), Skewed(off))
        for name, off in (("a", 0), ("b", hours))
    )
    first.start()
    await asyncio.wait_for(first.led.wait(), 10)
    second.start()
    await asyncio.sleep(USUAL.duration + 3)
    assert first.leadership.holds() and not second.led.is_set()
    await first.stop()
    await asyncio.wait_for(second.led.wait(), 10)
    assert second.leadership.holds() and not first.leadership.holds()
    await second.stop()


async def test_a_stop_in_the_middle_of_a_run_loses_and_doubles_nothing(flow: Flow, tmp_path: Path) -> None:
    """Accounts that earlier tests have left are all switched off by hand, which a safeguard would hold."""
    async with replica(flow.world, tmp_path, "a") as first:
        await first.until_leads(60)
        for person in await flow.provider.people():
            await flow.provider.deactivate(person["userName"])
        async with replica(flow.world, tmp_path, "b") as second:
            await flow.apply_quickstart()
            await flow.patch(*INTEGRATION, {"spec": {"safeguards": {"minimum": 100}}})
            async with asyncio.timeout(40):
                while True:
                    if b'"message": "write"' in first.log.read_bytes():
                        break
                    await asyncio.sleep(0.01)
            first.process.terminate()
            assert await first.process.wait() == 0
            await second.until_leads(20)
            await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
            people = [one["userName"] for one in await flow.provider.people() if one["active"]]
            assert len(people) == len(set(people)) == 40
            assert "Traceback" not in first.log.read_text() + second.log.read_text()
