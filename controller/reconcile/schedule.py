"""When is each integration due, and for what: deduplication, scope merging, lanes, intervals, gates. Pure.

Called by queue.WorkQueue, which adds tasks and waiting. Times are seconds of a monotonic clock, handed in.
Two clocks run for each key: the next full read, and a poke that may be for some people only; a scoped run
never postpones the full read that is due.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from controller.model.people import EVERYTHING, Scope

SINGLY = 20
"""More people than this are cheaper read as a whole."""


class Lane(IntEnum):
    """Who goes first where more is due than may run; a lower lane goes first."""

    PERSON = 0
    """Somebody waits for it: an annotation, an edited resource."""
    CHANGE = 1
    """A Secret, a sibling, the System Log, a hook."""
    DRIFT = 2
    """An error that is tried again."""
    FULL = 3
    """The interval has passed."""


@dataclass(frozen=True, slots=True)
class Task:
    """One run to be made now."""

    key: str
    scope: Scope
    lane: Lane
    reasons: tuple[str, ...]
    failures: int
    """Failed runs in a row before this one."""


@dataclass(frozen=True, slots=True)
class Next:
    """What a run leaves for the schedule."""

    delay_seconds: float | None
    """Until the next full read, or after a failed scoped run the same people; None: not before a poke."""
    failed: bool = False
    gate_seconds: float | None = None
    """The whole group of the key pauses: the org that all depend on is unhealthy."""
    wants_full: bool = False
    """A full run has to follow at once."""
    full_within_seconds: float | None = None
    """The next full read is due in this time at the latest."""


@dataclass(slots=True)
class _Entry:
    full_at: float | None = None
    poke_at: float | None = None
    scope: Scope = EVERYTHING
    lane: Lane = Lane.FULL
    reasons: tuple[str, ...] = ()
    failures: int = 0
    claims: tuple[str, ...] = ()
    is_running: bool = False
    is_forgotten: bool = False

    def due(self) -> float | None:
        times = [moment for moment in (self.full_at, self.poke_at) if moment is not None]
        return min(times) if times else None


def merge_scopes(one: Scope, other: Scope) -> Scope:
    """What both ask for; everything where that is too many people to read singly."""
    if one.people is None or other.people is None:
        return EVERYTHING
    people = one.people | other.people
    return EVERYTHING if len(people) > SINGLY else Scope(people)


Labels = Callable[[str], tuple[str, ...]]


def _no_labels(_key: str) -> tuple[str, ...]:
    return ()


@dataclass(slots=True)
class Schedule:
    """All keys and when each is due. `group_of` tells what gates a key (its org; () where nothing does),
    `exclusive_to` what no two running keys may share (the app, the tenant)."""

    group_of: Labels = _no_labels
    exclusive_to: Labels = _no_labels
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _heap: list[tuple[float, int, str]] = field(default_factory=list)
    _gates: dict[str, float] = field(default_factory=dict)
    _held: set[str] = field(default_factory=set)
    _blocked: set[str] = field(default_factory=set)
    _count: int = 0

    def poke(
        self, key: str, at: float, scope: Scope = EVERYTHING, lane: Lane = Lane.CHANGE, why: str = ""
    ) -> None:
        """`key` is due for `scope` at `at`, or earlier where it already was."""
        entry = self._entries.setdefault(key, _Entry())
        entry.is_forgotten = False
        if entry.poke_at is None:
            entry.poke_at, entry.scope, entry.lane = at, scope, lane
        else:
            entry.poke_at = min(entry.poke_at, at)
            entry.scope, entry.lane = merge_scopes(entry.scope, scope), min(entry.lane, lane)
        if why and why not in entry.reasons:
            entry.reasons = (*entry.reasons, why)[-10:]
        if lane is Lane.PERSON:
            entry.failures = 0
        self._push(key, entry)

    def forget(self, key: str) -> None:
        """`key` is never due again, unless it is poked."""
        entry = self._entries.get(key)
        if entry is None:
            return
        if entry.is_running:
            entry.full_at = entry.poke_at = None
            entry.is_forgotten = True
        else:
            del self._entries[key]

    def take(self, now: float, limit: int) -> list[Task]:
        """Up to `limit` runs that may start now, in the order of their lanes; they count as running."""
        ready = self._ready(now)
        tasks: list[Task] = []
        for _, _, key in sorted(ready):
            entry = self._entries[key]
            if len(tasks) >= limit:
                self._push(key, entry)
            elif self._held.intersection(self._claims(key)):
                self._blocked.add(key)
            else:
                tasks.append(self._start(key, entry, now))
        return tasks

    def _claims(self, key: str) -> tuple[str, ...]:
        """What no other running key may share: a group whose gate has just opened lets one through first."""
        unproven = tuple(group for group in self.group_of(key) if group in self._gates)
        return (*self.exclusive_to(key), *unproven)

    def _ready(self, now: float) -> list[tuple[int, float, str]]:
        """(lane, due, key) of what is due, gated keys pushed back to the opening of their gate."""
        ready: dict[str, tuple[int, float, str]] = {}
        while self._heap and self._heap[0][0] <= now:
            _, _, key = heapq.heappop(self._heap)
            entry = self._entries.get(key)
            due = entry.due() if entry else None
            if entry is None or due is None or due > now or entry.is_running:
                continue
            opening = self._opening(key, entry, now)
            if opening is None:
                ready[key] = (entry.lane if entry.poke_at is not None else Lane.FULL, due, key)
            else:
                self._push_at(opening, key)
        return list(ready.values())

    def _opening(self, key: str, entry: _Entry, now: float) -> float | None:
        """When the gate of `key` opens; None where it may pass. A person's wish always passes."""
        if entry.poke_at is not None and entry.lane is Lane.PERSON:
            return None
        opening = max((self._gates.get(group, now) for group in self.group_of(key)), default=now)
        return opening if opening > now else None

    def _start(self, key: str, entry: _Entry, now: float) -> Task:
        is_full = (entry.full_at is not None and entry.full_at <= now) or (
            entry.poke_at is not None and entry.scope.is_full
        )
        lane = entry.lane if entry.poke_at is not None else Lane.FULL
        task = Task(
            key, EVERYTHING if is_full else entry.scope, lane, entry.reasons or ("Interval",), entry.failures
        )
        if is_full:
            entry.full_at = None
        entry.poke_at, entry.scope, entry.lane, entry.reasons = None, EVERYTHING, Lane.FULL, ()
        entry.is_running = True
        entry.claims = self._claims(key)
        self._held.update(entry.claims)
        return task

    def finish(self, task: Task, now: float, following: Next) -> None:
        """The run of `task` has ended."""
        entry = self._entries[task.key]
        entry.is_running = False
        self._release(entry)
        self._set_gate(task.key, now, following)
        if entry.is_forgotten:
            del self._entries[task.key]
            return
        entry.failures = task.failures + 1 if following.failed else 0
        due = None if following.delay_seconds is None else now + following.delay_seconds
        if task.scope.is_full:
            entry.full_at = due
        elif following.failed and due is not None:
            self.poke(task.key, due, task.scope, Lane.DRIFT)
        if following.full_within_seconds is not None:
            latest = now + following.full_within_seconds
            entry.full_at = latest if entry.full_at is None else min(entry.full_at, latest)
        if following.wants_full:
            self.poke(task.key, now, EVERYTHING, task.lane, "SeatsNeedFullRead")
        self._push(task.key, entry)

    def _release(self, entry: _Entry) -> None:
        """Gives up what the run held and makes those due again that waited for it."""
        self._held.difference_update(entry.claims)
        entry.claims = ()
        for key in self._blocked:
            if key in self._entries:
                self._push(key, self._entries[key])
        self._blocked.clear()

    def _set_gate(self, key: str, now: float, following: Next) -> None:
        for group in self.group_of(key):
            if following.gate_seconds is not None:
                self._gates[group] = now + following.gate_seconds
            elif not following.failed:
                self._open_gate(group, now)

    def _open_gate(self, group: str, now: float) -> None:
        """Whoever was held back by `group` is due again at once, with its own due time."""
        if self._gates.pop(group, now) > now:
            for key, entry in self._entries.items():
                if group in self.group_of(key):
                    self._push(key, entry)

    def next_due(self) -> float | None:
        """The earliest time at which something may be due; None where nothing is."""
        return self._heap[0][0] if self._heap else None

    def depth(self, now: float) -> int:
        """How many keys are due and not yet taken up."""
        due = (entry.due() for entry in self._entries.values() if not entry.is_running)
        return sum(1 for moment in due if moment is not None and moment <= now)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def _push(self, key: str, entry: _Entry) -> None:
        due = entry.due()
        if due is not None and not entry.is_running:
            self._push_at(due, key)

    def _push_at(self, moment: float, key: str) -> None:
        self._count += 1
        heapq.heappush(self._heap, (moment, self._count, key))
