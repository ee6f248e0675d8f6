"""Are the items of sets and the keys of list maps unique?

Called by `structural`, between the plain validation and the rules, as in the API server
(apiextensions-apiserver, schema/listtype). Each repeated value is reported once, where it first repeats.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from controller.schema import findings
from controller.schema.findings import Finding
from controller.schema.node import Node


def check_lists(value: Any, node: Node, path: str = "") -> Iterator[Finding]:
    """Duplicates anywhere below `value`."""
    if isinstance(value, dict):
        for key, item in value.items():
            sub = node.child(key)
            if sub is not None:
                inner = f"{path}.{key}" if path else key
                yield from check_lists(item, sub, inner if key in node.properties else f"{path}[{key}]")
    elif isinstance(value, list):
        yield from _check_list(value, node, path)
        for index, item in enumerate(value if node.items else ()):
            assert node.items is not None
            yield from check_lists(item, node.items, f"{path}[{index}]")


def _check_list(value: list[Any], node: Node, path: str) -> Iterator[Finding]:
    if node.list_type == "set":
        for index in _repeated(value):
            yield findings.duplicate(f"{path}[{index}]", value[index])
    elif node.list_type == "map":
        for index, item in enumerate(value):
            if item is not None and not isinstance(item, dict):
                detail = "must be an object for an array of list-type map"
                yield findings.invalid(f"{path}[{index}]", item, detail)
                return
        keys = [{key: item[key] for key in node.map_keys if key in (item or ())} for item in value]
        for index in _repeated(keys):
            yield findings.duplicate(f"{path}[{index}]", keys[index])


def _repeated(values: list[Any]) -> list[int]:
    """The index at which each value that occurs more than once occurs for the second time."""
    times: dict[str, int] = {}
    found = []
    for index, value in enumerate(values):
        text = json.dumps(value, sort_keys=True)
        times[text] = times.get(text, 0) + 1
        if times[text] == 2:
            found.append(index)
    return found
