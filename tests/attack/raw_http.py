"""Bytes on a socket: what a hostile client sends, and what the server makes of it. Shared by the attacks."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from controller.http_limits import ServerLimits
from controller.http_server import Door
from scim_sandbox.serving import serve

PATIENCE = 20.0
"""Seconds after which a test gives up; nothing here takes that long."""

OPENED: list[Raw] = []


@dataclass
class Raw:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Sends, as far as the server lets us."""
        try:
            self.writer.write(data)
            await asyncio.wait_for(self.writer.drain(), PATIENCE)
        except ConnectionError:
            return

    async def rest(self) -> bytes:
        """What the server sends until it closes; b"" where it just closes."""
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE)
        except ConnectionError:
            return b""

    async def status(self) -> int:
        """The status of the next answer, whose head and body are read; 0 where the server closes instead."""
        try:
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        except (ConnectionError, asyncio.IncompleteReadError):
            return 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await self.reader.readexactly(int(line.partition(b":")[2]))
        return int(head.split(b" ", 2)[1])

    def close(self) -> None:
        """Hangs up."""
        self.writer.close()


async def connect(port: int, buffer: int = 0) -> Raw:
    """A connection to a server on loopback; `buffer` bytes are all that it receives unread."""
    client = socket.socket()
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
    limit = buffer or 1 << 16
    raw = Raw(*await asyncio.open_connection(sock=client, limit=limit))
    OPENED.append(raw)
    return raw


@asynccontextmanager
async def limited(app: Any, limits: ServerLimits) -> AsyncIterator[tuple[int, Door]]:
    """(port, door) of a server for `app`."""
    door = Door(limits)
    served = await serve(app, door=door)
    try:
        yield served.port, door
    finally:
        await hang_up()
        await served.stop()


async def hang_up() -> None:
    """Closes every connection that is still open."""
    while OPENED:
        raw = OPENED.pop()
        raw.writer.transport.abort()
        with suppress(ConnectionError):
            await raw.writer.wait_closed()


async def until(holds: Callable[[], bool]) -> None:
    """Returns when `holds` does; the loop runs meanwhile."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)


Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Echo:
    """An application that answers with the body it was sent; /wait waits for `release`, /large sends much."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.seen: list[str] = []
        self.gone = 0

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        self.seen.append(scope["path"])
        if scope["path"] == "/wait":
            await self.release.wait()
        if scope["path"] == "/deaf":
            await self._answer(send, 401, b"")
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone += 1
                return
            body, more = body + message["body"], message["more_body"]
        await self._answer(send, 200, b"x" * (8 << 20) if scope["path"] == "/large" else body)

    @staticmethod
    async def _answer(send: Send, status: int, body: bytes) -> None:
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [length]})
        await send({"type": "http.response.body", "body": body})
