"""Brings what transport counts into the metrics of the process.

Used by whoever wires the operator (operator.main); transport itself knows no Prometheus.
"""

from __future__ import annotations

from controller.metrics import Metrics
from controller.transport.calls import Lane


class MetricsSink:
    """A transport Sink on `metrics`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        for api in ("okta", "scim"):  # from zero: what is born above it has not increased for Prometheus
            for lane in Lane:
                metrics.budget_wait_seconds_total.labels(api, lane.name.lower())

    def requested(self, api: str, method: str, route: str, code: str, seconds: float) -> None:
        self._metrics.api_requests_total.labels(api, method, route, code).inc()
        self._metrics.api_request_duration_seconds.labels(api, method).observe(seconds)

    def waited(self, api: str, lane: str, seconds: float) -> None:
        self._metrics.budget_wait_seconds_total.labels(api, lane).inc(seconds)

    def remaining(self, bucket: str, calls: int) -> None:
        self._metrics.api_ratelimit_remaining.labels(bucket).set(max(0, calls))
