"""The chart installed, upgraded and removed by Helm itself, on the embedded Kubernetes API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from controller.clock import SystemClock
from controller.errors import NotFound, RemoteError
from controller.kube.client import ApiServer, open_api_server
from controller.kube.manifests import read_manifests, resource_path
from scim_sandbox.folder import write_kubeconfig
from scim_sandbox.kubernetes.app import build_app, kubeconfig
from scim_sandbox.serving import serve
from tests.contract.chart.rendering import CHART, JSON, MATRIX, NAMESPACE, ROOT, helm

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OPERATOR = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/scim-operator"
LIMIT = "/apis/scim-operator.dev/v1alpha1/namespaces/default/seatlimits/calendly"
WITHOUT_MONITORING = [name for name, values in MATRIX.items() if "metrics" not in values]


@dataclass
class Cluster:
    """An API server, and Helm with its releases in memory: the server reads no protobuf."""

    api: ApiServer
    config: Any

    async def helm(self, verb: str, *arguments: Any, **more: Any) -> Any:
        """Helm in a thread, since the server lives on this loop."""
        return await asyncio.to_thread(getattr(self.config, verb), *arguments, **more)

    async def install(self, values: JSON) -> Any:
        return await self.helm(
            "install", str(CHART), "scim-operator", values, namespace=NAMESPACE, create_namespace=True
        )

    async def upgrade(self, values: JSON) -> Any:
        return await self.helm("upgrade", str(CHART), "scim-operator", values, namespace=NAMESPACE)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """An empty cluster with the namespaces that values name."""
    library = helm()
    served = await serve(build_app(SystemClock(), SecretStr("token")))
    text = kubeconfig(served.url, "token")
    api = await open_api_server(str(write_kubeconfig(tmp_path, text)))
    for name in ("team-a", "team-b"):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await api.apply(resource_path(body, ""), body)
    yield Cluster(api, library.Config(kubeconfig_content=text, namespace=NAMESPACE, storage_driver="memory"))
    await api.aclose()
    await served.stop()


async def apply_quickstart(api: ApiServer) -> None:
    for manifest in read_manifests([ROOT / "examples" / "quickstart"]):
        await api.apply(resource_path(manifest.body, "default"), manifest.body, manager="kubectl")


@pytest.mark.parametrize("name", WITHOUT_MONITORING)
async def test_it_installs(cluster: Cluster, name: str) -> None:
    release = await cluster.install(MATRIX[name])
    assert release["status"] == "deployed"
    if MATRIX[name].get("crds", {}).get("enabled", True):
        await apply_quickstart(cluster.api)


async def test_an_upgrade_changes_what_values_change(cluster: Cluster) -> None:
    await cluster.install({})
    await cluster.upgrade({"operator": {"replicas": 3}})
    assert (await cluster.api.get(OPERATOR))["spec"]["replicas"] == 3
    await cluster.api.get(f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets/scim-operator")
    await cluster.helm("rollback", "scim-operator", version=1)
    assert (await cluster.api.get(OPERATOR))["spec"]["replicas"] == 1


async def test_an_uninstall_leaves_definitions_and_resources(cluster: Cluster) -> None:
    await cluster.install({})
    await apply_quickstart(cluster.api)
    await cluster.helm("uninstall", "scim-operator")
    with pytest.raises(NotFound):
        await cluster.api.get(OPERATOR)
    assert len(await cluster.api.list_all(CRDS)) == 4
    assert (await cluster.api.get(LIMIT))["spec"]["whenFull"] == "Waitlist"
    await cluster.install({})
    assert (await cluster.api.get(LIMIT))["spec"]["whenFull"] == "Waitlist"


async def test_definitions_that_are_not_to_be_kept_go_with_the_release(cluster: Cluster) -> None:
    await cluster.install({"crds": {"keep": False}})
    await cluster.helm("uninstall", "scim-operator")
    assert await cluster.api.list_all(CRDS) == []


async def test_contradicting_values_leave_nothing_behind(cluster: Cluster) -> None:
    with pytest.raises(helm().HelmError, match="minAvailable"):
        await cluster.install({"podDisruptionBudget": {"enabled": True}})
    assert await cluster.api.list_all(CRDS) == []


async def test_a_monitor_without_its_definition_is_refused_by_name(cluster: Cluster) -> None:
    with pytest.raises(helm().HelmError, match='no matches for kind "ServiceMonitor"'):
        await cluster.install({"metrics": {"serviceMonitor": {"enabled": True}}})


async def test_a_resource_without_its_definition_is_refused(cluster: Cluster) -> None:
    await cluster.install({"crds": {"enabled": False}})
    with pytest.raises(RemoteError):
        await apply_quickstart(cluster.api)
