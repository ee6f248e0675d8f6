"""Namespaces by name that are missing, deleted or closed to the operator: the others go on, and each is taken
up again when it is back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from controller.api import API_VERSION, KINDS
from controller.kube import discovery
from controller.kube.paths import object_path
from controller.operator import namespaces as module
from controller.operator.main import run_operator
from controller.settings import Settings
from scim_sandbox.run import Setup, World, free_port, open_world
from tests.flow.conftest import SECONDS, Flow

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
JSON = dict[str, Any]
DELETED, ABSENT, CLOSED = "team-deleted", "team-absent", "team-closed"
WATCHED = ("default", DELETED, ABSENT, CLOSED)
COLLECTION = "/apis/scim-operator.dev/v1alpha1/namespaces/"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("world")
    async with open_world(Setup(directory, with_operator=False)) as opened:
        yield opened


class Operator:
    """The true operator over four namespaces by name."""

    def __init__(self, flow: Flow, port: int) -> None:
        self.flow, self._port = flow, port

    async def readiness(self) -> tuple[int, str]:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{self._port}/readyz")
        return answer.status_code, answer.text

    async def watched(self) -> dict[str, float]:
        """The metric, by namespace."""
        async with httpx.AsyncClient(trust_env=False) as client:
            text = (await client.get(f"http://127.0.0.1:{self._port}/metrics")).text
        lines = [line for line in text.splitlines() if line.startswith("scim_operator_namespace_watched{")]
        return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}

    async def until_watched(self, **wanted: float) -> None:
        """Returns when the metric says so; keys are the last words of the namespaces' names."""
        names = {f"team-{name}" if name != "default" else name: value for name, value in wanted.items()}
        async with asyncio.timeout(SECONDS):
            while True:
                if names.items() <= (await self.watched()).items():
                    return
                await asyncio.sleep(0.1)

    async def create(self, namespace: str) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        await self.flow.api.create(object_path("v1", "namespaces"), body)

    async def delete(self, namespace: str) -> None:
        path = object_path("v1", "namespaces", name=namespace)
        await self.flow.api.delete(path)
        await self.flow.until_gone(path)

    async def edit(self, namespace: str) -> None:
        """Writes an integration there, and returns when the operator has reported on it."""
        path = await self.write(namespace)
        await self.flow.until_path(path, is_reported)

    async def write(self, namespace: str) -> str:
        path = object_path(API_VERSION, KINDS["ScimIntegration"].plural, namespace, "one")
        interval = f"{60 + asyncio.get_running_loop().time() % 1000:.0f}m"
        spec = {
            "okta": {"orgRef": {"name": "none"}, "app": {"label": namespace}},
            "provider": {
                "baseUrl": f"https://scim.example.com/{namespace}",
                "auth": {"secretRef": {"name": "none"}},
            },
            "provisioning": {"by": "Operator"},
            "interval": interval,
        }
        body = {
            "apiVersion": API_VERSION,
            "kind": "ScimIntegration",
            "metadata": {"name": "one"},
            "spec": spec,
        }
        await self.flow.api.apply(path, body, manager="kubectl")
        return path


def is_reported(body: JSON) -> bool:
    return bool((body.get("status") or {}).get("observedGeneration") == body["metadata"]["generation"])


@pytest_asyncio.fixture(loop_scope="module")
async def operator(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Operator]:
    monkeypatch.setattr(discovery, "GUARD_SECONDS", 0.4)
    monkeypatch.setattr(discovery, "AGAIN_SECONDS", 0.2)
    monkeypatch.setattr(module, "BACK_SECONDS", 0.4)
    port, stop, ready = free_port(), asyncio.Event(), asyncio.Event()
    settings = Settings(allow_http_loopback=True, metrics_port=port, namespaces=",".join(WATCHED))
    one = Operator(flow, port)
    for namespace in (DELETED, CLOSED):
        await one.create(namespace)
    await flow.break_kubernetes("status", status=403, path=f"{COLLECTION}{CLOSED}")
    kubeconfig = flow.world.access.kubeconfig
    task = asyncio.create_task(run_operator(settings, kubeconfig=kubeconfig, stop=stop, ready=ready))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([waiting, task], timeout=60, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    yield one
    assert not task.done(), "nothing has ended the operator"
    stop.set()
    await asyncio.wait([task], timeout=20)
    task.result()
    assert not [one for one in threading.enumerate() if one.name == "informer"], "every watch has ended"


async def test_a_namespace_that_is_lost_stops_no_other_and_is_waited_for(operator: Operator) -> None:
    # One is missing at the start and one may not be read: both are named, and the others work.
    assert await operator.watched() == {"default": 1, DELETED: 1, ABSENT: 0, CLOSED: 0}
    await operator.edit("default")
    await operator.edit(DELETED)
    status, text = await operator.readiness()
    assert status == 200
    assert f"namespace {ABSENT} is not watched: NamespaceMissing" in text
    assert f"namespace {CLOSED} is not watched: NamespaceForbidden" in text

    # One is deleted while it is watched.
    await operator.delete(DELETED)
    await operator.until_watched(deleted=0)
    await operator.edit("default")

    # All of them come back, the deleted one as another namespace of the same name.
    await operator.create(DELETED)
    await operator.create(ABSENT)
    await operator.edit(DELETED)
    await operator.edit(ABSENT)
    await operator.flow.mend_kubernetes()
    await operator.edit(CLOSED)
    assert set((await operator.watched()).values()) == {1}
    status, text = await operator.readiness()
    assert (status, "not watched" in text) == (200, False)

    # The rights of one that is watched are taken away and given back; what happened meanwhile is seen.
    await operator.flow.break_kubernetes("status", status=403, path=f"{COLLECTION}{CLOSED}", method="GET")
    await operator.flow.break_kubernetes("status", status=403, path=f"{COLLECTION}{CLOSED}", method="WATCH")
    await operator.flow.break_kubernetes("cut-watches")
    await operator.until_watched(closed=0)
    await operator.edit("default")
    await operator.edit(ABSENT)
    path = await operator.write(CLOSED)
    await operator.flow.mend_kubernetes()
    await operator.flow.until_path(path, is_reported)
    await operator.edit(CLOSED)

    # With all of them gone the process waits too, and says that it does nothing.
    for namespace in WATCHED:
        await operator.flow.break_kubernetes("status", status=403, path=f"{COLLECTION}{namespace}")
    await operator.until_watched(default=0, deleted=0, absent=0, closed=0)
    status, text = await operator.readiness()
    assert (status, text.splitlines()[0]) == (503, "no namespace is watched")
    await operator.flow.mend_kubernetes()
    await operator.edit("default")
