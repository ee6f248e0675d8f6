"""One sandbox world for each module of flow tests: the true operator over HTTP, on the embedded API, and once
more on a real one where there is one.

A world is dear, so the tests of a module share one and run in the order in which they are written.

Every status that a test waits for is also held against kstatus and Flux's checker rules.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from controller.api import API_VERSION, KINDS, REQUESTED_AT
from controller.errors import NotFound, RateLimited, Unavailable
from controller.kube.manifests import read_manifests, resource_path
from controller.kube.paths import object_path
from scim_sandbox import run
from scim_sandbox.actors import Hands, Okta, Provider
from scim_sandbox.okta.app import build_app
from scim_sandbox.okta.store import Org
from scim_sandbox.run import World, open_world
from scim_sandbox.watch_cache import Board, Predicate
from tests.cluster.control_plane import ADMIN
from tests.cluster.fixtures import Cluster
from tests.contract.okta.judge import Judge
from tests.kstatus import kstatus_faults

SECONDS = 40.0
FAULTS = "/_control/faults"
JSON = dict[str, Any]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the tests of a module of this folder in their order; tests/run.py keeps them on one worker."""
    here = Path(__file__).parent
    places = [place for place, item in enumerate(items) if here in item.path.parents]
    ours = sorted((items[place] for place in places), key=_order)
    for place, item in zip(places, ours, strict=True):
        items[place] = item


def _order(item: pytest.Item) -> tuple[str, str, int]:
    """Module, the Kubernetes API that its world has, line."""
    called = getattr(item, "callspec", None)
    return str(item.path), str(called.params.get("cluster", "")) if called else "", item.location[1] or 0


def merged(base: JSON, change: JSON) -> JSON:
    """`base` with `change` merged in as JSON merge patch does it (RFC 7396)."""
    result = dict(base)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


