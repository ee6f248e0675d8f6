"""Objects in memory with etcd's rules: one revision counter, immutable values, a history to watch from.

Called by app, definitions and lifecycle; knows nothing of HTTP or of kinds. A stored object is never
changed in place: a write puts a new one, so lists, snapshots, watch events and answers share it without
copying. All of it runs on one asyncio loop, so there are no locks.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from scim_sandbox.kubernetes.failures import expired

Object = dict[str, Any]
Table = tuple[str, str]
"""API group and plural: where all versions of a resource are kept."""
Key = tuple[str, str]
"""Namespace ("" for cluster-scoped) and name."""

HISTORY = 2048
SNAPSHOTS = 32
BACKLOG = 10_000
LEAVING_SECONDS = 1.0


class Stored:
    """One version of one object; its JSON is made once, when first asked for."""

    __slots__ = ("_encoded", "obj", "revision")

    def __init__(self, obj: Object, revision: int) -> None:
        self.obj, self.revision = obj, revision
        self._encoded: bytes | None = None

    def encoded(self) -> bytes:
        if self._encoded is None:
            self._encoded = encode(self.obj)
        return self._encoded


class Event(NamedTuple):
    """A change: `stored` is the object after it (before it, with the deletion's revision, for DELETED)."""

    revision: int
    type: str
    key: Key
    stored: Stored
    previous: Stored | None


class Subscription:
    """One watcher's events in order; ends when closed by the store, the watcher or an overflowing backlog."""

    def __init__(self, backlog: Iterator[Event]) -> None:
        self._events = deque(backlog)
        self._wake = asyncio.Event()
        self._ended = False
        if self._events:
            self._wake.set()

    def push(self, event: Event) -> None:
        if len(self._events) >= BACKLOG:
            self.close()
        if not self._ended:
            self._events.append(event)
            self._wake.set()

    def close(self) -> None:
        self._ended = True
        self._wake.set()

    @property
    def ended(self) -> bool:
        return self._ended and not self._events

    async def next(self, timeout_seconds: float) -> Event | None:
        """The next event, or None after `timeout_seconds` or at the end (then `ended` is true)."""
        if not self._events and not self._ended:
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), timeout_seconds)
            except TimeoutError:
                return None
        return self._events.popleft() if self._events else None


class _Shelf:
    """All objects of one table, their order, recent changes and watchers."""

    def __init__(self, floor: int, history: int) -> None:
        self.objects: dict[Key, Stored] = {}
        self.floor = floor
        self.changed = floor
        self.events: deque[Event] = deque(maxlen=history)
        self.watchers: set[Subscription] = set()
        self._order: list[Key] | None = None

    def record(self, event: Event) -> None:
        if len(self.events) == self.events.maxlen:
            self.floor = self.events[0].revision
        self.changed = event.revision
        self.events.append(event)
        if event.type != "MODIFIED":
            self._order = None
        for watcher in self.watchers:
            watcher.push(event)

    def items(self) -> list[Stored]:
        if self._order is None:
            self._order = sorted(self.objects)
        return [self.objects[key] for key in self._order]


