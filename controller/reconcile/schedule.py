"""When is each integration due, and for what: deduplication, merging, lanes, intervals, gates. Pure.

Called by queue.WorkQueue, which adds tasks and waiting. Times are seconds of a monotonic clock, handed in.
Two clocks run for each key: the next complete read, and what was enqueued, which may be for a few people only
and never postpones the complete read that is due.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from controller.model.people import EVERYTHING, Refresh
from controller.reconcile.fairness import Place, Turns
from controller.transport.calls import Lane

OLD_SECONDS = 60.0
"""Who was due for so long is as urgent as a person's edit: no lane starves another."""
SINGLY = 20
"""More people than this are cheaper read as a whole."""


@dataclass(frozen=True, slots=True)
class Task:
    """One run to be made now."""

    key: str
    refresh: Refresh
    lane: Lane
    reasons: tuple[str, ...]
    failures: int
    """Failed runs in a row before this one."""


@dataclass(frozen=True, slots=True)
class Next:
    """What a run leaves for the schedule."""

    delay_seconds: float | None
    """Until the next complete read, or after a failed run for a few people the same people; None: not before
    a request."""
    failed: bool = False
    gate_seconds: float | None = None
    """The whole group of the key pauses: the org that all depend on is unhealthy."""
    read_at_once: bool = False
    """A complete read has to follow at once."""
    was_complete: bool = False
    """The run has read everything, whatever it was asked to."""


@dataclass(slots=True)
class _Entry:
    read_at: float | None = None
    """When the next complete read is due."""
    enqueued_at: float | None = None
    refresh: Refresh = EVERYTHING
    lane: Lane = Lane.FULL
    reasons: tuple[str, ...] = ()
    failures: int = 0
    claims: tuple[str, ...] = ()
    is_running: bool = False
    is_forgotten: bool = False

    def due(self) -> float | None:
        times = [moment for moment in (self.read_at, self.enqueued_at) if moment is not None]
        return min(times) if times else None


def merge(one: Refresh, other: Refresh) -> Refresh:
    """What both ask for; everything where that is too many people to read singly."""
    if one.people is None or other.people is None:
        return EVERYTHING
    people = one.people | other.people
    return EVERYTHING if len(people) > SINGLY else Refresh(people)


Labels = Callable[[str], tuple[str, ...]]
Ready = tuple[int, float, str]
"""(lane, due, key)."""


def _no_labels(_key: str) -> tuple[str, ...]:
    return ()


def place_by_key(key: str) -> Place:
    """The namespace alone: the part of the key before the slash."""
    return Place(key.rpartition("/")[0])


