"""Values against types, bounds and formats: what is found, in the words of kube-apiserver 1.36."""

from __future__ import annotations

from typing import Any

import pytest

from controller.schema import compile_schema

INVALID, TYPE = "FieldValueInvalid", "FieldValueTypeInvalid"
UNSUPPORTED, LONG, MANY, MISSING = (
    "FieldValueNotSupported",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueRequired",
)


def findings(schema: dict[str, Any], value: Any) -> list[tuple[str, str, str]]:
    whole = compile_schema({"type": "object", "properties": {"x": schema}})
    return [(f.field, f.type, f.message) for f in whole.validate({"x": value})]


def text(**keys: Any) -> dict[str, Any]:
    return {"type": "string", **keys}


def number(kind: str = "integer", **keys: Any) -> dict[str, Any]:
    return {"type": kind, **keys}


def of_type(wanted: str, got: str, value: str | None = None) -> tuple[str, str, str]:
    shown = value if value is not None else got
    return ("x", TYPE, f'Invalid value: "{shown}": x in body must be of type {wanted}: "{got}"')


def bad(value: str, should: str) -> tuple[str, str, str]:
    return ("x", INVALID, f"Invalid value: {value}: x in body {should}")


REFUSED = [
    ("text for a number", number(), "a", of_type("integer", "string")),
    ("number for a text", text(), 1, of_type("string", "integer")),
    ("fraction for an integer", number(), 1.5, of_type("integer", "number")),
    ("true for an integer", number(), True, of_type("integer", "boolean")),
    ("list for an object", {"type": "object"}, [], of_type("object", "array")),
    ("object for a list", {"type": "array", "items": text()}, {}, of_type("array", "object")),
    ("null where it is not allowed", text(), None, of_type("string", "null")),
    (
        "flag for int or string",
        {"x-kubernetes-int-or-string": True},
        False,
        of_type("integer,string", "boolean"),
    ),
    ("below", number(minimum=1), 0, bad("0", "should be greater than or equal to 1")),
    (
        "at the exclusive minimum",
        number(minimum=1, exclusiveMinimum=True),
        1,
        bad("1", "should be greater than 1"),
    ),
    ("above", number(maximum=10), 11, bad("11", "should be less than or equal to 10")),
    (
        "at the exclusive maximum",
        number(maximum=9, exclusiveMaximum=True),
        9,
        bad("9", "should be less than 9"),
    ),
    ("no multiple", number(multipleOf=5), 7, bad("7", "should be a multiple of 5")),
    (
        "no multiple of a fraction",
        number("number", multipleOf=0.5),
        0.7,
        bad("0.7", "should be a multiple of 0.5"),
    ),
    ("fraction above", number("number", maximum=1.5), 2.0, bad("2", "should be less than or equal to 1.5")),
    ("too short", text(minLength=2), "é", bad('"é"', "should be at least 2 chars long")),
    ("no match", text(pattern="^[a-z]{2,4}$"), "ABC", bad('"ABC"', "should match '^[a-z]{2,4}$'")),
    ("match but for a line end", text(pattern="^a$"), "a\n", bad('"a\\n"', "should match '^a$'")),
    ("too long", text(maxLength=1), "ab", ("x", LONG, "Too long: may not be more than 1 byte")),
    ("much too long", text(maxLength=2), "abc", ("x", LONG, "Too long: may not be more than 2 bytes")),
    (
        "no choice",
        text(enum=["A", "B"]),
        "C",
        ("x", UNSUPPORTED, 'Unsupported value: "C": supported values: "A", "B"'),
    ),
    (
        "no number of choice",
        number(enum=[1, 2]),
        3,
        ("x", UNSUPPORTED, 'Unsupported value: 3: supported values: "1", "2"'),
    ),
    ("no time", text(format="date-time"), "today", of_type("date-time", "today", "today")),
    (
        "few items",
        {"type": "array", "items": text(), "minItems": 1},
        [],
        bad("0", "should have at least 1 items"),
    ),
    (
        "many items",
        {"type": "array", "items": text(), "maxItems": 1},
        ["a", "b"],
        ("x", MANY, "Too many: 2: must have at most 1 item"),
    ),
    (
        "few entries",
        {"type": "object", "additionalProperties": text(), "minProperties": 1},
        {},
        bad("0", "should have at least 1 properties"),
    ),
    (
        "many entries",
        {"type": "object", "additionalProperties": text(), "maxProperties": 2},
        {"a": "", "b": "", "c": ""},
        ("x", MANY, "Too many: 3: must have at most 2 items"),
    ),
    ("absent", {"type": "object", "required": ["a"]}, {}, ("x.a", MISSING, "Required value")),
    (
        "bad entry",
        {"type": "object", "additionalProperties": number()},
        {"k": "v"},
        ("x.k", TYPE, 'Invalid value: "string": x.k in body must be of type integer: "string"'),
    ),
    (
        "bad item",
        {"type": "array", "items": number(maximum=1)},
        [1, 2],
        ("x[1]", INVALID, "Invalid value: 2: x[1] in body should be less than or equal to 1"),
    ),
    (
        "beyond int32",
        number(format="int32"),
        2**31,
        ("<nil>", INVALID, 'Invalid value: "": Checked value must be of type integer with format int32 in x'),
    ),
    (
        "beyond 64 bits",
        number(),
        2**63,
        ("<nil>", INVALID, 'Invalid value: "": Checked value must be of type integer (default format) in x'),
    ),
    ("allOf", text(allOf=[{"minLength": 2}]), "a", bad('"a"', "should be at least 2 chars long")),
    (
        "anyOf",
        text(anyOf=[{"minLength": 2}, {"pattern": "b"}]),
        "a",
        ("<nil>", INVALID, 'Invalid value: "": "x" must validate at least one schema (anyOf)'),
    ),
    (
        "oneOf none",
        text(oneOf=[{"minLength": 2}]),
        "a",
        (
            "<nil>",
            INVALID,
            'Invalid value: "": "x" must validate one and only one schema (oneOf). Found none valid',
        ),
    ),
    (
        "oneOf both",
        text(oneOf=[{"minLength": 1}, {"maxLength": 2}]),
        "a",
        (
            "<nil>",
            INVALID,
            'Invalid value: "": "x" must validate one and only one schema (oneOf). '
            "Found 2 valid alternatives",
        ),
    ),
    (
        "not",
        text(**{"not": {"pattern": "a"}}),
        "a",
        ("<nil>", INVALID, 'Invalid value: "": "x" must not validate the schema (not)'),
    ),
]


