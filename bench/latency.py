"""From `kubectl apply` to Ready: the quickstart again and again, with Okta and the provider near and far.

The operator runs in a process of its own. A far Okta and a far provider answer each call 100 ms later.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from bench.fleet import INTEGRATIONS, JSON, Fleet, open_fleet
from bench.process import replica
from bench.rows import Row, at_most, percentile, told
from controller.clock import SystemClock
from scim_sandbox.watch_cache import Board, has_condition

ROUNDS = 20
PEOPLE = 40
LONGEST_SECONDS = 120.0
FAR_SECONDS = 0.1
BOUND_SECONDS = 5.0
"""Of the quickstart with near servers; the far ones have no bound but their own latency."""


def run() -> list[Row]:
    """p50 and p99 of both distances."""
    rows = []
    for delay in (0.0, FAR_SECONDS):
        with tempfile.TemporaryDirectory() as folder:
            seconds, calls = asyncio.run(_measure(Path(folder), delay))
        what = f"apply to Ready, {PEOPLE} people, servers at {delay * 1000:.0f} ms"
        peer = f"{ROUNDS} integrations, one after the other; {calls} calls of Okta each"
        p50, p99 = percentile(seconds, 0.5), percentile(seconds, 0.99)
        rows.append(told(f"{what}, p50", p50, "s", peer))
        rows.append(
            told(f"{what}, p99", p99, "s", peer)
            if delay
            else at_most(f"{what}, p99", p99, "s", BOUND_SECONDS, peer)
        )
    return rows


async def _measure(folder: Path, delay: float) -> tuple[list[float], int]:
    async with open_fleet(folder, ROUNDS, PEOPLE, SystemClock(), delay_seconds=delay) as fleet:
        fleet.raise_limits(60)
        with replica(fleet.kubeconfig, folder) as process:
            await process.until("/readyz", "ready", 60)
            await fleet.apply(fleet.shared)
            async with Board(fleet.api, INTEGRATIONS) as board:
                seconds = [await _one(fleet, board, bodies) for bodies in fleet.tenants]
        return seconds, len(fleet.org.requests) // ROUNDS


async def _one(fleet: Fleet, board: Board, bodies: list[JSON]) -> float:
    begun = time.monotonic()
    await fleet.apply(bodies)
    name = str(bodies[-1]["metadata"]["name"])
    await board.until(name, has_condition("Ready"), LONGEST_SECONDS, "the integration Ready")
    return time.monotonic() - begun
