"""Takes over what earlier versions kept in the namespaces of users: once, and without what grants anything.

Called by main before the first run. There, everybody with the role `edit` could write it, so it is read as
an outsider's claim: no approval, no plan, no undo log and no position in a log is taken over, the rest counts
as new, and the first plan of a tenant that has accounts is held. What was taken over is noted in the
operator's own namespace, so that a map which somebody writes later is never read.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from controller.clock import Clock, rfc3339
from controller.errors import ControllerError, Unauthorized
from controller.kube.client import MANAGER, ApiServer, Body, get_or_none
from controller.kube.paths import object_path
from controller.kube.state_store import ABOUT, About, StateStore, hashed, state_name
from controller.model.actual import Memory
from controller.operator.cluster import Cluster
from controller.operator.store import INTEGRATION, ORG, place_of
from controller.reconcile.events import Event
from controller.reconcile.reasons import Reason
from controller.reconcile.state_codec import decode_memory, encode_memory
from controller.urls import normal_url

AT_ONCE = 8
CARRIED: Final = (
    "pairs",
    "adopted",
    "window",
    "tenant",
    "app_id",
    "logins",
    "people_read",
    "credential",
    "seat_history",
    "settled",
    "deferred",
    "confirmed",
    "confirmed_paths",
    "sign_ins",
)
"""Fields of a memory that are taken over. None of them lets anything happen while the memory counts as new;
a field that is not named here is not taken over."""
_MEMORY: TypeAdapter[Memory] = TypeAdapter(Memory)
logger = logging.getLogger(__name__)


def believed(packed: bytes) -> Memory:
    """What is taken over of a memory that somebody else may have written. ValueError where it is none."""
    memory = decode_memory(packed)
    carried: dict[str, Any] = {name: getattr(memory, name) for name in CARRIED}
    carried["window"] = tuple(asdict(one) for one in memory.window)
    try:
        return _MEMORY.validate_python({**carried, "is_new": True})
    except ValidationError as error:
        raise ValueError(f"not a memory: {error.error_count()} fields are wrong") from None


class Mover:
    """The move into `home`. `lease` tells operators apart that share a namespace."""

    def __init__(self, api: ApiServer, home: str, clock: Clock, lease: str, shard: str) -> None:
        self._api, self._home, self._clock = api, home, clock
        self._cluster, self._shard = Cluster(api, clock), shard
        self._done = f"scim-state-moved-{hashed('moved', lease, shard)}"
        self._store = StateStore(api, home)

    async def move(self, bodies: Iterable[Body]) -> None:
        """Moves what belongs to `bodies`, unless that was done before. Raises where the API server fails:
        then the next start goes on with it."""
        path = object_path("v1", "configmaps", self._home, self._done)
        if await get_or_none(self._api, path) is not None:
            return
        turns = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._move(body, turns) for body in bodies))
        note = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self._done,
                "namespace": self._home,
                "labels": {"app.kubernetes.io/managed-by": MANAGER},
                "annotations": {ABOUT: "state of earlier versions was taken over; keep this"},
            },
            "data": {"time": rfc3339(self._clock.now())},
        }
        await self._api.apply(path, note, manager=MANAGER)

    async def _move(self, body: Body, turns: asyncio.Semaphore) -> None:
        if body["kind"] not in (INTEGRATION, ORG):
            return
        async with turns:
            try:
                await self._take(body)
                left = [name for name in self._names(body) if not await self._is_deleted(body, name)]
            except Unauthorized as error:
                logger.warning(
                    "state of an earlier version cannot be read and counts as lost: %s", error.message
                )
                return
            await self._report(body, left)

    def _names(self, body: Body) -> list[str]:
        """The maps that earlier versions made for a resource, beside it."""
        if body["kind"] == ORG:
            org_id = str((body.get("status") or {}).get("orgId", ""))
            return [f"scim-log-{_short(f'{org_id}/{self._shard}')}"] if org_id else []
        return [_state_of(body), f"scim-plan-{_short(str(body['metadata']['name']))}"]

    async def _take(self, body: Body) -> None:
        """The memory of an integration, unless there is one already."""
        if body["kind"] != INTEGRATION:
            return
        _, namespace, name = place_of(body)
        kept = state_name(namespace, normal_url(_written(body)))
        if await self._store.load(kept) is not None:
            return
        blob = await StateStore(self._api, namespace).load(_state_of(body))
        if blob is None:
            return
        facts = {"facts": {"resource": f"{namespace}/{name}"}}
        try:
            memory = await asyncio.to_thread(believed, blob)
        except ValueError as error:
            logger.warning("state of an earlier version counts as lost: %s", error, extra=facts)
            return
        packed = await asyncio.to_thread(encode_memory, memory)
        await self._store.save(kept, packed, About(namespace, f"{namespace}/{name}"))
        logger.info("state of an earlier version was taken over, without its approvals", extra=facts)

    async def _is_deleted(self, body: Body, name: str) -> bool:
        """Whether nothing is left of the map `name`, which the operator may lack the right to delete."""
        try:
            await StateStore(self._api, str(body["metadata"]["namespace"])).delete(name)
        except Unauthorized:
            return False
        return True

    async def _report(self, body: Body, left: list[str]) -> None:
        if not left:
            return
        _, namespace, name = place_of(body)
        told = (
            f"state of an earlier version is left in {', '.join(left)}: nobody reads it any more, and the "
            f"operator may not delete it; do so: kubectl delete configmap -n {namespace} -l "
            f"app.kubernetes.io/managed-by={MANAGER}"
        )
        logger.warning("%s", told, extra={"facts": {"resource": f"{namespace}/{name}"}})
        try:
            await self._cluster.post_event(body, Event("Warning", Reason.STATE_LEFT_BEHIND, told))
        except ControllerError as error:
            logger.warning("event not recorded: %s", error.message)


def _written(body: Mapping[str, Any]) -> str:
    return str(((body.get("spec") or {}).get("provider") or {}).get("baseUrl", "")).rstrip("/")


def _state_of(body: Body) -> str:
    return f"scim-state-{_short(_written(body))}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
