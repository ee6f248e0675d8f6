"""Table and PartialObjectMetadata answers: what `kubectl get` prints.

Called by objects. Pure. Cells follow apiextensions `tableconvertor`; ages are made human here, as the
server does, from the time that the caller passes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from controller.clock import parse_rfc3339
from scim_sandbox.kubernetes.resources import Column, Object, Resource
from scim_sandbox.kubernetes.store import encode


def table(
    resource: Resource, objects: Iterable[Object], list_metadata: Object, now: datetime, include: str
) -> Object:
    """A meta.k8s.io/v1 Table. `include` is what each row carries: None, Metadata (default) or Object."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_metadata,
        "columnDefinitions": [_definition(column) for column in resource.columns],
        "rows": [_row(resource, obj, now, include) for obj in objects],
    }


def _definition(column: Column) -> Object:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description or f"{column.name} of the object.",
        "priority": column.priority,
    }


def _row(resource: Resource, obj: Object, now: datetime, include: str) -> Object:
    row: Object = {"cells": [_cell(column, column.cell(obj), now) for column in resource.columns]}
    if include == "Object":
        row["object"] = obj
    elif include != "None":
        row["object"] = partial(obj)
    return row


def partial(obj: Object) -> Object:
    """The object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def partial_list(objects: Iterable[Object], list_metadata: Object) -> Object:
    """A PartialObjectMetadataList."""
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_metadata,
        "items": [partial(obj) for obj in objects],
    }


def _cell(column: Column, value: Any, now: datetime) -> Any:
    if value is None:
        return None
    if column.type == "date":
        return _age(value, now)
    if column.type == "string":
        return _text(value)
    if column.type == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if column.type == "integer" else value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return encode(value).decode()


def _age(value: Any, now: datetime) -> str:
    try:
        return human_duration((now - parse_rfc3339(value)).total_seconds())
    except (TypeError, ValueError, AttributeError):
        return "<unknown>"


def human_duration(seconds: float) -> str:
    """`5m30s`, `3h`, `12d`: apimachinery `duration.HumanDuration`, at most two units."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 120:
        return f"{max(whole, 0)}s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if minutes < 10:
        return _pair(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _pair(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    years = days // 365
    return _pair(years, "y", days % 365, "d") if years < 8 else f"{years}y"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}" + (f"{small}{small_unit}" if small else "")
