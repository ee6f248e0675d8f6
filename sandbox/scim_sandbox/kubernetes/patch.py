"""The three patch formats that change a document: JSON merge (RFC 7386), JSON (RFC 6902), strategic merge.

Called by negotiation and objects; server-side apply has a file of its own. Pure: the old document is never
changed, and what a patch does not touch is shared with the result.
"""

from __future__ import annotations

from typing import Any

import jsonpatch
import jsonpointer

from scim_sandbox.kubernetes.failures import Refusal, bad_request
from scim_sandbox.kubernetes.shapes import Shape, value_element

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
        retained = _directive_list(patch, _RETAIN)
        result = {name: value for name, value in result.items() if name in retained}
    for name in patch:
        if name.startswith(_DELETE_PRIMITIVES):
            _delete_primitives(result, name.removeprefix(_DELETE_PRIMITIVES), _directive_list(patch, name))
    for name, value in plain.items():
        if value is None:
            result.pop(name, None)
        else:
            order = _directive_list(patch, _ORDER + name) if _ORDER + name in patch else []
            result[name] = _strategic_value(result.get(name), value, shape.field(name), order)
    return result


def _directive_list(patch: dict[str, Any], name: str) -> list[Any]:
    if not isinstance(patch[name], list):
        raise bad_request(f"error decoding patch: {name} must be a list")
    return list(patch[name])


def _delete_primitives(result: dict[str, Any], name: str, gone: list[Any]) -> None:
    if isinstance(result.get(name), list):
        result[name] = [item for item in result[name] if item not in gone]


def _strategic_value(old: Any, new: Any, shape: Shape, order: list[Any]) -> Any:
    if isinstance(new, dict):
        return _strategic_map(old if isinstance(old, dict) else {}, new, shape)
    if isinstance(new, list):
        return _strategic_list(old if isinstance(old, list) else [], new, shape, order)
    return new


def _strategic_list(old: list[Any], new: list[Any], shape: Shape, order: list[Any]) -> list[Any]:
    if any(isinstance(item, dict) and item.get(_DIRECTIVE) == "replace" for item in new):
        return [item for item in new if not (isinstance(item, dict) and _DIRECTIVE in item)]
    if shape.is_set:
        merged = {value_element(item): item for item in [*old, *new]}
        return _ordered(merged, [value_element(item) for item in order])
    keys = shape.keys([*old, *new])[:1]
    if not keys:
        return new
    merged = _keyed_items(old, new, shape, keys[0])
    return _ordered(merged, [_identity(item, keys[0]) for item in order])


def _keyed_items(old: list[Any], new: list[Any], shape: Shape, key: str) -> dict[str, Any]:
    """The elements after the merge, by what tells them apart."""
    merged = {_identity(item, key): item for item in old}
    for item in new:
        if not isinstance(item, dict) or key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        identity = _identity(item, key)
        if item.get(_DIRECTIVE) == "delete":
            merged.pop(identity, None)
        else:
            before = merged.get(identity)
            merged[identity] = _strategic_map(before if isinstance(before, dict) else {}, item, shape.item())
    return merged


def _identity(item: Any, key: str) -> str:
    return value_element(item.get(key) if isinstance(item, dict) else item)


def _ordered(items: dict[str, Any], order: list[str]) -> list[Any]:
    """The elements as `order` has them; those that it does not name stay behind in their own order."""
    places = {identity: place for place, identity in enumerate(order)}
    return [items[one] for one in sorted(items, key=lambda one: places.get(one, len(places)))]
