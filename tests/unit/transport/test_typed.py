"""JSON against a TypedDict: what is wrong is named by its place and its type."""

from __future__ import annotations

from typing import Any, Required, TypedDict

import pytest

from controller.transport.typed import misfit


class Inner(TypedDict, total=False):
    name: str
    counts: list[int]


class Outer(TypedDict, total=False):
    id: Required[str]
    inner: Inner
    many: list[Inner]
    by_name: dict[str, Inner]
    flag: bool
    maybe: str | None
    anything: Any


FITS: tuple[Any, ...] = (
    {"id": "1"},
    {"id": "1", "inner": None, "many": [], "flag": False, "maybe": None, "anything": [1], "else": 7},
    {
        "id": "1",
        "inner": {"name": "a", "counts": [1]},
        "many": [{}],
        "by_name": {"a": {"name": "b"}, "c": None},
    },
)
MISFITS: tuple[tuple[Any, str], ...] = (
    (None, "is null, not an object"),
    ([], "is a list, not an object"),
    ({}, "id is missing"),
    ({"id": ""}, "id is missing"),
    ({"id": 5}, "id is a number, not a text"),
    ({"id": "1", "inner": "x"}, "inner is a text, not an object"),
    ({"id": "1", "inner": {"counts": [1, True]}}, "inner.counts[1] is a boolean, not a number"),
    ({"id": "1", "inner": {"counts": 1.5}}, "inner.counts is a number, not a list"),
    ({"id": "1", "many": [{}, {"name": {}}]}, "many[1].name is an object, not a text"),
    ({"id": "1", "by_name": {"secret": {"name": 1}}}, "by_name.*.name is a number, not a text"),
    ({"id": "1", "by_name": []}, "by_name is a list, not an object"),
    ({"id": "1", "flag": 1}, "flag is a number, not a boolean"),
    ({"id": "1", "maybe": []}, "maybe is a list, not a text"),
)


@pytest.mark.parametrize("value", FITS)
def test_what_fits(value: Any) -> None:
    assert misfit(Outer, value) == ""


@pytest.mark.parametrize(("value", "told"), MISFITS)
def test_what_does_not_fit_is_named(value: Any, told: str) -> None:
    assert misfit(Outer, value).strip() == told
