"""The HTTP face: who is let in, what is served where, and how bad requests are answered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import yaml
from pydantic import SecretStr

from controller.clock import ManualClock
from scim_sandbox.kubernetes.app import KubernetesApi, access_prefix, build_app, kubeconfig
from scim_sandbox.kubernetes.exchange import BODY_LIMIT
from tests.contract.kubernetes.scenario import DEFINITION
from tests.contract.kubernetes.widgets import GROUP

TOKEN = "s3cret"
AGGREGATED = {
    "accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
}


@pytest.fixture
async def guarded() -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials of a server that wants some."""
    transport = httpx.ASGITransport(app=build_app(ManualClock(), SecretStr(TOKEN)))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "header", "code", "reason"),
    [
        ("/api", None, 401, "no credentials"),
        ("/api", "Bearer wrong", 401, "another token"),
        ("/api", f"Basic {TOKEN}", 401, "another scheme"),
        ("/api", "Bearer wröng", 401, "not even ASCII"),
        ("/api", f"Bearer {TOKEN}", 200, "the token"),
        (f"{access_prefix(TOKEN)}/api", None, 200, "the prefix"),
        (f"{access_prefix(TOKEN)}/api", f"Bearer {TOKEN}", 200, "both"),
        (f"{access_prefix(TOKEN)}/api", "Bearer wrong", 401, "a wrong token is never overlooked"),
        (f"{access_prefix('other')}/api", None, 401, "the prefix of another token"),
        ("/version", None, 200, "the version is public"),
        ("/healthz", None, 200, "probes are public"),
    ],
)
async def test_credentials(
    guarded: httpx.AsyncClient, path: str, header: str | None, code: int, reason: str
) -> None:
    headers = {} if header is None else {"authorization": header.encode()}
    assert (await guarded.get(path, headers=headers)).status_code == code, reason


def test_the_token_cannot_be_read_from_the_prefix() -> None:
    assert TOKEN not in access_prefix(TOKEN)


