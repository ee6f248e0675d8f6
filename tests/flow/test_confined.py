"""An operator that watches one namespace and may read a handful of Secrets by name: the chart's Role, not its
ClusterRole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from controller.api import API_VERSION, FINALIZER
from controller.errors import NotFound
from controller.kube.manifests import resource_path
from controller.kube.paths import object_path
from controller.settings import Settings
from scim_sandbox.run import World, open_world
from tests.cluster.control_plane import ControlPlane
from tests.cluster.fixtures import Cluster, write_kubeconfig
from tests.cluster.release import NAMESPACE, install, service_account_token
from tests.flow.conftest import SECONDS, Flow, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION = ("ScimIntegration", "calendly")
RELEASE = "scim-operator-confined"
VALUES: dict[str, Any] = {
    "watchNamespaces": ["default"],
    "secrets": {"names": ["okta-api", "calendly-scim", "calendly-admin"]},
    "crds": {"enabled": False},
    "admissionPolicy": {"enabled": False},
}


def confined(plane: ControlPlane, path: Path) -> str:
    """The kubeconfig of an operator that a release confines."""
    with plane.admin() as admin:
        assert install(admin, VALUES, RELEASE) == []
        return write_kubeconfig(plane, path, service_account_token(admin, RELEASE), NAMESPACE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    cluster: Cluster, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("world")
    if cluster.is_real:
        plane = request.getfixturevalue("plane")
        cluster = Cluster(cluster.kubeconfig, confined(plane, directory / "operator"))
    settings = Settings(allow_http_loopback=True, metrics_port=0, namespaces="default")
    async with open_world(cluster.setup(directory, settings=settings)) as opened:
        yield opened


async def test_the_quickstart_becomes_ready(flow: Flow) -> None:
    await flow.apply_quickstart()
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    await flow.until("SeatLimit", "calendly", says("Ready", "True", "Succeeded"))
    await flow.until("GroupMapping", "departments", says("Ready", "True", "Succeeded"))
    await flow.until("OktaOrg", "acme", says("Ready", "True", "Succeeded"))


async def test_a_secret_that_changes_is_noticed(flow: Flow) -> None:
    await flow.apply_quickstart()
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    await flow.apply(flow.example("Secret", "calendly-scim", stringData={"token": "nonsense"}))
    await flow.until(*INTEGRATION, says("CredentialsValid", "False", "CredentialsRejected"))
    await flow.apply(flow.quickstart["Secret", "calendly-scim"])
    await flow.until(*INTEGRATION, says("CredentialsValid", "True", "Accepted"))


async def test_what_another_namespace_declares_is_left_alone(flow: Flow) -> None:
    elsewhere = object_path(API_VERSION, "scimintegrations", "kube-public", "calendly")
    body = flow.example("ScimIntegration", metadata={"namespace": "kube-public"})
    await flow.api.apply(elsewhere, body)
    try:
        await flow.apply_quickstart()
        await flow.until(*INTEGRATION, says("Ready", "True", "Succeeded"))
        assert (await flow.api.get(elsewhere)).get("status", {}).get("observedGeneration", -1) == -1
    finally:
        await flow.api.delete(elsewhere)


async def test_deprovisioning_may_ask_whether_its_namespace_is_going(flow: Flow) -> None:
    for (kind, _), body in flow.quickstart.items():
        spec = {"deletionPolicy": "Deprovision", "safeguards": {"removals": {"count": 100, "percent": 100}}}
        await flow.apply(flow.example(kind, spec=spec) if kind == "ScimIntegration" else body)
    body = await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    assert FINALIZER in body["metadata"]["finalizers"]
    await flow.api.delete(resource_path(flow.quickstart[INTEGRATION], "default"))
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                await flow.get(*INTEGRATION)
            except NotFound:
                break
            await asyncio.sleep(0.05)
    assert await flow.provider.people(status="active") == []
