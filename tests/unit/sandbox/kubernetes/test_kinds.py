"""Built-in kinds: Secrets, ConfigMaps, Namespaces, Events and those that are only stored."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.contract.kubernetes.player import APPLY, MERGE, STRATEGIC

SECRETS = "/api/v1/namespaces/default/secrets"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
EVENTS = "/api/v1/namespaces/default/events"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def named(name: str, **content: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **content}


async def test_bad_base64_is_refused_without_showing_it(api: httpx.AsyncClient) -> None:
    answer = await api.post(SECRETS, json=named("s", data={"token": "clear text!"}))
    assert answer.status_code == 400
    assert answer.json()["message"].endswith("illegal base64 data at input byte 5")
    assert "clear" not in answer.text


@pytest.mark.parametrize(
    "content", [{"data": "x"}, {"data": {"a": 1}}, {"stringData": "x"}, {"stringData": {"a": 1}}], ids=str
)
async def test_secrets_hold_strings(api: httpx.AsyncClient, content: dict[str, Any]) -> None:
    assert (await api.post(SECRETS, json=named("s", **content))).status_code == 400


async def test_keys_are_checked(api: httpx.AsyncClient) -> None:
    for path in (SECRETS, CONFIG_MAPS):
        answer = await api.post(path, json=named("s", data={"a/b": "eA=="}))
        assert [cause["field"] for cause in answer.json()["details"]["causes"]] == ["data[a/b]"]


async def test_the_type_of_a_secret_stays(api: httpx.AsyncClient) -> None:
    await api.post(SECRETS, json=named("s"))
    answer = await api.patch(f"{SECRETS}/s", json={"type": "other"}, headers=MERGE)
    assert answer.status_code == 422
    assert (await api.get(SECRETS, params={"fieldSelector": "type=Opaque"})).json()["items"] != []


@pytest.mark.parametrize("path", [SECRETS, CONFIG_MAPS])
async def test_immutable_means_immutable(api: httpx.AsyncClient, path: str) -> None:
    await api.post(path, json=named("s", data={"a": "eA=="}, immutable=True))
    for change, field in (({"data": {"a": "eQ=="}}, "data"), ({"immutable": None}, "immutable")):
        answer = await api.patch(f"{path}/s", json=change, headers=MERGE)
        assert [cause["field"] for cause in answer.json()["details"]["causes"]] == [field]
    labelled = await api.patch(f"{path}/s", json={"metadata": {"labels": {"a": "b"}}}, headers=MERGE)
    assert labelled.status_code == 200


async def test_a_key_is_text_or_binary(api: httpx.AsyncClient) -> None:
    answer = await api.post(CONFIG_MAPS, json=named("c", data={"a": "x"}, binaryData={"a": "eA=="}))
    assert "duplicate of key present in binaryData" in answer.text
    assert (await api.post(CONFIG_MAPS, json=named("c", data={"a": 5}))).status_code == 400


async def test_unknown_top_level_fields_are_refused_when_strict(api: httpx.AsyncClient) -> None:
    strict = {"fieldValidation": "Strict"}
    answer = await api.post(CONFIG_MAPS, json=named("c", date={}), params=strict)
    assert 'strict decoding error: unknown field "date"' in answer.json()["message"]


async def test_namespaces_carry_their_name_as_a_label(api: httpx.AsyncClient) -> None:
    patch = {"metadata": {"labels": {"kubernetes.io/metadata.name": None}}, "spec": {"finalizers": []}}
    answer = await api.patch("/api/v1/namespaces/default", json=patch, headers=MERGE)
    assert answer.json()["metadata"]["labels"] == {"kubernetes.io/metadata.name": "default"}
    assert answer.json()["spec"] == {"finalizers": ["kubernetes"]}
    bad = await api.post("/api/v1/namespaces", json=named("with.dot"))
    assert "RFC 1123 label" in bad.json()["message"]


@pytest.mark.parametrize(
    ("involved", "code", "reason"),
    [
        ({"kind": "Widget", "name": "x", "namespace": "default"}, 201, "of its own namespace"),
        ({"kind": "Node", "name": "x"}, 201, "cluster-scoped objects' events are in default"),
        ({"kind": "Widget", "name": "x", "namespace": "kube-public"}, 422, "of another namespace"),
        (None, 422, "about nothing"),
    ],
)
async def test_events_live_with_what_they_are_about(
    api: httpx.AsyncClient, involved: Any, code: int, reason: str
) -> None:
    event = named("e", reason="R", message="m", **({"involvedObject": involved} if involved else {}))
    assert (await api.post(EVENTS, json=event)).status_code == code, reason


async def test_events_are_one_in_both_groups(api: httpx.AsyncClient) -> None:
    newer = EVENTS.replace("/api/v1", "/apis/events.k8s.io/v1")
    widget = {"kind": "Widget", "name": "x", "namespace": "default"}
    event = named("e", reason="R", note="m", regarding=widget)
    created = (await api.post(newer, json=event)).json()
    assert (created["apiVersion"], created["note"]) == ("events.k8s.io/v1", "m")
    older = (await api.get(f"{EVENTS}/e")).json()
    assert (older["apiVersion"], older["message"], older["involvedObject"]["name"]) == ("v1", "m", "x")
    by_name = {"fieldSelector": "regarding.name=x"}
    assert len((await api.get(newer, params=by_name)).json()["items"]) == 1
    patched = await api.patch(f"{newer}/e", json={"note": "n"}, headers=MERGE)
    assert patched.json()["note"] == "n"
    assert (await api.get(f"{EVENTS}/e")).json()["message"] == "n"


def deployment(image: str, **container: Any) -> dict[str, Any]:
    containers = [{"name": "main", "image": image, **container}]
    spec = {"template": {"spec": {"containers": containers}}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", **named("d", spec=spec)}


async def test_other_kinds_are_stored_merged_and_counted(api: httpx.AsyncClient) -> None:
    created = (await api.post(DEPLOYMENTS, json=deployment("a:1"))).json()
    assert (created["metadata"]["generation"], "status" in created) == (1, False)
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "b:1"}]}}}}
    patched = (await api.patch(f"{DEPLOYMENTS}/d", json=patch, headers=STRATEGIC)).json()
    names = [one["name"] for one in patched["spec"]["template"]["spec"]["containers"]]
    assert (names, patched["metadata"]["generation"]) == (["main", "side"], 2)
    status = {"status": {"readyReplicas": 1}}
    ready = (await api.patch(f"{DEPLOYMENTS}/d/status", json=status, headers=MERGE)).json()
    assert (ready["status"], ready["metadata"]["generation"]) == ({"readyReplicas": 1}, 2)


async def test_other_kinds_are_applied_by_container(api: httpx.AsyncClient) -> None:
    path = f"{DEPLOYMENTS}/d"
    mine, theirs = {"fieldManager": "mine"}, {"fieldManager": "theirs"}
    await api.patch(path, json=deployment("a:1", tty=True), headers=APPLY, params=mine)
    conflict = await api.patch(path, json=deployment("a:2"), headers=APPLY, params=theirs)
    assert conflict.json()["details"]["causes"][0]["field"] == (
        '.spec.template.spec.containers[name="main"].image'
    )
    applied = await api.patch(path, json=deployment("a:1"), headers=APPLY, params=mine)
    assert applied.json()["spec"]["template"]["spec"]["containers"] == [{"name": "main", "image": "a:1"}]


async def test_role_names_may_have_colons(api: httpx.AsyncClient) -> None:
    roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    assert (await api.post(roles, json=named("system:reader"))).status_code == 201
    assert (await api.post(roles, json=named("a/b"))).status_code == 422
