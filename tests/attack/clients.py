"""Hostile clients: raw sockets that send what no library sends, at the pace that suits them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

LOOPBACK = "127.0.0.1"
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *parts: bytes, pause_seconds: float = 0.0) -> bool:
        """Sends `parts` with a pause after each; whether the connection took them all."""
        try:
            for part in parts:
                self.writer.write(part)
                await self.writer.drain()
                await asyncio.sleep(pause_seconds)
        except OSError:
            return False
        return True

    async def rest(self, within_seconds: float = 5.0) -> bytes:
        """All that comes until the other side closes; TimeoutError if it does not."""
        found = bytearray()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(within_seconds):
                while part := await self.reader.read(65_536):
                    found += part
        return bytes(found)

    async def is_closed(self, within_seconds: float = 5.0) -> bool:
        """Whether the other side ended the connection in time."""
        try:
            await self.rest(within_seconds)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        self.writer.transport.abort()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def clients(port: int, count: int = 1, *, source: str = LOOPBACK) -> AsyncIterator[list[RawClient]]:
    """`count` connections to `port` that come from the address `source`."""
    made: list[RawClient] = []
    try:
        for _ in range(count):
            opened = await asyncio.open_connection(LOOPBACK, port, local_addr=(source, 0))
            made.append(RawClient(*opened))
        yield made
    finally:
        for each in made:
            await each.close()


@contextlib.asynccontextmanager
async def client(port: int, *, source: str = LOOPBACK) -> AsyncIterator[RawClient]:
    """One connection to `port`."""
    async with clients(port, source=source) as (one,):
        yield one


async def fetch(port: int, request: bytes = GET, *, source: str = LOOPBACK) -> int:
    """The status of the answer to `request` on a connection of its own, 0 if there is none."""
    async with client(port, source=source) as one:
        await one.send(request.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1))
        answer = await one.rest()
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


async def eventually(check: Callable[[], bool], within_seconds: float = 10.0) -> None:
    """Returns as soon as `check` is true; TimeoutError if it stays false."""
    for _ in range(int(within_seconds / 0.05)):
        if check():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError
