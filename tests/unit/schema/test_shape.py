"""Defaults are filled in and unknown fields removed as kube-apiserver does."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controller.schema import compile_schema

TEXT = {"type": "string"}
SCHEMA = compile_schema(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "mode": {**TEXT, "default": "A"},
                    "note": TEXT,
                    "nick": {**TEXT, "nullable": True},
                    "nickOrA": {**TEXT, "nullable": True, "default": "A"},
                    "part": {
                        "type": "object",
                        "default": {},
                        "properties": {"size": {"type": "integer", "default": 1}},
                    },
                    "parts": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"name": TEXT, "n": {"type": "integer", "default": 1}},
                        },
                    },
                    "words": {"type": "array", "items": {**TEXT, "default": "w"}},
                    "labels": {"type": "object", "additionalProperties": {**TEXT, "default": "x"}},
                    "free": {"type": "object", "additionalProperties": True},
                    "any": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                        "properties": {
                            "known": {"type": "object", "properties": {"a": TEXT}},
                            "list": {"type": "array", "items": {"type": "object", "properties": {"a": TEXT}}},
                        },
                    },
                    "anyList": {
                        "type": "array",
                        "items": {"type": "object"},
                        "x-kubernetes-preserve-unknown-fields": True,
                    },
                    "loose": {"x-kubernetes-preserve-unknown-fields": True},
                    "pod": {
                        "type": "object",
                        "x-kubernetes-embedded-resource": True,
                        "properties": {"spec": {"type": "object", "properties": {"a": TEXT}}},
                    },
                },
            }
        },
    }
)


def defaulted(spec: dict[str, Any]) -> dict[str, Any]:
    obj = {"spec": {"mode": "B", "nickOrA": "n", "part": {"size": 2}, **spec}}
    filled: dict[str, Any] = SCHEMA.default(obj)["spec"]
    return {key: filled[key] for key in filled if key in spec}


def test_absent_fields_get_their_default_deep() -> None:
    assert SCHEMA.default({"spec": {}}) == {"spec": {"mode": "A", "nickOrA": "A", "part": {"size": 1}}}


def test_absent_parents_are_not_made_up() -> None:
    assert SCHEMA.default({}) == {}


def test_defaults_reach_items_and_map_values() -> None:
    assert defaulted({"parts": [{"name": "a"}, {"n": 3}]}) == {"parts": [{"name": "a", "n": 1}, {"n": 3}]}
    assert defaulted({"words": [None, "a"], "labels": {"k": None, "l": "m"}}) == {
        "words": ["w", "a"],
        "labels": {"k": "x", "l": "m"},
    }


def test_null_that_may_not_be_is_dropped_or_defaulted() -> None:
    assert defaulted({"note": None, "mode": None}) == {"mode": "A"}
    assert defaulted({"nick": None, "nickOrA": None}) == {"nick": None, "nickOrA": None}


def test_defaults_are_copies() -> None:
    first = SCHEMA.default({"spec": {}})
    first["spec"]["part"]["size"] = 9
    assert SCHEMA.default({"spec": {}})["spec"]["part"] == {"size": 1}


def test_wrong_types_are_left_for_validation() -> None:
    assert defaulted({"part": 3, "parts": "x", "loose": [None, {"a": None}]}) == {
        "part": 3,
        "parts": "x",
        "loose": [None, {"a": None}],
    }


def test_unknown_fields_go_and_are_named() -> None:
    obj = {
        "apiVersion": "v1",
        "kind": "K",
        "metadata": {"labels": {"a": "b"}},
        "extra": 1,
        "spec": {"odd": 1, "parts": [{"name": "a"}, {"odd": 1}], "labels": {"k": "v"}, "words": ["a"]},
    }
    assert SCHEMA.prune(obj) == ["extra", "spec.odd", "spec.parts[1].odd"]
    assert obj == {
        "apiVersion": "v1",
        "kind": "K",
        "metadata": {"labels": {"a": "b"}},
        "spec": {"parts": [{"name": "a"}, {}], "labels": {"k": "v"}, "words": ["a"]},
    }


def test_preserved_fields_stay_but_known_ones_below_are_pruned() -> None:
    kept = {"odd": {"deep": 1}, "known": {"a": "x", "odd": 1}, "list": [{"a": "x", "odd": 1}]}
    obj = {"spec": {"any": kept, "loose": [{"b": 1}], "anyList": [{"odd": 1}], "free": {"a": {"b": 1}}}}
    assert SCHEMA.prune(obj) == [
        "spec.any.known.odd",
        "spec.any.list[0].odd",
        "spec.free.a.b",
    ]
    assert obj["spec"]["any"] == {"odd": {"deep": 1}, "known": {"a": "x"}, "list": [{"a": "x"}]}
    assert obj["spec"]["anyList"] == [{"odd": 1}]
    assert obj["spec"]["loose"] == [{"b": 1}]


def test_embedded_resource_keeps_its_type_and_metadata() -> None:
    obj = {"spec": {"pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "odd": 1}}}
    assert SCHEMA.prune(obj) == ["spec.pod.odd"]
    assert obj["spec"]["pod"] == {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["mode", "part", "size", "parts", "n", "any", "known", "a", "odd"]), inner
        )
    ),
    max_leaves=12,
)
objects = st.fixed_dictionaries({"spec": json_values})


@given(objects)
def test_defaulting_twice_changes_nothing_more(obj: dict[str, Any]) -> None:
    once = copy.deepcopy(SCHEMA.default(obj))
    assert SCHEMA.default(obj) == once


@given(objects)
def test_pruning_twice_finds_nothing_more(obj: dict[str, Any]) -> None:
    SCHEMA.prune(obj)
    once = copy.deepcopy(obj)
    assert SCHEMA.prune(obj) == [] and obj == once
