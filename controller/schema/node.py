"""A structural schema as a tree of frozen nodes, refused where Kubernetes refuses it.

Called by `structural`; reads the JSON form of an `openAPIV3Schema`. The invariants are those
of k8s.io/apiextensions-apiserver/pkg/apiserver/schema (ValidateStructural) and of the CRD's own validation.
Rules keep their source here; `rules` compiles them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from controller.schema import findings
from controller.schema.findings import Finding, SchemaError
from controller.schema.formats import is_pattern
from controller.schema_keywords import KEYWORDS

UNSET: Final = object()
TYPES: Final = frozenset({"object", "array", "string", "integer", "number", "boolean"})
FORBIDDEN: Final = {
    "$ref": "is not supported",
    "$schema": "is not supported",
    "id": "is not supported",
    "const": "is not supported: use an enum of one value",
    "definitions": "is not supported",
    "dependencies": "is not supported",
    "patternProperties": "is not supported",
    "additionalItems": "is not supported",
    "prefixItems": "is not supported",
    "deprecated": "must be empty",
    "uniqueItems": "is forbidden: use x-kubernetes-list-type: set",
}
JUNCTORS: Final = ("allOf", "anyOf", "oneOf")


@dataclass(frozen=True, slots=True)
class Node:
    """One schema node. `raw` keeps the plain bounds; what the algorithms walk along is typed."""

    type: str
    raw: Mapping[str, Any]
    properties: Mapping[str, Node] = field(default_factory=dict)
    additional: Node | None = None
    allows_additional: bool = False
    items: Node | None = None
    default: Any = UNSET
    nullable: bool = False
    preserve: bool = False
    embedded: bool = False
    int_or_string: bool = False
    list_type: str = ""
    map_keys: tuple[str, ...] = ()
    all_of: tuple[Node, ...] = ()
    any_of: tuple[Node, ...] = ()
    one_of: tuple[Node, ...] = ()
    negated: Node | None = None

    def child(self, key: str) -> Node | None:
        """The node of property `key`: its own, else that of additional properties, else None."""
        return self.properties.get(key, self.additional)


def parse_node(schema: Mapping[str, Any]) -> Node:
    """The tree of a root schema. Raises SchemaError with every finding at once."""
    problems = list(_check(schema, "openAPIV3Schema", level="root"))
    if problems:
        raise SchemaError(problems)
    return _build(schema)


def _build(schema: Mapping[str, Any]) -> Node:
    extra = schema.get("additionalProperties")
    keys = {k: v for k, v in schema.items() if k not in ("properties", "items", "additionalProperties")}
    return Node(
        type=schema.get("type", ""),
        raw=keys,
        properties={name: _build(sub) for name, sub in (schema.get("properties") or {}).items()},
        additional=_build(extra) if isinstance(extra, Mapping) else None,
        allows_additional=extra is True,
        items=_build(schema["items"]) if "items" in schema else None,
        default=UNSET if schema.get("default") is None else schema["default"],
        nullable=bool(schema.get("nullable")),
        preserve=bool(schema.get("x-kubernetes-preserve-unknown-fields")),
        embedded=bool(schema.get("x-kubernetes-embedded-resource")),
        int_or_string=bool(schema.get("x-kubernetes-int-or-string")),
        list_type=schema.get("x-kubernetes-list-type", ""),
        map_keys=tuple(schema.get("x-kubernetes-list-map-keys", ())),
        all_of=tuple(map(_build, schema.get("allOf", ()))),
        any_of=tuple(map(_build, schema.get("anyOf", ()))),
        one_of=tuple(map(_build, schema.get("oneOf", ()))),
        negated=_build(schema["not"]) if "not" in schema else None,
    )


def _check(schema: Any, path: str, *, level: str) -> Iterator[Finding]:
    if not isinstance(schema, Mapping):
        yield findings.invalid(path, schema, "must be a schema (an object)")
        return
    yield from _check_keywords(schema, path)
    yield from _check_type(schema, path, level)
    yield from _check_list(schema, path)
    yield from _check_extensions(schema, path)
    yield from _check_root(schema, path, level)
    yield from _check_children(schema, path)
    for junctor in JUNCTORS:
        for index, sub in enumerate(schema.get(junctor, ())):
            if not _is_int_or_string_junctor(schema, junctor):
                yield from _check_nested(sub, schema, f"{path}.{junctor}[{index}]")
    if "not" in schema:
        yield from _check_nested(schema["not"], schema, f"{path}.not")


def _check_keywords(schema: Mapping[str, Any], path: str) -> Iterator[Finding]:
    for key in schema:
        if key in FORBIDDEN:
            yield findings.forbidden(f"{path}.{key}", FORBIDDEN[key])
        elif key not in KEYWORDS:
            yield findings.forbidden(f"{path}.{key}", "is not a field of a Kubernetes schema")
    for key in ("exclusiveMinimum", "exclusiveMaximum"):
        if not isinstance(schema.get(key, False), bool):
            yield findings.invalid(
                f"{path}.{key}", schema[key], "must be a boolean beside minimum or maximum"
            )
    pattern = schema.get("pattern")
    if pattern is not None and not (isinstance(pattern, str) and is_pattern(pattern)):
        yield findings.invalid(f"{path}.pattern", pattern, "must be a valid regular expression, but isn't")
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield findings.invalid(f"{path}.required", required, "must be a list of field names")


def _check_type(schema: Mapping[str, Any], path: str, level: str) -> Iterator[Finding]:
    kind = schema.get("type", "")
    loose = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if not kind and (level == "root" or not loose):
        where = {"root": "at the root", "items": "for specified array items"}
        yield findings.required(
            f"{path}.type", f"must not be empty {where.get(level, 'for specified object fields')}"
        )
    elif kind and (not isinstance(kind, str) or kind not in TYPES):
        yield findings.not_supported(f"{path}.type", kind, sorted(TYPES))
    elif level == "root" and kind != "object":
        yield findings.invalid(f"{path}.type", kind, "must be object at the root")
    if kind == "array" and "items" not in schema:
        yield findings.required(f"{path}.items", "must be specified")


def _check_list(schema: Mapping[str, Any], path: str) -> Iterator[Finding]:
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys", [])
    if kind is not None and schema.get("type") != "array":
        yield findings.invalid(
            f"{path}.type", schema.get("type", ""), "must be array if x-kubernetes-list-type is specified"
        )
    if kind not in (None, "atomic", "set", "map"):
        yield findings.not_supported(f"{path}.x-kubernetes-list-type", kind, ("atomic", "set", "map"))
    if (kind == "map") != bool(keys):
        yield findings.required(
            f"{path}.x-kubernetes-list-map-keys", "goes with x-kubernetes-list-type: map, and only with it"
        )
    items = schema.get("items")
    items = items if isinstance(items, Mapping) else {}
    properties = items.get("properties", {})
    for key in keys if kind == "map" else ():
        if key not in properties:
            yield findings.invalid(
                f"{path}.x-kubernetes-list-map-keys", key, "entries must all be names of item properties"
            )
        elif key not in items.get("required", []) and "default" not in properties[key]:
            yield findings.required(
                f"{path}.items.properties[{key}].default",
                "this property is in x-kubernetes-list-map-keys, "
                "so it must have a default or be a required property",
            )


def _check_extensions(schema: Mapping[str, Any], path: str) -> Iterator[Finding]:
    def on(name: str) -> bool:
        return bool(schema.get(f"x-kubernetes-{name}"))

    if on("int-or-string") and on("preserve-unknown-fields"):
        yield findings.invalid(
            f"{path}.x-kubernetes-preserve-unknown-fields",
            True,
            "must be false if x-kubernetes-int-or-string is true",
        )
    if on("embedded-resource"):
        if schema.get("type") != "object":
            yield findings.required(
                f"{path}.type", "must be object if x-kubernetes-embedded-resource is true"
            )
        if not on("preserve-unknown-fields") and not schema.get("properties"):
            yield findings.required(
                f"{path}.properties",
                "must not be empty if x-kubernetes-embedded-resource is true "
                "without x-kubernetes-preserve-unknown-fields",
            )


def _check_root(schema: Mapping[str, Any], path: str, level: str) -> Iterator[Finding]:
    if level != "root":
        return
    if "additionalProperties" in schema:
        yield findings.forbidden(f"{path}.additionalProperties", "must not be used at the root")
    metadata = (schema.get("properties") or {}).get("metadata", {})
    if isinstance(metadata, Mapping) and set(metadata.get("properties", {})) - {"name", "generateName"}:
        yield findings.forbidden(
            f"{path}.properties[metadata]",
            "must not specify anything other than name and generateName, "
            "but metadata is implicitly specified",
        )


def _check_children(schema: Mapping[str, Any], path: str) -> Iterator[Finding]:
    properties, extra = schema.get("properties"), schema.get("additionalProperties")
    if properties and extra is not None:
        yield findings.forbidden(
            f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive"
        )
    if extra is False:
        yield findings.forbidden(f"{path}.additionalProperties", "cannot be set to false")
    for name, sub in (properties or {}).items():
        yield from _check(sub, f"{path}.properties[{name}]", level="field")
    if isinstance(extra, Mapping):
        yield from _check(extra, f"{path}.additionalProperties", level="field")
    if "items" in schema:
        yield from _check(schema["items"], f"{path}.items", level="items")


def _is_int_or_string_junctor(schema: Mapping[str, Any], junctor: str) -> bool:
    pair = [{"type": "integer"}, {"type": "string"}]
    if not schema.get("x-kubernetes-int-or-string"):
        return False
    branches = schema[junctor]
    return bool(
        (junctor == "anyOf" and branches == pair) or (junctor == "allOf" and branches == [{"anyOf": pair}])
    )


_UNSTRUCTURAL: Final = {
    "type": "must be empty to be structural",
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    "additionalProperties": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
    "x-kubernetes-embedded-resource": "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
}


def _check_nested(schema: Any, outer: Mapping[str, Any], path: str) -> Iterator[Finding]:
    """Inside a junctor only value validation may stand, about fields that the outer schema declares."""
    if not isinstance(schema, Mapping):
        yield findings.invalid(path, schema, "must be a schema (an object)")
        return
    yield from _check_keywords(schema, path)
    for key, why in _UNSTRUCTURAL.items():
        if schema.get(key):
            yield findings.forbidden(f"{path}.{key}", why)
    declared = outer.get("properties") or {}
    for name, sub in (schema.get("properties") or {}).items():
        if name not in declared:
            yield findings.required(
                f"{path}.properties[{name}]", "must be specified outside of value validation too"
            )
        else:
            yield from _check_nested(sub, declared[name], f"{path}.properties[{name}]")
    for junctor in JUNCTORS:
        for index, sub in enumerate(schema.get(junctor, ())):
            yield from _check_nested(sub, outer, f"{path}.{junctor}[{index}]")
    if "not" in schema:
        yield from _check_nested(schema["not"], outer, f"{path}.not")
