"""One Budget per Okta org: our share of each rate-limit bucket, by priority, shared by all integrations.

Given to every Session of that org as its Gate; Budgets hands them out by org. What a bucket allows is
learned from X-Rate-Limit-Limit, -Remaining and -Reset (developer.okta.com, rate limits): at most a percentage
of what other clients leave, and never the last tenth. So in a steady state nothing is answered 429.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

from controller.clock import Clock, SystemClock
from controller.errors import RateLimited
from controller.parsing import whole_number
from controller.transport.calls import Lane, Silent, Sink
from controller.transport.failures import retry_after_seconds, server_time

BucketOf = Callable[[str, str], str]
"""(method, path) -> name of the bucket; of a closed set, since it is a metric label."""

FIRST_ERROR = 400
WINDOW_SECONDS = 60.0
LONGEST_QUEUE_SECONDS = 900.0
UNLEARNED_AT_ONCE = 2
"""Requests under way in a bucket of which no answer has told anything yet."""
RESERVE = 0.1
"""Part of a bucket that is left to others in any case."""
SHARE_OF_LANE = {Lane.PERSON: 1.0, Lane.CHANGE: 0.95, Lane.DRIFT: 0.9, Lane.FULL: 0.8}
"""Part of our share that a lane may use up, so that a full read leaves room for one person now."""


@dataclass(slots=True)
class Bucket:
    """What is known of one bucket in its present window."""

    name: str
    limit: int | None = None
    """Calls a window; None: no answer has told."""
    remaining: int = 0
    """As the last answer told, less what was sent since."""
    resets_at: float = 0.0
    """On the monotonic clock."""
    is_guess: bool = False
    """Whether `resets_at` is a guess, since no answer of this window has come yet."""
    used: int = 0
    """Calls of ours in this window, those under way included."""
    under_way: int = 0
    closed_until: float = 0.0
    """After a 429."""
    throttled_at: float = -math.inf
    """When it held a call back last."""
    waiting: list[tuple[int, int, asyncio.Event]] = field(default_factory=list)
    """A heap by lane, then by arrival; the event wakes who has come to its head."""

    def roll(self, now: float) -> None:
        """Begins a new window when the old one is over."""
        if self.limit is not None and now >= self.resets_at:
            self.used, self.remaining = self.under_way, self.limit
            self.resets_at, self.is_guess = now + WINDOW_SECONDS, True

    def allowance(self, percent: int, lane: Lane) -> int:
        """Calls of ours in this window: the share of what others leave, at least 1 while anything is left."""
        assert self.limit is not None
        others = max(0, self.limit - self.remaining - self.used)
        return max(1, int((self.limit - others) * percent / 100 * SHARE_OF_LANE[lane]))

    def wait_seconds(self, now: float, percent: int, lane: Lane) -> float:
        """0 if a call may be sent now, else seconds until that may change; inf: at the next answer only."""
        self.roll(now)
        if now < self.closed_until:
            return self.closed_until - now
        if self.limit is None:
            return 0.0 if self.under_way < UNLEARNED_AT_ONCE else math.inf
        reserve = int(self.limit * RESERVE) if self.limit > 1 else 0
        if self.used < self.allowance(percent, lane) and self.remaining > reserve:
            return 0.0
        return max(0.05, self.resets_at - now)

    def note(self, limit: int, remaining: int, resets_at: float, now: float) -> None:
        """What an answer told. Answers come in any order: one of an older window says nothing of this one."""
        is_older = resets_at < (now + 2 if self.is_guess else self.resets_at - 5)
        if self.limit is not None and is_older:
            return
        is_new = self.limit is None or (not self.is_guess and resets_at > self.resets_at + 5)
        self.used = max(1, self.under_way) if is_new else self.used
        self.remaining = remaining if is_new else min(self.remaining, remaining)
        self.limit, self.resets_at, self.is_guess = limit, resets_at, False

    def close(self, now: float, seconds: float) -> None:
        """After a 429: nothing for `seconds`."""
        self.throttled_at, self.closed_until = now, max(self.closed_until, now + seconds)

    def take(self) -> None:
        """Counts a call that is sent now."""
        self.used += 1
        self.remaining -= 1
        self.under_way += 1


class Budget:
    """A Gate for one org. `percent` of each bucket is ours; see `claim`."""

    def __init__(
        self,
        bucket_of: BucketOf,
        *,
        percent: int = 30,
        concurrency: int = 10,
        clock: Clock | None = None,
        sink: Sink | None = None,
        longest_queue_seconds: float = LONGEST_QUEUE_SECONDS,
    ) -> None:
        self._bucket_of, self._clock, self._sink = bucket_of, clock or SystemClock(), sink or Silent()
        self._longest_queue_seconds = longest_queue_seconds
        self._default_percent, self._claims = percent, dict[str, int]()
        self._let_in: set[str] = set()
        """Owners whose credential the org has accepted."""
        self._most_under_way = self._declared_under_way = concurrency
        self._under_way = 0
        self._buckets: dict[str, Bucket] = {}
        self._arrivals = count()

    @property
    def percent(self) -> int:
        """The smallest share that any claim gives; two OktaOrgs of one org share one budget. Anyone who knows
        an org's URL can claim a part: once the org has let somebody in, claims of others don't count."""
        proven = [percent for owner, percent in self._claims.items() if owner in self._let_in]
        return min(proven or self._claims.values(), default=self._default_percent)

    def claim(self, owner: str, percent: int) -> None:
        """`owner` (namespace/name of an OktaOrg) gives `percent` of each bucket."""
        self._claims[owner] = percent

    def release(self, owner: str) -> None:
        """Forgets the claim of `owner`."""
        self._claims.pop(owner, None)
        self._let_in.discard(owner)

    def prove(self, owner: str) -> None:
        """The org has accepted the credential of `owner`."""
        if owner in self._claims:
            self._let_in.add(owner)

    @property
    def is_throttled(self) -> bool:
        """Whether somebody waits now."""
        return any(bucket.waiting for bucket in self._buckets.values())

    def throttled(self, within_seconds: float) -> list[Bucket]:
        """The buckets that held a call back within the last `within_seconds`, the latest first."""
        since = self._clock.monotonic() - within_seconds
        found = [bucket for bucket in self._buckets.values() if bucket.throttled_at >= since]
        return sorted(found, key=lambda bucket: (-bucket.throttled_at, bucket.name))

    def remaining(self) -> Mapping[str, int]:
        """Calls left by bucket, as last told."""
        return {name: bucket.remaining for name, bucket in self._buckets.items() if bucket.limit is not None}

    @asynccontextmanager
    async def admit(self, method: str, path: str, lane: Lane) -> AsyncIterator[None]:
        """Entered when our share allows it and nobody of a better lane waits for the same bucket. Raises
        RateLimited if that is not so for too long."""
        bucket = self._bucket(method, path)
        await self._acquire(bucket, lane)
        try:
            yield
        finally:
            bucket.under_way -= 1
            self._under_way -= 1
            self._wake()

    def learn(self, method: str, path: str, status: int, headers: Mapping[str, str]) -> None:
        """Takes X-Rate-Limit-* of an answer; a 429 closes the bucket until its reset."""
        bucket = self._bucket(method, path)
        limit, remaining = _whole(headers, "x-rate-limit-limit"), _whole(headers, "x-rate-limit-remaining")
        now = self._clock.monotonic()
        if status == 429 and limit == 0 and remaining == 0:
            # Too many at once, in the whole org; the reset is a guess of Okta's, so a short pause does.
            self._most_under_way = max(1, self._most_under_way // 2)
            bucket.close(now, 1.0)
        elif status == 429:
            wait = retry_after_seconds(headers, self._clock.now(), default=5.0)
            bucket.close(now, min(wait, 2 * WINDOW_SECONDS))
        elif limit and remaining is not None:
            self._most_under_way = min(self._declared_under_way, self._most_under_way + 1)
            bucket.note(limit, remaining, self._reset_at(headers), now)
        if bucket.limit is not None:
            self._sink.remaining(bucket.name, bucket.remaining)
        self._wake()

    def _reset_at(self, headers: Mapping[str, str]) -> float:
        """The reset on our monotonic clock; measured against the answer's Date, since clocks differ."""
        now = self._clock.monotonic()
        reset = _whole(headers, "x-rate-limit-reset")
        if reset is None:
            return now + WINDOW_SECONDS
        told = (server_time(headers) or self._clock.now()).timestamp()
        return now + min(max(1.0, reset - told), 2 * WINDOW_SECONDS)

    def _bucket(self, method: str, path: str) -> Bucket:
        name = self._bucket_of(method, path)
        return self._buckets.setdefault(name, Bucket(name))

    async def _acquire(self, bucket: Bucket, lane: Lane) -> None:
        begun = self._clock.monotonic()
        place = (int(lane), next(self._arrivals), asyncio.Event())
        heapq.heappush(bucket.waiting, place)
        try:
            async with asyncio.timeout(self._longest_queue_seconds):
                await self._wait_for_turn(bucket, place)
        except TimeoutError:
            raise RateLimited(
                f"our share of Okta's rate limit {bucket.name} had no room for a call within "
                f"{self._longest_queue_seconds:.0f} s",
                system="Okta",
                retry_after_seconds=WINDOW_SECONDS,
            ) from None
        finally:
            bucket.waiting.remove(place)
            heapq.heapify(bucket.waiting)
            self._wake()
        bucket.take()
        self._under_way += 1
        waited = self._clock.monotonic() - begun
        if waited > 0:
            self._sink.waited("okta", lane.name.lower(), waited)

    async def _wait_for_turn(self, bucket: Bucket, place: tuple[int, int, asyncio.Event]) -> None:
        """Returns when `place` is at the head of its bucket and a call may be sent."""
        while True:
            place[2].clear()
            is_head = bucket.waiting[0] is place
            if not is_head or self._under_way >= self._most_under_way:
                await place[2].wait()
                continue
            now = self._clock.monotonic()
            wait = bucket.wait_seconds(now, self.percent, Lane(place[0]))
            if wait <= 0:
                return
            if math.isfinite(wait):  # else it waits for the first answer, which no limit asks for
                bucket.throttled_at = now
            await self._sleep_or_wake(place[2], wait)

    async def _sleep_or_wake(self, event: asyncio.Event, seconds: float) -> None:
        if math.isinf(seconds):
            await event.wait()
            return
        tasks = [
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(event.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def _wake(self) -> None:
        """Lets the head of each bucket look again."""
        for bucket in self._buckets.values():
            if bucket.waiting:
                bucket.waiting[0][2].set()


@dataclass(frozen=True, slots=True)
class Claim:
    """The Gate of one OktaOrg: the budget of its org, which hears whose credential the org accepts."""

    budget: Budget
    owner: str

    def admit(self, method: str, path: str, lane: Lane) -> AbstractAsyncContextManager[None]:
        """As the budget does."""
        return self.budget.admit(method, path, lane)

    def learn(self, method: str, path: str, status: int, headers: Mapping[str, str]) -> None:
        """The same; an answer that is no error proves the claim."""
        if status < FIRST_ERROR:
            self.budget.prove(self.owner)
        self.budget.learn(method, path, status, headers)


class Budgets:
    """The budgets of this process by org."""

    def __init__(
        self,
        bucket_of: BucketOf,
        *,
        clock: Clock | None = None,
        sink: Sink | None = None,
        longest_queue_seconds: float = LONGEST_QUEUE_SECONDS,
    ) -> None:
        self._bucket_of, self._clock, self._sink = bucket_of, clock, sink
        self._longest_queue_seconds = longest_queue_seconds
        self._by_org: dict[str, Budget] = {}

    def of(self, org: str, owner: str, percent: int) -> Budget:
        """The budget of `org`, in which `owner` (an OktaOrg's namespace/name) claims `percent`. Whoever can
        choose `org` shares with others: see OpenOrg.key."""
        budget = self._by_org.get(org)
        if budget is None:
            budget = Budget(
                self._bucket_of,
                clock=self._clock,
                sink=self._sink,
                longest_queue_seconds=self._longest_queue_seconds,
            )
            self._by_org[org] = budget
        budget.claim(owner, percent)
        return budget

    def find(self, org: str) -> Budget | None:
        """The budget of `org`; None where nobody has claimed any of it."""
        return self._by_org.get(org)

    def release(self, org: str, owner: str) -> None:
        """Ends the claim of `owner`; what the others share stays known."""
        if org in self._by_org:
            self._by_org[org].release(owner)


def _whole(headers: Mapping[str, str], name: str) -> int | None:
    # Okta repeats the header when two limits apply; the first is the tighter one.
    return whole_number(headers.get(name, "").split(",")[0].strip())
