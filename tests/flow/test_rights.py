"""The chart's roles grant what a full run of the operator asks of the Kubernetes API, no more and no less.

The operator runs under exactly these roles: what they do not grant is answered with 403, as a real API server
does. What they grant and nobody asked for in the whole flow is a right too many.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import certifi
import pytest

from controller.api import API_VERSION, KINDS
from controller.kube.manifests import resource_path
from controller.kube.paths import object_path
from controller.operator.main import run_operator
from controller.settings import Settings
from scim_sandbox import run as sandbox
from scim_sandbox.kubernetes.app import build_app as build_kubernetes
from scim_sandbox.run import Setup, World, open_world
from tests.attack.rights import Recorder, Right, Roles, roles_of, write_recorded
from tests.contract.chart.rendering import render
from tests.flow.conftest import Flow, condition, says

HOME = "scim-system"
INTEGRATION = ("ScimIntegration", "calendly")
pytestmark = pytest.mark.slow
JSON = dict[str, Any]

CLUSTER_WIDE: JSON = {"secrets": {"issued": ["calendly-scim"]}}
CONFINED: JSON = {
    "watchNamespaces": ["default"],
    "secrets": {"names": ["okta-api", "calendly-scim", "calendly-admin"], "issued": ["calendly-scim"]},
}
CUSTOM = f"/apis/{API_VERSION}"


def granted(roles: Roles) -> Iterator[tuple[Right, JSON]]:
    """Every single right of the roles, with its rule; rights within a namespace bear its name."""
    for namespace, rules in (("", roles.everywhere), *roles.within.items()):
        for rule in rules:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        yield Right(verb, group, resource, namespace), rule


def is_asked(right: Right, rule: JSON, seen: set[Right], within: dict[str, list[JSON]]) -> bool:
    """Whether somebody asked for `right`, and not only where a narrower role grants it as well."""
    names = rule.get("resourceNames")
    for one in seen:
        is_same = (one.verb, one.group, one.resource) == (right.verb, right.group, right.resource)
        if not is_same or (names is not None and one.name not in names):
            continue
        if right.namespace == one.namespace or (not right.namespace and one.namespace not in within):
            return True
    return False


@asynccontextmanager
async def operator(world: World, folder: Path, namespaces: str) -> AsyncIterator[None]:
    """The operator through the recorder, with every part that the chart can switch on."""
    file = write_recorded(world.access.kubeconfig, folder / "operator", HOME)
    stop, ready = asyncio.Event(), asyncio.Event()
    settings = Settings(
        allow_http_loopback=True,
        metrics_port=0,
        leader_election=True,
        namespaces=namespaces,
        log_poll_seconds=5,
    )
    task = asyncio.create_task(run_operator(settings, kubeconfig=str(file), stop=stop, ready=ready))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([waiting, task], timeout=60, return_when=asyncio.FIRST_COMPLETED)
    try:
        if task.done():
            task.result()
        yield
    finally:
        stop.set()
        await asyncio.wait([task], timeout=20)
        waiting.cancel()


async def elsewhere(flow: Flow) -> None:
    """An integration in another namespace, whose labels decide whether it may use the org."""
    namespace: JSON = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}}
    await flow.api.apply(resource_path(namespace, ""), namespace, manager="kubectl")
    ref = {"name": flow.example("OktaOrg")["metadata"]["name"], "namespace": "default"}
    made = flow.example(
        "ScimIntegration",
        metadata={"namespace": "elsewhere"},
        spec={"suspend": True, "okta": {"orgRef": ref}},
    )
    await flow.apply(made)
    await flow.until_path(resource_path(made, ""), says("Ready", "Unknown", "Suspended"))


async def full_flow(flow: Flow, *, is_confined: bool) -> None:
    """Everything that makes the operator ask the API server for something."""
    bundle = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "corp-ca"},
        "data": {"ca.crt": CERTIFICATE},
    }
    await flow.apply(bundle)
    for served in KINDS.values():  # somebody else was first: then the object is read again
        path = f"{CUSTOM}/namespaces/default/{served.plural}/*/status"
        await flow.break_kubernetes("status", status=409, method="PATCH", path=path, times=1)
    for (kind, _), body in flow.quickstart.items():
        spec: JSON = {}
        if kind == "OktaOrg":
            spec = {"allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {}}}}
        elif kind == "ScimIntegration":
            spec = {
                "deletionPolicy": "Deprovision",
                "safeguards": {"removals": {"count": 100, "percent": 100}},
                "provider": {
                    "caBundleRef": {"name": "corp-ca"},
                    "tokenRotation": {
                        "every": "2160h",
                        "minOverlap": "1s",
                        "issueTo": {"name": "calendly-scim"},
                    },
                },
            }
        name = body["metadata"]["name"]
        if name == "calendly-scim":
            body = flow.example(kind, name, stringData=None)  # the first token is issued into it
        await flow.apply(flow.example(kind, name, spec=spec) if spec else body)
    if not is_confined:
        await elsewhere(flow)
    await approved(flow)
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    await flow.until("GroupMapping", "departments", says("Ready", "True", "Succeeded"))
    await flow.until("SeatLimit", "calendly", says("Ready", "True", "Succeeded"))
    await flow.patch(*INTEGRATION, {"spec": {"mode": "Approve"}})
    await flow.okta.change(sorted(one["userName"] for one in await flow.provider.people())[0], nickName="x")
    await flow.reconcile()
    await flow.patch(*INTEGRATION, {"spec": {"mode": "Enforce"}})
    await flow.reconcile()
    await flow.api.delete(object_path(API_VERSION, "scimintegrations", "default", "calendly"))
    await flow.until_gone(object_path(API_VERSION, "scimintegrations", "default", "calendly"))


async def approved(flow: Flow) -> None:
    """Approves what waits, if anything does."""
    body = await flow.until(
        *INTEGRATION, lambda one: condition(one, "InSync").get("status") in ("True", "False")
    )
    if condition(body, "InSync")["reason"] == "AwaitingApproval":
        await flow.annotate(*INTEGRATION, approve=body["status"]["plan"]["digest"])


CERTIFICATE = (
    Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")[0]
    + "-----END CERTIFICATE-----\n"
)


@pytest.mark.parametrize("values", [CLUSTER_WIDE, CONFINED], ids=["cluster-wide", "confined"])
async def test_the_roles_grant_what_the_operator_asks_for(
    values: JSON, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles = roles_of(render(values))
    recorders: list[Recorder] = []

    def recorded(*arguments: Any) -> Recorder:
        recorders.append(Recorder(build(*arguments), judge=roles.grants))
        return recorders[-1]

    build = build_kubernetes
    monkeypatch.setattr(sandbox, "build_kubernetes", recorded)
    async with open_world(Setup(tmp_path / "world", with_operator=False)) as world:
        flow = Flow(world)
        async with operator(world, tmp_path, ",".join(values.get("watchNamespaces", []))):
            await full_flow(flow, is_confined=bool(values.get("watchNamespaces")))
        await flow.aclose()
    (recorder,) = recorders
    assert recorder.refused == set(), "the roles grant too little"
    unasked = [
        right for right, rule in granted(roles) if not is_asked(right, rule, recorder.seen, roles.within)
    ]
    told = "\n".join(map(str, sorted(set(unasked))))
    assert not unasked, f"the roles grant too much:\n{told}\nasked:\n" + "\n".join(
        map(str, sorted(recorder.seen))
    )
