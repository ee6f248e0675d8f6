"""Which runs get on: a run that waits, for a rate limit or for a slow answer, holds no slot.

Made by queue for each run, and lent to its sessions, which say when a call waits for its share of a limit. A
run of which nothing else was heard meanwhile counts as waiting, and so does one whose answers are slow. It
counts again with its next answer: it never queues for a slot in the middle, where it would hold what others
need. How many may be in flight is bounded by fairness.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from controller.transport.calls import Sink
from controller.transport.slots import lent

SLOW_SECONDS = 2.0
"""A slower answer than this is waited for."""
AWAY_SECONDS = 0.25
"""The same where a call is known to wait for a rate limit."""
_slot: ContextVar[Slot | None] = ContextVar("_slot", default=None)


class Slot:
    """One run. Times are the event loop's, since it is the loop that has nothing to do meanwhile."""

    def __init__(self, slow_seconds: float = SLOW_SECONDS, away_seconds: float = AWAY_SECONDS) -> None:
        self._slow_seconds, self._away_seconds, self._away = slow_seconds, away_seconds, 0
        self.heard()

    def heard(self) -> None:
        """The run gets on."""
        self._heard_at = asyncio.get_running_loop().time()

    def waits_from(self) -> float:
        """The loop's time from which this run counts as waiting if nothing is heard until then."""
        return self._heard_at + (self._away_seconds if self._away else self._slow_seconds)

    def give_back(self) -> None:
        """One task of the run waits for a rate limit."""
        self._away += 1

    async def take_again(self) -> None:
        """That task goes on, at once."""
        self._away -= 1
        self.heard()


@contextmanager
def holding(slot: Slot) -> Iterator[None]:
    """Everything inside, in tasks that are started there too, is work of the run that has `slot`."""
    token = _slot.set(slot)
    try:
        with lent(slot):
            yield
    finally:
        _slot.reset(token)


class Heard:
    """A Sink that tells the run's slot of each answer, and hands everything on to `sink`."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def requested(self, api: str, method: str, route: str, code: str, seconds: float) -> None:
        slot = _slot.get()
        if slot is not None:
            slot.heard()
        self._sink.requested(api, method, route, code, seconds)

    def waited(self, api: str, lane: str, seconds: float) -> None:
        self._sink.waited(api, lane, seconds)

    def remaining(self, bucket: str, calls: int) -> None:
        self._sink.remaining(bucket, calls)
