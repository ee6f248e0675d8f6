"""The connections of one Session: opened when needed, closed when idle, when replaced, and at the end.

Used by session alone. Sessions are shared by runs and pollers that outlive each other, so nobody can say when
the last user of a replaced one is gone. `retire` needs no such knowledge: what is under way is finished, and
whoever still sends gets a connection that is closed right after.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from controller.transport.idle import CLIENT_SECONDS


class Connections:
    """A client of httpx that is made anew by `make` after it was closed."""

    def __init__(self, make: Callable[[], httpx.AsyncClient], idle_seconds: float = CLIENT_SECONDS) -> None:
        self._make, self._idle_seconds = make, idle_seconds
        self._open: httpx.AsyncClient | None = make()
        self._under_way = 0
        self._is_retired = False
        self._timer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def client(self) -> httpx.AsyncClient:
        """The client, to build requests with."""
        if self._open is None:
            self._open = self._make()
        return self._open

    @asynccontextmanager
    async def in_use(self) -> AsyncIterator[httpx.AsyncClient]:
        """The client, not closed before this is left."""
        self._under_way += 1
        try:
            yield self.client
        finally:
            self._under_way -= 1
            await self._rest()

    async def retire(self) -> None:
        """Closes what is idle now, and from now on each connection as soon as it has answered."""
        self._is_retired = True
        await self._rest()

    async def aclose(self) -> None:
        """Closes everything, requests that are under way included."""
        self._is_retired = True
        await self._close()

    async def _rest(self) -> None:
        """After a request: closes the connections of a retired session, or lets the clock do it."""
        if self._under_way:
            return
        if self._is_retired:
            await self._close()
            return
        self._stop_timer()
        # An idle connection that is this old is not used again; without this it stays open until the next
        # request, which for a quiet integration is an hour away.
        self._timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._expire)

    def _expire(self) -> None:
        if not self._under_way:
            task = asyncio.ensure_future(self._close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _close(self) -> None:
        self._stop_timer()
        # Taken away before anything is waited for: who comes meanwhile opens another one.
        client, self._open = self._open, None
        if client is not None:
            await client.aclose()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