class Store:
    """Objects by table, namespace and name. `revision` is the latest resourceVersion given out."""

    def __init__(self, first_revision: int = 1, history: int = HISTORY) -> None:
        self.revision = first_revision
        self._first = first_revision
        self._history = history
        self._shelves: dict[Table, _Shelf] = {}
        self._closed = False
        self._leaving: set[Subscription] = set()
        self._snapshots: OrderedDict[tuple[Table, int], list[Stored]] = OrderedDict()

    def _shelf(self, table: Table) -> _Shelf:
        shelf = self._shelves.get(table)
        if shelf is None:
            shelf = self._shelves[table] = _Shelf(self._first, self._history)
        return shelf

    def get(self, table: Table, key: Key) -> Stored | None:
        return self._shelf(table).objects.get(key)

    def items(self, table: Table) -> list[Stored]:
        """All objects of the table, ordered by namespace and name."""
        return self._shelf(table).items()

    def tables(self) -> list[Table]:
        """Tables that hold at least one object."""
        return [table for table, shelf in self._shelves.items() if shelf.objects]

    def put(self, table: Table, obj: Object) -> Stored:
        """Stores `obj`, which now belongs to the store, under the next revision."""
        shelf = self._shelf(table)
        key = key_of(obj)
        previous = shelf.objects.get(key)
        stored = self._stamp(obj)
        shelf.objects[key] = stored
        kind = "ADDED" if previous is None else "MODIFIED"
        shelf.record(Event(stored.revision, kind, key, stored, previous))
        return stored

    def remove(self, table: Table, obj: Object) -> Stored:
        """Removes the object; `obj` is its last state, which watchers see with the deletion's revision."""
        shelf = self._shelf(table)
        key = key_of(obj)
        previous = shelf.objects.pop(key)
        stored = self._stamp(obj)
        shelf.record(Event(stored.revision, "DELETED", key, stored, previous))
        return stored

    def _stamp(self, obj: Object) -> Stored:
        self.revision += 1
        metadata = {**obj["metadata"], "resourceVersion": str(self.revision)}
        return Stored({**obj, "metadata": metadata}, self.revision)

    def drop(self, table: Table) -> None:
        """Forgets the table: its kind is served no more. Its watches end a moment later, as in a cluster, so
        that a client has heard of the definition's end first and does not ask for the kind again."""
        watchers = self._shelf(table).watchers
        self._shelves[table] = _Shelf(self.revision, self._history)
        self._leaving |= watchers
        asyncio.get_running_loop().call_later(LEAVING_SECONDS, self._end, watchers)

    def _end(self, watchers: set[Subscription]) -> None:
        for watcher in watchers:
            watcher.close()
        self._leaving -= watchers

    def subscribe(self, table: Table, since: int) -> Subscription:
        """Every change after revision `since`; a 410 Refusal where some of them are forgotten.

        A revision from the future was given out by another store, so that its past is unknown too.
        """
        shelf = self._shelf(table)
        if since < shelf.floor or since > self.revision:
            raise expired(f"too old resource version: {since} ({max(shelf.floor, self.revision)})")
        watcher = Subscription(event for event in shelf.events if event.revision > since)
        if self._closed:
            watcher.close()
        shelf.watchers.add(watcher)
        return watcher

    def unsubscribe(self, table: Table, watcher: Subscription) -> None:
        watcher.close()
        self._shelf(table).watchers.discard(watcher)

    def snapshot(self, table: Table) -> list[Stored]:
        """The items now, kept for a while so that later pages of this listing agree with the first."""
        items = self.items(table)
        self._snapshots[table, self.revision] = items
        while len(self._snapshots) > SNAPSHOTS:
            self._snapshots.popitem(last=False)
        return items

    def items_at(self, table: Table, revision: int) -> list[Stored]:
        """The items as they were at `revision`; a 410 Refusal where that is forgotten."""
        kept = self._snapshots.get((table, revision))
        if kept is not None:
            return kept
        if self._shelf(table).changed <= revision <= self.revision:
            return self.items(table)
        raise expired(
            "The provided continue parameter is too old to display a consistent list result. "
            "You can start a new list without the continue parameter."
        )

    def interrupt(self, *, forget: bool) -> None:
        """Ends every watch, as a restart of the server does; with `forget` the past is compacted too."""
        for shelf in self._shelves.values():
            for watcher in list(shelf.watchers):
                watcher.close()
            if forget:
                shelf.floor = shelf.changed = self.revision + 1
                shelf.events.clear()
        if forget:
            self.revision += 1
            self._snapshots.clear()

    def close(self) -> None:
        """Ends every watch, and each that is still asked for, so that the server can stop."""
        self._closed = True
        self._end(set(self._leaving))
        for shelf in self._shelves.values():
            for watcher in list(shelf.watchers):
                watcher.close()


def key_of(obj: Object) -> Key:
    """Namespace and name of `obj`."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def encode(value: Any) -> bytes:
    """`value` as compact UTF-8 JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def is_same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; unlike Python's ==, true is not 1 and 1 is not 1.0."""
    return bool(one == other) and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def copied(value: Any) -> Any:
    """A deep copy of a JSON value; several times faster than copy.deepcopy."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [copied(inner) for inner in value]
    return value
