"""The custom resources as a watch sees them, for waiting without sleeping: "until this one is Ready".

Used by the demo and by tests of the whole. Follows one kind; keeps the newest state of each object.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from controller.errors import ControllerError, Waiting
from controller.kube.client import JSON, ApiServer
from controller.kube.paths import ApiPath

Predicate = Callable[[JSON], bool]


def condition(resource: JSON, kind: str) -> JSON:
    """The condition of type `kind`, or {} where there is none."""
    conditions = (resource.get("status") or {}).get("conditions") or []
    return next((item for item in conditions if item["type"] == kind), {})


def has_condition(kind: str, status: str = "True") -> Predicate:
    """Whether the resource says so of its present generation."""

    def holds(resource: JSON) -> bool:
        found = condition(resource, kind)
        return (
            found.get("status") == status
            and found.get("observedGeneration") == resource["metadata"]["generation"]
        )

    return holds


class Board:
    """Follows the objects of one collection; `async with` starts and ends the watch."""

    def __init__(self, api: ApiServer, path: ApiPath) -> None:
        self._api, self._path = api, path
        self._objects: dict[str, JSON] = {}
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._broken: Exception | None = None

    async def __aenter__(self) -> Board:
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, name: str, holds: Predicate, seconds: float, what: str) -> JSON:
        """The object as soon as `holds` is true of it. Waiting, after `seconds`, tells `what` and what is."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self._broken or self._holds(name, holds))
        except TimeoutError:
            raise Waiting(f"{what} did not come within {seconds:g} s; {self._tell(name)}") from None
        if self._broken:
            raise self._broken
        return self._objects[name]

    async def until_any(self, holds: Predicate, seconds: float) -> JSON | None:
        """Some object of which `holds` is true, as soon as there is one; None after `seconds`."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self._broken or any(map(holds, self._objects.values())))
        except TimeoutError:
            return None
        if self._broken:
            raise self._broken
        return next(item for item in self._objects.values() if holds(item))

    def _holds(self, name: str, holds: Predicate) -> bool:
        return name in self._objects and holds(self._objects[name])

    def _tell(self, name: str) -> str:
        if name not in self._objects:
            return f"there is no {name}"
        conditions: list[Any] = (self._objects[name].get("status") or {}).get("conditions") or []
        told = [f"{c['type']}={c['status']} ({c['reason']}: {c['message']})" for c in conditions]
        return f"{name} says " + ("; ".join(told) or "nothing yet")

    async def _follow(self) -> None:
        try:
            while True:
                async for kind, item in self._api.watch(self._path):
                    await self._take(kind, item)
        except ControllerError as error:
            async with self._changed:
                self._broken = error
                self._changed.notify_all()

    async def _take(self, kind: str, item: JSON) -> None:
        async with self._changed:
            name = item["metadata"]["name"]
            if kind == "DELETED":
                self._objects.pop(name, None)
            else:
                self._objects[name] = item
            self._changed.notify_all()
