"""Embedded resources name their kind and version."""

from __future__ import annotations

from typing import Any

import pytest

from controller.schema import compile_schema

POD = {
    "type": "object",
    "x-kubernetes-embedded-resource": True,
    "x-kubernetes-preserve-unknown-fields": True,
}
SCHEMA = compile_schema(
    {
        "type": "object",
        "properties": {
            "pod": POD,
            "pods": {"type": "array", "items": POD},
            "by": {"type": "object", "additionalProperties": POD},
        },
    }
)
GOOD = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"x": [1, {}]}}
CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("good everywhere", {"pod": GOOD, "pods": [GOOD], "by": {"a": GOOD}, "other": {"x": 1}}, []),
    ("nothing said", {"pod": {}}, ["pod.apiVersion: Required value", "pod.kind: Required value"]),
    ("in a list", {"pods": [GOOD, {"kind": "A"}]}, ["pods[1].apiVersion: Required value"]),
    ("in a map", {"by": {"a": {"apiVersion": "v1"}}}, ["by[a].kind: Required value"]),
    ("no text", {"pod": {**GOOD, "kind": 1}}, ["pod.kind: Invalid value: 1: must be a string"]),
    ("empty", {"pod": {**GOOD, "apiVersion": ""}}, ['pod.apiVersion: Invalid value: "": must not be empty']),
    (
        "two slashes",
        {"pod": {**GOOD, "apiVersion": "a/b/c"}},
        ['pod.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
    ),
]


@pytest.mark.parametrize(("obj", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_embedded_resource_says_what_it_is(obj: dict[str, Any], expected: list[str]) -> None:
    assert [str(finding) for finding in SCHEMA.validate(obj)] == expected


def test_what_is_no_object_is_left_to_the_types() -> None:
    (finding,) = SCHEMA.validate({"pod": 3})
    assert finding.type == "FieldValueTypeInvalid"


def test_kind_is_a_label_but_for_its_case() -> None:
    (finding,) = SCHEMA.validate({"pod": {**GOOD, "kind": "No_Kind"}})
    assert finding.field == "pod.kind" and "should otherwise match: a DNS-1035 label" in finding.message
