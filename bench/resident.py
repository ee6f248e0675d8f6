"""A thousand integrations in one operator process: memory, idle processor time, start-up to all Ready.

The operator runs in a process of its own; the simulated Okta, the provider and the embedded API share the
process of the bench. The org's limits are raised, so that the start is held against a budget that a start in
minutes is possible with; what matters is that it takes what the budget allows and no more.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path

from bench.fleet import Fleet, open_fleet
from bench.process import Replica, replica
from bench.rows import Row, at_most, exactly, told
from controller.clock import SystemClock

SIZE = int(os.environ.get("BENCH_INTEGRATIONS", "1000"))
PEOPLE = 5
FULL_LANE = 0.8
"""Part of the budget that full reads may use up; see transport.budget."""
IDLE_SECONDS = 40.0
LONGEST_START = 900.0


def run() -> list[Row]:
    """Rows of an empty operator and of one with SIZE integrations."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[Row]:
    # Once a day is read again, so that idle means idle; the poller of the log runs as always.
    async with open_fleet(folder, SIZE, PEOPLE, SystemClock(), interval="24h") as fleet:
        fleet.raise_limits(60)
        with replica(fleet.kubeconfig, folder, "empty") as process:
            await process.until("/readyz", "ready", 60)
            empty, idle = process.resident_mib(), await _idle_percent(process)
        await fleet.apply_all()
        with replica(fleet.kubeconfig, folder, "full") as process:
            return [
                at_most("CPU of an idle operator", idle, "% of a core", 1, "no resources"),
                told("memory of an idle operator", empty, "MiB", "resident"),
                *await _full(fleet, process, empty),
            ]


async def _full(fleet: Fleet, process: Replica, empty: float) -> list[Row]:
    begun, what = time.monotonic(), f"{SIZE:,} integrations"
    await process.until("/readyz", "ready", 120)
    known = time.monotonic() - begun
    await _until_ready(fleet, begun)
    seconds = time.monotonic() - begun
    calls = list(fleet.org.requests)
    memory, percent = process.resident_mib(), await _idle_percent(process)
    polled = len(fleet.org.requests) - len(calls)
    scarce = sum(call["bucket"] == "/api/v1/apps" for call in calls)
    limited = sum(call["status"] == 429 for call in calls)
    allowed = scarce / (60 * 100 / 2 * FULL_LANE) * 60
    peer = f"{scarce} calls of the apps bucket, {allowed:.0f} s by its budget alone"
    each = (memory - empty) * 1024 / SIZE
    return [
        told(f"{what}: start to watching", known, "s"),
        told(f"{what}: start to all Ready", seconds, "s", peer),
        exactly(f"{what}: 429 at the start", limited, "answers", 0),
        at_most(f"{what}: calls of the apps bucket at the start", scarce, "calls", 3 * SIZE),
        told(f"{what}: operator", memory, "MiB", "resident"),
        told(f"{what}: memory each", each, "KiB", f"{PEOPLE} people each"),
        told(f"{what}: idle CPU", percent, "% of a core"),
        told(f"{what}: calls of Okta while idle", polled / IDLE_SECONDS * 60, "calls a minute"),
    ]


async def _until_ready(fleet: Fleet, begun: float) -> None:
    while await fleet.unready():
        if time.monotonic() - begun > LONGEST_START:
            raise TimeoutError("not every integration became Ready")
        await asyncio.sleep(1)


async def _idle_percent(process: Replica) -> float:
    """Of one core, over IDLE_SECONDS, after what was under way has settled."""
    await asyncio.sleep(5)
    before, begun = process.cpu_seconds(), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    return (process.cpu_seconds() - before) / (time.monotonic() - begun) * 100
