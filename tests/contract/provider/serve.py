"""A provider in a process of its own: `python -m tests.contract.provider.serve DATABASE PORT`."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from controller.http_server import Door, limited_config
from controller.provider.app import build_app


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def served(database_url: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A started process and its URL; killed at the end."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", __spec__.name, database_url, str(port)])
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def until_healthy(url: str) -> None:
    """Returns when the process answers."""
    async with httpx.AsyncClient() as client:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if (await client.get(url + "/healthz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    raise TimeoutError(url)


if __name__ == "__main__":
    app = build_app(sys.argv[1])
    uvicorn.Server(limited_config(app, Door(app.limits), host="127.0.0.1", port=int(sys.argv[2]))).run()
