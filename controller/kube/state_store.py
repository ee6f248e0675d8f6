"""State in ConfigMaps: what must survive a restart and the re-creation of a resource.

Called by state_cache before and after a run. All of it lies in the operator's own namespace, where users of
the resources have no rights: approvals and ownership are believed because nobody else can write them. Owned
by nobody, so that deleting a resource keeps it; the operator deletes its own maps itself. A map holds at
most CHUNK bytes; more goes into numbered parts on one of two sides, written before the head that names the
side, so that a crash between leaves the old state whole.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
from dataclasses import dataclass

from controller.api.meta import GROUP
from controller.kube.client import JSON, MANAGER, ApiServer, delete_if_present, get_or_none
from controller.kube.paths import ApiPath, object_path
from controller.parsing import whole_number

CHUNK = 600 * 1024
"""Bytes of a part: below 900 KiB in base64, while etcd takes 1 MiB an object."""
MOST_PARTS = 64
"""About 37 MiB; what 100,000 people need fits into a tenth."""
KEPT_FOR = f"{GROUP}/namespace"
"""Label of a ConfigMap: the namespace of the resource that it is kept for."""
ABOUT = f"{GROUP}/about"
logger = logging.getLogger(__name__)


def state_name(namespace: str, tenant: str) -> str:
    """Name of the ConfigMap with the memory of a tenant (its base URL), as integrations of `namespace` have
    it. No two namespaces share one, whatever URL somebody writes."""
    return f"scim-state-{hashed('tenant', namespace, tenant)}"


def plan_name(namespace: str, integration: str) -> str:
    """Name of the ConfigMap with the plan of a ScimIntegration that waits for approval."""
    return f"scim-plan-{hashed('plan', namespace, integration)}"


def hashed(*parts: str) -> str:
    """128 bits of `parts`, which cannot run into each other."""
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class About:
    """What a ConfigMap is kept for, as its label and its annotation tell a reader."""

    namespace: str
    text: str

    def metadata(self, home: str, name: str) -> JSON:
        """Metadata of the ConfigMap `name` in `home`."""
        return {
            "name": name,
            "namespace": home,
            "labels": {"app.kubernetes.io/managed-by": MANAGER, KEPT_FOR: self.namespace},
            "annotations": {ABOUT: self.text},
        }


@dataclass(frozen=True, slots=True)
class _Head:
    """The map that is read first."""

    version: str
    digest: str
    side: str
    parts: int


class StateStore:
    """Blobs by name in the ConfigMaps of one namespace."""

    def __init__(self, api: ApiServer, namespace: str) -> None:
        self._api, self.namespace = api, namespace
        self._heads: dict[str, _Head] = {}

    async def load(self, name: str) -> bytes | None:
        """The blob, or None where there is none or it is damaged."""
        body = await self._get(name)
        if body is None:
            self._heads.pop(name, None)
            return None
        head = _head_of(body)
        self._heads[name] = head
        blob = _content(body)
        for number in range(head.parts):
            part = await self._get(_part_name(name, head.side, number))
            if part is None:
                break
            blob += _content(part)
        if hashlib.sha256(blob).hexdigest() != head.digest:
            logger.warning(
                "state is damaged and counts as lost",
                extra={"facts": {"configmap": f"{self.namespace}/{name}"}},
            )
            return None
        return blob

    async def save(self, name: str, blob: bytes, about: About) -> None:
        """Stores `blob`; `about` tells a reader whose it is. Nothing is sent where it is stored already.
        Conflict where somebody else has written since the last load."""
        old = self._heads.get(name)
        digest = hashlib.sha256(blob).hexdigest()
        if old is not None and old.digest == digest:
            return
        side = "b" if old is not None and old.side == "a" else "a"
        parts = [blob[at : at + CHUNK] for at in range(0, len(blob), CHUNK)] if len(blob) > CHUNK else []
        for number, part in enumerate(parts):
            await self._put(_part_name(name, side, number), {"part": _text(part)}, about)
        data = {"digest": digest, "side": side, "parts": str(len(parts))}
        version = old.version if old is not None else ""
        content = {} if parts else {"part": _text(blob)}
        written = await self._put(name, content, about, data=data, version=version)
        self._heads[name] = _Head(written["metadata"]["resourceVersion"], digest, side, len(parts))
        if old is not None:
            await self._drop_parts(name, old)

    async def delete(self, name: str) -> None:
        """Takes the blob away, parts last."""
        body = await self._get(name)
        if body is None:
            return
        await self._delete(name)
        await self._drop_parts(name, _head_of(body))
        self._heads.pop(name, None)

    def forget(self, name: str) -> None:
        """The next load or save begins from what the API server has."""
        self._heads.pop(name, None)

    async def _drop_parts(self, name: str, head: _Head) -> None:
        for number in range(head.parts):
            await self._delete(_part_name(name, head.side, number))

    async def _get(self, name: str) -> JSON | None:
        return await get_or_none(self._api, self._path(name))

    async def _delete(self, name: str) -> None:
        await delete_if_present(self._api, self._path(name))

    def _path(self, name: str) -> ApiPath:
        return object_path("v1", "configmaps", self.namespace, name)

    async def _put(
        self,
        name: str,
        content: dict[str, str],
        about: About,
        *,
        data: dict[str, str] | None = None,
        version: str = "",
    ) -> JSON:
        metadata = about.metadata(self.namespace, name)
        if version:
            metadata["resourceVersion"] = version
        body: JSON = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": content}
        if data:
            body["data"] = data
        return await self._api.apply(self._path(name), body, manager=MANAGER)


def _part_name(name: str, side: str, number: int) -> str:
    return f"{name}-{side}{number}"


def _head_of(body: JSON) -> _Head:
    data = body.get("data") or {}
    parts = str(data.get("parts", "0"))
    return _Head(
        str(body["metadata"].get("resourceVersion", "")),
        str(data.get("digest", "")),
        "b" if data.get("side") == "b" else "a",
        min(whole_number(parts) or 0, MOST_PARTS),
    )


def _content(body: JSON) -> bytes:
    try:
        return base64.b64decode((body.get("binaryData") or {}).get("part", ""))
    except (binascii.Error, ValueError):
        return b""


def _text(part: bytes) -> str:
    return base64.b64encode(part).decode()