def test_the_kubeconfig_carries_url_token_and_namespace() -> None:
    config = yaml.safe_load(kubeconfig("http://127.0.0.1:1", TOKEN, "play"))
    assert config["clusters"][0]["cluster"]["server"] == "http://127.0.0.1:1" + access_prefix(TOKEN)
    assert config["users"][0]["user"] == {"token": TOKEN}
    assert config["contexts"][0]["context"]["namespace"] == "play"
    assert config["current-context"] == config["contexts"][0]["name"]


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api/v2",
        "/api/v1/nothing",
        "/apis/nothing",
        "/api/v1/namespaces/default/secrets/s/scale",
        "/api/v1/namespaces/default/nodes",
        "/api/v1/secrets/s",
        "/openapi/v3/apis/nothing/v1",
        "/openapi/v2",
        f"/apis/{GROUP}/v1/namespaces/default/widgets/one/status/more",
    ],
)
async def test_unknown_paths_are_not_found(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/v1/namespaces"),
        ("POST", "/api/v1/namespaces/default"),
        ("DELETE", "/api/v1/namespaces/default/status"),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    ],
)
async def test_verbs_that_a_resource_lacks(api: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await api.request(method, path)
    assert (answer.status_code, answer.json()["reason"]) == (405, "MethodNotAllowed")


async def test_namespaced_objects_need_a_namespace(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/v1/secrets", json={"metadata": {"name": "s"}})
    assert answer.json()["message"] == "an empty namespace may not be set during creation"


async def test_protobuf_is_refused_with_a_way_out(api: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/vnd.kubernetes.protobuf"}
    for path in ("/api/v1/namespaces", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"):
        answer = await api.post(path, content=b"k8s\x00", headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (415, "UnsupportedMediaType")
        assert "this server reads no protobuf" in answer.json()["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"\xff\xfe", b"[" * 100_000], ids=len)
async def test_bodies_that_are_no_object(api: httpx.AsyncClient, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await api.post("/api/v1/namespaces", content=body, headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


async def test_yaml_bodies_are_read(api: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/yaml"}
    document = "metadata:\n  name: y\n  annotations: {date: 2026-01-01}\n"
    answer = await api.post("/api/v1/namespaces", content=document, headers=headers)
    assert answer.json()["metadata"]["annotations"] == {"date": "2026-01-01"}


async def test_bodies_have_a_limit(api: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    answer = await api.post("/api/v1/namespaces", content=b" " * (BODY_LIMIT + 1), headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (413, "RequestEntityTooLarge")


async def test_bugs_are_answered_without_their_insides(
    api: httpx.AsyncClient, app: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr(app, "_route", broken)
    answer = await api.get("/api")
    assert (answer.status_code, answer.json()["reason"]) == (500, "InternalError")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("plural", "status"),
    [
        ("selfsubjectaccessreviews", {"allowed": True}),
        ("subjectaccessreviews", {"allowed": True}),
        ("selfsubjectrulesreviews", {"incomplete": False}),
    ],
)
async def test_reviews_allow_everything(api: httpx.AsyncClient, plural: str, status: dict[str, Any]) -> None:
    spec = {"resourceAttributes": {"verb": "get", "resource": "widgets"}}
    answer = await api.post(f"/apis/authorization.k8s.io/v1/{plural}", json={"spec": spec})
    assert answer.status_code == 201
    assert answer.json()["spec"] == spec
    assert status.items() <= answer.json()["status"].items()


async def test_who_am_i(api: httpx.AsyncClient) -> None:
    answer = await api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json={})
    assert answer.json()["status"]["userInfo"]["username"] == "sandbox:admin"


async def test_plain_discovery_lists_what_clients_look_for(api: httpx.AsyncClient) -> None:
    groups = [group["name"] for group in (await api.get("/apis")).json()["groups"]]
    needed = {"apiextensions.k8s.io", "coordination.k8s.io", "events.k8s.io", "authorization.k8s.io", GROUP}
    assert needed <= set(groups)
    for group in groups:
        version = (await api.get(f"/apis/{group}")).json()["preferredVersion"]["groupVersion"]
        assert (await api.get(f"/apis/{version}")).json()["groupVersion"] == version


async def test_aggregated_discovery_says_the_same_as_plain(api: httpx.AsyncClient) -> None:
    answer = await api.get("/apis", headers=AGGREGATED)
    assert answer.headers["content-type"].endswith("as=APIGroupDiscoveryList")
    for group in answer.json()["items"]:
        for version in group["versions"]:
            plain = (await api.get(f"/apis/{group['metadata']['name']}/{version['version']}")).json()
            wanted = [entry for entry in plain["resources"] if "/" not in entry["name"]]
            found = [
                (one["resource"], one["responseKind"]["kind"], one["scope"] == "Namespaced", one["verbs"])
                for one in version["resources"]
            ]
            assert found == [(one["name"], one["kind"], one["namespaced"], one["verbs"]) for one in wanted]


async def test_aggregated_discovery_of_the_core_group(api: httpx.AsyncClient) -> None:
    [core] = (await api.get("/api", headers=AGGREGATED)).json()["items"]
    namespaces = next(one for one in core["versions"][0]["resources"] if one["resource"] == "namespaces")
    assert namespaces["shortNames"] == ["ns"]
    assert [one["subresource"] for one in namespaces["subresources"]] == ["status"]


@pytest.mark.parametrize(
    ("path", "headers"), [("/apis", AGGREGATED), ("/openapi/v3", {}), (f"/openapi/v3/apis/{GROUP}/v1", {})]
)
async def test_what_has_not_changed_is_not_sent_again(
    api: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    first = await api.get(path, headers=headers)
    again = await api.get(path, headers={**headers, "if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    await api.delete(DEFINITION)
    changed = await api.get(path, headers={**headers, "if-none-match": first.headers["etag"]})
    assert changed.status_code in (200, 404)


async def test_openapi_documents_resolve(api: httpx.AsyncClient) -> None:
    index = (await api.get("/openapi/v3")).json()["paths"]
    assert f"apis/{GROUP}/v1" in index
    for entry in index.values():
        document = (await api.get(entry["serverRelativeURL"])).json()
        schemas = document["components"]["schemas"]
        references = [part.split('"')[0] for part in json.dumps(document).split('"#/components/schemas/')[1:]]
        assert set(references) <= set(schemas)


async def test_openapi_tells_kubectl_that_fields_are_validated(api: httpx.AsyncClient) -> None:
    document = (await api.get(f"/openapi/v3/apis/{GROUP}/v1")).json()
    patch = document["paths"][f"/apis/{GROUP}/v1/namespaces/{{namespace}}/widgets/{{name}}"]["patch"]
    parameters = {one["name"] for one in patch["parameters"]}
    assert parameters == {"dryRun", "fieldManager", "fieldValidation", "force"}
    assert patch["x-kubernetes-group-version-kind"] == {"group": GROUP, "version": "v1", "kind": "Widget"}
    schema = document["components"]["schemas"]["dev.example.contract.v1.Widget"]
    assert schema["properties"]["spec"]["properties"]["size"]["maximum"] == 10


async def test_openapi_version_2_is_an_empty_protobuf(api: httpx.AsyncClient) -> None:
    kind = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    answer = await api.get("/openapi/v2", headers={"accept": kind})
    assert answer.content == b"\n\x032.0"


async def test_revisions_of_a_later_server_are_later() -> None:
    versions = []
    for seconds in (0, 60):
        clock = ManualClock()
        clock.advance(seconds)
        transport = httpx.ASGITransport(app=build_app(clock, None))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            listed = (await client.get("/api/v1/namespaces")).json()
            versions.append(int(listed["metadata"]["resourceVersion"]))
    assert versions[1] - versions[0] == 60
