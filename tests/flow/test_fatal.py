"""What an operator waits for at its start, and what ends it: one line that says why, code 1, no traceback."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from controller.api.crds import build_crds
from controller.kube.manifests import resource_path
from scim_sandbox.run import Setup, World, install_crds, open_world
from tests.flow.conftest import Flow, says

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
INTEGRATION = ("ScimIntegration", "calendly")
SCOPES = {"cluster": "", "namespace": "default"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("world")
    async with open_world(Setup(directory, with_operator=False)) as opened:
        yield opened


@asynccontextmanager
async def process(
    world: World, log: Path, scope: str = "cluster"
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`scimctl operator` in a process of its own; its output goes to `log`."""
    environment = {
        **os.environ,
        "SCIM_OPERATOR_ALLOW_HTTP_LOOPBACK": "true",
        "SCIM_OPERATOR_METRICS_PORT": "0",
        "SCIM_OPERATOR_NAMESPACES": SCOPES[scope],
    }
    command = [
        sys.executable,
        "-m",
        "controller.cli.main",
        "operator",
        "--kubeconfig",
        world.access.kubeconfig,
    ]
    with log.open("wb") as sink:
        started = await asyncio.create_subprocess_exec(*command, env=environment, stdout=sink, stderr=sink)
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


def told(log: Path) -> str:
    return log.read_text()


async def ended(started: asyncio.subprocess.Process, log: Path, seconds: float) -> str:
    """The one line with which the process ended by itself; nothing in its output is a traceback."""
    async with asyncio.timeout(seconds):
        assert await started.wait() == 1
    text = told(log)
    assert "Traceback" not in text
    (line,) = [line for line in text.splitlines() if line.startswith("scimctl: ")]
    return line


async def until_ready(log: Path) -> None:
    await until_told(log, "operator is ready")


async def until_told(log: Path, text: str) -> None:
    async with asyncio.timeout(60):
        while True:
            if text in told(log):
                return
            await asyncio.sleep(0.1)


async def test_definitions_that_come_after_the_operator_are_waited_for(flow: Flow, tmp_path: Path) -> None:
    log = tmp_path / "log"
    (definition,) = [each for each in build_crds() if each["spec"]["names"]["kind"] == "SeatLimit"]
    await flow.api.delete(resource_path(definition, ""))
    try:
        await flow.until_gone(resource_path(definition, ""))
        async with process(flow.world, log):
            await until_told(log, "the API server does not know seatlimits; install the CRDs")
            await install_crds(flow.api)
            await until_ready(log)
            for body in flow.quickstart.values():
                await flow.apply(body)
            await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
            await flow.until("SeatLimit", "calendly", says("Ready", "True", "Succeeded"))
    finally:
        await install_crds(flow.api)
    assert "Traceback" not in told(log)


async def test_a_revoked_service_account_ends_the_process(flow: Flow, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with process(flow.world, log) as started:
        await until_ready(log)
        await flow.break_kubernetes("status", status=401, method="GET")
        await flow.break_kubernetes("status", status=401, method="WATCH")
        await flow.break_kubernetes("cut-watches")
        line = await ended(started, log, 60)
    assert "Unauthorized" in line or "credentials" in line


async def test_a_lost_permission_ends_the_process_and_names_it(flow: Flow, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with process(flow.world, log) as started:
        await until_ready(log)
        await flow.break_kubernetes("status", status=403, path="/apis/scim-operator.dev/v1alpha1/seatlimits")
        line = await ended(started, log, 60)
    assert "may not read its resources" in line


async def test_a_permission_that_is_missing_from_the_start_ends_it_at_once(
    flow: Flow, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    await flow.break_kubernetes("status", status=403, path="/apis/scim-operator.dev/v1alpha1/oktaorgs")
    async with process(flow.world, log) as started:
        line = await ended(started, log, 30)
    assert "Forbidden" in line


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_definition_that_goes_ends_the_process_and_deprovisions_nobody(
    flow: Flow, tmp_path: Path, scope: str
) -> None:
    log = tmp_path / "log"
    try:
        async with process(flow.world, log, scope) as started:
            await until_ready(log)
            bodies = {**flow.quickstart}
            for kind, name in bodies:
                await flow.apply(flow.example(kind, name, **_deprovisioning(kind)))
            await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
            # First those whose resources bear our finalizer: they stay until they are let go.
            for definition in sorted(build_crds(), key=_has_no_finalizer):
                await flow.api.delete(resource_path(definition, ""))
            line = await ended(started, log, 90)
        assert "the CustomResourceDefinitions of " in line
        assert len([one for one in await flow.provider.people() if one["active"]]) == 40
    finally:
        await asyncio.sleep(1.5)  # the definitions' own end
        await install_crds(flow.api)


def _has_no_finalizer(definition: dict[str, Any]) -> bool:
    return definition["spec"]["names"]["kind"] not in ("ScimIntegration", "OktaOrg")


def _deprovisioning(kind: str) -> dict[str, object]:
    return {"spec": {"deletionPolicy": "Deprovision"}} if kind == "ScimIntegration" else {}
