"""From a pydantic model to a schema that Kubernetes takes.

Called by `crds`. pydantic writes JSON Schema 2020-12; a structural schema is a subset of OpenAPI 3.0
(kubernetes.io, "Specifying a structural schema"). What means the same is rewritten, what Kubernetes cannot
say is refused, so that a model which asks for it fails here and not at `kubectl apply`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from controller.schema_keywords import PLAIN, RULES

_DROPPED: Final = frozenset({"title", "$defs"})
_RULE: Final = ("rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")
_ORDER: Final = ("description", "type", "format", "enum")


class UnstructuralError(ValueError):
    """The model asks for something that a structural schema cannot say; the text names where."""


def build_structural(model: type[BaseModel]) -> dict[str, Any]:
    """The structural schema of `model`: no references, every default written out.
    Raises UnstructuralError."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _rewrite(schema, schema.get("$defs", {}), model.__name__)


def _rewrite(schema: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> dict[str, Any]:
    flat = _without_null(_resolved(schema, definitions, path), definitions, path)
    out: dict[str, Any] = {}
    for key, value in flat.items():
        if key == "properties":
            out[key] = {name: _rewrite(sub, definitions, f"{path}.{name}") for name, sub in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, Mapping):
            out[key] = _rewrite(value, definitions, f"{path}.{key}")
        else:
            out.update(_keyword(key, value, path))
    if out.get("type") == "array" and "items" not in out:
        raise UnstructuralError(f"{path}: a list needs items of one schema")
    return _ordered(out)


def _keyword(key: str, value: Any, path: str) -> dict[str, Any]:
    """What a keyword about one value becomes; {} for what says nothing in Kubernetes."""
    if key == "default":
        return _default(value)
    if key == "description":
        return {key: " ".join(value.split())}
    if key == "const":
        return {"enum": [value]}
    if key == RULES:
        return {key: [{name: made[name] for name in _RULE if name in made} for made in value]}
    if key in ("exclusiveMinimum", "exclusiveMaximum"):
        return {key: True, key.removeprefix("exclusive").lower(): value}
    if key in _DROPPED or (key == "additionalProperties" and value is False):
        return {}
    if key in PLAIN:
        return {key: value}
    raise UnstructuralError(f"{path}: {key} cannot be said in a structural schema")


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> dict[str, Any]:
    """`schema` with its reference replaced by what it names; what stands beside the reference wins."""
    if "$ref" not in schema:
        return dict(schema)
    name = str(schema["$ref"]).rsplit("/", 1)[-1]
    if f".{name}." in f".{path}.":
        raise UnstructuralError(f"{path}: {name} contains itself")
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return {**definitions[name], **beside}


def _without_null(schema: dict[str, Any], definitions: Mapping[str, Any], path: str) -> dict[str, Any]:
    """An optional field says `anyOf: [X, null]`; in Kubernetes absence is enough."""
    branches = schema.pop("anyOf", None)
    if branches is None:
        return schema
    real = [branch for branch in branches if branch != {"type": "null"}]
    if len(real) != 1:
        raise UnstructuralError(f"{path}: anyOf of {len(real)} types cannot be said in a structural schema")
    return {**_resolved(real[0], definitions, path), **schema}


def _default(value: Any) -> dict[str, Any]:
    """The default without nulls; none at all where it is null or empty."""
    plain = _plain(value)
    return {} if plain is None or plain == [] or plain == {} else {"default": plain}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: made for key, item in value.items() if (made := _plain(item)) not in (None, [], {})}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _ordered(schema: dict[str, Any]) -> dict[str, Any]:
    """What a reader looks for first comes first, the children last."""
    last = ("properties", "additionalProperties", "items")
    first = [key for key in _ORDER if key in schema]
    middle = [key for key in schema if key not in _ORDER and key not in last]
    return {key: schema[key] for key in (*first, *middle, *(key for key in last if key in schema))}
