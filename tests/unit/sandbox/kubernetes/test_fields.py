"""Field sets, their FieldsV1 form, and ownership after updates."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_sandbox.kubernetes.fields import (
    Entry,
    after_update,
    applied_paths,
    compared,
    fields_v1,
    parse_entries,
    path_text,
    paths_of,
)
from scim_sandbox.kubernetes.shapes import shape_of
from tests.contract.kubernetes.widgets import CRD

WIDGET = shape_of(CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def owned(obj: dict[str, Any]) -> dict[str, Any]:
    return fields_v1(applied_paths(obj, WIDGET))


def test_an_applied_configuration_claims_its_leaves() -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Widget",
        "metadata": {"name": "x", "labels": {"a": "b"}},
        "spec": {"size": 1, "parts": [{"name": "p", "count": 2}], "anything": {}},
    }
    assert owned(config) == {
        "f:metadata": {"f:labels": {"f:a": {}}},
        "f:spec": {
            "f:size": {},
            "f:parts": {'k:{"name":"p"}': {".": {}, "f:name": {}, "f:count": {}}},
            "f:anything": {},
        },
    }


def test_system_metadata_is_nobodys() -> None:
    assert owned({"metadata": {"uid": "1", "resourceVersion": "2", "managedFields": []}}) == {}


def test_finalizers_are_a_set_and_owners_are_keyed() -> None:
    metadata = {"finalizers": ["a"], "ownerReferences": [{"uid": "1", "kind": "K"}]}
    found = owned({"metadata": metadata})["f:metadata"]
    assert found == {
        "f:finalizers": {'v:"a"': {}},
        "f:ownerReferences": {'k:{"uid":"1"}': {}},
    }


@pytest.mark.parametrize(
    ("old", "new", "changed", "removed"),
    [
        ({"spec": {"size": 1}}, {"spec": {"size": 1}}, [], []),
        ({"spec": {"size": 1}}, {"spec": {"size": 2}}, [".spec.size"], []),
        ({"spec": {"size": 1}}, {"spec": {}}, [], [".spec.size"]),
        ({}, {"spec": {"size": 1}}, [".spec", ".spec.size"], []),
        (
            {"spec": {"parts": [{"name": "a"}]}},
            {"spec": {"parts": [{"name": "b"}]}},
            ['.spec.parts[name="b"]', '.spec.parts[name="b"].name'],
            ['.spec.parts[name="a"]', '.spec.parts[name="a"].name'],
        ),
        (
            {"spec": {"parts": [{"name": "a"}, {"name": "a"}]}},
            {"spec": {"parts": [{"name": "b"}, {"name": "b"}]}},
            [".spec.parts"],
            [],
        ),
        ({"spec": {"anything": {"a": [1]}}}, {"spec": {"anything": {"a": [2]}}}, [".spec.anything.a"], []),
    ],
)
def test_comparison_names_what_changed(
    old: dict[str, Any], new: dict[str, Any], changed: list[str], removed: list[str]
) -> None:
    found = compared(old, new, WIDGET)
    assert [sorted(map(path_text, paths)) for paths in found] == [changed, removed]


def entry(manager: str, *paths: str, operation: str = "Update") -> Entry:
    split = frozenset(tuple(f"f:{part}" for part in path.split(".")) for path in paths)
    return Entry(manager, operation, "v1", time="then", paths=split)


def test_an_update_takes_fields_from_others() -> None:
    entries = [entry("git", "spec.a", "spec.b"), entry("me", "spec.c")]
    changed = entry("", "spec.a", "spec.d").paths
    removed = entry("", "spec.c").paths
    result = after_update(entries, entry("me"), changed, removed)
    assert result == [entry("git", "spec.b"), entry("me", "spec.a", "spec.d")]


def test_a_manager_that_owns_nothing_any_more_is_dropped() -> None:
    result = after_update([entry("git", "spec.a")], entry("me"), entry("", "spec.a").paths, frozenset())
    assert result == [entry("me", "spec.a")]


def test_nothing_changed_leaves_every_entry_with_its_time() -> None:
    entries = [entry("git", "spec.a"), entry("me", "spec.b")]
    writer = Entry("me", "Update", "v1", time="now")
    assert after_update(entries, writer, frozenset(), frozenset()) == entries


def test_entries_survive_rendering() -> None:
    entries = [entry("git", "spec.a", operation="Apply"), entry("me", "spec.b")]
    assert parse_entries([one.rendered() for one in entries]) == entries


@pytest.mark.parametrize(
    "managed",
    [
        ["x"],
        [{"operation": "Guess"}],
        [{"operation": "Apply", "fieldsType": "FieldsV2"}],
        [{"operation": "Apply", "fieldsV1": {"spec": {}}}],
        [{"operation": "Apply", "fieldsV1": {"f:spec": 1}}],
    ],
)
def test_malformed_entries_are_refused(managed: Any) -> None:
    with pytest.raises(ValueError, match=r"managedFields|fieldsV1"):
        parse_entries(managed)


ELEMENTS = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
PATHS = st.frozensets(st.lists(ELEMENTS, min_size=1, max_size=4).map(tuple), max_size=12)


@given(PATHS)
def test_fields_v1_keeps_every_path(paths: frozenset[tuple[str, ...]]) -> None:
    assert paths_of(fields_v1(paths)) == paths
