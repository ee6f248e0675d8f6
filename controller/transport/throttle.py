"""How fast one SCIM provider is asked: a token bucket that slows down at 429 and recovers.

Given to a Session as its Gate by whoever opens a provider. Rate halves at each 429 and grows again by a
twentieth of the declared rate at each success (additive increase, multiplicative decrease).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from controller.clock import Clock, SystemClock
from controller.transport.calls import Lane, Silent, Sink
from controller.transport.failures import retry_after_seconds

SLOWEST = 0.2
"""Requests a second below which a provider's 429 no longer slow us: waiting is then all there is."""


class Throttle:
    """A Gate of `requests_per_second` with at most `concurrency` requests under way."""

    def __init__(
        self,
        requests_per_second: float,
        *,
        concurrency: int = 8,
        clock: Clock | None = None,
        sink: Sink | None = None,
        longest_pause_seconds: float = math.inf,
    ) -> None:
        self._longest_pause_seconds = longest_pause_seconds
        self._declared = self._rate = float(requests_per_second)
        self._clock, self._sink = clock or SystemClock(), sink or Silent()
        self._slots = asyncio.Semaphore(concurrency)
        self._burst = max(1.0, min(self._declared, float(concurrency)))
        self._tokens, self._filled_at = self._burst, self._clock.monotonic()
        self._closed_until = 0.0
        self._turn = asyncio.Lock()

    @property
    def requests_per_second(self) -> float:
        """The rate as it is now."""
        return self._rate

    @asynccontextmanager
    async def admit(self, method: str, path: str, lane: Lane) -> AsyncIterator[None]:
        """Entered when a token is there; first come, first served."""
        async with self._slots:
            begun = self._clock.monotonic()
            async with self._turn:
                await self._take()
            waited = self._clock.monotonic() - begun
            if waited > 0:
                self._sink.waited("scim", lane.name.lower(), waited)
            yield

    def learn(self, method: str, path: str, status: int, headers: Mapping[str, str]) -> None:
        """Slows down and pauses at 429, recovers at success."""
        if status == 429:
            self._rate = max(SLOWEST, self._rate / 2)
            pause = retry_after_seconds(headers, self._clock.now(), default=1.0)
            if pause > self._longest_pause_seconds:
                # The session makes an error of it, and the backoff of the run is the pause.
                return
            self._closed_until = max(self._closed_until, self._clock.monotonic() + pause)
        elif status < 400:
            self._rate = min(self._declared, self._rate + self._declared / 20)

    async def _take(self) -> None:
        while (wait := self._wait_seconds()) > 0:
            await self._clock.sleep(wait)
        self._tokens -= 1

    def _wait_seconds(self) -> float:
        """Seconds until the next token; fills the bucket up to now."""
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if now < self._closed_until:
            return self._closed_until - now
        # Rounding must not leave a wait so small that the clock does not move.
        return 0.0 if self._tokens >= 1 - 1e-9 else max(1e-3, (1 - self._tokens) / self._rate)
