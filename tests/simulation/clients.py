"""What the true code uses to send: httpx's transport and the Kubernetes client's, on the simulated network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx

from tests.simulation.network import Headers, Network, NoConnection, Reset, Stream, TimedOut

DRIP = 4
"""A slow answer comes in so many pieces."""
KUBERNETES = "kubernetes.test"


class SimTransport(httpx.AsyncBaseTransport):
    """Takes the place of httpx.AsyncHTTPTransport; `network` is set for each world."""

    network: Network

    def __init__(self, **_: Any) -> None: ...

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        headers = [
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers.raw
        ]
        headers = [each for each in headers if each[0] != "accept-encoding"]
        timeout = request.extensions.get("timeout", {}).get("read") or 30.0
        target = request.url.raw_path.decode("ascii")
        try:
            status, told, content, fault = await self.network.send(
                request.url.host, request.method, target, headers, body, timeout
            )
        except NoConnection as error:
            raise httpx.ConnectError(str(error), request=request) from None
        except Reset:
            raise httpx.ReadError("connection reset", request=request) from None
        except TimedOut:
            raise httpx.ReadTimeout("", request=request) from None
        if fault.kind == "slow":
            return httpx.Response(status, headers=told, stream=Drip(content, fault.late), request=request)
        return httpx.Response(status, headers=told, content=content, request=request)


class Drip(httpx.AsyncByteStream):
    """An answer that takes its time."""

    def __init__(self, content: bytes, seconds: float) -> None:
        self._content, self._seconds = content, seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = max(1, len(self._content) // DRIP)
        for start in range(0, len(self._content), size):
            await asyncio.sleep(self._seconds / DRIP)
            yield self._content[start : start + size]


class KubeAnswer:
    """What ApiServer uses of an aiohttp.ClientResponse: its body is `content.iter_any()`."""

    def __init__(self, status: int, content: bytes = b"", stream: Stream | None = None) -> None:
        self.status, self._body, self._stream = status, content, stream
        self.content = SimpleNamespace(iter_any=self._pieces)

    async def _pieces(self) -> AsyncIterator[bytes]:
        if self._stream is None:
            yield self._body
            return
        while (line := await self._stream.lines.get()) is not None:
            yield line
        if self._stream.broken:
            raise aiohttp.ClientPayloadError("connection reset")

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    release = close


class KubeRest:
    """The official client's `rest_client`."""

    def __init__(self, network: Network, token: str) -> None:
        self._network, self._token = network, token

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: Any = None,
        _request_timeout: Any = None,
    ) -> Any:
        sent: Headers = [(name.lower(), value) for name, value in headers.items()]
        sent += [("host", KUBERNETES), ("authorization", f"Bearer {self._token}")]
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        content = b"" if body is None else json.dumps(body).encode()
        try:
            if "watch=true" in target:
                return SimpleNamespace(response=await self._watch(method, target, sent))
            status, _, answer, _ = await self._network.send(KUBERNETES, method, target, sent, content, 60.0)
        except NoConnection as error:
            raise aiohttp.ClientConnectionError(str(error)) from None
        except Reset:
            raise aiohttp.ServerDisconnectedError from None
        except TimedOut:
            raise TimeoutError from None
        return SimpleNamespace(response=KubeAnswer(status, answer))

    async def _watch(self, method: str, target: str, headers: Headers) -> KubeAnswer:
        await asyncio.sleep(self._network.latency())
        stream = self._network.open_stream(KUBERNETES, method, target, headers)
        await stream.started.wait()
        if stream.broken:
            raise Reset
        return KubeAnswer(stream.status, stream=stream)


class KubeClient:
    """The official client, as far as ApiServer uses it."""

    def __init__(self, network: Network, token: str) -> None:
        self.configuration = SimpleNamespace(host=f"https://{KUBERNETES}")
        self.rest_client = KubeRest(network, token)
        self.user_agent = ""

    async def update_params_for_auth(self, *_: Any) -> None: ...

    async def close(self) -> None: ...
