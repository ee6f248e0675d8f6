"""Whatever a client sends, the answer is a Status that says what is wrong, never an internal error."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.clock import ManualClock
from scim_sandbox.kubernetes.app import KubernetesApi
from tests.contract.kubernetes.scenario import DEFINITIONS
from tests.contract.kubernetes.widgets import CRD, GROUP, widget

WIDGETS = f"/apis/{GROUP}/v1/namespaces/default/widgets"
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "one", "finalizers": ["a.b/c"]},
    "spec": {"template": {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 1}]}]}}},
}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one"}, "stringData": {"a": "b"}}
EVENT = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "one"},
    "involvedObject": {"kind": "Widget", "name": "x", "namespace": "default"},
}
SEEDS: dict[str, dict[str, Any]] = {
    WIDGETS: widget("one", {"size": 1, "parts": [{"name": "a"}]}, labels={"a": "b"}),
    DEFINITIONS: CRD,
    "/api/v1/namespaces/default/secrets": SECRET,
    "/api/v1/namespaces/default/events": EVENT,
    "/apis/apps/v1/namespaces/default/deployments": DEPLOYMENT,
}
PATCHES = (
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
LEAVES = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "a", "a/b", [], {}, [None], {"a": None}, ["a", "a"], "é\n"]
)


def _key_of(container: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(sorted(container) if isinstance(container, dict) else range(len(container)))


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A path to post to, and a valid object of its kind with up to three of its values replaced."""
    path = draw(st.sampled_from(sorted(SEEDS)))
    obj = copy.deepcopy(SEEDS[path])
    for _ in range(draw(st.integers(0, 3))):
        at: Any = obj
        key = draw(_key_of(at))
        while isinstance(at[key], dict | list) and at[key] and draw(st.integers(0, 3)):
            at = at[key]
            key = draw(_key_of(at))
        at[key] = copy.deepcopy(draw(LEAVES))
    return path, obj


async def _answers(path: str, obj: dict[str, Any], patch: Any, kind: str) -> list[httpx.Response]:
    transport = httpx.ASGITransport(app=KubernetesApi(ManualClock(), None))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        if path != DEFINITIONS:
            await client.post(DEFINITIONS, json=CRD)
        posted = await client.post(path, json=obj)
        await client.post(path, json=SEEDS[path])
        name = SEEDS[path]["metadata"]["name"]
        headers = {"content-type": kind}
        return [
            posted,
            await client.put(f"{path}/{name}", json=obj),
            await client.patch(f"{path}/{name}?fieldManager=me&force=1", json=patch, headers=headers),
            await client.patch(f"{path}/{name}/status", json=patch, headers=headers),
            await client.delete(f"{path}/{name}"),
        ]


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutations(), mutations(), st.sampled_from(PATCHES))
def test_no_input_is_an_internal_error(
    body: tuple[str, dict[str, Any]], patch: tuple[str, dict[str, Any]], kind: str
) -> None:
    path, obj = body
    for answer in asyncio.run(_answers(path, obj, patch[1], kind)):
        if answer.status_code >= 500:
            assert "field not declared in schema" in answer.text, (answer.text, obj)
