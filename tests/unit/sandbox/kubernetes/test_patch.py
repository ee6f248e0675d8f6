"""Merge, JSON and strategic merge patches."""

from __future__ import annotations

from typing import Any

import pytest

from scim_sandbox.kubernetes.failures import Refusal
from scim_sandbox.kubernetes.patch import json_patched, merge_patched, strategic_patched
from scim_sandbox.kubernetes.shapes import shape_of

BUILTIN = shape_of(None)


# The examples of RFC 7386, appendix A.
@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(document: Any, patch: Any, result: Any) -> None:
    assert merge_patched(document, patch) == result


def test_a_merge_patch_shares_what_it_does_not_touch() -> None:
    document = {"a": {"x": 1}, "b": {"y": 2}}
    result = merge_patched(document, {"a": {"x": 3}})
    assert result["b"] is document["b"]
    assert document == {"a": {"x": 1}, "b": {"y": 2}}


def test_json_patch_changes_a_copy() -> None:
    document = {"a": [1]}
    assert json_patched(document, [{"op": "add", "path": "/a/-", "value": 2}]) == {"a": [1, 2]}
    assert document == {"a": [1]}


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ({"op": "add"}, 400),
        ([{"op": "fly", "path": "/a"}], 400),
        ([{"path": "/a"}], 400),
        ([{"op": "test", "path": "/a", "value": 2}], 422),
        ([{"op": "remove", "path": "/none"}], 422),
        ([{"op": "replace", "path": "/a/b/c", "value": 1}], 422),
    ],
)
def test_bad_json_patches_are_refused(operations: Any, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        json_patched({"a": 1}, operations)
    assert refused.value.code == code


CONTAINERS = {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}


@pytest.mark.parametrize(
    ("patch", "result", "reason"),
    [
        (
            {"containers": [{"name": "b", "image": "2"}]},
            {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]},
            "elements merge by their key",
        ),
        (
            {"containers": [{"name": "a", "$patch": "delete"}]},
            {"containers": [{"name": "b", "image": "1"}]},
            "a directive deletes an element",
        ),
        (
            {"containers": [{"$patch": "replace"}, {"name": "c"}]},
            {"containers": [{"name": "c"}]},
            "a directive replaces the list",
        ),
        (
            {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [{"name": "a"}]},
            {"containers": [{"name": "b", "image": "1"}, {"name": "a", "image": "1"}]},
            "a directive orders the elements",
        ),
        ({"containers": None}, {}, "null removes the list"),
        ({"$patch": "replace", "x": 1}, {"x": 1}, "a directive replaces the map"),
        ({"$retainKeys": ["x"], "x": 1}, {"x": 1}, "keys that are not retained go"),
        ({"args": ["b"]}, {**CONTAINERS, "args": ["b"]}, "other lists are one piece"),
    ],
)
def test_strategic_merge(patch: dict[str, Any], result: dict[str, Any], reason: str) -> None:
    assert strategic_patched(CONTAINERS, patch, BUILTIN) == result, reason


def test_strategic_merge_of_sets() -> None:
    document = {"metadata": {"finalizers": ["a", "b"]}}
    added = strategic_patched(document, {"metadata": {"finalizers": ["c", "a"]}}, BUILTIN)
    assert added["metadata"]["finalizers"] == ["a", "b", "c"]
    removal = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert strategic_patched(document, removal, BUILTIN)["metadata"]["finalizers"] == ["b"]


def test_strategic_merge_needs_the_key() -> None:
    with pytest.raises(Refusal, match="does not contain declared merge key: name"):
        strategic_patched(CONTAINERS, {"containers": [{"image": "2"}]}, BUILTIN)


def test_ports_have_the_key_of_their_kind() -> None:
    service = {"ports": [{"port": 80, "targetPort": 1}]}
    patched = strategic_patched(service, {"ports": [{"port": 80, "targetPort": 2}]}, BUILTIN)
    assert patched == {"ports": [{"port": 80, "targetPort": 2}]}
    container = {"ports": [{"containerPort": 80}]}
    patched = strategic_patched(container, {"ports": [{"containerPort": 81}]}, BUILTIN)
    assert patched == {"ports": [{"containerPort": 80}, {"containerPort": 81}]}
