"""Gauges of each resource out of its status; its series go when the resource goes.

Called by the reconciler after a status was decided. One place, so that metrics and `kubectl` never disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import Gauge

from controller.api.seat_limit import SeatLimitSpec
from controller.metrics import Metrics
from controller.model.plan import DriftKind
from controller.operator.store import INTEGRATION, LIMIT, ORG, Place
from controller.parsing import parse_moment
from controller.reconcile.conditions import ORDER, READY, by_type
from controller.reconcile.reasons import Reason

STATUSES = ("True", "False", "Unknown")
SEATS = ("limit", "used", "pending", "available", "reserved", "waiting")
HOLDERS = {"operator": "expiryTime", "okta": "oktaExpiryTime"}
PEOPLE = ("assigned", "provisioned", "pending", "waiting", "failed")


def show_status(
    metrics: Metrics, place: Place, status: Mapping[str, Any], spec: Mapping[str, Any] | None = None
) -> None:
    """Sets every gauge of the resource at `place`; of its `spec` only what alerts compare with."""
    kind, namespace, name = place
    _conditions(metrics, place, status)
    metrics.resource_idle.labels(*place).set(_is_idle(kind, status))
    if kind == INTEGRATION:
        _integration(metrics, namespace, name, status)
    if kind == LIMIT:
        _counts(metrics.seats, namespace, name, status.get("seats"), SEATS)
        warns = (spec or {}).get("warnAtPercent", SeatLimitSpec.model_fields["warn_at_percent"].default)
        metrics.seats_warn_ratio.labels(namespace, name).set(warns / 100)


def _is_idle(kind: str, status: Mapping[str, Any]) -> bool:
    """Whether nobody depends on the resource now: a critical alert would wake somebody for nothing."""
    ready = by_type(status.get("conditions") or []).get(READY, {})
    return ready.get("reason") == Reason.SUSPENDED or (kind == ORG and status.get("integrations") == 0)


def _conditions(metrics: Metrics, place: Place, status: Mapping[str, Any]) -> None:
    gauge = metrics.resource_condition
    kind, namespace, name = place
    found = {one["type"]: one["status"] for one in status.get("conditions") or []}
    for condition in ORDER:
        for value in STATUSES:
            if condition in found:
                holds = found[condition] == value
                gauge.labels(kind, namespace, name, condition, value).set(int(holds))
            else:  # by the whole set of labels: to search for it goes through every series there is
                gauge.remove(kind, namespace, name, condition, value)


def _integration(metrics: Metrics, namespace: str, name: str, status: Mapping[str, Any]) -> None:
    _counts(metrics.people, namespace, name, status.get("people"), PEOPLE)
    drift = (status.get("drift") or {}).get("counts") or {}
    for kind in DriftKind:
        metrics.drift.labels(namespace, name, kind.value).set(drift.get(kind.value, 0))
    steps = status.get("manualSteps") or []
    metrics.manual_steps.labels(namespace, name).set(status.get("manualStepsOpen", len(steps)))
    times = [parse_moment(step.get("since")) for step in steps]
    since = [moment.timestamp() for moment in times if moment is not None]
    _optional(metrics.manual_step_oldest_timestamp_seconds, namespace, name, min(since, default=None))
    _token_expiry(metrics, namespace, name, status.get("token") or {})


def _token_expiry(metrics: Metrics, namespace: str, name: str, token: Mapping[str, Any]) -> None:
    gauge = metrics.token_expiry_timestamp_seconds
    for holder, field in HOLDERS.items():
        expiry = parse_moment(token.get(field))
        if expiry is not None:
            gauge.labels(namespace, name, holder).set(expiry.timestamp())
        else:
            gauge.remove(namespace, name, holder)


def _counts(gauge: Gauge, namespace: str, name: str, counts: Any, states: tuple[str, ...]) -> None:
    """A count that is not in a status is 0 there, except `pending`, which may be unknown."""
    for state in states if counts else ():
        value = counts.get(state, None if state == "pending" and "limit" in counts else 0)
        if value is not None:
            gauge.labels(namespace, name, state).set(value)


def _optional(gauge: Gauge, namespace: str, name: str, value: float | None) -> None:
    if value is None:
        gauge.remove(namespace, name)
    else:
        gauge.labels(namespace, name).set(value)


def drop_series(metrics: Metrics, place: Place) -> None:
    """Takes away every series of the resource at `place`."""
    kind, namespace, name = place
    labels = {"namespace": namespace, "name": name}
    metrics.resource_condition.remove_by_labels({"kind": kind, **labels})
    metrics.resource_idle.remove_by_labels({"kind": kind, **labels})
    metrics.last_success_timestamp_seconds.remove_by_labels({"kind": kind, **labels})
    gauges: tuple[Any, ...] = ()
    if kind == LIMIT:
        gauges = (metrics.seats, metrics.seats_warn_ratio)
    if kind == INTEGRATION:
        gauges = (
            metrics.people,
            metrics.drift,
            metrics.suspended,
            metrics.manual_steps,
            metrics.manual_step_oldest_timestamp_seconds,
            metrics.token_expiry_timestamp_seconds,
            metrics.interval_seconds,
            metrics.drift_corrected_total,
            metrics.safety_trips_total,
            metrics.okta_deactivations_total,
        )
    for gauge in gauges:
        gauge.remove_by_labels(labels)
