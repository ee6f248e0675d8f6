"""Which Kubernetes API a test runs on: the embedded one always, a real one where there is one.

Plugged in by tests.conftest. The chart's release is installed once for each worker; the operator of a test
gets the token of its ServiceAccount and so exactly the chart's permissions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from scim_sandbox.run import Setup
from tests.cluster.control_plane import (
    ADMIN,
    ASSETS,
    ControlPlane,
    control_plane,
    programs,
    token_of,
)
from tests.cluster.release import NAMESPACE, install, service_account_token, sweep

EMBEDDED, REAL = "embedded", "kube-apiserver"
APIS = (EMBEDDED, REAL) if programs() else (EMBEDDED,)
RELEASE = "scim-operator"
ISSUED = ["calendly-scim", "calendly-okta"]
"""The Secrets into which the tests let tokens be issued."""
needs_a_real_server = pytest.mark.skipif(
    len(APIS) == 1, reason=f"{ASSETS} is not set: it names a folder with kube-apiserver and etcd"
)


@dataclass(frozen=True)
class Cluster:
    """Where a world finds its Kubernetes API; "" for the embedded one."""

    kubeconfig: str = ""
    operator_kubeconfig: str = ""

    @property
    def is_real(self) -> bool:
        return bool(self.kubeconfig)

    def setup(self, directory: Path, **more: Any) -> Setup:
        """A world on it."""
        return Setup(
            directory, kubeconfig=self.kubeconfig, operator_kubeconfig=self.operator_kubeconfig, **more
        )


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real control plane with the CRDs, roles, policies and workloads of the chart."""
    with control_plane(tmp_path_factory.mktemp("plane")) as started:
        with started.admin() as admin:
            assert install(admin, {"secrets": {"issued": ISSUED}}, RELEASE) == []
        yield started


def write_kubeconfig(plane: ControlPlane, path: Path, token: str, namespace: str = "default") -> str:
    path.write_text(yaml.safe_dump(plane.kubeconfig(token, namespace)))
    return str(path)


@pytest.fixture(scope="module", params=APIS)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The API that the tests of a module run on; each module runs on every API."""
    if request.param == EMBEDDED:
        yield Cluster()
        return
    plane: ControlPlane = request.getfixturevalue("plane")
    folder = tmp_path_factory.mktemp("access")
    with plane.admin() as admin:
        token = service_account_token(admin, RELEASE)
        yield Cluster(
            write_kubeconfig(plane, folder / "admin", token_of(ADMIN)),
            write_kubeconfig(plane, folder / "operator", token, NAMESPACE),
        )
        sweep(admin)
