"""The JSONPath of printer columns."""

from __future__ import annotations

from typing import Any

import pytest

from scim_sandbox.kubernetes.jsonpath import compile_path

DOCUMENT: dict[str, Any] = {
    "spec": {"size": 3, "a.b": "dotted", "list": [10, 20, 30]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Old", "n": 2}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.size", [3]),
        ("{.spec.size}", [3]),
        (".spec.none", []),
        (r".spec.a\.b", ["dotted"]),
        (".spec['a.b']", ["dotted"]),
        (".spec.list[0]", [10]),
        (".spec.list[-1]", [30]),
        (".spec.list[7]", []),
        (".spec.list[*]", [10, 20, 30]),
        (".status.conditions[?(@.type=='Ready')].status", ["True"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.n>1)].type", ["Old"]),
        (".status.conditions[?(@.n)].type", ["Old"]),
        (".status.conditions[?(@.type!='Ready')].type", ["Old"]),
        (".status.conditions[?(@.type>1)].type", []),
        (".spec.list.deeper", []),
    ],
)
def test_finds_values(path: str, found: list[Any]) -> None:
    assert compile_path(path)(DOCUMENT) == found


@pytest.mark.parametrize("path", ["spec.size", ".spec[", ".spec..size", ".spec[1:2]"])
def test_refuses_what_is_not_simple(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        compile_path(path)
