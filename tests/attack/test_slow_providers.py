"""Providers that are slow, or ask for patience, must not stop the integrations of anybody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from controller.clock import SystemClock
from controller.metrics import Metrics
from controller.reconcile import queue as module
from controller.reconcile.fairness import IN_FLIGHT, Place
from controller.reconcile.queue import WorkQueue
from controller.reconcile.schedule import Next, Schedule, Task
from controller.reconcile.slots import Heard, Slot
from controller.transport.calls import Call, Silent
from controller.transport.session import Remote, Session, Wiring
from controller.transport.throttle import Throttle
from tests.attack.servers import keep_alive

SLOTS = 8
LIST = Call("GET", "/Users", "/Users")
Work = Callable[[Task], Awaitable[Next]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs count as waiting sooner, so that these tests need not wait."""
    monkeypatch.setattr(module, "Slot", partial(Slot, slow_seconds=0.1, away_seconds=0.05))


def whose(key: str) -> Place:
    """The host of `team/name@host`."""
    namespace, _, rest = key.partition("/")
    return Place(namespace, rest.partition("@")[2])


async def slow_byte_by_byte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer whose next byte always comes soon, and whose last one never does."""
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


@pytest.fixture
async def trickling() -> AsyncIterator[str]:
    server = await asyncio.start_server(slow_byte_by_byte, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def send(url: str, again: bool = False, **wiring: Any) -> None:
    """What a run does: sends, until it is answered or for ever."""
    session = Session(Remote(url, "scim", "SCIM"), Wiring(sink=Heard(Silent()), **wiring))
    try:
        await session.send(LIST)
        while again:
            await session.send(LIST)
    finally:
        await session.aclose()


class Patient:
    """A provider that has just said 429 and asked for five minutes."""

    def __init__(self) -> None:
        self.gate = Throttle(100)
        self.gate.learn("GET", "/Users", 429, {"retry-after": "300"})


async def finished(work: Work, bad: list[str], good: list[str], metrics: Metrics | None = None) -> set[str]:
    """Which keys of `good` have had a run soon after those of `bad` took what they could get."""
    stop, done, all_done = asyncio.Event(), set[str](), asyncio.Event()

    async def counted(task: Task) -> Next:
        following = await work(task)
        done.add(task.key)
        if done >= set(good):
            all_done.set()
        return following

    queue = WorkQueue(counted, Schedule(place_of=whose), SystemClock(), SLOTS, metrics or Metrics())
    running = asyncio.create_task(queue.run(stop, grace_seconds=0.1))
    for key in bad:
        queue.enqueue(key)
    await asyncio.sleep(0.3)
    for key in good:
        queue.enqueue(key)
    try:
        async with asyncio.timeout(5):
            await all_done.wait()
    except TimeoutError:
        pass
    stop.set()
    await running
    return done & set(good)


async def test_providers_that_send_a_byte_now_and_then_stop_nobody(trickling: str) -> None:
    begun = list[str]()

    async def work(task: Task) -> Next:
        if task.key.startswith("a/slow"):
            begun.append(task.key)
            await send(trickling)
        return Next(None)

    bad, good = [f"a/slow{n}@slow{n}" for n in range(40)], ["b/one@fast"]
    assert await finished(work, bad, good) == set(good)
    assert SLOTS < len(begun) <= SLOTS * IN_FLIGHT


async def test_a_provider_that_sends_a_byte_now_and_then_leaves_its_own_tenant_the_others(
    trickling: str,
) -> None:
    async def work(task: Task) -> Next:
        if task.key.startswith("a/slow"):
            await send(trickling)
        return Next(None)

    bad, good = [f"a/slow{n}@slow" for n in range(40)], ["a/mine@fast", "b/one@fast"]
    assert await finished(work, bad, good) == set(good)


async def test_providers_that_ask_for_patience_stop_nobody() -> None:
    async with keep_alive(lambda method, path: {}) as server:

        async def work(task: Task) -> Next:
            if task.key.startswith("a/slow"):
                await send(server.url, gate=Patient().gate)
            return Next(None)

        bad, good = [f"a/slow{n}@slow" for n in range(40)], ["b/one@fast", "a/mine@fast"]
        assert await finished(work, bad, good) == set(good)
        assert server.asked == 0


async def test_a_tenant_whose_runs_never_end_and_never_wait_leaves_a_part_of_the_slots() -> None:
    """Answers come at once, and there is always another page."""
    async with keep_alive(lambda method, path: {}) as server:

        async def work(task: Task) -> Next:
            if task.key.startswith("a/"):
                await send(server.url, again=True)
            return Next(None)

        bad, good = [f"a/{n}@h{n}" for n in range(20)], [f"b/{n}@x" for n in range(5)]
        assert await finished(work, bad, good) == set(good)


async def test_how_long_the_oldest_has_waited_is_told_while_the_house_is_full() -> None:
    metrics, seen = Metrics(), list[float]()

    async def busy(task: Task) -> Next:
        if task.key == "a/last":
            return Next(None)
        for _ in range(6):
            await asyncio.sleep(0.05)
            seen.append(metrics.registry.get_sample_value("scim_operator_queue_oldest_seconds") or 0.0)
        return Next(None)

    keys = [f"a/{n}@one" for n in range(3 * SLOTS)]
    assert await finished(busy, keys, ["a/last"], metrics) == {"a/last"}
    assert max(seen) > 0.1
