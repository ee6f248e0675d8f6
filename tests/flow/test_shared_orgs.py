"""An OktaOrg that is shared with namespaces by their labels: who may use it changes with them, at once."""

from __future__ import annotations

import pytest

from controller.api import API_VERSION
from controller.errors import NotFound
from controller.kube.manifests import resource_path
from controller.kube.paths import object_path
from tests.flow.conftest import JSON, Flow, condition

pytestmark = pytest.mark.asyncio(loop_scope="module")
TEAM = "team-labels"


def integration_path() -> str:
    return str(object_path(API_VERSION, "scimintegrations", TEAM, "calendly"))


async def label(flow: Flow, value: str | None) -> None:
    path = object_path("v1", "namespaces", name=TEAM)
    await flow.api.patch(path, {"metadata": {"labels": {"scim": value}}}, manager="kubectl")


async def applied(flow: Flow) -> None:
    """The platform's org in `default`, the team's half in a namespace of its own."""
    selector = {"from": "Selector", "selector": {"matchLabels": {"scim": "yes"}}}
    okta = flow.example("OktaOrg")
    await flow.apply(flow.example("OktaOrg", spec={"allowedNamespaces": selector}))
    await flow.apply(flow.example("Secret", okta["spec"]["auth"]["secretRef"]["name"]))
    namespace: JSON = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TEAM}}
    await flow.api.apply(resource_path(namespace, ""), namespace, manager="kubectl")
    ref = {"name": okta["metadata"]["name"], "namespace": "default"}
    for (kind, name), body in flow.quickstart.items():
        if kind == "OktaOrg" or name == okta["spec"]["auth"]["secretRef"]["name"]:
            continue
        spec = {"mode": "Observe", "okta": {"orgRef": ref}}
        made = flow.example(kind, name, spec=spec) if kind == "ScimIntegration" else body
        made = {**made, "metadata": {**made["metadata"], "namespace": TEAM}}
        await flow.api.apply(resource_path(made, TEAM), made, manager="kubectl")


async def removed(flow: Flow) -> None:
    try:
        await flow.api.delete(object_path("v1", "namespaces", name=TEAM))
    except NotFound:
        return
    await flow.until_gone(object_path("v1", "namespaces", name=TEAM))


async def test_an_integration_may_use_the_org_while_its_namespace_has_the_label(flow: Flow) -> None:
    path = integration_path()
    try:
        await applied(flow)
        await flow.until_path(path, lambda b: condition(b, "Ready").get("reason") == "NamespaceNotAllowed")
        await label(flow, "yes")
        await flow.until_path(path, lambda b: condition(b, "Ready").get("status") == "True")
        org = next(key for key in flow.quickstart if key[0] == "OktaOrg")
        await flow.until(*org, lambda b: b["status"]["integrations"] == 1)
        await label(flow, None)
        await flow.until_path(path, lambda b: condition(b, "Ready").get("reason") == "NamespaceNotAllowed")
        await flow.until(*org, lambda b: b["status"]["integrations"] == 0)
        await label(flow, "yes")
        await flow.until_path(path, lambda b: condition(b, "Ready").get("status") == "True")
    finally:
        await removed(flow)
