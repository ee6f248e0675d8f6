"""A clock for simulated hours: it stands still while anything is under way, then jumps to the next moment.

Used by quiet. Everything that is measured runs on the loop that drives the clock, so that an hour of waiting
costs only the work that is done in it.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx

from controller.kube.client import ApiServer

CALM_ROUNDS = 60
"""Rounds of the loop without a request after which nothing is under way: on loopback what was sent has
arrived by the next round, and no work of ours pauses for longer without sending."""
START = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Busy:
    """How many requests are under way, seen from servers and from clients; watches do not count."""

    def __init__(self) -> None:
        self.under_way = self.seen = 0
        self.calls: Counter[str] = Counter()
        """By name of the server."""
        self.writes: Counter[str] = Counter()
        """The same, of what is no GET."""
        self.posts: list[float] = []
        """When each POST to /Users came, in real time."""

    @contextmanager
    def request(self) -> Iterator[None]:
        """Counts one."""
        self.under_way, self.seen = self.under_way + 1, self.seen + 1
        try:
            yield
        finally:
            self.under_way -= 1

    def serving(self, app: Any, name: str = "", delay_seconds: float = 0.0) -> Any:
        """The ASGI application `app`, its requests counted and each answered so much later."""

        async def call(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or b"watch=true" in scope.get("query_string", b""):
                await app(scope, receive, send)
                return
            self._count(name, scope["method"], scope["path"])
            with self.request():
                if delay_seconds:
                    await asyncio.sleep(delay_seconds)
                await app(scope, receive, send)

        return call

    def _count(self, name: str, method: str, path: str) -> None:
        self.calls[name] += 1
        self.writes[name] += method != "GET"
        if method == "POST" and path.endswith("/Users"):
            self.posts.append(time.monotonic())

    @contextmanager
    def clients(self) -> Iterator[None]:
        """Meanwhile what httpx and our client of the API server send is counted too."""
        places: tuple[tuple[Any, str], ...] = (
            (httpx.AsyncHTTPTransport, "handle_async_request"),
            (ApiServer, "_send"),
        )
        originals = [getattr(owner, name) for owner, name in places]
        for (owner, name), original in zip(places, originals, strict=True):
            setattr(owner, name, self._counted(original))
        try:
            yield
        finally:
            for (owner, name), original in zip(places, originals, strict=True):
                setattr(owner, name, original)

    def _counted(self, original: Any) -> Any:
        async def send(*args: Any, **options: Any) -> Any:
            with self.request():
                return await original(*args, **options)

        return send

    async def calm(self) -> None:
        """Returns when nothing is under way."""
        quiet = 0
        while quiet < CALM_ROUNDS:
            seen = self.seen
            await asyncio.sleep(0)
            quiet = quiet + 1 if not self.under_way and self.seen == seen else 0
            if self.under_way:
                await asyncio.sleep(0.0005)  # a database works in a thread of its own


class SteppedClock:
    """A Clock that `drive` moves."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = count()

    def now(self) -> datetime:
        return START + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._count), woken))
        await woken

    async def drive(self, until: float, busy: Busy) -> None:
        """Moves time to `until`, waking each sleeper at its moment."""
        while self._elapsed < until:
            await busy.calm()
            self._drop_cancelled()
            moment = self._sleepers[0][0] if self._sleepers else until
            self._elapsed = min(until, max(moment, self._elapsed))
            while self._sleepers and self._sleepers[0][0] <= self._elapsed:
                woken = heapq.heappop(self._sleepers)[2]
                if not woken.done():
                    woken.set_result(None)

    def _drop_cancelled(self) -> None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
