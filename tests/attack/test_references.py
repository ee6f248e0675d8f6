"""A reference from a spec used as a path: `secretRef.name: ../../victim/secrets/scim` and its relatives.

Three walls, each tried alone: the schema of the resource, the model behind it, and what builds and sends a
path of the Kubernetes API. Ids that go into paths of Okta and of SCIM have the same wall.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.api import KINDS, parse
from controller.api.crds import build_schema
from controller.api.object_names import is_namespace_name, is_object_name
from controller.cli.validate import find_problems
from controller.errors import Rejected, SpecError
from controller.kube.client import ApiServer
from controller.kube.manifests import parse_manifests
from controller.kube.paths import ApiPath, field_selector, object_path
from controller.schema import compile_schema
from controller.transport.calls import fill
from tests.docs.test_examples import EXAMPLES

ROOT = Path(__file__).parents[2]
PRODUCTION, SANDBOX = ROOT / "controller", ROOT / "sandbox" / "scim_sandbox"
JSON = dict[str, Any]
HOSTILE = (
    "../../victim/secrets/scim",
    "..",
    ".",
    "a/b",
    "%2e%2e%2fvictim",
    "%2e%2e",
    "scim?x=1",
    "scim#x",
    "scim\n",
    "scim\x00",
    " scim",
    "scim ",
    "Scim",
    "ſcim",
    "scim;x",
    "..\\victim",
    "scim,metadata.namespace=victim",
    "-scim",
    "a..b",
    "a" * 254,
)
BAD_KEYS = ("..", ".", "../token", "a/b", "..2024_data", "a b", "token\n", "tökén", "%2e", "", "k" * 254)


def references(schema: JSON, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every field that names an object of Kubernetes, its namespace, or a key in it."""
    for name, sub in (schema.get("properties") or {}).items():
        here = (*path, name)
        is_reference = path and (path[-1].lower().endswith(("secretref", "tokenref", "bundleref", "issueto")))
        is_reference = is_reference or (path and path[-1] in ("orgRef", "integrationRef", "integrationRefs"))
        if is_reference and name in ("name", "key", "namespace"):
            yield here
        yield from references(sub, here)
        yield from references(sub.get("items") or {}, here)


def with_value(spec: JSON, path: tuple[str, ...], value: str) -> JSON:
    """`spec` with `value` at `path`; what is missing on the way is made."""
    made = copy.deepcopy(spec)
    node: Any = made
    for step in path[:-1]:
        node = node.setdefault(step, [{}] if step == "integrationRefs" else {})
        node = node[0] if isinstance(node, list) else node
    node.setdefault("name", "ok")
    node[path[-1]] = value
    return made


SPECS: dict[str, JSON] = {
    "OktaOrg": {
        "url": "https://acme.okta.com",
        "auth": {"type": "ApiToken", "secretRef": {"name": "okta-api"}},
    },
    "ScimIntegration": {
        "okta": {"orgRef": {"name": "acme"}, "app": {"label": "Calendly"}},
        "provider": {
            "baseUrl": "https://scim.example.com/v2",
            "auth": {"secretRef": {"name": "calendly-scim"}},
            "admin": {"baseUrl": "https://scim.example.com/admin", "secretRef": {"name": "calendly-admin"}},
            "tokenRotation": {"every": "2160h", "issueTo": {"name": "calendly-scim"}},
        },
        "provisioning": {"by": "Okta"},
    },
    "GroupMapping": {
        "integrationRef": {"name": "calendly"},
        "mappings": [{"values": ["Sales"], "providerGroup": "Sales"}],
    },
    "SeatLimit": {"integrationRefs": [{"name": "calendly"}], "seats": 3},
}


def fields() -> list[tuple[str, tuple[str, ...]]]:
    return [
        (kind, path) for kind in KINDS for path in references(build_schema(KINDS[kind])["properties"]["spec"])
    ]


FIELDS = fields()


