"""Bodies of custom resources with few words."""

from __future__ import annotations

from typing import Any

from tests.unit.reconcile.reports import NAMES, SPECS

JSON = dict[str, Any]


def body(kind: str, name: str = "", version: int = 1, spec: JSON | None = None, **metadata: Any) -> JSON:
    """A resource of `kind` in namespace team."""
    name = name or NAMES[kind]
    merged = {
        "namespace": "team",
        "name": name,
        "uid": f"uid-{kind}-{name}",
        "generation": 1,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        **metadata,
    }
    return {
        "apiVersion": "scim-operator.dev/v1alpha1",
        "kind": kind,
        "metadata": merged,
        "spec": spec or SPECS[kind],
    }


def with_status(one: JSON, **status: Any) -> JSON:
    return {**one, "status": status}
