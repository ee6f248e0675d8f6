"""CustomResourceDefinitions out of the models: what `make generate` writes to crds/ and the sandbox applies.

Called by cli.generate, by the sandbox and by `scimctl validate`. Pure: the same models give the same
documents.
"""

from __future__ import annotations

from typing import Any

from controller.api.kinds import KINDS, Column, Kind
from controller.api.meta import CATEGORY, GROUP, VERSION
from controller.api.structural import build_structural


def build_crds() -> list[dict[str, Any]]:
    """A CustomResourceDefinition for each kind, in the order of KINDS."""
    return [build_crd(kind) for kind in KINDS.values()]


def build_crd(kind: Kind) -> dict[str, Any]:
    """The definition of one kind: namespaced, one version, with a status subresource."""
    names = {
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "plural": kind.plural,
        "singular": kind.singular,
        "shortNames": [kind.short_name],
        "categories": [CATEGORY],
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
        "schema": {"openAPIV3Schema": build_schema(kind)},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }


def build_schema(kind: Kind) -> dict[str, Any]:
    """The openAPIV3Schema of one kind, for the compile_schema of controller.schema."""
    status = build_structural(kind.status)
    status["default"] = {"observedGeneration": -1}
    spec = build_structural(kind.spec)
    return {
        "description": spec["description"],
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {
                "description": "Group and version of this kind of resource.",
                "type": "string",
            },
            "kind": {"description": "Kind of this resource.", "type": "string"},
            "metadata": {"type": "object"},
            "spec": {**spec, "description": "The desired state."},
            "status": {**status, "description": "What is, written by the operator."},
        },
    }


def _column(column: Column) -> dict[str, Any]:
    made: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.description:
        made["description"] = column.description
    return {**made, "priority": 1} if column.is_wide else made