def refused_by_schema(kind: str, spec: JSON) -> list[str]:
    """Fields that the API server would name, defaults filled in first as it does."""
    schema, body = compile_schema(build_schema(KINDS[kind])), {"spec": copy.deepcopy(spec)}
    schema.default(body)
    return [finding.field for finding in schema.validate(body)]


def test_every_reference_of_every_kind_is_tried() -> None:
    assert {kind for kind, _ in FIELDS} == set(KINDS)
    assert len(FIELDS) >= 15
    for kind, spec in SPECS.items():
        body = {"kind": kind, "metadata": {"name": "x"}, "spec": spec}
        assert refused_by_schema(kind, spec) == []
        parse(KINDS[kind].spec, body, strict=True)


@pytest.mark.parametrize(("kind", "path"), FIELDS, ids=[f"{k}.{'.'.join(p)}" for k, p in FIELDS])
def test_a_reference_that_is_no_name_is_refused_by_the_schema_and_by_the_model(
    kind: str, path: tuple[str, ...]
) -> None:
    field = "spec." + ".".join(path).replace("integrationRefs", "integrationRefs[0]")
    for value in BAD_KEYS if path[-1] == "key" else HOSTILE:
        spec = with_value(SPECS[kind], path, value)
        assert field in refused_by_schema(kind, spec), f"the schema takes {value!r}"
        with pytest.raises(SpecError) as refused:
            parse(KINDS[kind].spec, {"kind": kind, "metadata": {"name": "x"}, "spec": spec})
        assert refused.value.field == field


@pytest.mark.parametrize("key", ["token", ".dockerconfigjson", "a.b-c_D", "k" * 253])
def test_keys_that_kubernetes_takes_are_taken(key: str) -> None:
    spec = with_value(SPECS["ScimIntegration"], ("provider", "auth", "secretRef", "key"), key)
    assert refused_by_schema("ScimIntegration", spec) == []
    parse(KINDS["ScimIntegration"].spec, {"spec": spec})


def test_validate_names_the_file_the_field_and_what_to_write() -> None:
    text = (EXAMPLES / "quickstart" / "03-scim-integration.yaml").read_text()
    hostile = text.replace("name: calendly-scim", "name: ../../victim/secrets/scim")
    problems = find_problems(parse_manifests(hostile, "calendly.yaml"))
    told = [str(one) for one in problems if one.field == "spec.provider.auth.secretRef.name"]
    assert told and told[0].startswith("calendly.yaml:") and "should match" in told[0]


def test_the_model_says_what_a_name_looks_like() -> None:
    spec = with_value(SPECS["ScimIntegration"], ("provider", "auth", "secretRef", "name"), "A/B")
    with pytest.raises(SpecError, match="is not the name of a Kubernetes object: use lower-case"):
        parse(KINDS["ScimIntegration"].spec, {"spec": spec})


@pytest.mark.parametrize("name", [*HOSTILE, ""])
def test_no_path_is_built_of_what_is_no_name(name: str) -> None:
    with pytest.raises(SpecError):
        object_path("v1", "secrets", "team", name)
    with pytest.raises(SpecError):
        object_path("v1", "secrets", name, "scim")
    with pytest.raises(SpecError):
        field_selector(name)


@given(st.text(max_size=30), st.text(alphabet="./%?#\\abA\n ", max_size=12))
def test_a_path_has_the_segments_that_it_was_made_of(anything: str, dotted: str) -> None:
    for text in (anything, dotted, f"a{dotted}b"):
        try:
            path = object_path("v1", "secrets", "team", text)
        except SpecError:
            continue
        assert path == f"/api/v1/namespaces/team/secrets/{text}" and path.count("/") == 6
        assert is_object_name(text)
        assert not is_namespace_name(text) or "." not in text


