"""JSON values as CEL sees them through a schema: field names escaped, times and durations typed.

Called by `rules` and `expressions`. Source: Kubernetes documentation, "Validation rules" (type mapping,
escaping of property names) and k8s.io/apiserver/pkg/cel (escaping.go).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from controller.schema.formats import parse_date, parse_date_time, parse_go_duration
from controller.schema.node import Node

_RESERVED: Final = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
_ESCAPES: Final = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_TYPED: Final[dict[str, Callable[[str], Any]]] = {
    "date": parse_date,
    "datetime": parse_date_time,
    "duration": parse_go_duration,
    "byte": base64.b64decode,
}


@lru_cache(maxsize=4096)
def escape(name: str) -> str | None:
    """The CEL identifier of property `name`; None where it has none and no rule can reach it."""
    if name in _RESERVED:
        return f"__{name}__"
    text = re.sub("__|[./-]", lambda match: _ESCAPES[match[0]], name)
    return text if _IDENTIFIER.fullmatch(text) else None


def unescape(identifier: str) -> str:
    """The property that `identifier` stands for."""
    reserved = re.fullmatch("__(.+)__", identifier)
    if reserved and reserved[1] in _RESERVED:
        return reserved[1]
    for plain, escaped in _ESCAPES.items():
        if plain != "__":
            identifier = identifier.replace(escaped, plain)
    return identifier.replace("__underscores__", "__")


def to_cel(value: Any, node: Node | None) -> Any:
    """`value` for the engine. What the schema doesn't type stays as it is."""
    if node is None or value is None:
        return value
    if isinstance(value, dict):
        return _object_to_cel(value, node)
    if isinstance(value, list):
        return [to_cel(item, node.items) for item in value]
    if isinstance(value, str):
        return _text_to_cel(value, node)
    if node.type == "number" and not isinstance(value, bool):
        return float(value)
    return value


def _object_to_cel(value: dict[str, Any], node: Node) -> dict[str, Any]:
    out = {}
    for key, item in value.items():
        name = key if node.additional is not None and key not in node.properties else escape(key)
        if name is not None:
            out[name] = to_cel(item, node.child(key))
    return out


def _text_to_cel(value: str, node: Node) -> Any:
    typed = _TYPED.get(str(node.raw.get("format", "")).replace("-", ""))
    if typed is None or node.type != "string":
        return value
    try:
        return typed(value)
    except (ValueError, binascii.Error):
        return value


def like(old: Any, new: Any, node: Node | None) -> Any:
    """`old` with sets and list maps in the order of `new` where both hold the same items, because
    Kubernetes compares these without regard to order and the engine does not."""
    if node is None or type(old) is not type(new):
        return old
    if isinstance(old, dict):
        return {key: like(item, new.get(key), node.child(key)) for key, item in old.items()}
    if isinstance(old, list) and node.list_type in ("set", "map"):
        rest = list(old)
        if len(old) == len(new) and all(item in rest and not rest.remove(item) for item in new):  # type: ignore[func-returns-value]
            return new
    return old
