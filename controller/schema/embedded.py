"""Do embedded resources say what they are?

Called by `structural`, after the plain validation. Follows apiextensions-apiserver's schema/objectmeta for
apiVersion and kind; the metadata of an embedded resource is not looked into.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from controller.schema import findings
from controller.schema.findings import Finding
from controller.schema.node import Node

_LABEL: Final = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_LABEL_RULE: Final = (
    "may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case "
    "alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric "
    "character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)


def embeds(node: Node) -> bool:
    """Whether a resource may stand anywhere below `node`."""
    below = [*node.properties.values(), *(sub for sub in (node.items, node.additional) if sub)]
    return node.embedded or any(map(embeds, below))


def check_embedded(value: Any, node: Node | None, path: str = "") -> Iterator[Finding]:
    """What is wrong with the resources within `value`."""
    if node is None:
        return
    if isinstance(value, dict):
        if node.embedded:
            yield from _check_resource(value, path)
        for key, item in value.items():
            inner = f"{path}.{key}" if path else key
            yield from check_embedded(
                item, node.child(key), inner if key in node.properties else f"{path}[{key}]"
            )
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from check_embedded(item, node.items, f"{path}[{index}]")


def _check_resource(value: dict[str, Any], path: str) -> Iterator[Finding]:
    for key in ("apiVersion", "kind"):
        if key not in value:
            yield findings.required(f"{path}.{key}")
        elif not isinstance(value[key], str):
            yield findings.invalid(f"{path}.{key}", value[key], "must be a string")
        elif not value[key]:
            yield findings.invalid(f"{path}.{key}", "", "must not be empty")
        elif key == "kind" and not _LABEL.fullmatch(value[key].lower()):
            yield findings.invalid(f"{path}.{key}", value[key], _LABEL_RULE)
        elif key == "apiVersion" and value[key].count("/") > 1:
            yield findings.invalid(
                f"{path}.{key}", value[key], f"unexpected GroupVersion string: {value[key]}"
            )
