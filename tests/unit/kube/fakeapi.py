"""An API server in memory, as much of it as the operator's own reads and writes need."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Mapping
from typing import Any

from controller.errors import Conflict, NotFound, RemoteError

JSON = dict[str, Any]


class FakeApi:
    """Objects by path, with resource versions. Duck-types kube.client.ApiServer."""

    namespace = "ops"

    def __init__(self) -> None:
        self.objects: dict[str, JSON] = {}
        self.calls: list[str] = []
        self.broken: RemoteError | None = None
        self.watched: list[tuple[str, JSON]] = []
        self._version = 0

    def put(self, path: str, body: JSON) -> JSON:
        """Stores `body`, as if somebody else had."""
        self._version += 1
        stored = copy.deepcopy(body)
        stored.setdefault("metadata", {})["resourceVersion"] = str(self._version)
        self.objects[path] = stored
        return copy.deepcopy(stored)

    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith(("GET", "LIST"))]

    def _call(self, method: str, path: str) -> None:
        self.calls.append(f"{method} {path}")
        if self.broken is not None:
            raise self.broken

    def _check(self, path: str, body: JSON) -> None:
        wanted = (body.get("metadata") or {}).get("resourceVersion")
        present = self.objects.get(path)
        if wanted and present is None:
            raise NotFound(path, system="Kubernetes", status=404)
        if wanted and present is not None and present["metadata"]["resourceVersion"] != wanted:
            raise Conflict("changed meanwhile", system="Kubernetes", status=409)

    async def get(self, path: str, params: Mapping[str, Any] | None = None, *, table: bool = False) -> JSON:
        self._call("GET", path)
        if path not in self.objects:
            raise NotFound(path, system="Kubernetes", status=404)
        return copy.deepcopy(self.objects[path])

    async def list_all(self, path: str, params: Mapping[str, Any] | None = None) -> list[JSON]:
        self._call("LIST", path)
        return [copy.deepcopy(body) for place, body in self.objects.items() if place.startswith(path + "/")]

    async def apply(self, path: str, body: JSON, *, manager: str = "x") -> JSON:
        self._call("APPLY", path)
        self._check(path, body)
        return self.put(path, body)

    async def apply_status(self, path: str, body: JSON, *, manager: str) -> JSON:
        self._call("STATUS", path)
        self._check(path, body)
        if path not in self.objects:
            raise NotFound(path, system="Kubernetes", status=404)
        return self.put(path, {**self.objects[path], "status": body["status"]})

    async def replace(self, path: str, body: JSON, *, manager: str = "x") -> JSON:
        self._call("PUT", path)
        self._check(path, body)
        return self.put(path, body)

    async def patch(self, path: str, body: JSON, *, manager: str = "x", dry_run: bool = False) -> JSON:
        self._call("DRYRUN" if dry_run else "PATCH", path)
        present = (await self.get(path)) if path in self.objects else None
        if present is None:
            raise NotFound(path, system="Kubernetes", status=404)
        self._check(path, body)
        metadata = {**present["metadata"], **(body.get("metadata") or {})}
        if dry_run:
            return present
        return self.put(path, {**present, **body, "metadata": metadata})

    async def create(self, path: str, body: JSON) -> JSON:
        place = f"{path}/{body['metadata']['name']}"
        self._call("POST", place)
        if place in self.objects:
            raise Conflict("exists", system="Kubernetes", status=409)
        return self.put(place, body)

    async def delete(self, path: str) -> JSON:
        self._call("DELETE", path)
        if path not in self.objects:
            raise NotFound(path, system="Kubernetes", status=404)
        return self.objects.pop(path)

    async def watch(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> AsyncIterator[tuple[str, JSON]]:
        self._call("GET", path)
        while self.watched:
            yield self.watched.pop(0)
