"""`scimctl sandbox` as a process: what it leaves, how much it takes, how it ends."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from controller.kube.client import open_api_server
from controller.kube.manifests import read_manifests
from scim_sandbox.folder import Access
from scim_sandbox.run import apply_manifests
from scim_sandbox.watch_cache import Board, has_condition

START_SECONDS = 60
MOST_KIB = 400 * 1024
INTEGRATIONS = "/apis/scim-operator.dev/v1alpha1/namespaces/default/scimintegrations"


@asynccontextmanager
async def started(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A scimctl process, ended whatever happens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "controller.cli.main", *arguments,
        env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


async def until_exists(file: Path, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not names_in(file.parent) & {file.name}:
            assert process.returncode is None, "it ended before it was ready"
            await asyncio.sleep(0.05)


def exports_of(env: Path) -> dict[str, str]:
    """The variables of an env file, as a shell reads it."""
    lines = (shlex.split(line)[1] for line in env.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines)


def status_of(url: str, token: str = "") -> int:
    request = Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urlopen(request, timeout=10) as answer:
        return int(answer.status)


def resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


async def test_a_sandbox_serves_what_its_env_names_in_little_memory_and_ends_on_sigterm(
    tmp_path: Path,
) -> None:
    async with started("sandbox", "--dir", str(tmp_path)) as process:
        await until_exists(tmp_path / "env", process)
        exports = exports_of(tmp_path / "env")
        assert set(exports) == set(Access(*[""] * 8).exports())
        for url, token in (
            (exports["SCIM_BASE_URL"] + "/Users", exports["SCIM_TOKEN"]),
            (exports["SCIM_ADMIN_URL"] + "/organization", exports["SCIM_ADMIN_TOKEN"]),
            (exports["OKTA_URL"] + "/_control/state", ""),
            (exports["METRICS_URL"], ""),
        ):
            assert await asyncio.to_thread(status_of, url, token) == 200
        await _quickstart(exports["KUBECONFIG"], tmp_path)
        assert resident_kib(process.pid) < MOST_KIB
        process.send_signal(signal.SIGTERM)
        out, _ = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 0
    assert out.decode().endswith("Stopped.\n")
    assert "Traceback" not in (tmp_path / "operator.log").read_text()


async def _quickstart(kubeconfig: str, directory: Path) -> None:
    api = await open_api_server(kubeconfig)
    try:
        await apply_manifests(api, read_manifests([directory / "examples" / "quickstart"]), lambda _: None)
        async with Board(api, INTEGRATIONS) as board:
            await board.until("calendly", has_condition("Ready"), 30, "Ready")
    finally:
        await api.aclose()


async def test_a_demo_that_is_interrupted_leaves_nothing_behind(tmp_path: Path) -> None:
    async with started("demo", TMPDIR=str(tmp_path)) as process:
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            while b"Waiting for Ready" not in await process.stdout.readline():
                assert process.returncode is None
        process.send_signal(signal.SIGINT)
        out, _ = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 130
    assert b"Traceback" not in out
    assert names_in(tmp_path) == set()
