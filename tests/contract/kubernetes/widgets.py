"""The custom resource of the contract: one of everything a schema can say.

Called by scenario and by the tests with kubectl and kopf.
"""

from __future__ import annotations

from typing import Any

GROUP = "contract.example.dev"

_PARTS = {
    "type": "array",
    "maxItems": 3,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    "items": {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "count": {"type": "integer", "default": 1}},
    },
}
_SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 10},
        "color": {"type": "string", "enum": ["Red", "Blue"], "default": "Red"},
        "code": {"type": "string", "pattern": "^[a-z]{2,4}$"},
        "nick": {"type": "string", "nullable": True},
        "parts": _PARTS,
        "anything": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "port": {"x-kubernetes-int-or-string": True},
    },
    "x-kubernetes-validations": [
        {"rule": "self.size < 9 || self.color == 'Blue'", "message": "sizes from 9 come in Blue only"},
        {"rule": "!has(oldSelf.code) || has(self.code)", "message": "code can't be removed"},
    ],
}
_CONDITION = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
}
_STATUS = {
    "type": "object",
    "properties": {
        "observedGeneration": {"type": "integer"},
        "note": {"type": "string"},
        "conditions": {
            "type": "array",
            "items": _CONDITION,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    },
}
_READY = ".status.conditions[?(@.type=='Ready')].status"
CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"widgets.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {
            "kind": "Widget",
            "listKind": "WidgetList",
            "plural": "widgets",
            "singular": "widget",
            "shortNames": ["wd"],
            "categories": ["all-widgets"],
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "additionalPrinterColumns": [
                    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                    {"name": "Ready", "type": "string", "jsonPath": _READY},
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                ],
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {"spec": _SPEC, "status": _STATUS},
                    }
                },
            }
        ],
    },
}


def widget(name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """A Widget."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Widget",
        "metadata": {"name": name, **metadata},
        "spec": spec,
    }