@dataclass(slots=True)
class Schedule:
    """All keys and when each is due. `group_of` tells what gates a key (its org; () where nothing does),
    `exclusive_to` what no two running keys may share (the app, the tenant), `place_of` whose a key is."""

    group_of: Labels = _no_labels
    exclusive_to: Labels = _no_labels
    place_of: Callable[[str], Place] = place_by_key
    turns: Turns = field(default_factory=Turns)
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _heap: list[tuple[float, int, str]] = field(default_factory=list)
    _gates: dict[str, float] = field(default_factory=dict)
    _held: set[str] = field(default_factory=set)
    _blocked: set[str] = field(default_factory=set)
    _put_off: set[str] = field(default_factory=set)
    """Due, and over their share: looked at again whenever anything changes."""
    _count: int = 0

    def enqueue(
        self, key: str, at: float, refresh: Refresh = EVERYTHING, lane: Lane = Lane.CHANGE, why: str = ""
    ) -> None:
        """`key` is due for `refresh` at `at`, or earlier where it already was."""
        entry = self._entries.setdefault(key, _Entry())
        entry.is_forgotten = False
        self.turns.know(key, self.place_of(key))
        if entry.enqueued_at is None:
            entry.enqueued_at, entry.refresh, entry.lane = at, refresh, lane
        else:
            entry.enqueued_at = min(entry.enqueued_at, at)
            entry.refresh, entry.lane = merge(entry.refresh, refresh), min(entry.lane, lane)
        if why and why not in entry.reasons:
            entry.reasons = (*entry.reasons, why)[-10:]
        if lane is Lane.PERSON:
            entry.failures = 0
        self._push(key, entry)

    def forget(self, key: str) -> None:
        """`key` is never due again, unless it is enqueued."""
        entry = self._entries.get(key)
        if entry is None:
            return
        if entry.is_running:
            entry.read_at = entry.enqueued_at = None
            entry.is_forgotten = True
        else:
            self._drop(key)

    def _drop(self, key: str) -> None:
        del self._entries[key]
        self.turns.forget(key)

    def take(self, now: float, limit: int, waiting: Collection[str] = ()) -> list[Task]:
        """Up to `limit` runs that may start now; they count as running. Namespaces and hosts take turns, and
        of one tenant the better lane goes first. `waiting` are running keys that hold no slot."""
        self.turns.note_waiting(waiting)
        if limit + self.turns.reserve() <= 0:
            return []
        self._push_all(self._put_off)
        ready, tasks = self._ready(now), list[Task]()
        while first := self._first(ready, now, limit - len(tasks)):
            ready.remove(first)
            tasks.append(self._start(first[2], self._entries[first[2]], now))
        for _, _, key in ready:
            self._push(key, self._entries[key])
        return tasks

    def _first(self, ready: list[Ready], now: float, free: int) -> Ready | None:
        """Who starts next, if anybody may; who may not for a reason of its own is taken out of `ready`."""
        if free + self.turns.reserve() <= 0:
            return None
        ready[:] = self._startable(ready)
        found = ready if free > 0 else [one for one in ready if self.turns.is_new(one[2])]
        return min(found, key=lambda one: self._order(one, now), default=None)

    def _startable(self, ready: list[Ready]) -> list[Ready]:
        """Those of `ready` that may start now; the others are put aside."""
        found = []
        for one in ready:
            if self._held.intersection(self._claims(one[2])):
                self._blocked.add(one[2])
            elif not self.turns.may_start(one[2]):
                self._put_off.add(one[2])
            else:
                found.append(one)
        return found

    def _order(self, one: Ready, now: float) -> tuple[object, ...]:
        lane, due, key = one
        runs, started, runs_at_host, started_at_host = self.turns.rank(key)
        urgency = Lane.PERSON if now - due >= OLD_SECONDS else lane
        return runs, urgency, started, runs_at_host, started_at_host, due, key

    def has_put_off(self) -> bool:
        """Whether something is due that would be over its tenant's share."""
        return bool(self._put_off)

    def oldest_due(self, now: float) -> float | None:
        """Since when the key that has waited longest for its run is due; None where none waits. Who waits
        for an org that is unhealthy does not count."""
        waiting = [
            due
            for key, entry in self._entries.items()
            if not entry.is_running and (due := entry.due()) is not None and due <= now
            if self._opening(key, entry, now) is None
        ]
        return min(waiting, default=None)

    def _claims(self, key: str) -> tuple[str, ...]:
        """What no other running key may share: a group whose gate has just opened lets one through first."""
        unproven = tuple(group for group in self.group_of(key) if group in self._gates)
        return (*self.exclusive_to(key), *unproven)

    def _ready(self, now: float) -> list[Ready]:
        """(lane, due, key) of what is due, gated keys pushed back to the opening of their gate."""
        ready: dict[str, Ready] = {}
        while self._heap and self._heap[0][0] <= now:
            _, _, key = heapq.heappop(self._heap)
            entry = self._entries.get(key)
            due = entry.due() if entry else None
            if entry is None or due is None or due > now or entry.is_running:
                continue
            opening = self._opening(key, entry, now)
            if opening is None:
                ready[key] = (entry.lane if entry.enqueued_at is not None else Lane.FULL, due, key)
            else:
                self._push_at(opening, key)
        return list(ready.values())

    def _opening(self, key: str, entry: _Entry, now: float) -> float | None:
        """When the gate of `key` opens; None where it may pass. What a person asks for always passes."""
        if entry.enqueued_at is not None and entry.lane is Lane.PERSON:
            return None
        opening = max((self._gates.get(group, now) for group in self.group_of(key)), default=now)
        return opening if opening > now else None

    def _start(self, key: str, entry: _Entry, now: float) -> Task:
        is_complete = (entry.read_at is not None and entry.read_at <= now) or (
            entry.enqueued_at is not None and entry.refresh.is_complete
        )
        lane = entry.lane if entry.enqueued_at is not None else Lane.FULL
        refresh = EVERYTHING if is_complete else entry.refresh
        task = Task(key, refresh, lane, entry.reasons or ("Interval",), entry.failures)
        if is_complete:
            entry.read_at = None
        entry.enqueued_at, entry.refresh, entry.lane, entry.reasons = None, EVERYTHING, Lane.FULL, ()
        entry.is_running = True
        self.turns.started(key)
        entry.claims = self._claims(key)
        self._held.update(entry.claims)
        return task

    def finish(self, task: Task, now: float, following: Next) -> None:
        """The run of `task` has ended."""
        entry = self._entries[task.key]
        entry.is_running = False
        self.turns.ended(task.key)
        self._release(entry)
        self._set_gate(task.key, now, following)
        if entry.is_forgotten:
            self._drop(task.key)
            return
        entry.failures = task.failures + 1 if following.failed else 0
        due = None if following.delay_seconds is None else now + following.delay_seconds
        if task.refresh.is_complete or following.was_complete:
            entry.read_at = due
        elif following.failed and due is not None:
            self.enqueue(task.key, due, task.refresh, Lane.DRIFT)
        elif due is not None:
            entry.read_at = due if entry.read_at is None else min(entry.read_at, due)
        if following.read_at_once:
            self.enqueue(task.key, now, EVERYTHING, task.lane, "NeedsCompleteRead")
        self._push(task.key, entry)

    def _release(self, entry: _Entry) -> None:
        """Gives up what the run held and makes those due again that waited for it."""
        self._held.difference_update(entry.claims)
        entry.claims = ()
        self._push_all(self._blocked)

    def _push_all(self, keys: set[str]) -> None:
        """Makes those of `keys` due again that still are, and empties it."""
        for key in keys:
            if key in self._entries:
                self._push(key, self._entries[key])
        keys.clear()

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
