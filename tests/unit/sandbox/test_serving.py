"""Servers inside the running loop."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest

from controller.clock import ManualClock
from scim_sandbox.kubernetes.app import build_app
from scim_sandbox.serving import HOST, serve

WATCH = "/api/v1/namespaces?watch=true&timeoutSeconds=600"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """An application without lifespan and without `close`."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def test_serves_on_a_free_port_until_stopped() -> None:
    served = await serve(hello)
    async with httpx.AsyncClient(trust_env=False) as client:
        assert served.url == f"http://{HOST}:{served.port}"
        assert (await client.get(served.url)).text == "hello"
        await served.stop()
        with pytest.raises(httpx.ConnectError):
            await client.get(served.url)


async def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            await serve(hello, taken.getsockname()[1])


async def refuses_to_start(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})


async def test_an_application_that_does_not_start_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        await serve(refuses_to_start)


async def test_stopping_ends_open_watches_cleanly() -> None:
    served = await serve(build_app(ManualClock(), None))
    async with (
        httpx.AsyncClient(base_url=served.url, trust_env=False) as client,
        client.stream("GET", WATCH) as response,
    ):
        lines = response.aiter_lines()
        assert "ADDED" in await anext(lines)
        await asyncio.wait_for(served.stop(), 5)
        rest = [line async for line in lines]
    assert all("ADDED" in line for line in rest)
