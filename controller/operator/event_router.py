"""What an event of a resource means: who has to be looked at again, and what to forget.

Called by the informer on the main loop, and by main with the first listing. Decides from what the store has
before and after, never from the kind of event; the echo of a status that we wrote ourselves means nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from controller.api.meta import SHARD
from controller.clock import Clock
from controller.errors import ControllerError
from controller.kube.client import Body
from controller.metrics import Metrics
from controller.model.people import EVERYTHING, Refresh
from controller.operator.status_writer import Reporter
from controller.operator.store import (
    INTEGRATION,
    LIMIT,
    MAPPING,
    ORG,
    Place,
    Store,
    asks_for_a_look,
    asks_for_one_person,
    org_place,
    place_of,
)
from controller.reconcile.conditions import STALLED, by_type
from controller.reconcile.queue import WorkQueue
from controller.reconcile.reasons import Reason
from controller.transport.calls import Lane

NEWCOMER_SECONDS = 0.4
"""A new integration waits so long for the resources that are applied along with it."""
NOBODY = Refresh(frozenset())
"""Nobody yet: the reconciler adds the person whom an annotation names."""
logger = logging.getLogger(__name__)
Gone = Callable[[Place], Coroutine[Any, Any, None]]


class Intake:
    """Takes bodies in and enqueues every key that is concerned."""

    def __init__(
        self, store: Store, queue: WorkQueue, reporter: Reporter, clock: Clock, metrics: Metrics, shard: str
    ) -> None:
        self._store, self._queue, self._reporter = store, queue, reporter
        self._clock, self._metrics, self._shard = clock, metrics, shard
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused: set[str] = set()
        """Namespaces that are not watched: what is known of them may be old."""
        self._mine: set[str] = set()
        """Keys that this shard has taken up."""
        self.on_left: Callable[[Place], None] = lambda place: None
        self.on_gone: Gone | None = None
        self.on_org: Callable[[Place, bool], None] = lambda place, is_edited: None
        """Hears of every OktaOrg that is new, was edited or is asked for (True), and of every one whose
        integrations have changed."""
        self.on_leaving_org: Callable[[Body], Coroutine[Any, Any, None]] | None = None

    def first(self, bodies: Sequence[Body]) -> None:
        """The first listing, all kinds of it: everything is known before anything is reconciled."""
        for body in bodies:
            self._store.put(body)
        for body in bodies:
            self._changed(body, Lane.FULL, "Started")

    def pause(self, namespace: str, *, is_gone: bool) -> None:
        """`namespace` is not watched any more: nothing in it is reconciled. Unless it `is_gone`, what it held
        stays known, so that nobody else takes over its apps and tenants."""
        self._paused.add(namespace)
        for body in self._store.in_namespace(namespace):
            if is_gone:
                self._deleted(body)
            elif body["kind"] == INTEGRATION:
                self._queue.forget("/".join(place_of(body)[1:]))

    def resume(self, namespace: str, bodies: Sequence[Body]) -> None:
        """`namespace` is watched again and holds `bodies`."""
        self._paused.discard(namespace)
        present = {(place_of(body), body["metadata"].get("uid")) for body in bodies}
        for body in self._store.in_namespace(namespace):
            if (place_of(body), body["metadata"].get("uid")) not in present:
                self._deleted(body)
        self.first(bodies)

    def event(self, change: str, body: Body) -> None:
        """One event of a watch."""
        kind = str(body.get("kind"))
        self._metrics.watch_last_event_timestamp_seconds.labels(kind).set(self._clock.now().timestamp())
        if change == "DELETED":
            self._deleted(body)
            return
        old = self._store.get(*place_of(body))
        before = set(self._store.concerned(old)) if old is not None else set()
        if old is not None and kind == ORG and asks_for_a_look(old, body):
            self._store.put(body)
            self._check_org(place_of(body), is_edited=True)
        elif old is not None and asks_for_one_person(old, body):
            self._store.put(body)
            self.enqueue("/".join(place_of(body)[1:]), Lane.PERSON, "SyncUser", refresh=NOBODY)
        elif self._store.put(body):
            for key in sorted(before - set(self._store.concerned(body))):
                self.enqueue(key, Lane.PERSON, f"{kind}Changed")
            self._changed(body, Lane.PERSON, f"{kind}Changed")
            self._wake_yielding(body)

    def _wake_yielding(self, body: Body) -> None:
        """Integrations that yield to another one look again if one of them goes or is edited, or an org: its
        URL decides which apps are the same, and whom it allows decides who is in anybody's way."""
        if body["kind"] not in (INTEGRATION, ORG):
            return
        for other in self._store.of_kind(INTEGRATION):
            stalled = by_type((other.get("status") or {}).get("conditions") or []).get(STALLED, {})
            if stalled.get("reason") == Reason.CONFLICT and place_of(other) != place_of(body):
                self.enqueue("/".join(place_of(other)[1:]), Lane.CHANGE, "RivalChanged")

    def labels_changed(self, namespace: str, labels: Mapping[str, str]) -> None:
        """The labels of a namespace are others, and with them who may use an org. Its own integrations are
        enqueued by their watch."""
        if self._store.labels_of(namespace) == labels:
            return
        self._store.note_labels(namespace, labels)
        for body in self._store.in_namespace(namespace):
            if body["kind"] == INTEGRATION:
                self._check_org(org_place(body), is_edited=False)
                self._wake_yielding(body)
        for org in self._store.of_kind(ORG):
            if org["metadata"].get("deletionTimestamp") and self.on_leaving_org is not None:
                self._spawn(self.on_leaving_org(org))

    def _changed(self, body: Body, lane: Lane, why: str) -> None:
        if (
            body["metadata"].get("deletionTimestamp")
            and body["kind"] == ORG
            and self.on_leaving_org is not None
        ):
            self._spawn(self.on_leaving_org(body))
        keys = self._store.concerned(body)
        is_new = body["kind"] == INTEGRATION and not (body.get("status") or {}).get("conditions")
        for key in keys:
            self.enqueue(key, lane, why, NEWCOMER_SECONDS if is_new else 0.0)
        if body["kind"] == ORG:
            self._check_org(place_of(body), is_edited=True)
        elif not keys:
            self._lonely(body)
        if body["kind"] == INTEGRATION:
            self._check_org(org_place(body), is_edited=False)

    def _check_org(self, place: Place, *, is_edited: bool) -> None:
        """An OktaOrg is checked by one shard only."""
        if not self._shard and place[1] not in self._paused and self._store.get(*place) is not None:
            self.on_org(place, is_edited)

    def enqueue(
        self, key: str, lane: Lane, why: str, delay: float = 0.0, refresh: Refresh = EVERYTHING
    ) -> None:
        """Queues an integration if it is this shard's; one that went to another shard is left to it."""
        namespace, _, name = key.partition("/")
        body = self._store.get(INTEGRATION, namespace, name)
        if body is None or namespace in self._paused:
            return
        if self._is_ours(body):
            self._mine.add(key)
            self._queue.enqueue(key, refresh, lane, why, delay)
        elif key in self._mine:
            self._mine.discard(key)
            self._queue.forget(key)
            self.on_left((INTEGRATION, namespace, name))

    def _is_ours(self, integration: Body) -> bool:
        return bool((integration["metadata"].get("labels") or {}).get(SHARD, "") == self._shard)

    def _deleted(self, body: Body) -> None:
        place = place_of(body)
        old = self._store.drop(place) or body
        kind, namespace, name = place
        if kind == INTEGRATION:
            self._queue.forget(f"{namespace}/{name}")
            for sibling in (MAPPING, LIMIT):
                for one in self._store.siblings(sibling, namespace, name):
                    self._lonely(one)
            self._check_org(org_place(old), is_edited=False)
        else:
            for key in self._store.concerned(old):
                self.enqueue(key, Lane.PERSON, f"{kind}Deleted")
        self._wake_yielding(old)
        if self.on_gone is not None:
            self._spawn(self.on_gone(place))

    def _lonely(self, body: Body) -> None:
        """A resource that no run speaks for gets its status here; only one shard does it."""
        if not self._shard:
            self._spawn(self._lonely_soon(place_of(body)))

    async def _lonely_soon(self, place: Place) -> None:
        """Watches of two kinds are two streams: what a resource refers to may be heard of a moment later."""
        await self._clock.sleep(NEWCOMER_SECONDS)
        body = self._store.get(*place)
        if body is not None and place[1] not in self._paused:
            await self._reporter.lonely(body)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ControllerError as error:
            logger.warning("%s", error.message, extra={"facts": {"reason": error.reason}})
        except Exception:
            self._metrics.unexpected_errors_total.inc()
            logger.exception("unexpected error")

    async def aclose(self) -> None:
        """Waits for what is under way."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=5)
