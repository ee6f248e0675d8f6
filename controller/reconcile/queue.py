"""The keyed work queue: keys in, one run at a time for each key, several keys at once, a graceful stop.

A run that waits holds no slot (see slots), and tenants take turns (see fairness).

Fed by the operator (events, hooks, the log poller, annotations); calls one coroutine for each run and asks it
when the next is due. kopf's own queues are not used for work, because they are edge-triggered and their
timers neither jitter nor yield to a person's edit. Knows neither kopf nor Kubernetes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from controller.clock import Clock
from controller.metrics import Metrics
from controller.model.people import EVERYTHING, Refresh
from controller.reconcile.schedule import Next, Schedule, Task
from controller.reconcile.slots import Slot, holding
from controller.transport.calls import Lane

DEBOUNCE_SECONDS = 0.05
"""What is applied together is reconciled together."""
GRACE_SECONDS = 20.0
BUG_RETRY_SECONDS = 60.0

Work = Callable[[Task], Awaitable[Next]]
logger = logging.getLogger(__name__)


class WorkQueue:
    """Runs `work` for whatever is due; at most `concurrency` runs get on at once."""

    def __init__(
        self, work: Work, schedule: Schedule, clock: Clock, concurrency: int, metrics: Metrics
    ) -> None:
        self._work, self._schedule, self._clock = work, schedule, clock
        self._concurrency, self._metrics = concurrency, metrics
        schedule.turns.slots = concurrency
        self._changed = asyncio.Event()
        self._running: dict[asyncio.Task[None], tuple[str, Slot]] = {}
        self._oldest_due: float | None = None
        metrics.queue_oldest_seconds.set_function(self._age_of_oldest)

    def enqueue(
        self,
        key: str,
        refresh: Refresh = EVERYTHING,
        lane: Lane = Lane.CHANGE,
        why: str = "",
        delay: float = 0.0,
    ) -> None:
        """`key` is due after the debounce, or after `delay` seconds where that is longer."""
        moment = self._clock.monotonic() + max(delay, DEBOUNCE_SECONDS)
        self._schedule.enqueue(key, moment, refresh, lane, why)
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
        now, waiting = self._clock.monotonic(), self._waiting()
        for task in self._schedule.take(now, self._free(len(waiting)), waiting):
            slot = Slot()
            running = asyncio.create_task(self._run_one(task, slot), name=f"reconcile {task.key}")
            self._running[running] = (task.key, slot)
        self._metrics.queue_depth.set(self._schedule.depth(now))
        self._oldest_due = self._schedule.oldest_due(now)

    def _free(self, waiting: int) -> int:
        return self._concurrency - (len(self._running) - waiting)

    def _waiting(self) -> list[str]:
        """Keys of the runs that hold no slot now."""
        now = asyncio.get_running_loop().time()
        return [key for key, slot in self._running.values() if slot.waits_from() <= now]

    def _age_of_oldest(self) -> float:
        """Seconds for which the oldest key has waited for its run; asked by the thread of the metrics."""
        oldest = self._oldest_due
        return 0.0 if oldest is None else max(0.0, self._clock.monotonic() - oldest)

    async def _run_one(self, task: Task, slot: Slot) -> None:
        following = Next(BUG_RETRY_SECONDS, failed=True)
        try:
            with holding(slot):
                following = await self._work(task)
        except Exception:  # a bug of the worker itself must not end the queue
            self._metrics.unexpected_errors_total.inc()
            logger.exception("the run could not be reported", extra={"facts": {"key": task.key}})
        finally:
            # Along with the schedule, not a turn of the event loop later: both count who is in flight.
            running = asyncio.current_task()
            assert running is not None
            del self._running[running]
            self._schedule.finish(task, self._clock.monotonic(), following)
            self._changed.set()

    async def _wait(self, stopping: asyncio.Task[bool]) -> None:
        """Until a key comes, a run ends, something is due or the stop. A full house waits for an end, or
        until one of the runs does nothing but wait."""
        is_full = self._free(len(self._waiting())) <= 0
        due, now = self._schedule.next_due(), self._clock.monotonic()
        waits: set[asyncio.Task[object]] = {asyncio.create_task(self._changed.wait())}
        if due is not None and (due > now or not is_full):
            waits.add(asyncio.create_task(self._clock.sleep(max(0.0, due - now))))
        seconds = self._until_one_waits() if is_full or self._schedule.has_put_off() else None
        try:
            await asyncio.wait({*waits, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            self._changed.clear()

    def _until_one_waits(self) -> float | None:
        """Seconds until a run may begin to count as waiting; None where none holds a slot."""
        now = asyncio.get_running_loop().time()
        moments = [slot.waits_from() for _, slot in self._running.values()]
        return min((moment - now for moment in moments if moment > now), default=None)

    async def _drain(self, grace_seconds: float) -> None:
        if not self._running:
            return
        _, late = await asyncio.wait(set(self._running), timeout=grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
