"""ASGI applications on loopback, inside the asyncio loop that is already running.

Called by the sandbox's runner for every server of its world, and by tests. Takes no signals: who runs the
loop decides when to stop.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import uvicorn

from controller.http_limits import ServerLimits
from controller.http_server import Door, limited_config
from controller.transport.idle import SERVER_SECONDS

HOST = "127.0.0.1"
_STEP_SECONDS = 0.01


@runtime_checkable
class Closing(Protocol):
    """An application with endless answers: told to end them before its server stops."""

    def close(self) -> None: ...


class _Quiet(uvicorn.Server):
    """uvicorn without its signal handlers, and without sys.exit, which would end the whole loop."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:
            raise RuntimeError(f"uvicorn gave up with status {error.code}") from None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Served:
    """A running server: where it is, and how to stop it."""

    def __init__(self, app: Any, server: uvicorn.Server, task: asyncio.Task[None], port: int) -> None:
        self._app, self._server, self._task = app, server, task
        self.port = port
        self.url = f"http://{HOST}:{port}"

    async def stop(self) -> None:
        """Returns when the server has answered what it was asked and freed its port."""
        if isinstance(self._app, Closing) and not inspect.iscoroutinefunction(self._app.close):
            self._app.close()  # one that is to be awaited ends with the server's lifespan
        self._server.should_exit = True
        await self._task


def _config(app: Any, door: Door | None) -> uvicorn.Config:
    limits = getattr(app, "limits", None)
    if door is None and isinstance(limits, ServerLimits):
        door = Door(limits)
    if door is not None:
        return limited_config(app, door, timeout_keep_alive=SERVER_SECONDS, timeout_graceful_shutdown=2)
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=SERVER_SECONDS,
        server_header=False,
        date_header=not getattr(app, "sends_date", False),  # the simulated Okta's clock can be moved
    )


async def serve(app: Any, port: int = 0, door: Door | None = None) -> Served:
    """A server for the ASGI application `app`, accepting connections; port 0 picks a free one.

    Its connections are bounded by `door`, or as the application's own `limits` say.

    Raises OSError where the port is taken, RuntimeError where the application refuses to start.
    """
    # Named as TCP, so that asyncio turns Nagle's algorithm off: it costs 40 ms an answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:
        listener.close()
        raise
    server = _Quiet(_config(app, door))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        if task.done():
            listener.close()
            raise RuntimeError("the server did not start") from task.exception()
        await asyncio.sleep(_STEP_SECONDS)
    return Served(app, server, task, listener.getsockname()[1])
