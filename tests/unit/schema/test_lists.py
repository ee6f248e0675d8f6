"""Sets and list maps hold each item once."""

from __future__ import annotations

from typing import Any

import pytest

from controller.schema import compile_schema

TEXT = {"type": "string"}
ENTRY = {
    "type": "object",
    "properties": {"name": TEXT, "zone": {**TEXT, "default": "a"}},
    "required": ["name"],
}
SCHEMA = compile_schema(
    {
        "type": "object",
        "properties": {
            "set": {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"},
            "sets": {
                "type": "object",
                "additionalProperties": {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"},
            },
            "pairs": {
                "type": "array",
                "items": {"type": "array", "items": {"type": "integer"}},
                "x-kubernetes-list-type": "set",
            },
            "map": {
                "type": "array",
                "items": {
                    "type": "object",
                    "nullable": True,
                    "required": ["name"],
                    "properties": {
                        "name": TEXT,
                        "words": {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"},
                    },
                },
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
            "zones": {
                "type": "array",
                "items": ENTRY,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name", "zone"],
            },
            "atomic": {"type": "array", "items": TEXT, "x-kubernetes-list-type": "atomic"},
        },
    }
)


def duplicates(obj: dict[str, Any]) -> list[tuple[str, str]]:
    return [(f.field, f.message) for f in SCHEMA.validate(obj) if f.type == "FieldValueDuplicate"]


CASES = [
    ("set", {"set": ["a", "b", "a", "a"]}, [("set[2]", 'Duplicate value: "a"')]),
    (
        "two repeated",
        {"set": ["a", "b", "b", "a"]},
        [("set[2]", 'Duplicate value: "b"'), ("set[3]", 'Duplicate value: "a"')],
    ),
    ("set in a map", {"sets": {"k": ["a", "a"]}}, [("sets[k][1]", 'Duplicate value: "a"')]),
    ("set of lists", {"pairs": [[1, 2], [2, 1], [1, 2]]}, [("pairs[2]", "Duplicate value: [1,2]")]),
    ("map", {"map": [{"name": "a"}, {"name": "a"}]}, [("map[1]", 'Duplicate value: {"name":"a"}')]),
    ("map without keys", {"map": [{}, None]}, [("map[1]", "Duplicate value: {}")]),
    (
        "set in a map's item",
        {"map": [{"name": "a", "words": ["x", "x"]}]},
        [("map[0].words[1]", 'Duplicate value: "x"')],
    ),
    (
        "map with two keys",
        {"zones": [{"name": "a", "zone": "x"}, {"name": "a", "zone": "y"}, {"name": "a", "zone": "x"}]},
        [("zones[2]", 'Duplicate value: {"name":"a","zone":"x"}')],
    ),
    ("atomic", {"atomic": ["a", "a"]}, []),
    ("all different", {"set": ["a", "A"], "map": [{"name": "a"}, {"name": "b"}]}, []),
]


@pytest.mark.parametrize(("obj", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_each_repetition_is_reported_once(obj: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert duplicates(obj) == expected


def test_item_of_a_list_map_must_be_an_object() -> None:
    found = [(f.field, f.message) for f in SCHEMA.validate({"map": [{"name": "a"}, "b"]})]
    assert ("map[1]", 'Invalid value: "b": must be an object for an array of list-type map') in found


def test_what_was_repeated_before_does_not_hold_back_an_update() -> None:
    old = {"set": ["a", "a"]}
    assert SCHEMA.validate({"set": ["a", "a"], "atomic": ["b"]}, old) == []
    assert SCHEMA.validate({"set": ["a", "a"]}, {"set": ["a"]}) != []
