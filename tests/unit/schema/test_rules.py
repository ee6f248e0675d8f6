"""CEL rules: compiled with the schema, evaluated where they stand, worded as kube-apiserver words them."""

from __future__ import annotations

from typing import Any

import pytest

from controller.schema import SchemaError, Structural, compile_schema

TEXT = {"type": "string"}
INTEGER = {"type": "integer"}


def schema(*rules: dict[str, Any], **properties: Any) -> Structural:
    x = {"type": "object", "properties": properties, "x-kubernetes-validations": list(rules)}
    return compile_schema({"type": "object", "properties": {"x": x}})


def rule(text: str, message: str = "", **keys: Any) -> dict[str, Any]:
    return {"rule": text, **({"message": message} if message else {}), **keys}


def found(compiled: Structural, new: Any, old: Any = None) -> list[tuple[str, str]]:
    before = None if old is None else {"x": old}
    return [(f.field, f.message) for f in compiled.validate({"x": new}, before)]


def test_refusing_rule_gives_its_message_and_hides_the_object() -> None:
    compiled = schema(rule("self.a < self.b", "a is below b"), a=INTEGER, b=INTEGER)
    assert found(compiled, {"a": 1, "b": 2}) == []
    assert found(compiled, {"a": 2, "b": 2}) == [("x", "Invalid value: a is below b")]


def test_rule_on_a_scalar_shows_the_value() -> None:
    compiled = schema(a={**TEXT, "x-kubernetes-validations": [rule("self == 'b'", "b only")]})
    assert found(compiled, {"a": "c"}) == [("x.a", 'Invalid value: "c": b only')]


REFUSALS = [
    ("no message", rule("self.a > 1"), [("x", "Invalid value: failed rule: self.a > 1")]),
    ("field path", rule("self.a > 1", "m", fieldPath=".a"), [("x.a", "Invalid value: m")]),
    ("quoted field path", rule("self.a > 1", "m", fieldPath="['a']"), [("x['a']", "Invalid value: m")]),
    ("forbidden", rule("self.a > 1", "m", reason="FieldValueForbidden"), [("x", "Forbidden: m")]),
    ("required", rule("self.a > 1", "m", reason="FieldValueRequired"), [("x", "Required value: m")]),
    ("duplicate", rule("self.a > 1", "m", reason="FieldValueDuplicate"), [("x", "Duplicate value")]),
    (
        "message expression",
        rule("self.a > 1", "m", messageExpression="'a is ' + string(self.a)"),
        [("x", "Invalid value: a is 1")],
    ),
    (
        "failing message expression",
        rule("self.a > 1", "m", messageExpression="string(1 / 0)"),
        [("x", "Invalid value: m")],
    ),
    (
        "lines in the message",
        rule("self.a > 1", "m", messageExpression="'a\\nb'"),
        [("x", "Invalid value: m")],
    ),
    ("message is a number", rule("self.a > 1", "m", messageExpression="1"), [("x", "Invalid value: m")]),
    (
        "division",
        rule("1 / (self.a - 1) > 0", "m"),
        [("x", 'Invalid value: "object": division by zero evaluating rule: m')],
    ),
    (
        "absent field",
        rule("self.b == 1"),
        [("x", 'Invalid value: "object": no such key: b evaluating rule: self.b == 1')],
    ),
    (
        "no truth value",
        rule("self.a + 1"),
        [("x", 'Invalid value: "object": cel expression must evaluate to a bool: self.a + 1')],
    ),
]


