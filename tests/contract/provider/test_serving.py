"""`scimctl provider serve` as a process: what it says, what it writes, and that it can be started again."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

SCIMCTL = [sys.executable, "-m", "controller.cli.main", "provider", "serve"]


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The command under way, on a database in `folder`; ended by SIGTERM."""
    command = [*SCIMCTL, "--database", f"sqlite:///{folder}/p.sqlite", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def exports(file: Path) -> dict[str, str]:
    """What the file exports, as soon as it is there."""
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    lines = file.read_text().splitlines()
    return dict(line.removeprefix("export ").split("=", 1) for line in lines)


def said(process: subprocess.Popen[str], part: str) -> str:
    """The first line on standard error that has `part` in it."""
    assert process.stderr is not None
    return next(line for line in process.stderr if part in line)


def failed(*options: str) -> str:
    """What the command says on its way out with exit code 1."""
    run = subprocess.run([*SCIMCTL, *options], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    return run.stderr


def test_the_exports_are_there_only_when_everything_answers(tmp_path: Path) -> None:
    options = ("--org", "Acme", "--profile", "rfc7643", "--seats", "7", "--env", str(tmp_path / "env"))
    with serving(tmp_path, *options) as process:
        given = exports(tmp_path / "env")
        assert list(given) == ["SCIM_BASE_URL", "SCIM_TOKEN", "SCIM_ADMIN_URL", "SCIM_ADMIN_TOKEN"]
        assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600
        bearer = {"authorization": f"Bearer {given['SCIM_TOKEN']}"}
        assert httpx.get(given["SCIM_BASE_URL"] + "/Users", headers=bearer).json()["totalResults"] == 0
        bearer = {"authorization": f"Bearer {given['SCIM_ADMIN_TOKEN']}"}
        org = httpx.get(given["SCIM_ADMIN_URL"] + "/organization", headers=bearer).json()
        assert (org["seats"]["purchased"], org["profile"]) == (7, "rfc7643")
        console = said(process, "Admin center").split()[2].rstrip(",")
        assert "Sign in" in httpx.get(console, follow_redirects=True).text


def test_starting_again_serves_what_is_there(tmp_path: Path) -> None:
    env = tmp_path / "env"
    with serving(tmp_path, "--org", "acme", "--seats", "7", "--env", str(env)):
        before = exports(env)
    with serving(tmp_path, "--org", "acme", "--seats", "9", "--env", str(env)) as process:
        assert "exists already" in said(process, "acme")
        url = said(process, "Admin center").split()[2].removesuffix("/console")
        bearer = {"authorization": f"Bearer {before['SCIM_ADMIN_TOKEN']}"}
        org = httpx.get(url + "/admin/v1/acme/organization", headers=bearer).json()
        assert org["seats"]["purchased"] == 7
    assert exports(env) == before


def test_what_cannot_be_is_told_by_option_before_anything_is_made(tmp_path: Path) -> None:
    database = ("--database", f"sqlite:///{tmp_path}/p.sqlite")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert "--port: cannot listen" in failed(*database, "--org", "acme", "--port", port)
    assert "--env: the folder" in failed(*database, "--org", "acme", "--env", str(tmp_path / "no" / "env"))
    assert "--env: goes with --org" in failed(*database, "--env", str(tmp_path / "env"))
    assert "profile: 'x'" in failed(*database, "--org", "acme", "--profile", "x", "--port", "0")
    assert "name: must contain" in failed(*database, "--org", "%%", "--port", "0")
    assert not list(tmp_path.iterdir())
