"""How values merge: which lists are sets, keyed maps or atoms, which maps are one piece.

Called by fields, apply and patch. Pure. A custom resource's shape is its schema (`x-kubernetes-list-type`,
`-list-map-keys`, `-map-type`); a built-in kind is stored without schema, so that its few mergeable lists are
known by name (the `patchMergeKey` and `listMapKey` tags of k8s.io/api).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BUILTIN_KEYS: Mapping[str, tuple[str, ...]] = {
    "ownerReferences": ("uid",),
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "conditions": ("type",),
    "hostAliases": ("ip",),
    "webhooks": ("name",),
    "matchConditions": ("name",),
    "variables": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
_BUILTIN_SETS = frozenset({"finalizers"})
_KEY_DEFAULTS = {"protocol": "TCP"}
_METADATA: dict[str, Any] = {
    "properties": {
        "labels": {"additionalProperties": {"type": "string"}},
        "annotations": {"additionalProperties": {"type": "string"}},
        "finalizers": {"x-kubernetes-list-type": "set"},
        "ownerReferences": {
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["uid"],
            "items": {"x-kubernetes-map-type": "atomic"},
        },
    }
}


@dataclass(frozen=True)
class Shape:
    """The shape at one place: of a schema, or of a built-in kind's field called `name`."""

    schema: Mapping[str, Any] | None
    name: str = ""

    def field(self, name: str) -> Shape:
        """The shape of the member `name` of a map."""
        if self.schema is None:
            return Shape(None, name)
        inner = (self.schema.get("properties") or {}).get(name)
        if inner is None:
            inner = self.schema.get("additionalProperties")
        return Shape(inner if isinstance(inner, Mapping) else {})

    def item(self) -> Shape:
        """The shape of an element of a list."""
        if self.schema is None:
            return Shape(None)
        return Shape(self.schema.get("items") or {})

    @property
    def is_atomic_map(self) -> bool:
        if self.schema is None:
            return False
        return self.schema.get("x-kubernetes-map-type") == "atomic"

    @property
    def is_set(self) -> bool:
        if self.schema is None:
            return self.name in _BUILTIN_SETS
        return self.schema.get("x-kubernetes-list-type") == "set"

    def keys(self, items: list[Any]) -> tuple[str, ...]:
        """The fields that tell the list's elements apart; () where the list is a set or atomic."""
        if self.schema is not None:
            if self.schema.get("x-kubernetes-list-type") == "map":
                return tuple(self.schema.get("x-kubernetes-list-map-keys") or ())
            return ()
        if self.name == "ports":
            is_container = any(isinstance(item, dict) and "containerPort" in item for item in items)
            return ("containerPort", "protocol") if is_container else ("port", "protocol")
        return _BUILTIN_KEYS.get(self.name, ())

    def identities(self, items: list[Any]) -> dict[str, Any] | None:
        """Elements by path element (`k:{"name":"a"}`, `v:"x"`), or None where the list is one piece.

        A list whose keys are missing or doubled cannot be told apart and so counts as one piece.
        """
        keys = self.keys(items)
        if not keys and not self.is_set:
            return None
        found: dict[str, Any] = {}
        for item in items:
            element = key_element(_key_values(item, keys, self.item())) if keys else value_element(item)
            if element is None or element in found:
                return None
            found[element] = item
        return found


def key_element(values: Mapping[str, Any] | None) -> str | None:
    """`k:{"name":"a"}`: an element of a keyed list, as FieldsV1 writes it."""
    return None if values is None else "k:" + _text(dict(sorted(values.items())))


def value_element(value: Any) -> str:
    """`v:"x"`: an element of a set, as FieldsV1 writes it."""
    return "v:" + _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _key_values(item: Any, keys: tuple[str, ...], shape: Shape) -> dict[str, Any] | None:
    if not isinstance(item, dict):
        return None
    values = {}
    for key in keys:
        value = item.get(key)
        if value is None:
            declared = (shape.schema or {}).get("properties", {}).get(key, {})
            value = declared.get("default", _KEY_DEFAULTS.get(key))
        if value is None:
            return None
        values[key] = value
    return values


def shape_of(schema: Mapping[str, Any] | None) -> Shape:
    """The shape of whole objects: `schema` with Kubernetes' own rules for metadata, or a built-in kind's."""
    if schema is None:
        return Shape(None)
    return Shape({**schema, "properties": {**(schema.get("properties") or {}), "metadata": _METADATA}})