@pytest.mark.parametrize(
    ("made", "expected"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_refusal_says_where_and_why(made: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert found(schema(made, a=INTEGER, b=INTEGER), {"a": 1}) == expected


BROKEN = [
    ("syntax", rule("self.a >"), ".rule", "compilation failed"),
    ("unknown variable", rule("that.a > 1"), ".rule", "undeclared reference to 'that'"),
    ("unknown function", rule("quantity(self.a) > 1"), ".rule", "undeclared reference to 'quantity'"),
    ("unknown field", rule("self.c > 1"), ".rule", "undefined field 'c'"),
    ("empty", rule("  "), ".rule", "Required value"),
    ("blank message", {"rule": "true", "message": " "}, ".message", "non-empty"),
    ("lines", rule("true", "a\nb"), ".message", "line breaks"),
    ("reason", rule("true", reason="NotFound"), ".reason", "Unsupported value"),
    ("field path", rule("true", fieldPath=".c"), ".fieldPath", "valid path"),
    ("field path of an item", rule("true", fieldPath=".a[0]"), ".fieldPath", "valid path"),
    ("unknown key", rule("true", msg="x"), ".msg", "not a field of a validation rule"),
    ("optional without old", rule("true", optionalOldSelf=True), ".optionalOldSelf", "oldSelf is not used"),
    ("message expression", rule("true", messageExpression="zz"), ".rule", "undeclared reference to 'zz'"),
]


@pytest.mark.parametrize(
    ("made", "where", "why"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_rule_that_cannot_be_is_refused_with_the_schema(made: dict[str, Any], where: str, why: str) -> None:
    with pytest.raises(SchemaError) as refused:
        schema(rule("true"), made, a=INTEGER)
    (finding,) = refused.value.findings
    assert finding.field == f"openAPIV3Schema.properties[x].x-kubernetes-validations[1]{where}"
    assert why in finding.message


def test_transition_rule_needs_an_old_value() -> None:
    compiled = schema(rule("self.a >= oldSelf.a", "a never shrinks"), a=INTEGER)
    assert found(compiled, {"a": 1}) == []
    assert found(compiled, {"a": 2}, {"a": 1}) == []
    assert found(compiled, {"a": 1}, {"a": 2}) == [("x", "Invalid value: a never shrinks")]


def test_optional_old_value_is_seen_at_creation_too() -> None:
    text = "oldSelf.hasValue() ? self.a >= oldSelf.value().a : self.a == 0"
    compiled = schema(rule(text, "starts at 0, never shrinks", optionalOldSelf=True), a=INTEGER)
    assert found(compiled, {"a": 0}) == [] == found(compiled, {"a": 3}, {"a": 2})
    assert found(compiled, {"a": 1}) == [("x", "Invalid value: starts at 0, never shrinks")]
    assert found(compiled, {"a": 1}, {"a": 2}) != []


def test_items_of_a_list_map_meet_their_former_self_by_key() -> None:
    item = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": TEXT, "n": INTEGER},
        "x-kubernetes-validations": [rule("self.n >= oldSelf.n", "n never shrinks")],
    }
    parts = {
        "type": "array",
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }
    compiled = schema(parts=parts)
    old = {"parts": [{"name": "a", "n": 1}, {"name": "b", "n": 5}]}
    new = {"parts": [{"name": "b", "n": 4}, {"name": "c", "n": 0}, {"name": "a", "n": 1}]}
    assert found(compiled, new, old) == [("x.parts[0]", "Invalid value: n never shrinks")]


def test_items_of_other_lists_have_no_former_self() -> None:
    item = {**INTEGER, "x-kubernetes-validations": [rule("self >= oldSelf")]}
    compiled = schema(parts={"type": "array", "items": item})
    assert found(compiled, {"parts": [1]}, {"parts": [2]}) == []


def test_map_values_have_a_former_self_and_their_key_in_the_path() -> None:
    value = {
        **INTEGER,
        "x-kubernetes-validations": [rule("self >= oldSelf", "never shrinks"), rule("self < 9", "below 9")],
    }
    compiled = schema(by={"type": "object", "additionalProperties": value})
    assert found(compiled, {"by": {"a-b": 1, "c": 9}}, {"by": {"a-b": 2}}) == [
        ("x.by[a-b]", "Invalid value: 1: never shrinks"),
        ("x.by[c]", "Invalid value: 9: below 9"),
    ]


def test_unchanged_values_are_not_refused_again() -> None:
    part = {
        "type": "object",
        "properties": {"a": INTEGER},
        "x-kubernetes-validations": [rule("self.a < 5", "below 5")],
    }
    compiled = schema(part=part, parts={"type": "array", "items": part}, b=INTEGER)
    old = {"part": {"a": 9}, "parts": [{"a": 9}], "b": 1}
    assert found(compiled, {**old, "b": 2}, old) == []
    assert found(compiled, {"part": {"a": 8}}, old) == [("x.part", "Invalid value: below 5")]
    assert found(compiled, {"parts": [{"a": 9}, {"a": 1}]}, old) == [("x.parts[0]", "Invalid value: below 5")]


def test_null_is_not_evaluated() -> None:
    compiled = schema(a={**TEXT, "nullable": True, "x-kubernetes-validations": [rule("self == 'b'")]})
    assert found(compiled, {"a": None}) == []


def test_sets_are_compared_without_order() -> None:
    words = {
        "type": "array",
        "items": TEXT,
        "x-kubernetes-list-type": "set",
        "x-kubernetes-validations": [rule("self == oldSelf", "immutable")],
    }
    compiled = schema(words=words)
    assert found(compiled, {"words": ["a", "b"]}, {"words": ["b", "a"]}) == []
    assert found(compiled, {"words": ["a", "b"]}, {"words": ["b", "c"]}) != []


def test_root_rules_reach_the_name() -> None:
    compiled = compile_schema(
        {"type": "object", "x-kubernetes-validations": [rule("self.metadata.name.startsWith('a')", "a...")]}
    )
    assert compiled.validate({"metadata": {"name": "abc"}}) == []
    (finding,) = compiled.validate({"metadata": {"name": "b"}})
    assert (finding.field, finding.message) == ("<nil>", "Invalid value: a...")


def test_rules_wait_for_a_sound_object() -> None:
    compiled = schema(rule("self.a < 5", "below 5"), a=INTEGER, b={**TEXT, "pattern": "^b$"})
    blocked = "some validation rules were not checked because the object was invalid"
    assert [message for _, message in found(compiled, {"a": "9"})][-1].startswith(
        f"Invalid value: null: {blocked}"
    )
    assert found(compiled, {"a": 9, "b": "c"})[-1] == ("x", "Invalid value: below 5")
