"""Providers that cost memory or time next to a good one, in one operator: each fails its own integration."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from scim_sandbox.okta import apps
from scim_sandbox.okta.seed import APP_NAME
from scim_sandbox.run import Setup, World, open_world
from tests.attack.servers import MEBIBYTE, answered, bomb, hostile
from tests.flow.conftest import Flow, condition, says

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc"),
]
JSON = dict[str, Any]
MOST_GROWTH = 200 * MEBIBYTE
DEADLINE_SECONDS = 3


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("world")
    async with open_world(Setup(directory, with_operator=False)) as opened:
        yield opened


def a_person(number: int) -> JSON:
    return {"id": f"u{number}", "userName": f"u{number}@example.com", "active": True, "note": "x" * 1000}


async def bombs(method: str, path: str) -> AsyncIterator[bytes]:
    """Every body is 1 GiB after one layer of gzip."""
    yield answered(BOMB, headers={"content-encoding": "gzip"})


async def endless(method: str, path: str) -> AsyncIterator[bytes]:
    """A billion people, 500 a page."""
    page = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 10**9,
        "itemsPerPage": 500,
        "startIndex": 1,
        "Resources": [a_person(number) for number in range(500)],
    }
    yield answered(json.dumps(page).encode())


async def nested(method: str, path: str) -> AsyncIterator[bytes]:
    """JSON of brackets, half of them open."""
    yield answered(b'{"Resources": ' + b"[" * 200_000 + b"]" * 200_000 + b"}")


async def brackets(method: str, path: str) -> AsyncIterator[bytes]:
    """JSON that takes twenty times its size in memory."""
    yield answered(b'{"Resources": [' + b"[]," * 5_000_000 + b"1]}")


async def drip(method: str, path: str) -> AsyncIterator[bytes]:
    """A byte now and then, for ever."""
    yield b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n\r\n"
    while True:
        yield b" "
        await asyncio.sleep(0.2)


BOMB = bomb(1024 * MEBIBYTE)
HOSTILE = {"bombs": bombs, "endless": endless, "nested": nested, "brackets": brackets, "drip": drip}


def integration(flow: Flow, name: str, url: str) -> list[JSON]:
    """An integration of its own app with the provider at `url`."""
    secret = flow.example("Secret", "calendly-scim", metadata={"name": name})
    secret["metadata"]["annotations"]["scim-operator.dev/allowed-hosts"] = url.removeprefix("http://")
    spec = {
        "okta": {"app": {"label": name}},
        "provider": {
            "baseUrl": f"{url}/{name}",
            "auth": {"secretRef": {"name": name}},
            "profile": {"name": "generic"},
            "admin": None,
        },
        "requirements": None,
        "groups": None,
        "attributes": None,
    }
    return [secret, flow.example("ScimIntegration", metadata={"name": name}, spec=spec)]


class Process:
    """`scimctl operator` in a process of its own."""

    def __init__(self, started: asyncio.subprocess.Process, log: Path) -> None:
        self.started, self.log = started, log

    async def until_ready(self) -> None:
        async with asyncio.timeout(60):
            while True:
                if "operator is ready" in self.log.read_text():
                    return
                await asyncio.sleep(0.1)

    def memory(self, field: str) -> int:
        """Bytes resident: VmRSS now, VmHWM at most."""
        lines = Path(f"/proc/{self.started.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


@asynccontextmanager
async def process(world: World, log: Path) -> AsyncIterator[Process]:
    environment = {
        **os.environ,
        "SCIM_OPERATOR_ALLOW_HTTP_LOOPBACK": "true",
        "SCIM_OPERATOR_METRICS_PORT": "0",
        "SCIM_OPERATOR_RESPONSE_DEADLINE_SECONDS": str(DEADLINE_SECONDS),
    }
    command = ["-m", "controller.cli.main", "operator", "--kubeconfig", world.access.kubeconfig]
    with log.open("wb") as sink:
        started = await asyncio.create_subprocess_exec(
            sys.executable, *command, env=environment, stdout=sink, stderr=sink
        )
    try:
        yield Process(started, log)
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def test_hostile_providers_fail_their_own_integrations_in_bounded_memory(
    flow: Flow, tmp_path: Path
) -> None:
    for name in HOSTILE:
        apps.create_app(flow.world.org, APP_NAME, apps.saml_body(name, "${source.email}"))
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(process(flow.world, tmp_path / "log"))
        await operator.until_ready()
        before = operator.memory("VmRSS")
        await flow.apply(flow.example("OktaOrg"), flow.example("Secret", "okta-api"))
        servers = {}
        for name, answer in HOSTILE.items():
            servers[name] = await stack.enter_async_context(hostile(answer))
            await flow.apply(*integration(flow, name, servers[name].url))
        await flow.apply_quickstart()
        await flow.until("ScimIntegration", "calendly", says("InSync", "True", "InSync"))
        for name, server in servers.items():
            body = await flow.until("ScimIntegration", name, is_settled)
            ready = condition(body, "Ready")
            assert ready["status"] == "False", (name, ready)
            assert ready["reason"] != "UnexpectedError" and server.asked, (name, ready)
        body = await flow.reconcile()
        assert condition(body, "InSync")["status"] == "True", "and it goes on"
        growth = operator.memory("VmHWM") - before
        assert growth < MOST_GROWTH, f"{growth / MEBIBYTE:.0f} MiB"


def is_settled(body: JSON) -> bool:
    """Whether a run has ended and said why."""
    ready = condition(body, "Ready")
    return bool(ready) and ready["reason"] not in ("Progressing", "WaitingForOlder")
