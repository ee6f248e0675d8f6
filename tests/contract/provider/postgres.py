"""A PostgreSQL of the tests' own: a cluster in a temporary folder, on loopback, gone with the session."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


def binaries() -> Path | None:
    """The folder with initdb and postgres, or None."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "postgres").exists()), None)


def _as_owner(folder: Path, command: list[str]) -> None:
    """Runs `command` as somebody whom PostgreSQL accepts: it refuses to run as root."""
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    if user:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)
    subprocess.run(
        command, check=True, capture_output=True, user=user.pw_uid if user else None,
        group=user.pw_gid if user else None, cwd=folder, env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip


@contextmanager
def cluster(bin_folder: Path) -> Iterator[str]:
    """The URL of a running server, without a database name."""
    folder = Path(tempfile.mkdtemp(prefix="provider-pg-", dir="/tmp"))
    folder.chmod(0o755)
    data, port = folder / "data", _free_port()
    initdb = [str(bin_folder / "initdb"), "-D", str(data), "-U", "tests", "-A", "trust", "-E", "UTF8"]
    _as_owner(folder, [*initdb, "--locale=C.UTF-8", "--no-sync"])
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=200"
    )
    control = [str(bin_folder / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
    _as_owner(folder, [*control, "-o", options, "start"])
    try:
        yield f"postgresql://tests@127.0.0.1:{port}"
    finally:
        _as_owner(folder, [*control, "-m", "immediate", "stop"])
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def new_database(server: str) -> str:
    """The URL of a fresh, empty database."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{server}/{name}"


def drop_database(url: str) -> None:
    """Drops it, whoever is connected."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
