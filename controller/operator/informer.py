"""kopf as an informer: it lists and watches our kinds and hands every event on; nothing else.

Started by startup in a thread with an event loop of its own, because kopf takes the process's signals when it
runs in the main one. No change handler, no timer, no daemon: those keep state in annotations and add
finalizers. What an event means is intake's business.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import kopf

from controller.api.kinds import KINDS
from controller.api.meta import GROUP, VERSION
from controller.errors import ControllerError, Unavailable, clip
from controller.kube.client import load_configuration

logger = logging.getLogger(__name__)
KOPF_FINALIZER = f"{GROUP}/kopf"
"""kopf strips a finalizer of this name from whatever it sees, so that ours bears another."""
IDENTITY: Any = "scim-operator"
"""For kopf's peering, which is off. By itself kopf asks for the user's name: a container's user has none."""
BACKOFFS = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0)
LONGEST_BACKOFF = 10.0
CHUNK_ITEMS = 100
"""Objects that kopf lists at once: each may have 1.5 MiB."""
LOGIN_SECONDS = 2.0
STOP_SECONDS = 10.0
WATCH_ENDED = "WatchEnded"
GUARDED = ("kopf._core.reactor.orchestration", "kopf._core.reactor.running")
"""Loggers in which kopf tells that one of its tasks has failed; it does nothing else about it."""


class Backoffs:
    """Seconds between the attempts of one request, without end: an API server may be away for an hour, and
    kopf gives up for good when it has none left. Whether a refusal is meant is discovery's to judge."""

    def __iter__(self) -> Iterator[float]:
        yield from BACKOFFS
        while True:
            yield LONGEST_BACKOFF


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
    settings.watching.chunk_size = CHUNK_ITEMS
    settings.watching.connect_timeout, settings.watching.reconnect_backoff = 30, 1
    settings.networking.request_timeout = 60
    settings.networking.error_backoffs = Backoffs()
    settings.networking.enforce_retry_after = True
    settings.posting.enabled = False
    settings.posting.level = logging.WARNING
    settings.peering.standalone = True
    settings.scanning.disabled = not cluster_wide
    return settings


def build_registry(kubeconfig: str, on_event: OnEvent) -> kopf.OperatorRegistry:
    """One event handler for each kind, and a login from the same configuration as our own client's."""
    registry = kopf.OperatorRegistry()
    logins = itertools.count()

    async def login(**_: Any) -> kopf.ConnectionInfo:
        """Read anew each time, since tokens of pods are replaced; and told apart, since kopf gives up on
        credentials that it has seen refused, and an API server may refuse for a moment. Whether a refusal is
        meant is discovery's to judge."""
        number = next(logins)
        if number:
            await asyncio.sleep(LOGIN_SECONDS)
        found = connection_of(await load_configuration(kubeconfig))
        return dataclasses.replace(found, default_namespace=f"login-{number}")

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


def callback_failed(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What failed in kopf's loop outside any of its tasks, in one line. An assertion is nobody's business:
    kopf 1.45 stumbles over a watch that is to end in the moment in which it begins, and goes on."""
    error = context.get("exception")
    level = logging.DEBUG if isinstance(error, AssertionError) else logging.WARNING
    logger.log(level, "kopf: %s", clip(f"{context.get('message')}: {error}"))


class _Alarm(logging.Filter):
    """Hears of watches that have failed: kopf logs that and goes on without them. The log gets the one line,
    not the traceback; whoever is told ends the process."""

    def __init__(self, thread: threading.Thread, tell: Callable[[BaseException], None]) -> None:
        super().__init__()
        self._thread, self._tell = thread, tell

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and record.thread == self._thread.ident:
            record.exc_info = None
            self._tell(error)
        return True


class Informer:
    """kopf in its thread. Events arrive on the loop that started it."""

    def __init__(self, kubeconfig: str, namespaces: tuple[str, ...], on_event: OnEvent) -> None:
        self._kubeconfig, self._namespaces, self._on_event = kubeconfig, namespaces, on_event
        self._loop = asyncio.get_running_loop()
        self._stop, self._started = threading.Event(), threading.Event()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="informer", daemon=True)
        self._alarm = _Alarm(self._thread, self._tell)

    def start(self) -> None:
        """Begins to watch."""
        for name in GUARDED:
            logging.getLogger(name).addFilter(self._alarm)
        self._thread.start()

    def _tell(self, error: BaseException) -> None:
        self._loop.call_soon_threadsafe(self._conclude, error)

    async def ended(self) -> None:
        """Returns when kopf has ended; raises what ended it, in one line."""
        try:
            await asyncio.shield(self._ended)
        except (ControllerError, asyncio.CancelledError):
            raise
        except Exception as error:
            logger.debug("kopf ended", exc_info=error)
            cause = clip((str(error) or type(error).__name__).partition(". ")[0], 300)
            raise Unavailable(
                f"the watches of our resources ended: {cause}", system="Kubernetes", reason=WATCH_ENDED
            ) from None

    async def stop(self) -> None:
        """Ends the watches."""
        self._stop.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, STOP_SECONDS)
        for name in GUARDED:
            logging.getLogger(name).removeFilter(self._alarm)
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
        asyncio.get_running_loop().set_exception_handler(callback_failed)
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
