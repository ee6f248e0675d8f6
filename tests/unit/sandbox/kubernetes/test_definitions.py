"""CustomResourceDefinitions: what is refused, what is served, and what changes with them."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest

from tests.contract.kubernetes.player import MERGE
from tests.contract.kubernetes.scenario import DEFINITION, DEFINITIONS
from tests.contract.kubernetes.widgets import CRD, GROUP, widget

WIDGETS = f"/apis/{GROUP}/v1/namespaces/default/widgets"


def gadget() -> dict[str, Any]:
    """A definition like the Widget's, under other names."""
    crd = copy.deepcopy(CRD)
    crd["metadata"]["name"] = f"gadgets.{GROUP}"
    crd["spec"]["names"] = {"kind": "Gadget", "plural": "gadgets"}
    return crd


def changed(path: str, value: Any) -> dict[str, Any]:
    """A gadget with another value at `path` below spec; None takes it away."""
    crd = gadget()
    *way, last = path.split(".")
    at: Any = crd["spec"]
    for part in way:
        at = at[int(part)] if part.isdigit() else at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return crd


ANY_OBJECT = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("scope", "Global", "spec.scope"),
        ("group", "nodots", "spec.group"),
        ("names.kind", None, "spec.names.kind"),
        ("names.plural", "Not Valid", "spec.names.plural"),
        ("names", None, "spec.names"),
        ("names", [], "spec.names"),
        ("versions", {}, "spec.versions"),
        ("versions", ["v1"], "spec.versions[0]"),
        ("versions.0.schema", [], "spec.versions[0].schema"),
        ("versions.0.served", None, "spec.versions[0].served"),
        ("versions", [], "spec.versions"),
        ("versions.0.storage", False, "spec.versions"),
        ("versions.0.name", "V 1", "spec.versions[0].name"),
        ("versions.0.schema", None, "spec.versions[0].schema.openAPIV3Schema"),
        (
            "versions.0.schema.openAPIV3Schema",
            {"properties": {}},
            "spec.versions[0].schema.openAPIV3Schema.type",
        ),
        (
            "versions.0.schema.openAPIV3Schema.properties.spec.properties.size",
            {"minimum": 1},
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[size].type",
        ),
        (
            "versions.0.schema.openAPIV3Schema.properties.spec.x-kubernetes-validations",
            [{"rule": "self.nothing > 1"}],
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule",
        ),
        ("conversion", {"strategy": "Webhook"}, "spec.conversion.strategy"),
        ("preserveUnknownFields", True, "spec.preserveUnknownFields"),
        (
            "versions.0.additionalPrinterColumns",
            [{"name": "X", "type": "text", "jsonPath": ".a"}],
            "spec.versions[0].additionalPrinterColumns[0].type",
        ),
        (
            "versions.0.additionalPrinterColumns",
            [{"name": "X", "type": "string", "jsonPath": "a"}],
            "spec.versions[0].additionalPrinterColumns[0].jsonPath",
        ),
    ],
)
async def test_bad_definitions_are_refused_by_field(
    api: httpx.AsyncClient, path: str, value: Any, field: str
) -> None:
    answer = await api.post(DEFINITIONS, json=changed(path, value))
    assert answer.status_code == 422, answer.text
    assert field in [cause["field"] for cause in answer.json()["details"]["causes"]], answer.text


async def test_names_that_were_left_out_are_made_up(api: httpx.AsyncClient) -> None:
    names = (await api.post(DEFINITIONS, json=gadget())).json()["spec"]["names"]
    assert names == {"kind": "Gadget", "plural": "gadgets", "singular": "gadget", "listKind": "GadgetList"}


