"""Who is served next: each organization in its turn, and threads that no organization has for itself alone.

Called by sqlite_database and postgres_database. A queue in the order of arrival gives everything to the
client that sends most; here each lane (an organization, or a client whose token is not known yet) has a queue
of its own and the lanes take turns.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from controller.provider.outages import Busy, Unreachable

T = TypeVar("T")
MOST_WAITING = 256
"""Of one lane."""
LONGEST_WAIT_SECONDS = 30.0


class Turns(Generic[T]):
    """Items in lanes; within a lane first come, first served."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[T]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, lane: str, item: T) -> None:
        """Appends `item`; raises Busy if too many of its lane are waiting."""
        queue = self._lanes.setdefault(lane, deque())
        if len(queue) >= MOST_WAITING:
            raise Busy
        queue.append(item)
        self._size += 1

    def take(self, may: Callable[[str], bool] = lambda _: True) -> tuple[str, T] | None:
        """The next item and its lane, of the lanes that `may`; that lane then comes last."""
        lane = next((lane for lane in self._lanes if may(lane)), None)
        if lane is None:
            return None
        queue = self._lanes.pop(lane)
        item = queue.popleft()
        if queue:
            self._lanes[lane] = queue
        self._size -= 1
        return lane, item


class SharedThreads:
    """Threads for blocking work. One lane has at most `share` of them, so that another one need not wait."""

    def __init__(self, name: str, threads: int, share: float) -> None:
        self._pool = ThreadPoolExecutor(threads, name)
        self._free = threads
        self._most = max(1, int(threads * share))
        self._running: Counter[str] = Counter()
        self._waiting: Turns[tuple[Callable[[], object], asyncio.Future[Any], float]] = Turns()

    async def run(self, lane: str, work: Callable[[], T]) -> T:
        """What `work` returns, done in a thread. Raises Busy if too much of `lane` is waiting."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._free and not self._waiting and self._running[lane] < self._most:
            self._start(loop, lane, work, future)
        else:
            self._waiting.put(lane, (work, future, loop.time()))
            self._dispatch(loop)
        return await future

    def _dispatch(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._free and self._waiting:
            taken = self._waiting.take(lambda lane: self._running[lane] < self._most)
            if taken is None:
                return
            lane, (work, future, since) = taken
            if future.done():
                continue
            if loop.time() - since > LONGEST_WAIT_SECONDS:
                future.set_exception(Unreachable("no thread was free in time"))
            else:
                self._start(loop, lane, work, future)

    def _start(
        self,
        loop: asyncio.AbstractEventLoop,
        lane: str,
        work: Callable[[], object],
        future: asyncio.Future[Any],
    ) -> None:
        self._free -= 1
        self._running[lane] += 1
        submitted = self._pool.submit(work)
        submitted.add_done_callback(
            lambda done: loop.call_soon_threadsafe(self._finish, loop, lane, done, future)
        )

    def _finish(
        self, loop: asyncio.AbstractEventLoop, lane: str, done: Future[object], future: asyncio.Future[Any]
    ) -> None:
        self._free += 1
        self._running[lane] -= 1
        if not self._running[lane]:
            del self._running[lane]
        if not future.done():
            error = done.exception()
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(done.result())
        if self._waiting:
            self._dispatch(loop)

    def shutdown(self) -> None:
        """Waits for what is under way."""
        self._pool.shutdown()
