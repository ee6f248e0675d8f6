"""One tenant's heavy requests: they end in time, and the others do not wait for them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controller.clock import ManualClock
from controller.provider.app import build_app
from controller.provider.database import open_database
from controller.provider.outages import Busy, SearchTooLong
from controller.provider.statements import Unit
from controller.provider.turns import MOST_WAITING, SharedThreads, Turns
from tests.contract.provider.conftest import database_url, postgres_server  # noqa: F401
from tests.contract.provider.world import World, user

HEAVY = " or ".join(f'title co "{n}x" and nickName ew "{n}y"' for n in range(40))
PEOPLE = 60


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:  # noqa: F811
    """A provider whose searches may take no time at all."""
    clock = ManualClock()
    world = World(build_app(database_url, clock, search_seconds=0.002), clock)
    yield world
    await world.http.aclose()
    await world.provider.close()


async def test_a_search_that_takes_too_long_is_a_scim_error_and_the_next_one_works(world: World) -> None:
    acme = world.organization()
    await asyncio.gather(*(acme.new_user(f"u{n}@x.com", title="t" * 2000) for n in range(PEOPLE)))
    answer = await acme.scim("GET", "/Users", params={"filter": HEAVY})
    assert answer.status_code == 400, answer.text
    assert answer.json()["scimType"] == "tooMany" and "narrow the filter" in answer.json()["detail"]
    for _ in range(3):
        assert (await acme.scim("GET", "/Users?count=1")).json()["totalResults"] == PEOPLE
        found = await acme.scim("GET", "/Users", params={"filter": 'userName eq "u7@x.com"'})
        assert found.json()["totalResults"] == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_clock_is_looked_at_while_one_statement_runs(database_url: str) -> None:  # noqa: F811
    from sqlalchemy import text

    database = open_database(database_url, 0.05)
    endless = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n")
    with pytest.raises(SearchTooLong):
        await asyncio.wait_for(database.read(lambda unit: unit.all(endless), heavy=True), 20)
    assert await database.read(lambda unit: unit.one(text("SELECT 1")), heavy=True) == (1,)
    await database.close()


class Gate:
    """Work that waits in its thread until it is opened."""

    def __init__(self) -> None:
        self.opened, self.running = threading.Event(), 0

    def pass_through(self, _: Unit | None = None) -> None:
        self.running += 1
        self.opened.wait(20)


async def until(holds: Any) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - threads set it
            await asyncio.sleep(0.001)


async def test_a_tenant_s_heavy_reads_leave_threads_for_the_others(database_url: str) -> None:  # noqa: F811
    database, gate = open_database(database_url), Gate()
    greedy = [
        asyncio.create_task(database.read(gate.pass_through, heavy=True, lane="greedy")) for _ in range(50)
    ]
    await until(lambda: gate.running > 0)
    for lane in ("modest", "humble"):
        await asyncio.wait_for(database.read(lambda _: None, heavy=True, lane=lane), 20)
        await asyncio.wait_for(database.read(lambda _: None, lane=lane), 20)
        await asyncio.wait_for(database.write(lambda _: None, lane=lane), 20)
    assert gate.running < 4
    gate.opened.set()
    await asyncio.gather(*greedy)
    await database.close()


async def test_a_tenant_s_queue_of_writes_does_not_delay_the_others(database_url: str) -> None:  # noqa: F811
    database = open_database(database_url)
    order: list[str] = []
    tasks = [
        asyncio.create_task(database.write(lambda _: order.append("greedy"), heavy=True, lane="greedy"))
        for _ in range(100)
    ]
    await asyncio.sleep(0)
    await database.write(lambda _: order.append("modest"), lane="modest")
    await asyncio.gather(*tasks)
    assert order.index("modest") < 30
    await database.close()


def test_lanes_take_turns_and_each_is_bounded() -> None:
    turns: Turns[int] = Turns()
    for number in range(4):
        turns.put("a", number)
    turns.put("b", 10)
    turns.put("c", 20)
    taken = [turns.take() for _ in range(6)]
    assert taken == [("a", 0), ("b", 10), ("c", 20), ("a", 1), ("a", 2), ("a", 3)]
    assert turns.take() is None and len(turns) == 0
    for number in range(MOST_WAITING):
        turns.put("a", number)
    with pytest.raises(Busy):
        turns.put("a", 0)
    turns.put("b", 0)
    assert turns.take(lambda lane: lane == "b") == ("b", 0)
    assert turns.take(lambda lane: lane == "b") is None


async def test_a_thread_that_raises_is_free_again() -> None:
    threads = SharedThreads("test", 2, 0.5)

    def bad() -> None:
        raise KeyError

    for _ in range(5):
        with pytest.raises(KeyError):
            await threads.run("a", bad)
    assert await threads.run("a", lambda: 7) == 7
    threads.shutdown()


async def test_too_many_waiting_requests_of_one_tenant_are_told_to_wait(tmp_path: Path) -> None:
    clock = ManualClock()
    world = World(build_app(f"sqlite:///{tmp_path}/p.sqlite", clock), clock)
    acme, other = world.organization(), world.organization("Other")
    gate = Gate()
    database = world.provider.database
    waiting = [
        asyncio.create_task(database.read(gate.pass_through, heavy=True, lane=acme.org.id))
        for _ in range(MOST_WAITING + 2)
    ]
    await until(lambda: gate.running == 2)
    answer = await acme.scim("GET", "/Users", params={"filter": "title pr"})
    assert answer.status_code == 429 and answer.headers["retry-after"] == "1"
    assert (await acme.scim("GET", "/Users")).status_code == 200
    assert (await other.scim("GET", "/Users", params={"filter": "title pr"})).status_code == 200
    gate.opened.set()
    await asyncio.gather(*waiting)
    await world.http.aclose()
    await world.provider.close()


async def test_large_bodies_and_long_filters_do_not_hold_up_the_loop(tmp_path: Path) -> None:
    """The loop's longest pause while one tenant sends what takes long to read."""
    clock = ManualClock()
    world = World(build_app(f"sqlite:///{tmp_path}/p.sqlite", clock), clock)
    acme = world.organization()
    body = user("ada@x.com", emails=[{"value": f"a{n}@x.com", "type": "work"} for n in range(4000)])
    pauses: list[float] = []

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0)
            pauses.append(time.perf_counter() - began)

    watching = asyncio.create_task(watch())
    began = time.perf_counter()
    await acme.scim("POST", "/Users", body)
    took = time.perf_counter() - began
    watching.cancel()
    assert max(pauses) < max(0.5 * took, 0.1)
    await world.http.aclose()
    await world.provider.close()
