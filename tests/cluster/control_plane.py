"""kube-apiserver and etcd as processes on loopback, with RBAC on and nothing else of a cluster.

Started once for each test worker by the fixtures of this folder. There is no controller manager: a deleted
namespace stays Terminating, owned objects are never collected, no pod ever runs.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from joserfc.jwk import RSAKey

from scim_sandbox.run import free_port

ASSETS = "KUBEBUILDER_ASSETS"
PROGRAMS = ("kube-apiserver", "etcd")
START_SECONDS = 120.0
STOP_SECONDS = 20.0
HOST = "127.0.0.1"
ADMIN = "admin"
PEOPLE = ("ada@example.com", "eve@example.com")
"""Users without any permission of their own; a user's token is `<name>-token`."""


def programs() -> dict[str, Path] | None:
    """Where each program is; None where the environment names no folder. FileNotFoundError names what the
    folder lacks: a wrong folder is a mistake, not a machine without one."""
    folder = os.environ.get(ASSETS)
    if not folder:
        return None
    found = {name: Path(folder) / name for name in PROGRAMS}
    for path in found.values():
        if not os.access(path, os.X_OK):
            raise FileNotFoundError(f"{ASSETS}={folder}: there is no program {path.name} in it")
    return found


@dataclass(frozen=True)
class ControlPlane:
    """A running API server."""

    url: str
    ca_file: Path

    def client(self, token: str) -> httpx.Client:
        """A client of whoever has the token."""
        trusted = ssl.create_default_context(cafile=str(self.ca_file))
        headers = {"authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, verify=trusted, headers=headers, trust_env=False, timeout=30)

    def admin(self) -> httpx.Client:
        """A client of the group system:masters."""
        return self.client(token_of(ADMIN))

    def version(self) -> str:
        """What it says it is, as in v1.36.2."""
        with self.admin() as client:
            return str(client.get("/version").json()["gitVersion"])

    def kubeconfig(self, token: str, namespace: str = "default") -> dict[str, Any]:
        """A kubeconfig for whoever has the token."""
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
        context = {"cluster": "test", "user": "test", "namespace": namespace}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": context}],
            "current-context": "test",
        }


def token_of(user: str) -> str:
    return f"{user}-token"


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """A control plane that is ready, and gone at the end; what the programs print is kept in `folder`."""
    found = programs()
    assert found is not None, f"{ASSETS} is not set"
    with ExitStack() as stack:
        client_port, peer_port, port = free_port(), free_port(), free_port()
        etcd = _etcd_arguments(folder, client_port, peer_port)
        stack.enter_context(_running(found["etcd"], etcd, folder))
        server = _server_arguments(folder, client_port, port)
        process = stack.enter_context(_running(found["kube-apiserver"], server, folder))
        plane = ControlPlane(f"https://{HOST}:{port}", folder / "certificates" / "apiserver.crt")
        _until_ready(plane, process, folder)
        yield plane


def _etcd_arguments(folder: Path, client_port: int, peer_port: int) -> list[str]:
    client, peer = f"http://{HOST}:{client_port}", f"http://{HOST}:{peer_port}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
    ]


def _server_arguments(folder: Path, etcd_port: int, port: int) -> list[str]:
    key, users = folder / "service-accounts.pem", folder / "users.csv"
    key.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
    people = [f"{token_of(name)},{name},{name}" for name in PEOPLE]
    users.write_text("\n".join([f'{token_of(ADMIN)},{ADMIN},{ADMIN},"system:masters"', *people, ""]))
    return [
        f"--etcd-servers=http://{HOST}:{etcd_port}",
        f"--cert-dir={folder / 'certificates'}",
        f"--bind-address={HOST}",
        f"--advertise-address={HOST}",
        f"--secure-port={port}",
        "--authorization-mode=RBAC",
        f"--token-auth-file={users}",
        f"--service-account-issuer=https://{HOST}:{port}",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",
        "--endpoint-reconciler-type=none",
    ]


@contextmanager
def _running(program: Path, arguments: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{program.name}.log").open("wb") as log:
        process = subprocess.Popen([str(program), *arguments], stdout=log, stderr=log, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_ready(plane: ControlPlane, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if _is_ready(plane):
            return
        time.sleep(0.1)
    lines = (folder / "kube-apiserver.log").read_text(errors="replace").splitlines()
    raise RuntimeError("kube-apiserver did not become ready: " + "\n".join(lines[-20:]))


def _is_ready(plane: ControlPlane) -> bool:
    """Whether it is ready and has the namespace `default`, which it makes by itself a moment later."""
    if not plane.ca_file.exists():
        return False
    try:
        with plane.admin() as client:
            answers = [client.get("/readyz"), client.get("/api/v1/namespaces/default")]
    except (httpx.HTTPError, ssl.SSLError):
        return False
    return all(answer.status_code == 200 for answer in answers)
