"""The schema of CustomResourceDefinitions themselves, so that they are decoded as strictly as their objects.

Called by definitions. Data: the part of apiextensions.k8s.io/v1 that the embedded server understands. What
stands in openAPIV3Schema is left to compile_schema.
"""

from __future__ import annotations

from typing import Any, Final

_STRING: Final = {"type": "string"}
_BOOLEAN: Final = {"type": "boolean"}
_STRINGS: Final = {"type": "array", "items": _STRING, "x-kubernetes-list-type": "atomic"}
_OPEN: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _object(properties: dict[str, Any], *required: str, description: str = "") -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    if description:
        schema["description"] = description
    return schema


def _list(items: dict[str, Any], *keys: str) -> dict[str, Any]:
    kind = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)} if keys else {}
    return {"type": "array", "items": items, **kind}


_COLUMN: Final = _object(
    {
        **dict.fromkeys(("name", "type", "format", "description", "jsonPath"), _STRING),
        "priority": {"type": "integer"},
    },
    "name",
    "type",
    "jsonPath",
    description="A column of `kubectl get`.",
)
_VERSION: Final = _object(
    {
        "name": _STRING,
        "served": _BOOLEAN,
        "storage": _BOOLEAN,
        "deprecated": _BOOLEAN,
        "deprecationWarning": _STRING,
        "schema": _object({"openAPIV3Schema": _OPEN}),
        "subresources": _object({"status": _OPEN, "scale": _OPEN}),
        "additionalPrinterColumns": _list(_COLUMN),
        "selectableFields": _list(_object({"jsonPath": _STRING}, "jsonPath")),
    },
    "name",
    "served",
    "storage",
    description="One version of the kind: its schema, subresources and columns.",
)
_NAMES: Final = _object(
    {
        **dict.fromkeys(("kind", "listKind", "plural", "singular"), _STRING),
        "shortNames": _STRINGS,
        "categories": _STRINGS,
    },
    description="What the kind is called, in manifests, paths and commands.",
)
_CONDITION: Final = _object(
    {
        **dict.fromkeys(("type", "status", "reason", "message", "lastTransitionTime"), _STRING),
        "observedGeneration": {"type": "integer"},
    },
    "type",
    "status",
)

SCHEMA: Final[dict[str, Any]] = _object(
    {
        "spec": _object(
            {
                "group": {**_STRING, "description": "The API group, a DNS name."},
                "scope": {**_STRING, "description": "Namespaced or Cluster."},
                "names": _NAMES,
                "versions": _list(_VERSION),
                "conversion": _object({"strategy": _STRING, "webhook": _OPEN}),
                "preserveUnknownFields": _BOOLEAN,
            },
            "group",
            "names",
            "scope",
            "versions",
            description="The kind that this definition defines.",
        ),
        "status": _object(
            {
                "conditions": _list(_CONDITION, "type"),
                "acceptedNames": _NAMES,
                "storedVersions": _STRINGS,
                "observedGeneration": {"type": "integer"},
            },
            description="Whether the kind is served.",
        ),
    },
    "spec",
    description="A kind of one's own: its names, versions and schemas.",
)
