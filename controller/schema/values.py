"""Is a value what the schema says? Everything but CEL and list uniqueness.

Called by `structural`. Follows k8s.io/kube-openapi/pkg/validation/validate: the same checks by the kind of
the value, the same words, in the order of the schema so that answers are stable.
Paths are those of that library: properties and map keys by dots, items by [index].
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from controller.schema import findings
from controller.schema.correlation import Old, at_item, at_key, is_same
from controller.schema.findings import Finding, go_number, go_quote
from controller.schema.formats import is_of_format, matches
from controller.schema.node import Node

INTEGER_RANGES: Final = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


def json_type(value: Any) -> str:
    """The JSON Schema type of a parsed JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((int, "integer"), (float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"


def check_value(value: Any, node: Node, path: str = "", old: Old | None = None) -> list[Finding]:
    """Everything wrong with `value`; nothing where it is as `old` was."""
    found = list(_check(value, node, path, old))
    return [] if found and old is not None and is_same(value, old.value) else found


def _check(value: Any, node: Node, path: str, old: Old | None) -> Iterator[Finding]:
    kind = json_type(value)
    yield from _check_type(value, kind, node, path)
    if value is None:
        yield from _check_enum(value, node, path)
        return
    yield from _check_junctors(value, node, path)
    if kind == "string":
        yield from _check_string(value, node, path)
    elif kind in ("integer", "number"):
        yield from _check_number(value, node, path)
    elif kind == "array":
        yield from _check_array(value, node, path, old)
    yield from _check_enum(value, node, path)
    if kind == "object":
        yield from _check_object(value, node, path, old)


def _allowed_types(node: Node) -> tuple[str, ...]:
    if node.int_or_string:
        return ("integer", "string")
    return (node.type,) if node.type else ()


def _check_type(value: Any, kind: str, node: Node, path: str) -> Iterator[Finding]:
    allowed = _allowed_types(node)
    if not allowed or kind in allowed or (kind == "null" and node.nullable):
        return
    if kind == "integer" and "number" in allowed:
        return
    if kind == "number" and "integer" in allowed and value.is_integer():
        return
    detail = f"{path} in body must be of type {','.join(allowed)}: {go_quote(kind)}"
    yield findings.type_invalid(path, kind, detail)


def _check_string(value: str, node: Node, path: str) -> Iterator[Finding]:
    raw = node.raw
    if "maxLength" in raw and len(value) > raw["maxLength"]:
        yield findings.too_long(path, raw["maxLength"])
    elif "minLength" in raw and len(value) < raw["minLength"]:
        detail = f"{path} in body should be at least {raw['minLength']} chars long"
        yield findings.invalid(path, value, detail)
    elif raw.get("pattern") and not matches(raw["pattern"], value):
        yield findings.invalid(path, value, f"{path} in body should match '{raw['pattern']}'")
    name = raw.get("format", "") if node.type in ("", "string") else ""
    if name and not is_of_format(name, value):
        yield findings.type_invalid(path, value, f"{path} in body must be of type {name}: {go_quote(value)}")


def _check_number(value: float, node: Node, path: str) -> Iterator[Finding]:
    yield from _check_range(value, node, path)
    for bound, word in (("minimum", "greater"), ("maximum", "less")):
        if bound not in node.raw:
            continue
        limit = node.raw[bound]
        exclusive = bool(node.raw.get(f"exclusive{bound.capitalize()}"))
        beyond = value < limit if bound == "minimum" else value > limit
        if beyond or (exclusive and value == limit):
            text = f"should be {word} than {'' if exclusive else 'or equal to '}{go_number(limit)}"
            yield findings.invalid(path, value, f"{path} in body {text}")
    factor = node.raw.get("multipleOf")
    if factor is not None and not _is_multiple(value, factor):
        detail = f"{path} in body should be a multiple of {go_number(factor)}"
        yield findings.invalid(path, value, detail)


def _check_range(value: float, node: Node, path: str) -> Iterator[Finding]:
    name = node.raw.get("format", "") if node.type == "integer" else ""
    low, high = INTEGER_RANGES.get(name, INTEGER_RANGES["int64"])
    if node.type == "integer" and not low <= value <= high:
        how = f"with format {name}" if name in INTEGER_RANGES else "(default format)"
        detail = f"Checked value must be of type integer {how} in {path}"
        yield findings.invalid(findings.NO_FIELD, "", detail)


def _is_multiple(value: float, factor: float) -> bool:
    if isinstance(value, int) and isinstance(factor, int):
        return value % factor == 0
    ratio = value / factor
    return math.isclose(ratio, round(ratio), rel_tol=1e-9, abs_tol=1e-9)


def _check_array(value: list[Any], node: Node, path: str, old: Old | None) -> Iterator[Finding]:
    if node.items is not None:
        for index, item in enumerate(value):
            yield from check_value(item, node.items, f"{path}[{index}]", at_item(old, item))
    count, raw = len(value), node.raw
    if "minItems" in raw and count < raw["minItems"]:
        detail = f"{path} in body should have at least {raw['minItems']} items"
        yield findings.invalid(path, count, detail)
    if "maxItems" in raw and count > raw["maxItems"]:
        yield findings.too_many(path, count, raw["maxItems"])


def _check_enum(value: Any, node: Node, path: str) -> Iterator[Finding]:
    allowed = node.raw.get("enum")
    if allowed is None or (value is None and node.nullable and None in allowed):
        return
    if not any(is_same(value, choice) for choice in allowed):
        yield findings.not_supported(path, value, allowed)


def _check_object(value: dict[str, Any], node: Node, path: str, old: Old | None) -> Iterator[Finding]:
    count, raw = len(value), node.raw
    if "minProperties" in raw and count < raw["minProperties"]:
        detail = f"{path} in body should have at least {raw['minProperties']} properties"
        yield findings.invalid(path, count, detail)
    if "maxProperties" in raw and count > raw["maxProperties"]:
        yield findings.too_many(path, count, raw["maxProperties"])
    for key, item in value.items():
        sub = node.child(key)
        if sub is not None:
            yield from check_value(item, sub, _join(path, key), at_key(old, key))
    for key in raw.get("required", ()):
        if key not in value:
            yield findings.required(_join(path, key))


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _check_junctors(value: Any, node: Node, path: str) -> Iterator[Finding]:
    for sub in node.all_of:
        yield from _check(value, sub, path, None)
    if node.any_of and all(list(_check(value, sub, path, None)) for sub in node.any_of):
        detail = f'"{path}" must validate at least one schema (anyOf)'
        yield findings.invalid(findings.NO_FIELD, "", detail)
    if node.one_of:
        valid = sum(not list(_check(value, sub, path, None)) for sub in node.one_of)
        if valid != 1:
            how = f"Found {valid} valid alternatives" if valid else "Found none valid"
            detail = f'"{path}" must validate one and only one schema (oneOf). {how}'
            yield findings.invalid(findings.NO_FIELD, "", detail)
    if node.negated is not None and not list(_check(value, node.negated, path, None)):
        yield findings.invalid(findings.NO_FIELD, "", f'"{path}" must not validate the schema (not)')
