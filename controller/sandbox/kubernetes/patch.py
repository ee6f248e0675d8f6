"""The three patch formats that change a document: JSON merge (RFC 7386), JSON (RFC 6902), strategic merge.

Called by rest; server-side apply has a file of its own. Pure: the old document is never changed, and what a
patch does not touch is shared with the result.
"""

from __future__ import annotations

from typing import Any

import jsonpatch
import jsonpointer

from controller.sandbox.kubernetes.failures import Refusal, bad_request
from controller.sandbox.kubernetes.shapes import Shape

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

_ORDER = "$setElementOrder/"
_DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"
_DIRECTIVE = "$patch"


def merge_patched(document: Any, patch: Any) -> Any:
    """RFC 7386 section 2: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patched(result.get(name), value)
    return result


def json_patched(document: Any, operations: Any) -> Any:
    """RFC 6902. A 400 for what is no patch, a 422 for one that does not fit the document."""
    if not isinstance(operations, list):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        )
    try:
        return jsonpatch.JsonPatch(operations).apply(document)
    except (jsonpatch.InvalidJsonPatch, AttributeError) as error:
        raise bad_request(f"error decoding patch: {error}") from None
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError):
        message = "the server rejected our request due to an error in our request"
        raise Refusal(422, "Invalid", message, {}) from None


def strategic_patched(document: Any, patch: Any, shape: Shape) -> Any:
    """Kubernetes' strategic merge: lists with a merge key merge by it, `$` directives order and delete."""
    if not isinstance(patch, dict):
        raise bad_request("a strategic merge patch must be an object")
    return _strategic_map(document if isinstance(document, dict) else {}, patch, shape)


def _strategic_map(document: dict[str, Any], patch: dict[str, Any], shape: Shape) -> dict[str, Any]:
    directive = patch.get(_DIRECTIVE)
    plain = {name: value for name, value in patch.items() if not name.startswith("$")}
    if directive == "replace":
        return plain
    if directive == "delete":
        return {}
    result = dict(document)
    if _RETAIN in patch:
        result = {name: value for name, value in result.items() if name in patch[_RETAIN]}
    for name, value in patch.items():
        if name.startswith(_DELETE_PRIMITIVES):
            target = name.removeprefix(_DELETE_PRIMITIVES)
            result[target] = [item for item in result.get(target) or [] if item not in value]
    for name, value in plain.items():
        if value is None:
            result.pop(name, None)
        else:
            order = patch.get(_ORDER + name)
            result[name] = _strategic_value(result.get(name), value, shape.field(name), order)
    return result


def _strategic_value(old: Any, new: Any, shape: Shape, order: list[Any] | None) -> Any:
    if isinstance(new, dict):
        return _strategic_map(old if isinstance(old, dict) else {}, new, shape)
    if isinstance(new, list):
        return _strategic_list(old if isinstance(old, list) else [], new, shape, order)
    return new


def _strategic_list(old: list[Any], new: list[Any], shape: Shape, order: list[Any] | None) -> list[Any]:
    if any(isinstance(item, dict) and item.get(_DIRECTIVE) == "replace" for item in new):
        return [item for item in new if not (isinstance(item, dict) and _DIRECTIVE in item)]
    if shape.is_set:
        merged = [*old, *(item for item in new if item not in old)]
        return _ordered(merged, order, lambda item: item)
    keys = shape.keys([*old, *new])[:1]
    if not keys:
        return new
    return _keyed_list(old, new, shape, keys[0], order)


def _keyed_list(old: list[Any], new: list[Any], shape: Shape, key: str, order: list[Any] | None) -> list[Any]:
    merged = {item.get(key): item for item in old if isinstance(item, dict)}
    for item in new:
        if not isinstance(item, dict) or key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        if item.get(_DIRECTIVE) == "delete":
            merged.pop(item[key], None)
        else:
            merged[item[key]] = _strategic_map(merged.get(item[key], {}), item, shape.item())
    names = None if order is None else [item.get(key) for item in order]
    return _ordered(list(merged.values()), names, lambda item: item.get(key))


def _ordered(items: list[Any], order: list[Any] | None, identity: Any) -> list[Any]:
    if not order:
        return items
    places = {value: place for place, value in enumerate(order)}
    return sorted(items, key=lambda item: places.get(identity(item), len(places)))
