"""kopf as an informer: it lists and watches our kinds and hands every event on; nothing else.

Started by startup in a thread with an event loop of its own, because kopf takes the process's signals when it
runs in the main one. No change handler, no timer, no daemon: those keep state in annotations and add
finalizers. What an event means is intake's business.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import kopf

from controller.api.kinds import KINDS
from controller.api.meta import GROUP, VERSION
from controller.handlers.apiserver import load_configuration

KOPF_FINALIZER = f"{GROUP}/kopf"
"""kopf strips a finalizer of this name from whatever it sees, so that ours bears another."""
IDENTITY: Any = "scim-operator"
"""For kopf's peering, which is off. By itself kopf asks for the user's name: a container's user has none."""
OnEvent = Callable[[str, dict[str, Any]], None]
"""(ADDED, MODIFIED, DELETED or "" in a listing; the object)."""


def build_settings(*, cluster_wide: bool) -> kopf.OperatorSettings:
    """kopf's settings: no peering, no events, watches that end and begin again."""
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = KOPF_FINALIZER
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(
        prefix=GROUP, key="last", v1=False
    )
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP, v1=False)
    settings.watching.server_timeout, settings.watching.client_timeout = 300, 310
    settings.watching.connect_timeout, settings.watching.reconnect_backoff = 30, 1
    settings.networking.request_timeout = 60
    settings.posting.enabled = False
    settings.posting.level = logging.WARNING
    settings.peering.standalone = True
    settings.scanning.disabled = not cluster_wide
    return settings


def build_registry(kubeconfig: str, on_event: OnEvent) -> kopf.OperatorRegistry:
    """One event handler for each kind, and a login from the same configuration as our own client's."""
    registry = kopf.OperatorRegistry()

    async def login(**_: Any) -> kopf.ConnectionInfo:
        return connection_of(await load_configuration(kubeconfig))

    async def event(*, event: Any, **_: Any) -> None:
        on_event(str(event["type"] or ""), dict(event["object"]))

    kopf.on.login(registry=registry)(login)
    for kind in KINDS.values():
        kopf.on.event(GROUP, VERSION, kind.plural, registry=registry)(event)
    return registry


def connection_of(configuration: Any) -> kopf.ConnectionInfo:
    """The same address, certificates and credential for kopf."""
    scheme, _, token = str(configuration.api_key.get("BearerToken", "")).partition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert or None,
        insecure=not configuration.verify_ssl,
        certificate_path=configuration.cert_file or None,
        private_key_path=configuration.key_file or None,
        username=configuration.username or None,
        password=configuration.password or None,
        scheme=scheme if token else None,
        token=token or scheme or None,
    )


class Informer:
    """kopf in its thread. Events arrive on the loop that started it."""

    def __init__(self, kubeconfig: str, namespaces: tuple[str, ...], on_event: OnEvent) -> None:
        self._kubeconfig, self._namespaces, self._on_event = kubeconfig, namespaces, on_event
        self._loop = asyncio.get_running_loop()
        self._stop, self._started = threading.Event(), threading.Event()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="informer", daemon=True)

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    async def ended(self) -> None:
        """Returns when kopf has ended; raises what ended it."""
        await asyncio.shield(self._ended)

    async def stop(self) -> None:
        """Ends the watches."""
        self._stop.set()
        if self._thread.is_alive():
            await asyncio.wait([self._ended], timeout=10)
        if self._ended.done():
            self._ended.exception()

    def _run(self) -> None:
        logging.getLogger("kopf._core.reactor.running").setLevel(
            logging.ERROR
        )  # it warns of having no signals
        error: BaseException | None = None
        try:
            asyncio.run(self._operate())
        except BaseException as caught:  # whatever ends kopf has to reach the main loop
            error = caught
        self._loop.call_soon_threadsafe(self._conclude, error)

    def _conclude(self, error: BaseException | None) -> None:
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)

    async def _operate(self) -> None:
        cluster_wide = not self._namespaces
        await kopf.operator(
            registry=build_registry(self._kubeconfig, self._hand_on),
            settings=build_settings(cluster_wide=cluster_wide),
            identity=IDENTITY,
            clusterwide=cluster_wide,
            namespaces=self._namespaces,
            stop_flag=self._stop,
            ready_flag=self._started,
        )

    def _hand_on(self, change: str, body: dict[str, Any]) -> None:
        self._loop.call_soon_threadsafe(self._on_event, change, body)