async def test_taken_names_are_not_accepted(api: httpx.AsyncClient) -> None:
    await api.post(DEFINITIONS, json=changed("names.kind", "Widget"))
    found = (await api.get(f"{DEFINITIONS}/gadgets.{GROUP}")).json()["status"]
    conditions = {one["type"]: (one["status"], one["message"]) for one in found["conditions"]}
    assert conditions["NamesAccepted"] == ("False", '"Widget" is already in use')
    assert conditions["Established"][0] == "False"
    assert (await api.get(f"/apis/{GROUP}/v1/gadgets")).status_code == 404


@pytest.mark.parametrize("path", ["spec.scope", "spec.names.kind"])
async def test_identity_is_immutable(api: httpx.AsyncClient, path: str) -> None:
    patch: dict[str, Any] = {"scope": "Cluster"} if path == "spec.scope" else {"names": {"kind": "Gizmo"}}
    answer = await api.patch(DEFINITION, json={"spec": patch}, headers=MERGE)
    assert answer.status_code == 422
    assert path in [cause["field"] for cause in answer.json()["details"]["causes"]]


async def test_a_changed_schema_holds_from_then_on(api: httpx.AsyncClient) -> None:
    crd = (await api.get(DEFINITION)).json()
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["extra"] = {"type": "string", "default": "new"}
    answer = await api.put(DEFINITION, json=crd)
    assert (answer.status_code, answer.json()["metadata"]["generation"]) == (200, 2)
    created = (await api.post(WIDGETS, json=widget("one", {"size": 1}))).json()
    assert created["spec"]["extra"] == "new"


async def test_versions_share_their_objects(api: httpx.AsyncClient) -> None:
    crd = (await api.get(DEFINITION)).json()
    second = {**copy.deepcopy(crd["spec"]["versions"][0]), "name": "v2", "storage": False}
    crd["spec"]["versions"].append(second)
    await api.put(DEFINITION, json=crd)
    await api.post(WIDGETS, json=widget("one", {"size": 1}))
    newer = (await api.get(WIDGETS.replace("v1", "v2"))).json()
    assert (newer["apiVersion"], newer["items"][0]["apiVersion"]) == (f"{GROUP}/v2", f"{GROUP}/v2")
    group = (await api.get(f"/apis/{GROUP}")).json()
    assert [one["version"] for one in group["versions"]] == ["v2", "v1"]
    patched = await api.patch(f"{WIDGETS}/one".replace("v1", "v2"), json={"spec": {"size": 2}}, headers=MERGE)
    assert patched.json()["apiVersion"] == f"{GROUP}/v2"
    assert (await api.get(f"{WIDGETS}/one")).json()["spec"]["size"] == 2


async def test_fields_declared_selectable_select(api: httpx.AsyncClient) -> None:
    crd = changed("versions.0.selectableFields", [{"jsonPath": ".spec.color"}])
    await api.post(DEFINITIONS, json=crd)
    gadgets = f"/apis/{GROUP}/v1/namespaces/default/gadgets"
    for name, color in (("a", "Red"), ("b", "Blue")):
        await api.post(gadgets, json={**widget(name, {"size": 1, "color": color}), "kind": "Gadget"})
    found = (await api.get(gadgets, params={"fieldSelector": "spec.color=Blue"})).json()["items"]
    assert [item["metadata"]["name"] for item in found] == ["b"]


async def test_a_kind_without_status_subresource_counts_every_change(api: httpx.AsyncClient) -> None:
    crd = changed("versions.0.subresources", None)
    crd["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": ANY_OBJECT}
    await api.post(DEFINITIONS, json=crd)
    gadgets = f"/apis/{GROUP}/v1/namespaces/default/gadgets"
    created = await api.post(gadgets, json={**widget("a", {}), "kind": "Gadget", "status": {"x": 1}})
    assert created.json()["status"] == {"x": 1}
    patched = await api.patch(f"{gadgets}/a", json={"status": {"x": 2}}, headers=MERGE)
    assert patched.json()["metadata"]["generation"] == 2
    assert (await api.get(f"{gadgets}/a/status")).status_code == 404
