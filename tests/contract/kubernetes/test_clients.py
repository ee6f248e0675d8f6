"""The operator's clients against the embedded API server: kopf as informer, kubernetes.aio for calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import kopf
import pytest
from kubernetes.aio import client as aio
from kubernetes.aio import config as aio_config
from pydantic import SecretStr

from controller.clock import SystemClock
from scim_sandbox.kubernetes.app import build_app, kubeconfig
from scim_sandbox.serving import Served, serve
from tests.contract.kubernetes.player import MERGE
from tests.contract.kubernetes.scenario import DEFINITIONS
from tests.contract.kubernetes.widgets import CRD, GROUP, widget

TOKEN = "clients"
WIDGETS = f"/apis/{GROUP}/v1/namespaces/default/widgets"
SECONDS = 20.0


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    running = await serve(build_app(SystemClock(), SecretStr(TOKEN)))
    yield running
    await running.stop()


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the token, beside a server that has the Widget kind."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=served.url, headers=headers, trust_env=False) as client:
        (await client.post(DEFINITIONS, json=CRD)).raise_for_status()
        yield client


class Operator:
    """A kopf operator that notes the events of Widgets and takes a finalizer for deletion.

    It has a thread and a loop of its own, because kopf cancels every task of its loop when it stops.
    """

    def __init__(self, url: str) -> None:
        self.seen: list[tuple[str, str, Any]] = []
        self.news = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.stop = threading.Event()
        self.ready = threading.Event()
        self.registry = kopf.OperatorRegistry()
        self.url = url
        self._register()

    def _register(self) -> None:
        registry = self.registry

        @kopf.on.login(registry=registry)
        def login(**_: Any) -> kopf.ConnectionInfo:
            return kopf.ConnectionInfo(server=self.url, token=TOKEN)

        @kopf.on.event(GROUP, "v1", "widgets", registry=registry)
        def noted(event: Any, name: str | None, spec: Any, meta: Any, **_: Any) -> None:
            self.note(event["type"], name, spec.get("size"))
            if meta.get("finalizers"):
                self.note("guarded", name, None)

        @kopf.on.delete(GROUP, "v1", "widgets", registry=registry)
        def deleted(name: str | None, **_: Any) -> None:
            self.note("deletion handled", name, None)

    async def run(self) -> None:
        settings = kopf.OperatorSettings()
        settings.posting.enabled = False
        await kopf.operator(
            registry=self.registry,
            settings=settings,
            clusterwide=True,
            standalone=True,
            ready_flag=self.ready,
            stop_flag=self.stop,
        )

    async def until(self, found: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not found():
                self.news.clear()
                await self.news.wait()

    def note(self, kind: str | None, name: str | None, size: Any) -> None:
        self.seen.append((kind or "LISTED", str(name), size))
        self.loop.call_soon_threadsafe(self.news.set)


@pytest.fixture
async def operator(served: Served, http: httpx.AsyncClient) -> AsyncIterator[Operator]:
    running = Operator(served.url)
    thread = threading.Thread(target=lambda: asyncio.run(running.run()), daemon=True)
    thread.start()
    assert await asyncio.to_thread(running.ready.wait, SECONDS)
    yield running
    running.stop.set()
    await asyncio.to_thread(thread.join, SECONDS)
    assert not thread.is_alive()


async def test_kopf_sees_creation_update_and_deletion(operator: Operator, http: httpx.AsyncClient) -> None:
    (await http.post(WIDGETS, json=widget("one", {"size": 1}))).raise_for_status()
    await operator.until(lambda: ("guarded", "one", None) in operator.seen)
    assert operator.seen[0] in (("ADDED", "one", 1), ("LISTED", "one", 1))
    (await http.patch(f"{WIDGETS}/one", json={"spec": {"size": 2}}, headers=MERGE)).raise_for_status()
    await operator.until(lambda: ("MODIFIED", "one", 2) in operator.seen)
    (await http.delete(f"{WIDGETS}/one")).raise_for_status()
    await operator.until(lambda: ("deletion handled", "one", None) in operator.seen)
    await operator.until(lambda: any(kind == "DELETED" for kind, _, _ in operator.seen))
    assert (await http.get(f"{WIDGETS}/one")).status_code == 404


async def test_kopf_lists_what_was_there_and_notices_new_kinds(
    operator: Operator, http: httpx.AsyncClient
) -> None:
    (await http.post(WIDGETS, json=widget("old", {"size": 1}))).raise_for_status()
    await operator.until(lambda: ("guarded", "old", None) in operator.seen)
    # First the object: a dying definition allows no patch, so that kopf could not take its finalizer away.
    await http.delete(f"{WIDGETS}/old")
    await operator.until(lambda: any(kind == "DELETED" for kind, _, _ in operator.seen))
    await http.delete(f"{DEFINITIONS}/widgets.{GROUP}")
    async with asyncio.timeout(SECONDS):
        while True:
            if (await http.get(f"{DEFINITIONS}/widgets.{GROUP}")).status_code == 404:
                break
            await asyncio.sleep(0.02)
    operator.seen.clear()
    (await http.post(DEFINITIONS, json=CRD)).raise_for_status()
    (await http.post(WIDGETS, json=widget("new", {"size": 1}))).raise_for_status()
    await operator.until(lambda: ("guarded", "new", None) in operator.seen)


@pytest.fixture
async def api(served: Served, http: httpx.AsyncClient, tmp_path: Path) -> AsyncIterator[aio.ApiClient]:
    """kubernetes.aio, from the kubeconfig that users get."""
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig(served.url, TOKEN))
    configuration = aio.Configuration()
    load: Any = aio_config.load_kube_config  # the official client has no types here
    await load(config_file=str(path), client_configuration=configuration)
    async with aio.ApiClient(configuration) as client:
        yield client


async def test_kubernetes_client_writes_status_under_optimistic_locking(
    api: aio.ApiClient, http: httpx.AsyncClient
) -> None:
    created = (await http.post(WIDGETS, json=widget("one", {"size": 1}))).json()
    custom = aio.CustomObjectsApi(api)
    place = (GROUP, "v1", "default", "widgets", "one")
    status = {**widget("one", {}), "status": {"note": "x"}}
    del status["spec"]
    applied = await custom.patch_namespaced_custom_object_status(
        *place, status, field_manager="me", force=True, _content_type="application/apply-patch+yaml"
    )
    assert applied["status"] == {"note": "x"}
    stale = {**status, "metadata": {"name": "one", "resourceVersion": created["metadata"]["resourceVersion"]}}
    with pytest.raises(aio.ApiException) as refused:
        await custom.patch_namespaced_custom_object_status(
            *place, stale, field_manager="me", force=True, _content_type="application/apply-patch+yaml"
        )
    assert refused.value.status == 409


async def test_kubernetes_client_reads_secrets_and_renews_leases(
    api: aio.ApiClient, http: httpx.AsyncClient
) -> None:
    core, coordination = aio.CoreV1Api(api), aio.CoordinationV1Api(api)
    secret = aio.V1Secret(metadata=aio.V1ObjectMeta(name="s"), string_data={"token": "abc"})
    await core.create_namespaced_secret("default", secret)
    assert (await core.read_namespaced_secret("s", "default")).data == {"token": "YWJj"}
    spec = aio.V1LeaseSpec(holder_identity="a", lease_duration_seconds=15)
    lease = aio.V1Lease(metadata=aio.V1ObjectMeta(name="l"), spec=spec)
    held = await coordination.create_namespaced_lease("default", lease)
    assert held.spec is not None
    held.spec.holder_identity = "b"
    renewed = await coordination.replace_namespaced_lease("l", "default", held)
    assert renewed.spec is not None and renewed.spec.holder_identity == "b"
    with pytest.raises(aio.ApiException) as refused:
        await coordination.replace_namespaced_lease("l", "default", held)
    assert refused.value.status == 409
