"""Watch streams: from stored events to the lines that one client is sent.

Called by objects. Each watch reads its own subscription; an object's JSON is made once and shared by all
watches. Waiting uses the loop's own timer: a watch's timeout is the network's time, not the stamping
clock's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from scim_sandbox.kubernetes.failures import Refusal, bad_request
from scim_sandbox.kubernetes.reads import Selection, parse_version
from scim_sandbox.kubernetes.store import Event, Object, Store, Stored, Subscription, encode

DEFAULT_TIMEOUT_SECONDS = 1800.0
BOOKMARK_SECONDS = 60.0
Render = Callable[[Object], Object]


class Watch:
    """One watch: which objects, in which representation, from when until when.

    `render` turns an object as served into what the event carries; None sends it as it is.
    """

    def __init__(
        self, store: Store, wanted: Selection, query: Mapping[str, str], render: Render | None
    ) -> None:
        self._store, self._wanted, self._render = store, wanted, render
        self._table = wanted.resource.storage
        self._version = query.get("resourceVersion", "")
        self._has_bookmarks = query.get("allowWatchBookmarks") in ("true", "1")
        self._sends_initial = query.get("sendInitialEvents") in ("true", "1")
        self._timeout = _timeout(query.get("timeoutSeconds", ""))
        self._since = 0 if self._version in ("", "0") else parse_version(self._version)
        self._subscription: Subscription | None = None

    async def lines(self) -> AsyncIterator[bytes]:
        """The events as JSON lines, until the timeout, the end of the resource or the server's stop."""
        lists_first = self._sends_initial or self._since == 0
        try:
            since = self._store.revision if lists_first else self._since
            self._subscription = self._store.subscribe(self._table, since)
        except Refusal as refusal:
            yield _line("ERROR", encode(refusal.status()))
            return
        try:
            if lists_first:
                for line in self._initial():
                    yield line
            async for line in self._changes(self._subscription):
                yield line
        finally:
            self._store.unsubscribe(self._table, self._subscription)

    def close(self) -> None:
        """Ends the watch: the client has gone."""
        if self._subscription is not None:
            self._subscription.close()

    def _initial(self) -> list[bytes]:
        items = [stored for stored in self._store.items(self._table) if self._wanted.holds(stored)]
        lines = [self._event_line("ADDED", stored) for stored in items]
        if self._sends_initial and self._has_bookmarks:
            lines.append(self._bookmark({"k8s.io/initial-events-end": "true"}))
        return lines

    async def _changes(self, subscription: Subscription) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        while not subscription.ended:
            left = deadline - loop.time()
            if left <= 0:
                break
            event = await subscription.next(min(left, BOOKMARK_SECONDS))
            if event is not None:
                if line := self._change_line(event):
                    yield line
            elif self._has_bookmarks and not subscription.ended:
                yield self._bookmark({})

    def _change_line(self, event: Event) -> bytes:
        """The line for this watch, or b"": entering the selection adds, leaving it deletes."""
        previous = event.previous
        was = previous is not None and self._wanted.holds(previous)
        if event.type == "DELETED":
            return self._event_line("DELETED", event.stored) if was else b""
        if self._wanted.holds(event.stored):
            return self._event_line("MODIFIED" if was else "ADDED", event.stored)
        if not was or previous is None:
            return b""
        metadata = {**previous.obj["metadata"], "resourceVersion": str(event.revision)}
        left = Stored({**previous.obj, "metadata": metadata}, event.revision)
        return self._event_line("DELETED", left)

    def _event_line(self, kind: str, stored: Stored) -> bytes:
        served = self._wanted.resource.from_storage(stored.obj)
        if self._render is not None:
            return _line(kind, encode(self._render(served)))
        return _line(kind, stored.encoded() if served is stored.obj else encode(served))

    def _bookmark(self, annotations: dict[str, str]) -> bytes:
        resource = self._wanted.resource
        metadata: dict[str, Any] = {"resourceVersion": str(self._store.revision)}
        if annotations:
            metadata["annotations"] = annotations
        return _line(
            "BOOKMARK",
            encode({"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}),
        )


def _line(kind: str, obj: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + obj + b"}\n"


def _timeout(text: str) -> float:
    try:
        seconds = int(text or 0)
    except ValueError:
        raise bad_request(f'timeoutSeconds: Invalid value: "{text}": must be an integer') from None
    return float(seconds) if seconds > 0 else DEFAULT_TIMEOUT_SECONDS
