"""How JSON looks to CEL: escaped names, typed times, order where it does not count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controller.schema.celvalues import escape, like, to_cel, unescape
from controller.schema.node import parse_node

NAMES = [
    ("spec", "spec"),
    ("a-b", "a__dash__b"),
    ("a.b/c", "a__dot__b__slash__c"),
    ("a__b", "a__underscores__b"),
    ("namespace", "__namespace__"),
    ("_a", "_a"),
]


@pytest.mark.parametrize(("name", "identifier"), NAMES)
def test_names_are_escaped_and_back(name: str, identifier: str) -> None:
    assert escape(name) == identifier
    assert unescape(identifier) == name


@pytest.mark.parametrize("name", ["1a", "a b", "", "é"])
def test_name_without_identifier_is_out_of_reach(name: str) -> None:
    assert escape(name) is None


NODE = parse_node(
    {
        "type": "object",
        "properties": {
            "when": {"type": "string", "format": "date-time"},
            "day": {"type": "string", "format": "date"},
            "span": {"type": "string", "format": "duration"},
            "blob": {"type": "string", "format": "byte"},
            "mail": {"type": "string", "format": "email"},
            "share": {"type": "number"},
            "labels": {"type": "object", "additionalProperties": {"type": "number"}},
            "list": {"type": "array", "items": {"type": "number"}},
            "set": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            "9": {"type": "string"},
        },
    }
)


def test_formats_and_numbers_get_their_cel_type() -> None:
    value = {
        "when": "2026-01-02T03:04:05Z",
        "day": "2026-01-02",
        "span": "1h",
        "blob": "aGk=",
        "mail": "ada@acme.com",
        "share": 1,
        "labels": {"a-b": 2},
        "list": [1],
        "9": "lost",
    }
    assert to_cel(value, NODE) == {
        "when": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "day": datetime(2026, 1, 2, tzinfo=UTC),
        "span": timedelta(hours=1),
        "blob": b"hi",
        "mail": "ada@acme.com",
        "share": 1.0,
        "labels": {"a-b": 2.0},
        "list": [1.0],
    }
    assert isinstance(to_cel(value, NODE)["share"], float)


def test_what_is_not_of_its_format_stays_text() -> None:
    assert to_cel({"when": "today", "share": True, "day": None}, NODE) == {
        "when": "today",
        "share": True,
        "day": None,
    }


def test_old_set_follows_the_order_of_the_new_one() -> None:
    old, new = (
        {"set": ["a", "b"], "list": [1, 2], "mail": "x"},
        {"set": ["b", "a"], "list": [2, 1], "mail": 1},
    )
    assert like(old, new, NODE) == {"set": ["b", "a"], "list": [1, 2], "mail": "x"}
    assert like({"set": ["a", "b"]}, {"set": ["b", "b"]}, NODE) == {"set": ["a", "b"]}
    assert like({"set": ["a"]}, {"set": ["b", "a"]}, NODE) == {"set": ["a"]}
    assert like({"a": 1}, {"a": 2}, None) == {"a": 1}
