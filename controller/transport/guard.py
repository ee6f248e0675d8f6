"""Refuses connections to link-local and metadata addresses: after name resolution, before a byte is sent.

Put under httpx by session. urls.check_url sees only the text of a URL; a name may resolve to anything.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from controller.transport.addresses import is_forbidden
from controller.transport.failures import ForbiddenAddress


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """A network backend that looks at the peer's address of each new connection."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to `host`; ConnectError where its address is one that is never called."""
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        peer = stream.get_extra_info("server_addr")
        if peer and is_forbidden(ipaddress.ip_address(str(peer[0]).split("%", 1)[0])):
            await stream.aclose()
            raise httpcore.ConnectError() from ForbiddenAddress(
                f"its name resolves to {peer[0]}, a link-local or metadata address, which is never called"
            )
        return stream

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("unix sockets are not used")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


def guard(client: httpx.AsyncClient) -> None:
    """Puts the guard under the direct connections of `client`; a proxy resolves names itself."""
    pool = getattr(client._transport, "_pool", None)
    if isinstance(pool, httpcore.AsyncConnectionPool):
        pool._network_backend = GuardedBackend(pool._network_backend)
