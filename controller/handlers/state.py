"""State in ConfigMaps: what must survive a restart and the re-creation of a resource.

Called by the reconciler before and after a run. Owned by nobody, so that deleting a resource keeps it; the
operator deletes its own maps itself. A map holds at most CHUNK bytes; more goes into numbered parts on one of
two sides, written before the head that names the side, so that a crash between leaves the old state whole.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
from dataclasses import dataclass

from controller.errors import NotFound
from controller.handlers.apiserver import JSON, ApiServer
from controller.handlers.cluster import MANAGER
from controller.handlers.paths import object_path
from controller.parsing import whole_number

CHUNK = 600 * 1024
"""Bytes of a part: below 900 KiB in base64, while etcd takes 1 MiB an object."""
logger = logging.getLogger(__name__)


def state_name(tenant: str) -> str:
    """Name of the ConfigMap with the memory of a tenant (its base URL)."""
    return f"scim-state-{hashlib.sha256(tenant.encode()).hexdigest()[:16]}"


def plan_name(integration: str) -> str:
    """Name of the ConfigMap with the plan of a ScimIntegration that waits for approval."""
    return f"scim-plan-{hashlib.sha256(integration.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class _Head:
    """The map that is read first."""

    version: str
    digest: str
    side: str
    parts: int


class StateStore:
    """Blobs by name in ConfigMaps."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._heads: dict[tuple[str, str], _Head] = {}

    async def load(self, namespace: str, name: str) -> bytes | None:
        """The blob, or None where there is none or it is damaged."""
        body = await self._get(namespace, name)
        if body is None:
            self._heads.pop((namespace, name), None)
            return None
        head = _head_of(body)
        self._heads[namespace, name] = head
        blob = _content(body)
        for number in range(head.parts):
            part = await self._get(namespace, _part_name(name, head.side, number))
            blob += _content(part) if part is not None else b""
        if hashlib.sha256(blob).hexdigest() != head.digest:
            logger.warning(
                "state is damaged and counts as lost", extra={"facts": {"configmap": f"{namespace}/{name}"}}
            )
            return None
        return blob

    async def save(self, namespace: str, name: str, blob: bytes, about: str) -> None:
        """Stores `blob`; `about` tells a reader whose it is. Nothing is sent where it is stored already.
        Conflict where somebody else has written since the last load."""
        old = self._heads.get((namespace, name))
        digest = hashlib.sha256(blob).hexdigest()
        if old is not None and old.digest == digest:
            return
        side = "b" if old is not None and old.side == "a" else "a"
        parts = [blob[at : at + CHUNK] for at in range(0, len(blob), CHUNK)] if len(blob) > CHUNK else []
        for number, part in enumerate(parts):
            await self._put(namespace, _part_name(name, side, number), {"part": _text(part)}, about)
        data = {"digest": digest, "side": side, "parts": str(len(parts))}
        version = old.version if old is not None else ""
        content = {} if parts else {"part": _text(blob)}
        written = await self._put(namespace, name, content, about, data=data, version=version)
        self._heads[namespace, name] = _Head(written["metadata"]["resourceVersion"], digest, side, len(parts))
        if old is not None:
            await self._drop_parts(namespace, name, old)

    async def delete(self, namespace: str, name: str) -> None:
        """Takes the blob away, parts last."""
        body = await self._get(namespace, name)
        if body is None:
            return
        await self._delete(namespace, name)
        await self._drop_parts(namespace, name, _head_of(body))
        self._heads.pop((namespace, name), None)

    def forget(self, namespace: str, name: str) -> None:
        """The next load or save begins from what the API server has."""
        self._heads.pop((namespace, name), None)

    async def _drop_parts(self, namespace: str, name: str, head: _Head) -> None:
        for number in range(head.parts):
            await self._delete(namespace, _part_name(name, head.side, number))

    async def _get(self, namespace: str, name: str) -> JSON | None:
        try:
            return await self._api.get(object_path("v1", "configmaps", namespace, name))
        except NotFound:
            return None

    async def _delete(self, namespace: str, name: str) -> None:
        try:
            await self._api.delete(object_path("v1", "configmaps", namespace, name))
        except NotFound:
            return

    async def _put(
        self,
        namespace: str,
        name: str,
        content: dict[str, str],
        about: str,
        *,
        data: dict[str, str] | None = None,
        version: str = "",
    ) -> JSON:
        metadata: JSON = {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": MANAGER},
            "annotations": {"scim-operator.dev/about": about},
        }
        if version:
            metadata["resourceVersion"] = version
        body: JSON = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": content}
        if data:
            body["data"] = data
        return await self._api.apply(object_path("v1", "configmaps", namespace, name), body, manager=MANAGER)


def _part_name(name: str, side: str, number: int) -> str:
    return f"{name}-{side}{number}"


def _head_of(body: JSON) -> _Head:
    data = body.get("data") or {}
    parts = str(data.get("parts", "0"))
    return _Head(
        str(body["metadata"].get("resourceVersion", "")),
        str(data.get("digest", "")),
        str(data.get("side", "a")),
        whole_number(parts) or 0,
    )


def _content(body: JSON) -> bytes:
    try:
        return base64.b64decode((body.get("binaryData") or {}).get("part", ""))
    except (binascii.Error, ValueError):
        return b""


def _text(part: bytes) -> str:
    return base64.b64encode(part).decode()
