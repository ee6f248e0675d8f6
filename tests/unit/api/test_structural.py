"""Models become structural schemas; what Kubernetes cannot say is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from controller.api.meta import rule, rules
from controller.api.structural import UnstructuralError, build_structural
from controller.schema import compile_schema


class Part(BaseModel):
    """A part,
    over two lines."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra=rules(rule("has(self.n)", "n is given", ".n"))
    )

    n: Annotated[int, Field(gt=1, lt=9)] = 2
    note: str | None = None


class Whole(BaseModel):
    only: Literal["A"] = "A"
    part: Part = Field(Part(), description="Its own words.")
    perhaps: Part | None = None
    parts: tuple[Part, ...] = ()
    by_name: Mapping[str, Part] = Field(default_factory=dict)


PART = {
    "type": "object",
    "x-kubernetes-validations": [{"rule": "has(self.n)", "message": "n is given", "fieldPath": ".n"}],
    "properties": {
        "n": {
            "type": "integer",
            "default": 2,
            "minimum": 1,
            "exclusiveMinimum": True,
            "maximum": 9,
            "exclusiveMaximum": True,
        },
        "note": {"type": "string"},
    },
}
WORDS = {"description": "A part, over two lines."}


def test_what_kubernetes_cannot_read_is_rewritten() -> None:
    assert build_structural(Whole) == {
        "type": "object",
        "properties": {
            "only": {"type": "string", "enum": ["A"], "default": "A"},
            "part": {**PART, "description": "Its own words.", "default": {"n": 2}},
            "perhaps": {**PART, **WORDS},
            "parts": {"type": "array", "items": {**PART, **WORDS}},
            "by_name": {"type": "object", "additionalProperties": {**PART, **WORDS}},
        },
    }
    compile_schema(build_structural(Whole))


def test_description_and_type_come_first_and_children_last() -> None:
    assert list(build_structural(Whole)["properties"]["perhaps"]) == [
        "description",
        "type",
        "x-kubernetes-validations",
        "properties",
    ]


class Tree(BaseModel):
    below: tuple[Tree, ...] = ()


CANNOT: list[tuple[str, Any, str]] = [
    ("union", int | str, r"Holder\.x: anyOf of 2 types"),
    ("pair", tuple[int, str], r"Holder\.x: prefixItems cannot be said"),
    ("set", frozenset[str], r"Holder\.x: uniqueItems cannot be said"),
    ("tagged", Annotated[Part, Field(json_schema_extra={"oneOf": []})], r"Holder\.x: oneOf cannot be said"),
    ("empty tuple", tuple[()], r"Holder\.x: a list needs items of one schema"),
]


@pytest.mark.parametrize(("annotation", "why"), [row[1:] for row in CANNOT], ids=[row[0] for row in CANNOT])
def test_what_kubernetes_cannot_say_is_refused(annotation: Any, why: str) -> None:
    holder = type("Holder", (BaseModel,), {"__annotations__": {"x": annotation}})
    with pytest.raises(UnstructuralError, match=why):
        build_structural(holder)


def test_model_that_contains_itself_is_refused() -> None:
    with pytest.raises(UnstructuralError, match="contains itself"):
        build_structural(Tree)
