"""How soon a standby leads after the leader's node is lost: two operators, one Lease, one of them killed.

Held against the 15 s within which a failover has to be over; the Lease itself lasts most of that.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from bench.fleet import open_fleet
from bench.process import replica
from bench.rows import Row, at_most
from controller.clock import SystemClock

ROUNDS = 5
BOUND_SECONDS = 15.0
LEADS = "scim_operator_leader 1.0"


def run() -> list[Row]:
    """The longest of the rounds."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = asyncio.run(_measure(Path(folder)))
    peer = f"longest of {ROUNDS}, shortest {min(seconds):.1f} s"
    return [at_most("failover after the leader was killed", max(seconds), "s", BOUND_SECONDS, peer)]


async def _measure(folder: Path) -> list[float]:
    async with open_fleet(folder, 1, 10, SystemClock()) as fleet:
        await fleet.apply_all()
        return [await _round(fleet.kubeconfig, folder, number) for number in range(ROUNDS)]


async def _round(kubeconfig: str, folder: Path, number: int) -> float:
    with replica(kubeconfig, folder, f"first-{number}") as first:
        await first.until("/metrics", LEADS, 60)
        with replica(kubeconfig, folder, f"second-{number}") as second:
            await second.until("/readyz", "standby", 60)
            first.kill()
            return await second.until("/metrics", LEADS, 60)
