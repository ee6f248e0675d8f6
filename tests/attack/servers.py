"""Servers on loopback that tests of this folder talk to over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

Reply = Callable[[str, str], Any]
"""(method, path with its query) -> the JSON of a 200."""
Answering = Callable[[str, str], AsyncIterator[bytes]]
"""(method, path with its query) -> the bytes to send, whenever it likes to."""
MEBIBYTE = 1024 * 1024


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


class Hostile:
    """An HTTP/1.1 server that answers each request with whatever bytes `answer` gives, at its pace."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self.url = ""
        self.asked = 0
        self.sent = 0
        """Bytes that were taken by clients, or by the kernel for them."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while head := await _head(reader):
                self.asked += 1
                method, path, *_ = head.split(" ")
                async for part in self._answer(method, path):
                    writer.write(part)
                    await writer.drain()
                    self.sent += len(part)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def hostile(answer: Answering) -> AsyncIterator[Hostile]:
    """A Hostile that serves on a free port of loopback."""
    made = Hostile(answer)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(made.serve(reader, writer))
        tasks.add(task)
        await asyncio.gather(task, return_exceptions=True)
        tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made
        for task in list(tasks):
            task.cancel()


def answered(
    body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None, length: int | None = None
) -> bytes:
    """A whole answer; `length` is what it says of its body, if that is a lie."""
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body) if length is None else length}"]
    lines += [
        f"{name}: {value}" for name, value in {"content-type": "application/json", **(headers or {})}.items()
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def bomb(size: int, layers: int = 1) -> bytes:
    """`size` zero bytes, compressed `layers` times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    chunk = bytes(MEBIBYTE)
    packed = b"".join(packer.compress(chunk) for _ in range(size // MEBIBYTE)) + packer.flush()
    for _ in range(layers - 1):
        packed = gzip.compress(packed, 9)
    return packed