@pytest.mark.parametrize(
    ("schema", "value", "expected"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_bad_value_is_one_finding(schema: dict[str, Any], value: Any, expected: tuple[str, str, str]) -> None:
    assert findings(schema, value) == [expected]


ACCEPTED = [
    ("integral float", number(), 3.0),
    ("integer for a number", number("number"), 3),
    ("null where allowed", text(nullable=True), None),
    ("null among the choices", text(nullable=True, enum=["A", None]), None),
    ("multiple of a fraction", number("number", multipleOf=0.1), 0.3),
    ("number for int or string", {"x-kubernetes-int-or-string": True}, 80),
    ("text for int or string", {"x-kubernetes-int-or-string": True}, "http"),
    ("characters, not bytes", text(maxLength=2), "é日"),
    ("unknown format", text(format="okta-id"), "anything"),
    ("format of another type", number(format="date-time"), 1),
    ("anything", {"x-kubernetes-preserve-unknown-fields": True}, {"a": [1, None]}),
    ("unknown field", {"type": "object"}, {"a": 1}),
    ("choice", text(anyOf=[{"minLength": 2}, {"pattern": "a"}]), "a"),
    ("one of", text(oneOf=[{"minLength": 2}, {"pattern": "a"}]), "a"),
    ("not", text(**{"not": {"pattern": "b"}}), "a"),
]


@pytest.mark.parametrize(("schema", "value"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_good_value_is_no_finding(schema: dict[str, Any], value: Any) -> None:
    assert findings(schema, value) == []


def test_findings_carry_the_value_and_print_as_a_line() -> None:
    schema = compile_schema({"type": "object", "properties": {"x": number(minimum=1)}})
    (finding,) = schema.validate({"x": 0})
    assert finding.value == 0
    assert str(finding) == "x: Invalid value: 0: x in body should be greater than or equal to 1"


def test_required_at_the_root_has_no_leading_dot() -> None:
    (finding,) = compile_schema({"type": "object", "required": ["spec"]}).validate({})
    assert (finding.field, finding.message) == ("spec", "Required value")