class Flow:
    """A world with a person's hands on it."""

    def __init__(self, world: World) -> None:
        self.world, self.api = world, world.api
        access = world.access
        self._hands = (
            Hands(access.okta_url, "Okta", f"SSWS {access.okta_api_token}"),
            Hands(access.scim_admin_url, "admin", f"Bearer {access.scim_admin_token}"),
        )
        self.okta, self.provider = Okta(self._hands[0]), Provider(self._hands[1])
        self.admin = self._hands[1]
        manifests = read_manifests([world.examples / "quickstart"])
        self.quickstart = {(m.kind, m.name): m.body for m in manifests}
        self._made: list[str] = []
        self._seen = 0

    async def aclose(self) -> None:
        for hands in self._hands:
            await hands.aclose()

    def example(self, kind: str, name: str = "", **change: Any) -> JSON:
        """A resource of the quickstart with `spec` and `metadata` changed by merge patch."""
        body = next(b for (k, n), b in self.quickstart.items() if k == kind and (not name or n == name))
        return merged(copy.deepcopy(body), change)

    async def apply(self, *bodies: JSON) -> None:
        for body in bodies:
            path = resource_path(body, "default")
            await self.api.apply(path, body, manager="kubectl")
            self._made.append(path)

    async def apply_quickstart(self) -> None:
        await self.apply(*self.quickstart.values())

    async def until(self, kind: str, name: str, holds: Predicate, what: str = "") -> JSON:
        """The resource once `holds` is true of it; its status has to be flawless for readers by kstatus."""
        async with Board(self.api, self._collection(kind)) as board:
            found = await board.until(name, holds, SECONDS, what or f"{kind} {name}")
        assert kstatus_faults(found) == []
        return found

    async def until_path(self, path: str, holds: Predicate) -> JSON:
        """The object at `path`, in whatever namespace, once `holds` is true of it."""
        async with asyncio.timeout(SECONDS):
            while True:
                body = await self.api.get(path)
                if holds(body):
                    return body
                await asyncio.sleep(0.1)

    async def until_gone(self, path: str) -> None:
        """Returns when nothing is at `path` any more."""
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    await self.api.get(path)
                except NotFound:
                    return
                await asyncio.sleep(0.02)

    def quickstart_but(self, kind: str) -> list[JSON]:
        """The quickstart without its resource of `kind`."""
        return [body for (one, _), body in self.quickstart.items() if one != kind]

    async def get(self, kind: str, name: str) -> JSON:
        return await self.api.get(f"{self._collection(kind)}/{name}")

    async def patch(self, kind: str, name: str, change: JSON) -> JSON:
        return await self.api.patch(f"{self._collection(kind)}/{name}", change, manager="kubectl")

    @property
    def is_real(self) -> bool:
        """Whether the Kubernetes API is a real one, without controllers of its own."""
        return bool(self.world.setup.kubeconfig)

    async def annotate(self, kind: str, name: str, **annotations: str | None) -> JSON:
        """Sets annotations of ours; who approves does it in their own name: the admission policy asks it."""
        if "approve" in annotations:
            annotations.setdefault("approved_by", ADMIN)
        named = {f"scim-operator.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
        return await self.patch(kind, name, {"metadata": {"annotations": named}})

    async def reconcile(self, name: str = "calendly") -> JSON:
        """The integration after a reconcile that was asked for."""
        token = f"t{asyncio.get_running_loop().time()}"
        await self.patch("ScimIntegration", name, {"metadata": {"annotations": {REQUESTED_AT: token}}})
        return await self.until(
            "ScimIntegration", name, lambda b: b.get("status", {}).get("lastHandledReconcileAt") == token
        )

    async def events(self, name: str) -> list[JSON]:
        found = await self.api.list_all(object_path("v1", "events", "default"))
        return [event for event in found if event["involvedObject"]["name"] == name]

    async def until_event(self, name: str, reason: str) -> JSON:
        """The event of that reason; events are recorded right after the status."""
        async with asyncio.timeout(SECONDS):
            while True:
                found = [event for event in await self.events(name) if event["reason"] == reason]
                if found:
                    return found[-1]
                await asyncio.sleep(0.05)

    async def begin(self) -> None:
        """Forgets what Okta was asked for until now."""
        self._seen = len(await self._journal())

    async def _journal(self) -> list[JSON]:
        answer = await self._hands[0].send("GET", "/_control/requests")
        requests: list[JSON] = answer["requests"]
        return requests

    async def okta_calls(self) -> list[str]:
        """`METHOD path` of every call that Okta has had since `begin`."""
        return [f"{one['method']} {one['path']}" for one in (await self._journal())[self._seen :]]

    async def okta_writes(self) -> list[str]:
        """Those that change something."""
        return [call for call in await self.okta_calls() if not call.startswith("GET ")]

    async def fault(self, kind: str, path: str, **more: Any) -> None:
        """Breaks Okta until `mend`."""
        await self._hands[0].send("POST", "/_control/faults", {"kind": kind, "path": path, **more})

    async def mend(self) -> None:
        await self._hands[0].send("DELETE", "/_control/faults")
        await self.begin()

    async def break_kubernetes(self, kind: str, **more: Any) -> None:
        """Breaks the embedded Kubernetes API until `mend_kubernetes`, for the test too."""
        await self.api.create(FAULTS, {"kind": kind, **more})

    async def mend_kubernetes(self) -> None:
        await self.api.delete(FAULTS)

    async def apply_when_it_answers(self) -> None:
        """The quickstart, each document tried again while the API server refuses it."""
        for body in self.quickstart.values():
            async with asyncio.timeout(SECONDS):
                while True:
                    try:
                        await self.apply(body)
                        break
                    except (RateLimited, Unavailable):
                        await asyncio.sleep(0.2)

    async def okta_send(self, method: str, path: str, body: Any = None) -> Any:
        """One call that an administrator of Okta makes."""
        answer = await self._hands[0].send(method, path, body)
        await self.begin()
        return answer

    async def metrics(self) -> str:
        """What a scrape of the operator gets."""
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(self.world.access.metrics_url)).text

    async def clean(self) -> None:
        """Deletes what the test has made, the newest first, and waits until it is gone."""
        if not self.is_real:
            await self.mend_kubernetes()
        made, self._made = self._made, []
        for path in reversed(made):
            with contextlib.suppress(NotFound):
                await self.api.delete(path)
                await self.until_gone(path)

    def _collection(self, kind: str) -> str:
        return object_path(API_VERSION, KINDS[kind].plural, "default")


def condition(body: JSON, kind: str) -> JSON:
    conditions = (body.get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == kind), {})


def says(kind: str, status: str, reason: str) -> Predicate:
    """Whether a condition has this status and reason, for the present generation."""

    def holds(body: JSON) -> bool:
        found = condition(body, kind)
        is_now = found.get("observedGeneration") == body["metadata"]["generation"]
        return is_now and (found.get("status"), found.get("reason")) == (status, reason)

    return holds


@pytest.fixture(scope="module", autouse=True)
def judged() -> Iterator[None]:
    """Every call to a simulated Okta of this module, and every answer, is as Okta's document says."""
    judges: list[Judge] = []

    def build(org: Org) -> Judge:
        judges.append(Judge(build_app(org)))
        return judges[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "build_okta", build)
        yield
    assert [fault for judge in judges for fault in judge.violations] == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("world")
    async with open_world(cluster.setup(directory)) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def flow(world: World) -> AsyncIterator[Flow]:
    made = Flow(world)
    await made.begin()
    try:
        yield made
    finally:
        await made.clean()
        await made.aclose()
