"""The budget of one org: its share, its lanes, its windows; and the provider's throttle."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from controller.clock import ManualClock
from controller.errors import RateLimited
from controller.transport.budget import Budget, Budgets
from controller.transport.calls import Lane
from controller.transport.throttle import Throttle


class Org:
    """A rate-limited server of one bucket with fixed windows of a minute, as Okta has them."""

    def __init__(self, clock: ManualClock, limit: int) -> None:
        self.clock, self.limit = clock, limit
        self.window, self.used, self.refused = -1, 0, 0
        self.by_window: dict[int, int] = {}

    def take(self, calls: int = 1) -> tuple[int, Mapping[str, str]]:
        window = int(self.clock.now().timestamp() // 60)
        if window != self.window:
            self.window, self.used = window, 0
        self.used += calls
        headers = {
            "x-rate-limit-limit": str(self.limit),
            "x-rate-limit-remaining": str(max(0, self.limit - self.used)),
            "x-rate-limit-reset": str((window + 1) * 60),
        }
        if self.used > self.limit:
            self.refused += 1
            return 429, headers
        self.by_window[window] = self.by_window.get(window, 0) + calls
        return 200, headers


async def one_call(budget: Budget, org: Org, lane: Lane = Lane.CHANGE, path: str = "/apps") -> None:
    async with budget.admit("GET", path, lane):
        status, headers = org.take()
        budget.learn("GET", path, status, headers)


def a_budget(clock: ManualClock, percent: int = 50, **more: Any) -> Budget:
    return Budget(lambda method, path: path.strip("/"), percent=percent, clock=clock, **more)


async def test_no_window_sees_more_than_our_share_and_nothing_is_refused() -> None:
    clock = ManualClock()
    budget, org = a_budget(clock), Org(clock, 100)
    for _ in range(170):
        await one_call(budget, org)
    assert org.refused == 0
    assert max(org.by_window.values()) <= 50
    assert clock.monotonic() <= 4 * 60


async def test_a_full_read_leaves_room_in_the_share_for_one_person() -> None:
    clock = ManualClock()
    budget, org = a_budget(clock), Org(clock, 100)
    for _ in range(40):
        await one_call(budget, org, Lane.FULL)
    assert clock.monotonic() == 0
    await one_call(budget, org, Lane.PERSON)
    assert clock.monotonic() == 0
    await one_call(budget, org, Lane.FULL)
    assert clock.monotonic() > 0


async def test_another_clients_hunger_slows_us_without_a_429() -> None:
    clock = ManualClock()
    budget, org = a_budget(clock), Org(clock, 100)
    for number in range(30):
        if number % 10 == 0:
            org.take(25)
        await one_call(budget, org)
    assert clock.monotonic() > 0
    assert org.refused == 0


async def test_an_eaten_bucket_is_waited_for_and_then_we_converge() -> None:
    clock = ManualClock()
    budget, org = a_budget(clock), Org(clock, 20)
    org.take(20)
    for _ in range(12):
        status = 429
        while status == 429:
            async with budget.admit("GET", "/apps", Lane.FULL):
                status, headers = org.take()
                budget.learn("GET", "/apps", status, headers)
    assert org.refused == 1


async def test_the_better_lane_goes_first() -> None:
    clock = ManualClock()
    budget, org = a_budget(clock, concurrency=1), Org(clock, 100)
    order: list[Lane] = []
    first = asyncio.Event()

    async def call(lane: Lane) -> None:
        async with budget.admit("GET", "/apps", lane):
            await first.wait()
            order.append(lane)
            budget.learn("GET", "/apps", *org.take())

    lanes = [Lane.FULL, Lane.FULL, Lane.DRIFT, Lane.PERSON, Lane.CHANGE]
    tasks = [asyncio.create_task(call(lane)) for lane in lanes]
    await asyncio.sleep(0)
    first.set()
    await asyncio.gather(*tasks)
    assert order == [Lane.FULL, Lane.PERSON, Lane.CHANGE, Lane.DRIFT, Lane.FULL]


async def test_buckets_do_not_hold_each_other_back() -> None:
    clock = ManualClock()
    budget, org = a_budget(clock, percent=10), Org(clock, 10)
    for _ in range(1):
        await one_call(budget, org, path="/apps")
    await one_call(budget, Org(clock, 100), path="/users")
    assert clock.monotonic() == 0


async def test_a_concurrency_429_halves_what_is_under_way() -> None:
    clock = ManualClock()
    budget = a_budget(clock, concurrency=8)
    async with budget.admit("GET", "/apps", Lane.FULL):
        budget.learn("GET", "/apps", 429, {"x-rate-limit-limit": "0", "x-rate-limit-remaining": "0"})
    assert budget._most_under_way == 4
    await one_call(budget, Org(clock, 100))
    assert budget._most_under_way == 5 and clock.monotonic() == 1


async def test_buckets_that_held_calls_back_are_known_for_as_long_as_is_asked() -> None:
    clock = ManualClock()
    budget, apps, users = a_budget(clock), Org(clock, 100), Org(clock, 4)
    await asyncio.gather(*(one_call(budget, apps) for _ in range(10)))
    assert budget.throttled(60) == [], "to wait for the first answer is no matter of a limit"
    for _ in range(3):
        await one_call(budget, users, path="/users")
    assert [bucket.name for bucket in budget.throttled(120)] == ["users"]
    async with budget.admit("GET", "/logs", Lane.FULL):
        budget.learn("GET", "/logs", 429, {})
    assert [bucket.name for bucket in budget.throttled(120)] == ["logs", "users"]
    clock.advance(3600)
    assert budget.throttled(120) == []


async def test_someone_who_gives_up_frees_the_place() -> None:
    clock = ManualClock()
    budget, org = a_budget(clock, concurrency=1), Org(clock, 100)
    async with budget.admit("GET", "/apps", Lane.FULL):
        waiting = asyncio.create_task(one_call(budget, org))
        await asyncio.sleep(0)
        assert budget.is_throttled
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert not budget.is_throttled
    await asyncio.wait_for(one_call(budget, org), 1)


async def test_a_call_that_waits_too_long_for_its_turn_is_an_error_and_leaves_the_queue() -> None:
    budget = a_budget(ManualClock(), concurrency=1, longest_queue_seconds=0.02)
    async with budget.admit("GET", "/apps", Lane.CHANGE):
        with pytest.raises(RateLimited, match="had no room for a call within"):
            async with budget.admit("GET", "/apps", Lane.CHANGE):
                pass
        assert not budget.is_throttled
    async with budget.admit("GET", "/apps", Lane.CHANGE):
        pass


async def test_two_connections_to_one_org_share_the_smaller_percentage() -> None:
    budgets = Budgets(lambda method, path: "apps")
    one, other = budgets.of("00o1", "a/acme", 40), budgets.of("00o1", "b/acme", 20)
    assert one is other and one.percent == 20
    other.release("b/acme")
    assert one.percent == 40
    assert budgets.of("00o2", "c/other", 30) is not one


async def test_an_answer_of_an_older_window_changes_nothing() -> None:
    clock = ManualClock()
    budget = a_budget(clock)
    now = int(clock.now().timestamp())

    def told(remaining: int, reset: int) -> dict[str, str]:
        return {
            "x-rate-limit-limit": "100",
            "x-rate-limit-remaining": str(remaining),
            "x-rate-limit-reset": str(now + reset),
        }

    for remaining, reset in ((90, 60), (3, 20)):
        async with budget.admit("GET", "/apps", Lane.FULL):
            budget.learn("GET", "/apps", 200, told(remaining, reset))
    assert budget.remaining()["apps"] >= 88


async def test_the_throttle_keeps_to_its_rate() -> None:
    clock = ManualClock()
    throttle = Throttle(5, concurrency=1, clock=clock)
    for _ in range(51):
        async with throttle.admit("GET", "/Users", Lane.FULL):
            pass
    assert clock.monotonic() == pytest.approx(10, rel=0.01)


async def test_the_throttle_slows_down_at_429_waits_as_asked_and_recovers() -> None:
    clock = ManualClock()
    throttle = Throttle(20, clock=clock)
    throttle.learn("GET", "/Users", 429, {"retry-after": "7"})
    assert throttle.requests_per_second == 10
    async with throttle.admit("GET", "/Users", Lane.FULL):
        assert clock.monotonic() == 7
    for _ in range(10):
        throttle.learn("GET", "/Users", 200, {})
    assert throttle.requests_per_second == 20


async def test_the_throttle_does_not_keep_a_pause_beyond_the_longest() -> None:
    clock = ManualClock()
    throttle = Throttle(10, clock=clock, longest_pause_seconds=300)
    for asked, kept in ((301, 0), (300, 300)):
        begun = clock.monotonic()
        throttle.learn("GET", "/Users", 429, {"retry-after": str(asked)})
        async with throttle.admit("GET", "/Users", Lane.CHANGE):
            assert clock.monotonic() - begun == pytest.approx(kept)
