"""Watches the Secrets and ConfigMaps that resources name, each by name, and enqueues who named them; and the
namespaces whose labels decide who may use an OktaOrg.

Called by the reconciler with what a run reads. Each is watched by the field selector metadata.name, because
resourceNames in RBAC allow that and nothing wider; no Secret is ever kept. A watch that ends is begun again.
Of a namespace only the labels count; an operator that may not watch it, since it is confined to its
namespaces, looks at it now and then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from controller.clock import Clock
from controller.errors import ControllerError, Unauthorized
from controller.kube.client import JSON, ApiServer, get_or_none
from controller.kube.paths import field_selector, object_path
from controller.metrics import Metrics
from controller.operator.cluster import FORBIDDEN, PLURALS
from controller.operator.run_inputs import Wanted

RETRY_SECONDS = 2.0
LONGEST_RETRY_SECONDS = 30.0
PAUSE_SECONDS = 0.2
"""Between two watches, so that a server which ends them at once is not run over."""
WATCH_SECONDS = 300
LOOK_SECONDS = 10.0
"""Between two looks at a namespace that may not be watched."""
NAMESPACE = "Namespace"
Labels = Mapping[str, str]
Enqueue = Callable[[str, str], None]
"""(key of the integration, why)."""
logger = logging.getLogger(__name__)


def place_of_namespace(namespace: str) -> Wanted:
    """What to want for the labels of `namespace`."""
    return NAMESPACE, "", namespace


def version_of_labels(labels: Labels) -> str:
    """A text that is another one if the labels are."""
    return repr(sorted(labels.items()))


class SecretWatches:
    """One watch for each named object, as long as somebody wants it."""

    def __init__(self, api: ApiServer, clock: Clock, metrics: Metrics, enqueue: Enqueue) -> None:
        self._api, self._clock, self._metrics, self._enqueue = api, clock, metrics, enqueue
        self._wanted_by: dict[Wanted, set[str]] = {}
        self._tasks: dict[Wanted, asyncio.Task[None]] = {}
        self._seen: dict[Wanted, str] = {}
        self.on_labels: Callable[[str, Labels], None] = lambda namespace, labels: None
        """Hears of the labels of a namespace before anybody is enqueued for them."""

    def want(self, key: str, wanted: Iterable[Wanted]) -> None:
        """`key` reads `wanted`, and nothing else any more."""
        now = set(wanted)
        for place in now:
            self._wanted_by.setdefault(place, set()).add(key)
            if place not in self._tasks:
                self._tasks[place] = asyncio.create_task(self._follow(place), name=f"watch {'/'.join(place)}")
        for place in [place for place, keys in self._wanted_by.items() if key in keys and place not in now]:
            self._release(place, key)

    def unwant(self, key: str) -> None:
        """`key` is gone."""
        self.want(key, ())

    def _release(self, place: Wanted, key: str) -> None:
        self._wanted_by[place].discard(key)
        if not self._wanted_by[place]:
            del self._wanted_by[place]
            self._seen.pop(place, None)
            self._tasks.pop(place).cancel()

    async def _follow(self, place: Wanted) -> None:
        """Watches for good; told once when it begins to fail, and tried less often the longer it does."""
        failures = 0
        while True:
            try:
                await self._watch_once(place)
                failures = 0
                await self._clock.sleep(PAUSE_SECONDS)
            except ControllerError as error:
                facts = {"object": "/".join(place), "reason": error.reason}
                level = logging.DEBUG if failures else logging.INFO
                logger.log(level, "watch ended: %s", error.message, extra={"facts": facts})
                await self._clock.sleep(min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2.0**failures))
                failures = min(failures + 1, 10)

    async def _watch_once(self, place: Wanted) -> None:
        kind, namespace, name = place
        path = object_path("v1", PLURALS[kind], namespace or None)
        query = {"fieldSelector": field_selector(name), "timeoutSeconds": WATCH_SECONDS}
        try:
            async for change, body in self._api.watch(path, query):
                now = self._clock.now().timestamp()
                self._metrics.watch_last_event_timestamp_seconds.labels(kind).set(now)
                self._saw_body(place, None if change == "DELETED" else body)
        except Unauthorized as error:
            if kind != NAMESPACE or error.status != FORBIDDEN:
                raise
            found = await get_or_none(self._api, object_path("v1", PLURALS[kind], name=name))
            self._saw_body(place, found)
            await self._clock.sleep(LOOK_SECONDS)

    def _saw_body(self, place: Wanted, body: JSON | None) -> None:
        metadata = body["metadata"] if body is not None else {}
        if place[0] != NAMESPACE:
            self._saw(place, str(metadata.get("resourceVersion", "")))
            return
        labels = dict(metadata.get("labels") or {})
        self.on_labels(place[2], labels)
        self._saw(place, version_of_labels(labels))

    def _saw(self, place: Wanted, version: str) -> None:
        known = self._seen.setdefault(place, version)
        self._seen[place] = version
        for key in sorted(self._wanted_by.get(place, ())) if known != version else ():
            self._enqueue(key, f"{place[0]}Changed")

    def read(self, key: str, versions: Mapping[Wanted, str]) -> None:
        """A run of `key` has read these versions ("" for what is missing). Where the watch has seen another
        one meanwhile, the run has read the past and is repeated."""
        for place, version in versions.items():
            if place in self._wanted_by and self._seen.setdefault(place, version) != version:
                self._seen[place] = version
                self._enqueue(key, f"{place[0]}Changed")

    async def aclose(self) -> None:
        """Ends every watch."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
