"""An asyncio loop without a machine under it: virtual time, one order of events, processes that can be killed.

Nothing is read from the clock, the network or threads: time jumps to the next timer, an executor is one more
step of the loop. Every handle belongs to the process in whose context it was made; a killed process never
takes another step, not even in a `finally`, as after SIGKILL.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""When every world begins: a Monday morning."""
STEPS_IN_A_MOMENT, STEPS_IN_A_WORLD = 200_000, 400_000
"""So many steps without time moving, or in all, are a loop without an end; a busy world takes 100,000."""


class Stuck(Exception):
    """Nothing will ever happen again, or everything at once."""


class Process:
    """One process of the world: its handles can be held back or thrown away, all at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = self.paused = False
        self.parked: deque[asyncio.Handle] = deque()
        self.grave: list[asyncio.Handle] = []
        self.fuse: int | None = None
        """Steps until it is killed."""
        self.in_flight: dict[asyncio.Future[Any], None] = {}
        """What others wait for from it; cancelled when it dies."""
        self.on_killed: Callable[[], None] = lambda: None
        self.wall_offset = timedelta()
        """How far its wall clock is off."""

    def kill(self) -> None:
        """As SIGKILL."""
        if not self.dead:
            self.dead, self.paused, self.fuse = True, False, None
            self.grave += self.parked
            self.parked.clear()
            for each in self.in_flight:
                each.cancel()
            self.in_flight.clear()
            self.on_killed()


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


def here() -> Process:
    """The process whose step this is."""
    process = PROCESS.get()
    assert process is not None, "no process"
    return process


class Flag:
    """A threading.Event for code that waits for one in a thread."""

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        """Never called in a step: the loop turns it into a timer."""
        raise AssertionError("a Flag is waited for by asyncio.to_thread")


class SimLoop(asyncio.BaseEventLoop):
    """Runs what is ready, then lets time jump."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self.steps = 0
        self._still = 0
        self.on_commit: Callable[[Callable[[], Any]], Any] = lambda work: work()

    def time(self) -> float:
        return self._now

    def spawn(self, process: Process, work: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        """Runs `work` as a task of `process`."""
        task = self.create_task(work, name=name or None, context=context_of(process))
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        return task

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """A step of its own, in order."""
        future: asyncio.Future[Any] = self.create_future()
        flag, seconds = _flag_of(func)
        if flag is not None:
            self.call_later(seconds, _settle, future, flag.is_set)
        elif args == ("COMMIT",):
            self.call_soon(_settle, future, lambda: self.on_commit(lambda: func(*args)))
        else:
            self.call_soon(_settle, future, lambda: func(*args))
        return future

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def _process_events(self, event_list: Any) -> None: ...

    def _write_to_self(self) -> None: ...

    def _run_once(self) -> None:
        ready: deque[Any] = self._ready  # type: ignore[attr-defined]
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        if not ready:
            self._jump(timers)
        while timers and timers[0].when() <= self._now:
            handle = heapq.heappop(timers)
            handle._scheduled = False  # type: ignore[attr-defined]
            ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled() and _may_run(handle):
                self.steps += 1
                self._still += 1
                handle._run()
        if self.steps > STEPS_IN_A_WORLD:
            raise Stuck(f"{self.steps} steps in {self._now / 3600:.1f} hours")
        if self._still > STEPS_IN_A_MOMENT:
            raise Stuck(f"{self._still} steps at {self._now:.3f} s without time moving")

    def _jump(self, timers: list[asyncio.TimerHandle]) -> None:
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False  # type: ignore[attr-defined]
        if not timers:
            raise Stuck("nothing is ready and no timer runs")
        if timers[0].when() > self._now:
            self._now, self._still = timers[0].when(), 0


def _may_run(handle: asyncio.Handle) -> bool:
    process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
    if process is None:
        return True
    if process.dead:
        process.grave.append(handle)
        return False
    if process.paused:
        process.parked.append(handle)
        return False
    if process.fuse is not None:
        process.fuse -= 1
        if process.fuse <= 0:
            process.kill()
            process.grave.append(handle)
            return False
    return True


def _flag_of(func: Any) -> tuple[Flag | None, float]:
    """The Flag whose `wait` asyncio.to_thread was given, and for how long: partial(run, wait, seconds)."""
    args: tuple[Any, ...] = getattr(func, "args", ())
    flag = getattr(args[0], "__self__", None) if args else None
    return (flag, float(args[-1])) if isinstance(flag, Flag) else (None, 0.0)


def _settle(future: asyncio.Future[Any], work: Callable[[], Any]) -> None:
    if future.cancelled():
        return
    try:
        future.set_result(work())
    except Exception as error:
        future.set_exception(error)


def context_of(process: Process) -> Context:
    """A fresh context of `process`."""
    context = copy_context()
    context.run(PROCESS.set, process)
    return context


def resume(loop: SimLoop, process: Process) -> None:
    """What was held back of a paused process happens now."""
    process.paused = False
    loop._ready.extend(process.parked)  # type: ignore[attr-defined]
    process.parked.clear()


class SimClock:
    """The clock of a process: the loop's time, and a wall clock that may be off."""

    def __init__(self, process: Process | None = None) -> None:
        self._process = process

    def now(self) -> datetime:
        offset = self._process.wall_offset if self._process is not None else timedelta()
        return EPOCH + timedelta(seconds=_time()) + offset

    def monotonic(self) -> float:
        return _time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _time() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return 0.0