class Recorder:
    """Stands in for the official client and notes what would have been sent."""

    def __init__(self) -> None:
        self.configuration, self.rest_client = self, self
        self.host, self.sent = "http://127.0.0.1:1", list[str]()

    async def update_params_for_auth(self, *_: Any) -> None: ...

    async def request(self, method: str, url: str, **_: Any) -> Any:
        self.sent.append(f"{method} {url}")
        raise OSError("nobody is there")


SENT = (
    "/api/v1/namespaces/team/secrets/../../victim/secrets/scim",
    "/api/v1/namespaces/team/secrets/.",
    "/api/v1/namespaces/team/secrets/%2e%2e/x",
    "/api/v1/namespaces/team/secrets/%2E%2E%2Fx",
    "/api/v1/namespaces/team/secrets/scim?watch=1",
    "/api/v1/namespaces/team/secrets/scim#x",
    "/api/v1/namespaces//secrets/scim",
    "/api/v1/namespaces/team/secrets/",
    "/api/v1/namespaces/team/secrets/a\\..\\b",
    "api/v1/namespaces",
    "@evil.example/api/v1",
    "",
)


@pytest.mark.parametrize("path", SENT)
async def test_the_client_sends_no_path_that_could_mean_another(path: str) -> None:
    recorder = Recorder()
    api: Any = ApiServer(recorder)
    body: JSON = {"metadata": {"name": "x"}}
    calls = [api.get, api.list_all, api.delete]
    writes = [api.apply, api.patch, api.replace, api.create]
    for call in calls:
        with pytest.raises(SpecError):
            await call(path)
    for write in writes:
        with pytest.raises(SpecError):
            await write(path, body)
    with pytest.raises(SpecError):
        await api.apply_status(path, body, manager="x")
    with pytest.raises(SpecError):
        await anext(api.watch(path))
    assert recorder.sent == []


def modules() -> list[Path]:
    """Every module that may call the Kubernetes API: the two servers of the sandbox speak of their own."""
    servers = (PRODUCTION / "provider", SANDBOX / "okta", SANDBOX / "kubernetes")
    found = (path for package in (PRODUCTION, SANDBOX) for path in sorted(package.rglob("*.py")))
    return [path for path in found if not any(path.is_relative_to(server) for server in servers)]


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every string that is no docstring, the parts of f-strings included."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_one_module_makes_paths_of_the_kubernetes_api(path: Path) -> None:
    if path == PRODUCTION / "kube" / "paths.py":
        return
    source = path.read_text()
    tree = ast.parse(source)
    for line, text in texts(tree):
        is_path = text.startswith(("/apis", "apis/", "/api/v1/namespaces", "namespaces/", "/namespaces"))
        assert not is_path, f"{path.name}:{line}: {text!r}: use paths.object_path"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "ApiPath" or path.name == "client.py", f"{path.name}:{node.lineno}"


def test_the_type_of_a_path_is_lost_where_text_is_added() -> None:
    path = object_path("v1", "secrets", "team", "scim")
    assert isinstance(path, ApiPath) and isinstance(path.below("status"), ApiPath)
    assert not isinstance(f"{path}/x", ApiPath) and not isinstance(path + "/x", ApiPath)


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_an_id_that_would_lead_elsewhere_is_not_put_into_a_url(value: str) -> None:
    with pytest.raises(Rejected):
        fill("SCIM", "/Users/{id}", {"id": value})


@pytest.mark.parametrize(
    ("value", "path"),
    [("a/../b", "/Users/a%2F..%2Fb"), ("x?y#z", "/Users/x%3Fy%23z"), ("%2e%2e", "/Users/%252e%252e")],
)
def test_an_id_stays_one_segment(value: str, path: str) -> None:
    assert fill("SCIM", "/Users/{id}", {"id": value}) == path


def test_an_id_that_is_no_text_is_sent_as_what_it_is() -> None:
    assert fill("SCIM", "/Users/{id}", {"id": "\ud800"}) == "/Users/%ED%A0%80"
