"""Two hundred quiet integrations on one org for one simulated hour, with 50 calls a minute of budget.

The true operator over HTTP on a clock that jumps from one moment at which something happens to the next.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.fleet import Fleet, open_fleet
from bench.rows import Row, at_most, exactly, told
from bench.stepped import SteppedClock
from controller.clock import parse_rfc3339
from controller.kube.client import open_api_server
from controller.metrics import Metrics
from controller.operator.foundation import Ground
from controller.operator.health import Pulse
from controller.operator.main import Operator
from controller.settings import Settings

SIZE = 200
PEOPLE = 5
HOUR = 3600.0
POLL_SECONDS = 30.0
LIMIT = 100
"""Of the bucket of /api/v1/apps in a minute; half of it is a client's, and the OktaOrg's share."""
JITTER_PERCENT = 10
LONGEST_START = 4 * HOUR


def run() -> list[Row]:
    """Rows of the start and of the hour after it."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[Row]:
    clock = SteppedClock()
    settings = Settings(
        allow_http_loopback=True,
        metrics_port=0,
        log_poll_seconds=POLL_SECONDS,
        interval_jitter_percent=JITTER_PERCENT,
    )
    async with open_fleet(folder, SIZE, PEOPLE, clock, interval="1h") as fleet:
        fleet.org.buckets.limits["/api/v1/apps"] = LIMIT
        await fleet.apply_all()
        api = await open_api_server(fleet.kubeconfig, connections=0)
        stop, ready = asyncio.Event(), asyncio.Event()
        operator = Operator(settings, Ground(fleet.kubeconfig, api, clock, Metrics()))
        running = asyncio.create_task(operator.run(stop, ready, Pulse(clock)))
        try:
            with fleet.busy.clients():
                return await _hours(fleet, clock, ready)
        finally:
            stop.set()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await api.aclose()


async def _hours(fleet: Fleet, clock: SteppedClock, ready: asyncio.Event) -> list[Row]:
    while not ready.is_set():
        await clock.drive(clock.monotonic() + 1, fleet.busy)
    begun = clock.monotonic()
    while await fleet.unready():
        if clock.monotonic() - begun > LONGEST_START:
            raise TimeoutError("not every integration became Ready")
        await clock.drive(clock.monotonic() + 60, fleet.busy)
    started = clock.monotonic() - begun
    first = list(fleet.org.requests)
    await clock.drive(clock.monotonic() + HOUR, fleet.busy)
    hour = list(fleet.org.requests)[len(first) :]
    return [*_rows_of_start(first, started), *_rows_of_hour(first, hour)]


def _rows_of_start(first: list[dict[str, Any]], seconds: float) -> list[Row]:
    scarce = sum(call["bucket"] == "/api/v1/apps" for call in first)
    needed = scarce / (LIMIT / 2) * 60
    peer = f"{scarce} calls of the bucket; at 50 a minute alone {needed / 60:.0f} min"
    return [
        exactly(f"429 while {SIZE} integrations start", _limited(first), "answers", 0),
        at_most(
            f"{SIZE} integrations started to all Ready",
            seconds / needed,
            "x of the budget's time",
            1.25,
            peer,
        ),
    ]


def _rows_of_hour(first: list[dict[str, Any]], hour: list[dict[str, Any]]) -> list[Row]:
    polls = sum(call["bucket"] == "/api/v1/logs" for call in hour)
    scarce = sum(call["bucket"] == "/api/v1/apps" for call in hour)
    what = f"{SIZE} quiet integrations, one simulated hour"
    peer = f"a poll each {POLL_SECONDS:g} s"
    return [
        exactly(f"{what}: listings beyond the full reads declared", _early(first + hour), "listings", 0),
        at_most(f"{what}: calls of the System Log", polls, "calls", HOUR / POLL_SECONDS, peer),
        exactly(f"{what}: 429", _limited(hour), "answers", 0),
        told(f"{what}: calls of the apps bucket", scarce, "calls", "3000 allowed at 50 a minute"),
        told(f"{what}: calls in all", len(hour), "calls"),
    ]


def _limited(calls: list[dict[str, Any]]) -> int:
    return sum(call["status"] == 429 for call in calls)


def _early(calls: list[dict[str, Any]]) -> int:
    """Listings of an app's people that come sooner after the one before than interval and jitter declare."""
    seen: dict[str, list[datetime]] = defaultdict(list)
    for call in calls:
        if call["bucket"] == "/api/v1/apps" and call["path"].endswith("/users") and call["status"] == 200:
            seen[call["path"]].append(parse_rfc3339(call["time"]))
    least = HOUR * (1 - JITTER_PERCENT / 100)
    return sum(
        (later - earlier).total_seconds() < least
        for times in seen.values()
        for earlier, later in pairwise(times)
    )
