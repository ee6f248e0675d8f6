"""A small HTTP server with an event loop in a thread of its own, for what must answer while the operator's
loop is busy, and for what strangers may reach.

Base of health and hooks. One thread for each server however many connect; controller.http_server holds the
limits of connections, headers, bodies and time.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.server import ServerState

from controller.errors import SpecError
from controller.http_limits import ServerLimits
from controller.http_server import Door, limited_config, limited_protocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BACKLOG = 128
STOP_SECONDS = 2
IDLE_SECONDS = 10


async def answer(
    send: Send, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8"
) -> None:
    """Sends the whole answer."""
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def header_of(scope: Scope, name: bytes) -> str:
    """The first header of that name (lower case), "" if it is missing."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


class Listener:
    """`app` on a port; 0 picks a free one. `setting` is named if the port cannot be had."""

    def __init__(self, address: tuple[str, int], app: App, setting: str, limits: ServerLimits) -> None:
        self._socket = _bound(address, setting)
        self._door = Door(limits)
        self._config = limited_config(app, self._door, timeout_keep_alive=IDLE_SECONDS)
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=setting, daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._socket.getsockname()[1])

    @property
    def connections(self) -> int:
        """How many are open."""
        return self._door.connections

    def start(self) -> None:
        """Serves from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Serves no more."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(timeout=STOP_SECONDS + 3)
        else:
            self._loop.close()
        self._socket.close()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        """uvicorn's protocol without its Server, which logs, and wakes up ten times a second."""
        self._config.load()
        protocol, state = limited_protocol(self._door), ServerState()

        def connection() -> asyncio.Protocol:
            return protocol(config=self._config, server_state=state, app_state={})

        server = await self._loop.create_server(connection, sock=self._socket, backlog=BACKLOG)
        await self._stopping.wait()
        server.close()
        for each in list(state.connections):
            each.shutdown()
        if state.tasks:
            await asyncio.wait(set(state.tasks), timeout=STOP_SECONDS)


def _bound(address: tuple[str, int], setting: str) -> socket.socket:
    """A listening socket: who connects before the server runs waits, and is not refused."""
    host, port = address
    try:
        return socket.create_server(address, family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise SpecError(f"cannot listen on {host}:{port}: {error.strerror}", field=setting) from None
