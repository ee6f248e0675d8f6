"""Cells and ages of tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from scim_sandbox.kubernetes.builtin import register_builtin
from scim_sandbox.kubernetes.resources import Column, Registry, Resource
from scim_sandbox.kubernetes.tables import human_duration, table

NOW = datetime(2026, 1, 2, tzinfo=UTC)
DAY = 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-0.5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (47 * 3600, "47h"),
        (2 * DAY + 3600, "2d1h"),
        (8 * DAY, "8d"),
        (2 * 365 * DAY, "2y"),
        (3 * 365 * DAY + DAY, "3y1d"),
        (9 * 365 * DAY + DAY, "9y"),
    ],
)
def test_durations_read_as_kubectl_prints_them(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("string", "x", "x"),
        ("string", ["a", 1], '["a",1]'),
        ("string", 5, "5"),
        ("string", None, None),
        ("integer", 5, 5),
        ("integer", 5.7, 5),
        ("integer", "5", None),
        ("integer", True, None),
        ("number", 5.7, 5.7),
        ("boolean", True, True),
        ("boolean", "true", None),
        ("date", "2026-01-01T23:59:00Z", "60s"),
        ("date", "yesterday", "<unknown>"),
        ("date", 5, "<unknown>"),
    ],
)
def test_cells_have_the_type_of_their_column(kind: str, value: Any, cell: Any) -> None:
    column = Column("X", lambda obj: obj["x"], type=kind)
    resource = Resource("g", "v1", "things", "Thing", columns=(column,))
    made = table(resource, [{"x": value}], {}, NOW, "None")
    assert made["rows"] == [{"cells": [cell]}]
    assert made["columnDefinitions"][0]["type"] == kind


def built_in(plural: str, obj: dict[str, Any], group: str = "") -> list[Any]:
    """The cells of one object of a built-in kind."""
    registry = Registry()
    register_builtin(registry)
    resource = registry.find(group, "v1", plural)
    assert resource is not None
    metadata = {"name": "x", "creationTimestamp": "2026-01-01T23:00:00Z"}
    made = table(resource, [{"metadata": metadata, **obj}], {}, NOW, "None")
    found: list[Any] = made["rows"][0]["cells"]
    return found


def test_built_in_kinds_have_the_columns_that_people_know() -> None:
    assert built_in("secrets", {"type": "Opaque", "data": {"a": "", "b": ""}}) == ["x", "Opaque", "2", "60m"]
    assert built_in("configmaps", {"data": {"a": ""}, "binaryData": {"b": ""}}) == ["x", "2", "60m"]
    assert built_in("namespaces", {"status": {"phase": "Active"}}) == ["x", "Active", "60m"]
    lease = {"spec": {"holderIdentity": "me"}}
    assert built_in("leases", lease, "coordination.k8s.io") == ["x", "me", "60m"]
    assert built_in("services", {}) == ["x", "60m"]


@pytest.mark.parametrize(
    "seen",
    [
        {"lastTimestamp": "2026-01-01T23:58:00Z", "eventTime": "2026-01-01T00:00:00Z"},
        {"eventTime": "2026-01-01T23:58:00Z"},
        {"series": {"lastObservedTime": "2026-01-01T23:58:00Z"}},
    ],
    ids=lambda seen: next(iter(seen)),
)
def test_events_tell_when_they_were_last_seen(seen: dict[str, Any]) -> None:
    event = {"type": "Normal", "reason": "R", "message": "m\n", **seen}
    about = {"involvedObject": {"kind": "Widget", "name": "w"}}
    assert built_in("events", {**event, **about}) == ["2m", "Normal", "R", "widget/w", "m", "x"]
