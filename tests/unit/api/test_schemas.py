"""The generated schemas say what a real API server accepted, describe every field, and hold every bound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.api import KINDS
from controller.api.crds import build_schema
from controller.schema import compile_schema
from tests.unit.api.samples import FULL, SMALLEST, resource

NAMES = {
    "rules": "x-kubernetes-validations",
    "list": "x-kubernetes-list-type",
    "keys": "x-kubernetes-list-map-keys",
}
FACTS: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "accepted_facts.yaml").read_text(encoding="utf-8")
)
SCHEMAS = {name: build_schema(kind) for name, kind in KINDS.items()}
COMPILED = {name: compile_schema(schema) for name, schema in SCHEMAS.items()}


def nodes(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, sub in schema.get("properties", {}).items():
        yield from nodes(sub, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes(schema["additionalProperties"], f"{path}{{}}")


SPEC_NODES = {
    path: node for kind, schema in SCHEMAS.items() for path, node in nodes(schema["properties"]["spec"], kind)
}
ALL_NODES = [pair for kind, schema in SCHEMAS.items() for pair in nodes(schema, kind)]


def is_within(fact: Any, said: Any) -> bool:
    """Whether a default says the accepted one, and perhaps more."""
    if isinstance(fact, dict):
        return isinstance(said, dict) and all(is_within(value, said.get(key)) for key, value in fact.items())
    return bool(fact == said)


@pytest.mark.parametrize("path", sorted(FACTS))
def test_field_says_what_the_api_server_accepted(path: str) -> None:
    node = SPEC_NODES[path]
    for name, fact in FACTS[path].items():
        said: Any = node.get(NAMES.get(name, name))
        if name == "rules":
            assert [made for made in fact if made not in said] == []
        elif name == "required":
            assert set(said) == set(fact)
        elif name == "default":
            assert is_within(fact, said)
        else:
            assert said == fact, name


@pytest.mark.parametrize(("path", "node"), ALL_NODES, ids=[path for path, _ in ALL_NODES])
def test_every_field_is_described_and_capped(path: str, node: dict[str, Any]) -> None:
    is_written = path.rsplit(".", 1)[-1] not in ("apiVersion", "kind", "metadata") or path.count(".") > 1
    if is_written and not path.endswith(("[]", "{}")):
        description = node.get("description", "")
        assert description.endswith((".", "DIGEST", "<digest>")) and len(description) > 8, description
    if node["type"] == "string" and is_written and "enum" not in node:
        assert "maxLength" in node
    if node["type"] == "array":
        assert "maxItems" in node and node["x-kubernetes-list-type"] in ("atomic", "set", "map")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [SMALLEST, FULL], ids=["smallest", "full"])
def test_sample_is_accepted_whole(kind: str, samples: dict[str, Any]) -> None:
    obj = resource(kind, samples[kind])
    assert COMPILED[kind].prune(obj) == []
    assert COMPILED[kind].validate(COMPILED[kind].default(obj)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_full_sample_uses_every_field(kind: str) -> None:
    def used(value: Any, path: str) -> Iterator[str]:
        yield path
        if isinstance(value, dict):
            for key, item in value.items():
                yield from used(item, f"{path}.{key}" if f"{path}{{}}" not in SPEC_NODES else f"{path}{{}}")
        elif isinstance(value, list):
            for item in value:
                yield from used(item, f"{path}[]")

    there = {path for path in SPEC_NODES if path == kind or path.startswith(f"{kind}.")}
    assert there - set(used(FULL[kind], kind)) - {"ScimIntegration.okta.app.id"} == set()


def leaves() -> Iterator[tuple[str, str, Any, str]]:
    """(kind, path, value beyond a bound, the type of finding) for each bound of each field."""
    for path, node in SPEC_NODES.items():
        for bound, value in bounds_of(node):
            yield path.partition(".")[0].partition("[")[0], path, value, bound


def bounds_of(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if "maxLength" in node:
        yield "FieldValueTooLong", "x" * (node["maxLength"] + 1)
    if node.get("minLength"):
        yield "FieldValueInvalid", ""
    if "pattern" in node:
        yield "FieldValueInvalid", "1-/"
    if "enum" in node:
        yield "FieldValueNotSupported", "Whatever"
    if "minimum" in node:
        yield "FieldValueInvalid", node["minimum"] - 1
    if "maximum" in node:
        yield "FieldValueInvalid", node["maximum"] + 1
    if node.get("minItems"):
        yield "FieldValueInvalid", []
    if "maxItems" in node:
        yield "FieldValueTooMany", [None] * (node["maxItems"] + 1)
    other = {"string": 1, "integer": "1", "boolean": "true", "array": {}, "object": []}
    yield "FieldValueTypeInvalid", other[node["type"]]


def put(value: Any, path: str, new: Any) -> Any:
    """`value` with what stands at `path` (the first item of lists, the first entry of maps) replaced."""
    if not path:
        return new
    if path.startswith("[]"):
        return [put(value[0], path[2:], new), *value[1:]]
    if path.startswith("{}"):
        first = next(iter(value))
        return {**value, first: put(value[first], path[2:], new)}
    name = path[1:].replace("[", ".").replace("{", ".").split(".")[0]
    return {**value, name: put(value.get(name), path[1 + len(name) :], new)}


BEYOND = list(leaves())


@pytest.mark.parametrize(
    ("kind", "path", "value", "expected"), BEYOND, ids=[f"{row[1]}-{row[3]}" for row in BEYOND]
)
def test_value_beyond_a_bound_is_refused_where_it_stands(
    kind: str, path: str, value: Any, expected: str
) -> None:
    obj = resource(kind, put(FULL[kind], path.removeprefix(kind), value))
    where = "spec" + path.removeprefix(kind).replace("[]", "[0]").replace("{}", ".team")
    assert (where, expected) in {(finding.field, finding.type) for finding in COMPILED[kind].validate(obj)}
