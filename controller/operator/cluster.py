"""What the operator reads from and writes to the API server beside watching: Secrets, status, events, maps.

Called by reconciler, finalizers, secret_watches and main. Status is applied server-side with the
resourceVersion that the run began with, so that a former leader which wakes up late gets a 409 instead of
overwriting. Secrets are read when a run begins and kept by nobody here.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from controller.api.kinds import KINDS
from controller.api.meta import API_VERSION, FINALIZER
from controller.clock import Clock, rfc3339
from controller.errors import Conflict, NotFound, Unauthorized, Unavailable, Waiting, clip
from controller.kube.bounded_answers import MEBIBYTE, OBJECT_BYTES, TOO_LARGE
from controller.kube.client import JSON, MANAGER, ApiServer, Body, get_or_none
from controller.kube.paths import ApiPath, object_path
from controller.operator.org_sharing import needs_labels
from controller.operator.run_inputs import Vault, Wanted
from controller.operator.store import Place, Store, place_of
from controller.outside_text import shown_tree
from controller.reconcile.events import Event

FINALIZER_ATTEMPTS = 3
FORBIDDEN = 403
FORBIDDEN_SECONDS = 20.0
PLURALS = {"Secret": "secrets", "ConfigMap": "configmaps", "Namespace": "namespaces"}


class Cluster:
    """The API server, as far as the operator uses it itself."""

    def __init__(self, api: ApiServer, clock: Clock, instance: str = "scim-operator") -> None:
        self.api, self._clock, self._instance = api, clock, instance

    async def list_kind(self, kind: str, namespaces: Iterable[str]) -> list[JSON]:
        """Every object of `kind` in `namespaces`, () meaning all of them."""
        plural = KINDS[kind].plural
        found: list[JSON] = []
        for namespace in tuple(namespaces) or (None,):
            items = await self.api.list_all(object_path(API_VERSION, plural, namespace))
            found += [{**item, "kind": kind, "apiVersion": API_VERSION} for item in items]
        return found

    async def list_all_kinds(self, namespaces: Iterable[str]) -> list[JSON]:
        """Every object of our kinds in `namespaces`, () meaning all of them."""
        places = tuple(namespaces)
        return [body for kind in KINDS for body in await self.list_kind(kind, places)]

    async def read_vault(self, wanted: Iterable[Wanted]) -> Vault:
        """The Secrets and ConfigMaps that exist; what is missing is simply not in the vault. Raises Waiting
        for one that may not be read: that concerns whoever names it, and nobody else."""
        places = list(wanted)
        bodies = await asyncio.gather(*(self._read(place) for place in places))
        vault = Vault()
        for place, body in zip(places, bodies, strict=True):
            vault.versions[place] = ""
            if body is not None:
                vault.add(place, body)
        return vault

    async def _read(self, wanted: Wanted) -> JSON | None:
        kind, namespace, name = wanted
        try:
            return await get_or_none(self.api, object_path("v1", PLURALS[kind], namespace, name))
        except Unavailable as error:
            if error.reason != TOO_LARGE:
                raise
            raise Waiting(
                f"the {kind} {namespace}/{name} is larger than is read ({OBJECT_BYTES // MEBIBYTE} MiB); "
                "take out of it what the operator does not need",
                delay_seconds=FORBIDDEN_SECONDS,
                reason=TOO_LARGE,
            ) from None
        except Unauthorized as error:
            if error.status != FORBIDDEN:
                raise
            raise Waiting(
                f"the operator may not read the {kind} {namespace}/{name}; "
                "give it get and watch on that name, in the chart by secrets.names",
                delay_seconds=FORBIDDEN_SECONDS,
                reason="SecretForbidden",
            ) from None

    async def is_gone(self, body: Body) -> bool:
        """Whether the object of `body` does not exist any more, or is another one of its name."""
        found = await get_or_none(self.api, path_of(place_of(body)))
        return found is None or found["metadata"].get("uid") != body["metadata"].get("uid")

    async def namespace_labels(self, namespace: str) -> dict[str, str]:
        """Labels of a namespace."""
        body = await self.api.get(object_path("v1", "namespaces", name=namespace))
        return dict(body["metadata"].get("labels") or {})

    async def learn_labels(self, store: Store, integration: Body) -> None:
        """Notes in `store` the labels that decide whether `integration` may use its org, if any do."""
        if needs_labels(store, integration):
            namespace = str(integration["metadata"]["namespace"])
            store.note_labels(namespace, await self.namespace_labels(namespace))

    async def write_status(self, body: Body, status: Mapping[str, Any]) -> JSON | None:
        """The object with `status`, or None where it is gone. A body that was changed meanwhile is read again
        and written once more, unless its spec is another one: then the next run will write."""
        try:
            return await self._apply_status(body, status)
        except NotFound:
            return None
        except Conflict:
            fresh = await get_or_none(self.api, path_of(place_of(body)))
        if fresh is None or _identity(fresh) != _identity(body):
            return None
        return await self._apply_status({**fresh, "kind": body["kind"]}, status)

    async def _apply_status(self, body: Body, status: Mapping[str, Any]) -> JSON:
        kind, namespace, name = place_of(body)
        metadata = {
            "name": name,
            "namespace": namespace,
            "resourceVersion": body["metadata"].get("resourceVersion"),
        }
        applied = {
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": metadata,
            "status": shown_tree(status),
        }
        written = await self.api.apply_status(path_of((kind, namespace, name)), applied, manager=MANAGER)
        return {**written, "kind": kind, "apiVersion": API_VERSION}

    async def set_finalizer(self, body: Body, wanted: bool) -> JSON | None:
        """The object with our finalizer or without it; None where it is gone. Read again where somebody else
        has written since: the list of finalizers is theirs too."""
        path, fresh = path_of(place_of(body)), body
        for attempt in range(FINALIZER_ATTEMPTS):
            try:
                written = await self._set_finalizer(path, fresh, wanted)
            except NotFound:
                return None
            except Conflict:
                found = await get_or_none(self.api, path)
                if found is None or found["metadata"].get("uid") != body["metadata"].get("uid"):
                    return None
                if attempt == FINALIZER_ATTEMPTS - 1:
                    raise
                fresh = found
            else:
                return {**written, "kind": body["kind"], "apiVersion": API_VERSION}
        return None

    async def _set_finalizer(self, path: ApiPath, body: Body, wanted: bool) -> JSON:
        others = [one for one in body["metadata"].get("finalizers") or () if one != FINALIZER]
        finalizers = [*others, FINALIZER] if wanted else others
        metadata = {"finalizers": finalizers, "resourceVersion": body["metadata"]["resourceVersion"]}
        return await self.api.patch(path, {"metadata": metadata}, manager=MANAGER)

    async def post_event(self, body: Body, event: Event) -> None:
        """Records `event` on the object."""
        kind, namespace, name = place_of(body)
        now = rfc3339(self._clock.now())
        seed = f"{body['metadata'].get('uid')}{event.reason}{event.message}{self._clock.now().timestamp()}"
        suffix = hashlib.sha256(seed.encode()).hexdigest()[:16]
        record = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name[:230]}.{suffix}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": kind,
                "namespace": namespace,
                "name": name,
                "uid": body["metadata"].get("uid"),
                "resourceVersion": body["metadata"].get("resourceVersion"),
            },
            "type": event.type,
            "reason": event.reason,
            "message": clip(event.message),
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": MANAGER},
            "reportingComponent": MANAGER,
            "reportingInstance": self._instance,
        }
        await self.api.create(object_path("v1", "events", namespace), record)


def path_of(place: Place) -> ApiPath:
    """The URL path of one of our resources."""
    kind, namespace, name = place
    return object_path(API_VERSION, KINDS[kind].plural, namespace, name)


def _identity(body: Body) -> tuple[object, object]:
    return body["metadata"].get("uid"), body["metadata"].get("generation")
