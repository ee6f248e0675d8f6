"""Servers on loopback that tests of this folder talk to over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

Reply = Callable[[str, str], Any]
"""(method, path with its query) -> the JSON of a 200."""


class KeepAlive:
    """An HTTP/1.1 server that never closes a connection by itself, and knows how many are open."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.open: set[asyncio.StreamWriter] = set()
        self.most_open = self.opened = self.asked = 0
        self.gate = asyncio.Event()
        """Nothing is answered while it is not set."""
        self.gate.set()
        self.url = ""
        self._arrived = asyncio.Condition()

    async def was_asked(self, times: int) -> None:
        """Returns when `times` requests have come in since the start."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: self.asked >= times)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until its client closes it."""
        self.open.add(writer)
        self.opened += 1
        self.most_open = max(self.most_open, len(self.open))
        try:
            while head := await _head(reader):
                async with self._arrived:
                    self.asked += 1
                    self._arrived.notify_all()
                await self.gate.wait()
                method, path, *_ = head.split(" ")
                body = json.dumps(self._reply(method, path)).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                    + f"content-length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.open.discard(writer)
            writer.close()


async def _head(reader: asyncio.StreamReader) -> str:
    """The first line of the next request, whose body is read too; "" at the end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""
    length = next(
        (int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length")),
        0,
    )
    await reader.readexactly(length)
    return head.split("\r\n")[0]


@asynccontextmanager
async def keep_alive(reply: Reply) -> AsyncIterator[KeepAlive]:
    """A KeepAlive that serves on a free port of loopback."""
    made = KeepAlive(reply)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made
        for writer in list(made.open):
            writer.close()
