"""The keywords of a structural schema, as Kubernetes knows them.

Used by api, which writes schemas of its models, and by schema, which reads them. Source: JSONSchemaProps of
apiextensions.k8s.io/v1 (1.36).
"""

from __future__ import annotations

from typing import Final

LIST_TYPE: Final = "x-kubernetes-list-type"
MAP_KEYS: Final = "x-kubernetes-list-map-keys"
RULES: Final = "x-kubernetes-validations"

PLAIN: Final = frozenset(
    {
        "type",
        "format",
        "description",
        "enum",
        "pattern",
        "minimum",
        "maximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "required",
        LIST_TYPE,
        MAP_KEYS,
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
    }
)
"""With a plain value that means the same in the JSON Schema of a pydantic model."""

KEYWORDS: Final = PLAIN | {
    "nullable",
    "title",
    "default",
    "example",
    "externalDocs",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "properties",
    "additionalProperties",
    "items",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    RULES,
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
}
"""Every keyword that an API server takes."""
