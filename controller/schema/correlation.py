"""Which old value belongs to which new one, and whether it changed.

Called by `values` and `rules`: an update is not refused for what it leaves as it was (ratcheting, KEP-4008),
and transition rules compare with the old value of the same object, map entry or list-map item.
Uncorrelated (a new field, an item of an atomic list or a set) is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from controller.schema.node import Node


def is_same(new: Any, old: Any) -> bool:
    """JSON equality: true is not 1, 1 is 1.0."""
    if isinstance(new, bool) or isinstance(old, bool):
        return new is old
    if isinstance(new, dict) and isinstance(old, dict):
        return new.keys() == old.keys() and all(is_same(new[key], old[key]) for key in new)
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(map(is_same, new, old))
    return bool(new == old)


def list_map_key(item: Any, node: Node) -> tuple[Any, ...] | None:
    """The key of an item of a list of type map; None for what is no object."""
    return tuple(item.get(key) for key in node.map_keys) if isinstance(item, dict) else None


@dataclass(frozen=True, slots=True)
class Old:
    """The old value that belongs to a new one of schema `node`."""

    value: Any
    node: Node

    def at_key(self, key: str) -> Old | None:
        """The old value under `key`, or None where there was none."""
        sub = self.node.child(key)
        if sub is None or not isinstance(self.value, dict) or key not in self.value:
            return None
        return Old(self.value[key], sub)

    def at_item(self, item: Any) -> Old | None:
        """The old item with the same key, in a list of type map; None in other lists."""
        if self.node.list_type != "map" or self.node.items is None or not isinstance(self.value, list):
            return None
        wanted = list_map_key(item, self.node)
        found = [old for old in self.value if wanted is not None and list_map_key(old, self.node) == wanted]
        return Old(found[0], self.node.items) if found else None


def at_key(old: Old | None, key: str) -> Old | None:
    return old.at_key(key) if old else None


def at_item(old: Old | None, item: Any) -> Old | None:
    return old.at_item(item) if old else None
