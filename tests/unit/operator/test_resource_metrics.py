"""Gauges follow status, and go with the resource."""

from __future__ import annotations

from typing import Any

from controller.metrics import Metrics
from controller.operator.resource_metrics import drop_series, show_status

INTEGRATION = ("ScimIntegration", "team", "calendly")
LIMIT = ("SeatLimit", "team", "seats")
NAMED = {"namespace": "team", "name": "calendly"}
STATUS: dict[str, Any] = {
    "conditions": [{"type": "Ready", "status": "True"}],
    "people": {"assigned": 3, "provisioned": 2},
    "drift": {"counts": {"Active": 1}},
    "manualSteps": [{"since": "2026-01-02T00:00:00Z"}, {"since": "2026-01-01T00:00:00Z"}, {}],
    "token": {"expiryTime": "2026-06-01T00:00:00Z"},
}


def value(metrics: Metrics, series: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"scim_operator_{series}", labels)


def test_an_integration_shows_conditions_people_drift_steps_and_token() -> None:
    metrics = Metrics()
    show_status(metrics, INTEGRATION, STATUS)
    condition = {"kind": "ScimIntegration", **NAMED, "type": "Ready"}
    assert value(metrics, "resource_condition", **condition, status="True") == 1
    assert value(metrics, "resource_condition", **condition, status="False") == 0
    assert value(metrics, "people", **NAMED, state="provisioned") == 2
    assert value(metrics, "people", **NAMED, state="waiting") == 0
    assert value(metrics, "drift", **NAMED, kind="Active") == 1
    assert value(metrics, "drift", **NAMED, kind="Group") == 0
    assert value(metrics, "manual_steps", **NAMED) == 3
    assert value(metrics, "manual_step_oldest_timestamp_seconds", **NAMED) == 1767225600
    assert value(metrics, "token_expiry_timestamp_seconds", **NAMED, holder="operator") == 1780272000
    assert value(metrics, "token_expiry_timestamp_seconds", **NAMED, holder="okta") is None


def test_a_condition_that_is_gone_has_no_series_and_neither_has_a_step() -> None:
    metrics = Metrics()
    show_status(metrics, INTEGRATION, {**STATUS, "conditions": [{"type": "Stalled", "status": "True"}]})
    show_status(metrics, INTEGRATION, {})
    assert (
        value(metrics, "resource_condition", kind="ScimIntegration", **NAMED, type="Stalled", status="True")
        is None
    )
    assert value(metrics, "manual_steps", **NAMED) == 0
    assert value(metrics, "manual_step_oldest_timestamp_seconds", **NAMED) is None


def test_seats_show_zero_for_what_is_not_said_but_pending_may_be_unknown() -> None:
    metrics = Metrics()
    show_status(metrics, LIMIT, {"seats": {"limit": 50, "used": 10}})
    named = {"namespace": "team", "name": "seats"}
    assert value(metrics, "seats", **named, state="waiting") == 0
    assert value(metrics, "seats", **named, state="limit") == 50
    assert value(metrics, "seats", **named, state="pending") is None


def test_nothing_is_left_of_a_resource_that_is_gone() -> None:
    metrics = Metrics()
    show_status(metrics, INTEGRATION, STATUS)
    show_status(metrics, LIMIT, {"seats": {"limit": 50}})
    metrics.suspended.labels("team", "calendly").set(0)
    for place in (INTEGRATION, LIMIT, ("OktaOrg", "team", "acme")):
        drop_series(metrics, place)
    assert b'name="calendly"' not in metrics.render()
    assert b'name="seats"' not in metrics.render()


def test_what_nobody_depends_on_now_is_told_apart_for_the_alerts() -> None:
    metrics, org = Metrics(), ("OktaOrg", "team", "acme")
    suspended = {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Suspended"}]}
    for status, idle in ((suspended, 1), (STATUS, 0)):
        show_status(metrics, LIMIT, status)
        assert value(metrics, "resource_idle", kind="SeatLimit", namespace="team", name="seats") == idle
    for status, idle in (({"integrations": 0}, 1), ({"integrations": 2}, 0)):
        show_status(metrics, org, status)
        assert value(metrics, "resource_idle", kind="OktaOrg", namespace="team", name="acme") == idle
    drop_series(metrics, org)
    assert value(metrics, "resource_idle", kind="OktaOrg", namespace="team", name="acme") is None
