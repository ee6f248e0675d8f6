"""The driver of the schedule: runs, concurrency, bugs of the worker, the graceful stop."""

from __future__ import annotations

import asyncio

import pytest

from controller.clock import ManualClock, SystemClock
from controller.metrics import Metrics
from controller.reconcile import queue as module
from controller.reconcile.queue import WorkQueue
from controller.reconcile.schedule import Next, Schedule, Task
from controller.reconcile.slots import Slot


async def test_the_interval_brings_a_key_back_by_itself() -> None:
    clock, stop, runs = ManualClock(), asyncio.Event(), []

    async def work(task: Task) -> Next:
        runs.append(round(clock.monotonic()))
        if len(runs) == 3:
            stop.set()
        return Next(60)

    queue = WorkQueue(work, Schedule(), clock, 4, Metrics())
    queue.enqueue("a")
    await asyncio.wait_for(queue.run(stop), 5)
    assert runs == [0, 60, 120]


async def test_keys_wake_a_sleeping_queue_at_once() -> None:
    stop, seen = asyncio.Event(), asyncio.Event()

    async def work(task: Task) -> Next:
        seen.set()
        return Next(None)

    queue = WorkQueue(work, Schedule(), SystemClock(), 4, Metrics())
    running = asyncio.create_task(queue.run(stop))
    await asyncio.sleep(0)
    queue.enqueue("a")
    await asyncio.wait_for(seen.wait(), 2)
    stop.set()
    await asyncio.wait_for(running, 2)


async def test_no_more_keys_run_than_allowed() -> None:
    stop, busy, most = asyncio.Event(), set[str](), [0]

    async def work(task: Task) -> Next:
        busy.add(task.key)
        most[0] = max(most[0], len(busy))
        await asyncio.sleep(0)
        busy.discard(task.key)
        done.append(task.key)
        if len(done) == 6:
            stop.set()
        return Next(None)

    done: list[str] = []
    queue = WorkQueue(work, Schedule(), ManualClock(), 2, Metrics())
    for key in "abcdef":
        queue.enqueue(key)
    await asyncio.wait_for(queue.run(stop), 5)
    assert most == [2]
    assert sorted(done) == list("abcdef")


async def test_a_bug_in_the_worker_is_counted_and_the_key_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop, metrics, runs = asyncio.Event(), Metrics(), []

    async def work(task: Task) -> Next:
        runs.append(task.failures)
        if len(runs) == 2:
            stop.set()
            return Next(None)
        raise KeyError("a bug")

    queue = WorkQueue(work, Schedule(), ManualClock(), 1, metrics)
    queue.enqueue("a")
    await asyncio.wait_for(queue.run(stop), 5)
    assert runs == [0, 1]
    assert metrics.registry.get_sample_value("scim_operator_unexpected_errors_total") == 1
    assert "the run could not be reported" in caplog.text


@pytest.mark.parametrize(("grace", "ended"), [(5.0, ["done"]), (0.01, ["cancelled"])])
async def test_a_stop_waits_for_the_run_under_way_but_not_for_ever(grace: float, ended: list[str]) -> None:
    stop, fate = asyncio.Event(), list[str]()

    async def work(task: Task) -> Next:
        stop.set()
        try:
            await asyncio.sleep(0.1)
            fate.append("done")
        except asyncio.CancelledError:
            fate.append("cancelled")
            raise
        return Next(None)

    queue = WorkQueue(work, Schedule(), SystemClock(), 1, Metrics())
    queue.enqueue("a")
    await asyncio.wait_for(queue.run(stop, grace_seconds=grace), 5)
    assert fate == ended


async def test_a_forgotten_key_does_not_run() -> None:
    stop, runs = asyncio.Event(), list[str]()

    async def work(task: Task) -> Next:
        runs.append(task.key)
        stop.set()
        return Next(None)

    queue = WorkQueue(work, Schedule(), ManualClock(), 1, Metrics())
    queue.enqueue("a")
    queue.forget("a")
    queue.enqueue("b")
    await asyncio.wait_for(queue.run(stop), 5)
    assert runs == ["b"]


async def test_a_run_that_ends_while_it_counts_as_waiting_ends_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is due may be asked for right after an end, before the event loop has told of the ended task."""
    monkeypatch.setattr(module, "Slot", lambda: Slot(0.0, 0.0))
    stop, ended = asyncio.Event(), list[str]()

    class Eager(Schedule):
        def finish(self, task: Task, now: float, following: Next) -> None:
            super().finish(task, now, following)
            asyncio.get_running_loop().call_soon(asked)

    def asked() -> None:
        try:
            queue._start_due()
            ended.append("asked")
        finally:
            stop.set()

    async def work(task: Task) -> Next:
        await asyncio.sleep(0.01)
        return Next(None)

    queue = WorkQueue(work, Eager(), SystemClock(), 4, Metrics())
    queue.enqueue("a/one")
    await asyncio.wait_for(queue.run(stop), 5)
    assert ended == ["asked"]
