"""The simple JSONPath that CRDs may use in printer columns and selectable fields.

Called by definitions. Pure. Understands `.a.b`, `.a\\.b`, `['a.b']`, `[0]`, `[-1]`, `[*]`, `.*`
and `[?(@.type=="Ready")]` with ==, !=, <, <=, >, >= : `client-go/util/jsonpath` less ranges and `..`.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

Step = Callable[[Any], Iterator[Any]]

_FIELD = re.compile(r"\.((?:[^.\[\]\\]|\\.)+)")
_QUOTED = re.compile(r"""\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*\]""")
_INDEX = re.compile(r"\[\s*(-?\d+)\s*\]")
_ALL = re.compile(r"\[\s*\*\s*\]")
_FILTER = re.compile(r"\[\?\(\s*@((?:[^=!<>()]|\\.)*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?))?\s*\)\]")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compile_path(text: str) -> Callable[[Any], list[Any]]:
    """A function from a JSON value to the values at `text`, in document order.

    Raises ValueError where `text` is not simple JSONPath.
    """
    steps, rest = [], text
    if rest.startswith("{") and rest.endswith("}"):
        rest = rest[1:-1]
    if rest and rest[0] not in ".[":
        raise ValueError(f"path {text!r} must start with a dot")
    while rest and rest != ".":
        step, length = _step(rest, text)
        steps.append(step)
        rest = rest[length:]
    return lambda value: _walk(steps, value)


def _walk(steps: list[Step], value: Any) -> list[Any]:
    found = [value]
    for step in steps:
        found = [inner for outer in found for inner in step(outer)]
    return found


def _step(rest: str, whole: str) -> tuple[Step, int]:
    if match := _FIELD.match(rest):
        name = re.sub(r"\\(.)", r"\1", match.group(1))
        return (_each if name == "*" else _field(name)), match.end()
    if match := _QUOTED.match(rest):
        return _field(re.sub(r"\\(.)", r"\1", match.group(1) or match.group(2) or "")), match.end()
    if match := _INDEX.match(rest):
        return _index(int(match.group(1))), match.end()
    if match := _ALL.match(rest):
        return _each, match.end()
    if match := _FILTER.match(rest):
        return _filter(match.group(1), match.group(2), match.group(3)), match.end()
    raise ValueError(f"cannot read {rest!r} in path {whole!r}")


def _field(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _index(position: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= position < len(value):
            yield value[position]

    return step


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def _filter(path: str, compared: str | None, literal: str | None) -> Step:
    inside = compile_path(path)
    wanted = _literal(literal or "")

    def keeps(item: Any) -> bool:
        found = inside(item)
        if compared is None or not found:
            return bool(found)
        try:
            return _COMPARE[compared](found[0], wanted)
        except TypeError:
            return False

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from (item for item in value if keeps(item))

    return step


def _literal(text: str) -> Any:
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1]
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
