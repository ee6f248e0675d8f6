"""Defaults in, unknown fields out: what kube-apiserver does to an object before it validates it.

Called by `structural`. Both change the object in place. Order as in the API server: prune, drop nulls
that are neither nullable nor defaulted, then default (apiextensions-apiserver, schema/pruning and
schema/defaulting).
"""

from __future__ import annotations

import copy
from typing import Any, Final

from controller.schema.node import UNSET, Node

TYPE_META: Final = frozenset({"apiVersion", "kind", "metadata"})


def apply_defaults(value: Any, node: Node | None) -> None:
    """Fills in defaults below `value`, after removing nulls that may not be."""
    _drop_nulls(value, node)
    _default(value, node)


def _drop_nulls(value: Any, node: Node | None) -> None:
    if isinstance(value, dict):
        for key in list(value):
            sub = node.child(key) if node else None
            if value[key] is None and sub is not None and not sub.nullable and sub.default is UNSET:
                del value[key]
            else:
                _drop_nulls(value[key], sub)
    elif isinstance(value, list):
        for item in value:
            _drop_nulls(item, node.items if node else None)


def _default(value: Any, node: Node | None) -> None:
    if node is None:
        return
    if isinstance(value, dict):
        for key, sub in node.properties.items():
            if sub.default is not UNSET and (key not in value or _is_null_to_fill(value[key], sub)):
                value[key] = copy.deepcopy(sub.default)
        for key in value:
            value[key] = _filled(value[key], None if key in node.properties else node.additional)
            _default(value[key], node.child(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            value[index] = _filled(item, node.items)
            _default(value[index], node.items)


def _is_null_to_fill(value: Any, node: Node) -> bool:
    return value is None and not node.nullable and node.default is not UNSET


def _filled(value: Any, node: Node | None) -> Any:
    return copy.deepcopy(node.default) if node is not None and _is_null_to_fill(value, node) else value


def prune_unknown(value: Any, node: Node) -> list[str]:
    """Removes what the schema does not name below a root `value`; the removed paths, sorted.
    apiVersion, kind and metadata stay, at the root and in embedded resources."""
    removed: list[str] = []
    _prune(value, node, "", removed, is_resource=True)
    return sorted(removed)


def _prune(
    value: Any,
    node: Node | None,
    path: str,
    removed: list[str],
    *,
    is_resource: bool = False,
    keep: bool = False,
) -> None:
    """`keep`: unknown fields stay here, as in the items of a list that preserves them."""
    keep = keep or (node is not None and node.preserve)
    is_resource = is_resource or (node is not None and node.embedded)
    if isinstance(value, dict):
        for key in list(value):
            if not (is_resource and key in TYPE_META):
                _prune_field(value, key, node, f"{path}.{key}" if path else key, removed, keep)
    elif isinstance(value, list):
        items = node.items if node else None
        if items is not None or not keep:
            for index, item in enumerate(value):
                _prune(item, items, f"{path}[{index}]", removed, keep=keep)


def _prune_field(
    value: dict[str, Any], key: str, node: Node | None, path: str, removed: list[str], keep: bool
) -> None:
    sub = node.child(key) if node else None
    if sub is not None or (node is not None and node.allows_additional):
        _prune(value[key], sub, path, removed)
    elif not keep:
        removed.append(path)
        del value[key]
