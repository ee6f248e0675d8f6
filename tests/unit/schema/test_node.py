"""Schemas that kube-apiserver refuses are refused, with the path and the reason."""

from __future__ import annotations

from typing import Any

import pytest

from controller.schema import SchemaError, compile_schema

TEXT = {"type": "string"}
PAIR = [{"type": "integer"}, {"type": "string"}]


def field(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": schema}}


def listed(**keys: Any) -> dict[str, Any]:
    return field({"type": "array", "items": TEXT, **keys})


MAP = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
X = "openAPIV3Schema.properties[x]"
REFUSED = [
    ("no type at the root", {}, "openAPIV3Schema.type", "must not be empty at the root"),
    (
        "root is no object",
        {"type": "array", "items": TEXT},
        "openAPIV3Schema.type",
        "must be object at the root",
    ),
    ("no type in a field", field({}), f"{X}.type", "for specified object fields"),
    (
        "no type in items",
        field({"type": "array", "items": {}}),
        f"{X}.items.type",
        "for specified array items",
    ),
    ("unknown type", field({"type": "text"}), f"{X}.type", 'Unsupported value: "text"'),
    ("null type", field({"type": ["string", "null"]}), f"{X}.type", "Unsupported value"),
    ("list without items", field({"type": "array"}), f"{X}.items", "must be specified"),
    ("no schema", field("string"), X, "must be a schema"),
    ("reference", field({"$ref": "#/definitions/a"}), f"{X}.$ref", "not supported"),
    ("const", field({**TEXT, "const": "a"}), f"{X}.const", "enum of one value"),
    ("unique items", listed(uniqueItems=True), f"{X}.uniqueItems", "x-kubernetes-list-type: set"),
    ("tuple", listed(prefixItems=[TEXT]), f"{X}.prefixItems", "not supported"),
    (
        "unknown keyword",
        field({**TEXT, "contains": 1}),
        f"{X}.contains",
        "not a field of a Kubernetes schema",
    ),
    (
        "numeric exclusive",
        field({"type": "integer", "exclusiveMinimum": 1}),
        f"{X}.exclusiveMinimum",
        "boolean",
    ),
    ("bad pattern", field({**TEXT, "pattern": "["}), f"{X}.pattern", "valid regular expression"),
    ("look-ahead", field({**TEXT, "pattern": "(?=a)"}), f"{X}.pattern", "valid regular expression"),
    ("pattern of a number", field({**TEXT, "pattern": 1}), f"{X}.pattern", "valid regular expression"),
    ("required no list", field({"type": "object", "required": True}), f"{X}.required", "list of field names"),
    (
        "closed object",
        field({"type": "object", "additionalProperties": False}),
        f"{X}.additionalProperties",
        "false",
    ),
    (
        "properties beside additional",
        field({"type": "object", "properties": {"a": TEXT}, "additionalProperties": TEXT}),
        f"{X}.additionalProperties",
        "mutual exclusive",
    ),
    (
        "map at the root",
        {"type": "object", "additionalProperties": TEXT},
        "openAPIV3Schema.additionalProperties",
        "must not be used at the root",
    ),
    (
        "labels in metadata",
        {"type": "object", "properties": {"metadata": {"type": "object", "properties": {"labels": TEXT}}}},
        "openAPIV3Schema.properties[metadata]",
        "implicitly specified",
    ),
    ("list type of a text", field({**TEXT, "x-kubernetes-list-type": "set"}), f"{X}.type", "must be array"),
    ("unknown list type", listed(**{"x-kubernetes-list-type": "bag"}), f"{X}.x-kubernetes-list-type", "bag"),
    (
        "map without keys",
        listed(**{"x-kubernetes-list-type": "map"}),
        f"{X}.x-kubernetes-list-map-keys",
        "goes",
    ),
    (
        "keys without map",
        listed(**{"x-kubernetes-list-map-keys": ["a"]}),
        f"{X}.x-kubernetes-list-map-keys",
        "goes",
    ),
    ("key that is no property", listed(**MAP), f"{X}.x-kubernetes-list-map-keys", "names of item properties"),
    (
        "key that may be absent",
        field({"type": "array", "items": {"type": "object", "properties": {"name": TEXT}}, **MAP}),
        f"{X}.items.properties[name].default",
        "must have a default or be a required property",
    ),
    (
        "loose int or string",
        field({"x-kubernetes-int-or-string": True, "x-kubernetes-preserve-unknown-fields": True}),
        f"{X}.x-kubernetes-preserve-unknown-fields",
        "must be false",
    ),
    (
        "embedded text",
        field({**TEXT, "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}),
        f"{X}.type",
        "must be object",
    ),
    (
        "embedded without fields",
        field({"type": "object", "x-kubernetes-embedded-resource": True}),
        f"{X}.properties",
        "must not be empty",
    ),
    (
        "type in a branch",
        field({**TEXT, "anyOf": [{"type": "string"}]}),
        f"{X}.anyOf[0].type",
        "must be empty",
    ),
    (
        "default in a branch",
        field({**TEXT, "not": {"default": "a"}}),
        f"{X}.not.default",
        "must be undefined",
    ),
    ("branch that is no schema", field({**TEXT, "allOf": [1]}), f"{X}.allOf[0]", "must be a schema"),
    (
        "field of a branch only",
        field({"type": "object", "oneOf": [{"properties": {"b": {"minLength": 1}}}]}),
        f"{X}.oneOf[0].properties[b]",
        "outside of value validation too",
    ),
    (
        "nested branches",
        field({**TEXT, "anyOf": [{"allOf": [{"title": "t"}]}, {"not": {"nullable": True}}]}),
        f"{X}.anyOf[0].allOf[0].title",
        "must be empty",
    ),
    ("default of another type", field({**TEXT, "default": 1}), f"{X}.default", "must be of type string"),
    (
        "default in items",
        field({"type": "array", "items": {"type": "integer", "default": "a"}}),
        f"{X}.items.default",
        "must be of type integer",
    ),
    (
        "default in a map",
        field({"type": "object", "additionalProperties": {"type": "integer", "default": "a"}}),
        f"{X}.additionalProperties.default",
        "must be of type integer",
    ),
]


@pytest.mark.parametrize(
    ("schema", "where", "why"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_unstructural_schema_is_refused_with_its_path(schema: dict[str, Any], where: str, why: str) -> None:
    with pytest.raises(SchemaError) as refused:
        compile_schema(schema)
    assert any(finding.field == where and why in finding.message for finding in refused.value.findings), (
        refused.value
    )


ACCEPTED = [
    ("int or string", field({"x-kubernetes-int-or-string": True})),
    ("int or string, spelt out", field({"x-kubernetes-int-or-string": True, "anyOf": PAIR})),
    ("int or string, in allOf", field({"x-kubernetes-int-or-string": True, "allOf": [{"anyOf": PAIR}]})),
    ("anything", field({"x-kubernetes-preserve-unknown-fields": True})),
    (
        "embedded resource",
        field(
            {
                "type": "object",
                "x-kubernetes-embedded-resource": True,
                "x-kubernetes-preserve-unknown-fields": True,
            }
        ),
    ),
    (
        "branch about a declared field",
        field(
            {"type": "object", "properties": {"a": TEXT}, "anyOf": [{"properties": {"a": {"minLength": 1}}}]}
        ),
    ),
    (
        "metadata.name bounded",
        {"type": "object", "properties": {"metadata": {"type": "object", "properties": {"name": TEXT}}}},
    ),
    ("key with a default", listed() | {}),
    ("free map", field({"type": "object", "additionalProperties": True})),
]


@pytest.mark.parametrize("schema", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_structural_schema_is_accepted(schema: dict[str, Any]) -> None:
    assert compile_schema(schema).rules is None


def test_every_finding_is_reported_at_once() -> None:
    with pytest.raises(SchemaError) as refused:
        compile_schema({"type": "object", "properties": {"a": {}, "b": {"type": "array"}}})
    assert len(refused.value.findings) == 2
    assert "properties[a].type" in str(refused.value) and "properties[b].items" in str(refused.value)
