"""A whole schema in use: the widget of kube-apiserver's own wordings, updates, the status subresource."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.schema import compile_schema
from controller.schema.correlation import is_same
from controller.schema.findings import not_supported

TEXT = {"type": "string"}
WIDGET = compile_schema(
    {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object",
                "required": ["size"],
                "properties": {
                    "size": {"type": "integer", "minimum": 1, "maximum": 10},
                    "color": {**TEXT, "enum": ["Red", "Blue"], "default": "Red"},
                    "code": {**TEXT, "pattern": "^[a-z]{2,4}$"},
                    "parts": {"type": "array", "maxItems": 3, "items": TEXT, "x-kubernetes-list-type": "set"},
                },
                "x-kubernetes-validations": [
                    {
                        "rule": "self.size < 9 || self.color == 'Blue'",
                        "message": "sizes from 9 come in Blue only",
                    },
                    {"rule": "!has(oldSelf.code) || has(self.code)", "message": "code can't be removed"},
                ],
            },
            "status": {"type": "object", "required": ["phase"], "properties": {"note": TEXT, "phase": TEXT}},
        },
    }
)
UNCHECKED = (
    "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)


def write(spec: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    obj = WIDGET.default({"spec": json.loads(json.dumps(spec))})
    return [str(finding) for finding in WIDGET.validate(obj, old)]


ANSWERS = [
    ({"size": 1}, []),
    ({}, ["spec.size: Required value", UNCHECKED]),
    ({"size": None}, ["spec.size: Required value", UNCHECKED]),
    (
        {"size": "3"},
        [
            'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
            UNCHECKED,
        ],
    ),
    (
        {"size": 1, "color": "Green"},
        ['spec.color: Unsupported value: "Green": supported values: "Red", "Blue"', UNCHECKED],
    ),
    (
        {"size": 11},
        [
            "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10",
            "spec: Invalid value: sizes from 9 come in Blue only",
        ],
    ),
    (
        {"size": 1, "parts": ["a", "b", "c", "d"]},
        ["spec.parts: Too many: 4: must have at most 3 items", UNCHECKED],
    ),
    ({"size": 1, "parts": ["a", "a"]}, ['spec.parts[1]: Duplicate value: "a"']),
]


@pytest.mark.parametrize(("spec", "expected"), ANSWERS)
def test_answers_read_like_kube_apiserver(spec: dict[str, Any], expected: list[str]) -> None:
    assert write(spec) == expected


def test_update_is_judged_by_what_it_changes() -> None:
    old = {"spec": {"size": 20, "color": "Blue", "code": "ABC"}}
    assert write({"size": 20, "color": "Blue", "code": "ABC", "parts": ["a"]}, old) == []
    assert write({"size": 21, "color": "Blue", "code": "ABC"}, old) == [
        "spec.size: Invalid value: 21: spec.size in body should be less than or equal to 10"
    ]
    assert write({"size": 5}, old) == ["spec: Invalid value: code can't be removed"]


def test_status_is_checked_by_itself() -> None:
    stored = {"spec": {"size": 99, "color": "Red"}}
    wrong = {**stored, "status": {"note": 3, "phase": "x"}}
    assert [str(f) for f in WIDGET.validate(wrong, stored, subresource="status")] == [
        'status.note: Invalid value: "integer": note in body must be of type string: "integer"',
        UNCHECKED,
    ]
    right = {**stored, "status": {"note": "3", "phase": "x"}}
    assert WIDGET.validate(right, stored, subresource="status") == []
    assert WIDGET.validate(stored, right, subresource="status") == []


def test_status_of_another_type_and_what_is_missing_in_it() -> None:
    stored = {"spec": {"size": 1, "color": "Red"}, "status": {"phase": "x"}}
    (first, _) = WIDGET.validate({**stored, "status": "up"}, stored, subresource="status")
    assert (first.field, first.type) == ("status", "FieldValueTypeInvalid")
    (first, _) = WIDGET.validate({**stored, "status": {}}, stored, subresource="status")
    assert str(first) == "status.phase: Required value"


def test_finding_without_a_field_keeps_none_in_the_status() -> None:
    schema = compile_schema(
        {
            "type": "object",
            "properties": {"status": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        }
    )
    (finding,) = schema.validate({"status": {"n": 2**64}}, subresource="status")
    assert finding.field == "<nil>"


def test_subresource_that_the_schema_lacks_is_nothing_to_check() -> None:
    assert WIDGET.validate({"spec": {"size": 1, "color": "Red"}, "scale": 1}, subresource="scale") == []


@pytest.mark.parametrize(
    ("new", "old", "same"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (True, True, True),
        ([1], [1], True),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"b": 1}, False),
        ("1", 1, False),
    ],
)
def test_json_equality(new: Any, old: Any, same: bool) -> None:
    assert is_same(new, old) is same


def test_choices_that_are_no_text_are_quoted_json() -> None:
    assert not_supported("x", True, [1, 2.5, None]).message == (
        'Unsupported value: true: supported values: "1", "2.5", "null"'
    )
