"""The operator in a world: the true run_operator, on the simulated loop, clock, network and API server.

Replaced are kopf's thread (its events come straight from the embedded API), the thread that renews the Lease
(its code runs on the loop), the probes' listener, and where the API server is found. Nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import Context
from functools import lru_cache
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx._client as httpx_client
import httpx._urlparse
import httpx._urls as httpx_urls

import controller.kube.discovery as discovery
import controller.kube.leader_election as leader
import controller.operator.health as health
import controller.operator.main as startup
import controller.operator.namespaces as namespaces
import controller.provider.turns as turns
from controller.api.kinds import KINDS
from controller.api.meta import API_VERSION
from controller.errors import ControllerError
from controller.kube.client import ApiServer
from controller.kube.paths import ApiPath, object_path
from controller.metrics import Metrics
from controller.settings import Settings
from tests.simulation.clients import KubeClient, SimTransport
from tests.simulation.entropy import dice
from tests.simulation.loop import Flag, Process, SimClock, SimLoop, here
from tests.simulation.network import Network

WATCH_SECONDS = 300
RETRY_SECONDS = 1.0
SLOWER = 20
"""The Lease is renewed, and the API server looked after, this much less often than in production, in
proportion, so that quiet hours are cheap."""
logger = logging.getLogger(__name__)


class SimInformer:
    """kopf's part: lists and watches each kind, and begins again where a watch ends."""

    lose: Callable[[str], str] = staticmethod(lambda kind: "")
    """Asked for each event: "" to hand it on, "twice", or "lost"."""

    def __init__(self, kubeconfig: str, namespaces: tuple[str, ...], on_event: Any) -> None:
        self._on_event = on_event
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._follow(kind)) for kind in KINDS]

    async def ended(self) -> None:
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, kind: str) -> None:
        api = await open_api()
        path, since = object_path(API_VERSION, KINDS[kind].plural), ""
        while True:
            try:
                since = since or await self._list(api, kind, path)
                query = {"resourceVersion": since, "timeoutSeconds": WATCH_SECONDS}
                async for change, body in api.watch(path, query):
                    since = str(body["metadata"]["resourceVersion"])
                    self._hand_on(change, {**body, "kind": kind})
            except ControllerError as error:
                if getattr(error, "status", 0) == 410 or "too old" in error.message:
                    since = ""
                await asyncio.sleep(RETRY_SECONDS)

    async def _list(self, api: ApiServer, kind: str, path: ApiPath) -> str:
        page = await api.get(path)
        for item in page.get("items") or []:
            self._hand_on("", {**item, "kind": kind, "apiVersion": API_VERSION})
        return str(page["metadata"]["resourceVersion"])

    def _hand_on(self, change: str, body: dict[str, Any]) -> None:
        fate = type(self).lose(change)
        for _ in range({"lost": 0, "twice": 2}.get(fate, 1)):
            self._on_event(change, body)


class SimLeader(leader.LeaderThread):
    """The true election, as a task."""

    def __init__(self, kubeconfig: str, place: Any, clock: Any, *rest: Any) -> None:
        super().__init__(kubeconfig, place, clock, *rest)
        self._stop: Any = Flag()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._stand())

    async def stop(self) -> None:
        self._stop.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=5 * SLOWER)

    async def _stand(self) -> None:
        try:
            await self._elect()
        except Exception as error:
            self.reason = str(error)
            logger.exception("unexpected error")
        finally:
            self.leadership.renewed_at = None
            self.lost.set()


class Inline:
    """A ThreadPoolExecutor whose threads are steps of the loop."""

    def __init__(self, *_: Any) -> None: ...

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work())
        except Exception as error:
            done.set_exception(error)
        return done

    def shutdown(self, *_: Any, **__: Any) -> None: ...


_network: Network


async def open_api(*_: Any, **__: Any) -> ApiServer:
    """The API server of this world, for whoever asks."""
    return ApiServer(KubeClient(_network, here().name), "scim-operator")


def prepare(network: Network) -> None:
    """Puts the simulated parts in the place of the true ones, for this whole process."""
    global _network
    _network = SimTransport.network = network
    _replace(httpx_client, AsyncHTTPTransport=SimTransport)
    _replace(
        startup,
        open_api_server=open_api,
        LeaderThread=SimLeader,
        SystemClock=lambda: SimClock(here()),
        health_listener=lambda *_: SimpleNamespace(start=lambda: None, stop=lambda: None),
        socket=SimpleNamespace(gethostname=lambda: here().name),
    )
    _replace(namespaces, Informer=SimInformer)
    _replace(leader, open_api_server=open_api)
    _replace(turns, ThreadPoolExecutor=Inline)
    _replace(discovery, GUARD_SECONDS=15.0 * SLOWER)
    _replace(health, BEAT_SECONDS=60.0)
    # Parsing URLs is a third of httpx's time, and it is the same URLs again and again.
    _replace(httpx_urls, urlparse=lru_cache(4096)(httpx._urlparse.urlparse))


def _replace(module: ModuleType, **values: Any) -> None:
    for name, value in values.items():
        assert hasattr(module, name), f"{module.__name__} has no {name} to replace"
        setattr(module, name, value)


class Replica:
    """One replica: started, killed, and started again by its supervisor."""

    def __init__(self, loop: SimLoop, name: str, settings: Settings, seed: int) -> None:
        self._loop, self.name, self._settings = loop, name, settings
        self._dice = dice(seed, name)
        self.process = Process(name)
        self.metrics = Metrics()
        self.starts = 0
        self.ended: list[str] = []
        self.stopped = False

    def start(self) -> None:
        """A new process of this name."""
        self.starts += 1
        offset = self.process.wall_offset
        self.process = Process(self.name)
        self.process.wall_offset = offset
        self.process.on_killed = self._restart_later
        self.metrics = Metrics()
        self._loop.spawn(self.process, self._run())

    def _restart_later(self) -> None:
        if not self.stopped:
            self._loop.call_later(self._dice.uniform(1, 20), self.start, context=Context())

    async def _run(self) -> None:
        try:
            await startup.run_operator(
                self._settings, kubeconfig="simulated", stop=asyncio.Event(), metrics=self.metrics
            )
            self.ended.append("ended by itself")
        except ControllerError as error:
            self.ended.append(error.message)
        if not self.process.dead:
            self.process.kill()
