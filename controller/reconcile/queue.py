"""The keyed work queue: pokes in, one run at a time for each key, several keys at once, a graceful stop.

Fed by handlers (events, hooks, the log poller, annotations); calls one coroutine for each run and asks it
when the next is due. kopf's own queues are not used for work, because they are edge-triggered and their
timers neither jitter nor yield to a person's edit. Knows neither kopf nor Kubernetes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from controller.clock import Clock
from controller.metrics import Metrics
from controller.model.people import EVERYTHING, Scope
from controller.reconcile.schedule import Lane, Next, Schedule, Task

DEBOUNCE_SECONDS = 0.05
"""What is applied together is reconciled together."""
GRACE_SECONDS = 20.0
BUG_RETRY_SECONDS = 60.0

Work = Callable[[Task], Awaitable[Next]]
logger = logging.getLogger(__name__)


class WorkQueue:
    """Runs `work` for whatever is due, at most `concurrency` keys at once."""

    def __init__(
        self, work: Work, schedule: Schedule, clock: Clock, concurrency: int, metrics: Metrics
    ) -> None:
        self._work, self._schedule, self._clock = work, schedule, clock
        self._concurrency, self._metrics = concurrency, metrics
        self._changed = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def poke(
        self, key: str, scope: Scope = EVERYTHING, lane: Lane = Lane.CHANGE, why: str = "", delay: float = 0.0
    ) -> None:
        """`key` is due after the debounce, or after `delay` seconds where that is longer."""
        moment = self._clock.monotonic() + max(delay, DEBOUNCE_SECONDS)
        self._schedule.poke(key, moment, scope, lane, why)
        self._changed.set()

    def forget(self, key: str) -> None:
        """`key` is gone; a run that is under way ends as usual."""
        self._schedule.forget(key)

    async def run(self, stop: asyncio.Event, grace_seconds: float = GRACE_SECONDS) -> None:
        """Works until `stop` is set; then nothing new begins and runs under way have `grace_seconds`."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                self._start_due()
                await self._wait(stopping)
        finally:
            stopping.cancel()
            await self._drain(grace_seconds)

    def _start_due(self) -> None:
        now = self._clock.monotonic()
        for task in self._schedule.take(now, self._concurrency - len(self._running)):
            running = asyncio.create_task(self._run_one(task), name=f"reconcile {task.key}")
            self._running.add(running)
            running.add_done_callback(self._running.discard)
        self._metrics.queue_depth.set(self._schedule.depth(now))

    async def _run_one(self, task: Task) -> None:
        following = Next(BUG_RETRY_SECONDS, failed=True)
        try:
            following = await self._work(task)
        except Exception:  # a bug of the worker itself must not end the queue
            self._metrics.unexpected_errors_total.inc()
            logger.exception("the run could not be reported", extra={"facts": {"key": task.key}})
        finally:
            self._schedule.finish(task, self._clock.monotonic(), following)
            self._changed.set()

    async def _wait(self, stopping: asyncio.Task[bool]) -> None:
        """Until a poke, the end of a run, the next due time or the stop; a full house waits for an end."""
        due = self._schedule.next_due() if len(self._running) < self._concurrency else None
        waits: set[asyncio.Task[object]] = {asyncio.create_task(self._changed.wait())}
        if due is not None:
            delay = max(0.0, due - self._clock.monotonic())
            waits.add(asyncio.create_task(self._clock.sleep(delay)))
        try:
            await asyncio.wait({*waits, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            self._changed.clear()

    async def _drain(self, grace_seconds: float) -> None:
        if not self._running:
            return
        _, late = await asyncio.wait(set(self._running), timeout=grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
