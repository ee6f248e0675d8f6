"""Every Prometheus series, once, under the prefix scim_operator_. docs/metrics.md is generated from here.

One Metrics is made at start-up and handed down; each has a registry of its own, so tests share nothing.
No label ever holds a login, an e-mail or another person's name.
"""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The series as attributes; `render()` gives the text format."""

    def __init__(self) -> None:
        # A time of birth beside each counter would double the series, and nothing asks for it.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._of_resources(self.registry, ["namespace", "name"])
        self._of_steps_and_tokens(self.registry, ["namespace", "name"])
        self._of_runs(self.registry, ["namespace", "name"])
        self._of_what_runs_did(self.registry, ["namespace", "name"])
        self._of_calls(self.registry)
        self._of_the_process(self.registry)

    def _of_resources(self, registry: CollectorRegistry, resource: list[str]) -> None:
        self.seats = Gauge(
            "scim_operator_seats",
            "Seats of a SeatLimit by state: limit, used, pending, available, reserved, waiting.",
            [*resource, "state"],
            registry=registry,
        )
        self.seats_warn_ratio = Gauge(
            "scim_operator_seats_warn_ratio",
            "Share of the seats from which a SeatLimit warns: warnAtPercent as 0 to 1.",
            resource,
            registry=registry,
        )
        self.drift = Gauge(
            "scim_operator_drift",
            "Differences between what is declared and what was read, by kind.",
            [*resource, "kind"],
            registry=registry,
        )
        self.people = Gauge(
            "scim_operator_people",
            "People of an integration by state: assigned, provisioned, pending, waiting, failed.",
            [*resource, "state"],
            registry=registry,
        )
        self.resource_condition = Gauge(
            "scim_operator_resource_condition",
            "1 for the status that a condition has now, 0 for the two others.",
            ["kind", *resource, "type", "status"],
            registry=registry,
        )
        self.suspended = Gauge(
            "scim_operator_suspended", "1 while spec.suspend is true.", resource, registry=registry
        )
        self.resource_idle = Gauge(
            "scim_operator_resource_idle",
            "1 while a resource is suspended, alone or with its ScimIntegration, or is an OktaOrg that no "
            "ScimIntegration uses: no critical alert is about it.",
            ["kind", *resource],
            registry=registry,
        )

    def _of_steps_and_tokens(self, registry: CollectorRegistry, resource: list[str]) -> None:
        self.manual_steps = Gauge(
            "scim_operator_manual_steps", "Steps that a person still has to do.", resource, registry=registry
        )
        self.manual_step_oldest_timestamp_seconds = Gauge(
            "scim_operator_manual_step_oldest_timestamp_seconds",
            "When the oldest open manual step appeared; absent while there is none.",
            resource,
            registry=registry,
        )
        self.token_expiry_timestamp_seconds = Gauge(
            "scim_operator_token_expiry_timestamp_seconds",
            "When a token at the provider expires, by holder: operator, okta; absent where it is not known.",
            [*resource, "holder"],
            registry=registry,
        )

    def _of_runs(self, registry: CollectorRegistry, resource: list[str]) -> None:
        self.reconcile_total = Counter(
            "scim_operator_reconcile_total",
            "Reconciles by kind and result.",
            ["kind", "result"],
            registry=registry,
        )
        self.reconcile_duration_seconds = Histogram(
            "scim_operator_reconcile_duration_seconds",
            "Duration of a reconcile.",
            ["kind"],
            buckets=SECONDS,
            registry=registry,
        )
        self.last_success_timestamp_seconds = Gauge(
            "scim_operator_last_success_timestamp_seconds",
            "When a resource was last reconciled without an error.",
            ["kind", *resource],
            registry=registry,
        )
        self.interval_seconds = Gauge(
            "scim_operator_interval_seconds", "Declared time between full reads.", resource, registry=registry
        )

    def _of_what_runs_did(self, registry: CollectorRegistry, resource: list[str]) -> None:
        self.actions_total = Counter(
            "scim_operator_actions_total",
            "Actions by kind and result. Started: a write is about to be sent; else what became of it.",
            ["action", "result"],
            registry=registry,
        )
        self.drift_corrected_total = Counter(
            "scim_operator_drift_corrected_total",
            "Differences made by hand that were put right.",
            [*resource, "kind"],
            registry=registry,
        )
        self.safety_trips_total = Counter(
            "scim_operator_safety_trips_total",
            "Plans held by a safeguard.",
            [*resource, "class"],
            registry=registry,
        )
        self.okta_deactivations_total = Counter(
            "scim_operator_okta_deactivations_total",
            "People whom Okta itself deactivated at the provider, as its System Log tells.",
            resource,
            registry=registry,
        )

    def _of_calls(self, registry: CollectorRegistry) -> None:
        self.api_requests_total = Counter(
            "scim_operator_api_requests_total",
            "Requests sent, by API (okta, scim, admin, token), method, route and status code.",
            ["api", "method", "route", "code"],
            registry=registry,
        )
        self.api_request_duration_seconds = Histogram(
            "scim_operator_api_request_duration_seconds",
            "Duration of a request.",
            ["api", "method"],
            buckets=SECONDS,
            registry=registry,
        )
        self.api_ratelimit_remaining = Gauge(
            "scim_operator_api_ratelimit_remaining",
            "Calls that a rate-limit bucket of Okta has left in this minute.",
            ["bucket"],
            registry=registry,
        )
        self.budget_wait_seconds_total = Counter(
            "scim_operator_budget_wait_seconds_total",
            "Time that calls waited for a rate limit, by API and lane: for our share of it, or after a 429.",
            ["api", "lane"],
            registry=registry,
        )

    def _of_the_process(self, registry: CollectorRegistry) -> None:
        self.queue_depth = Gauge(
            "scim_operator_queue_depth", "Integrations due and not yet taken up.", registry=registry
        )
        self.queue_oldest_seconds = Gauge(
            "scim_operator_queue_oldest_seconds",
            "How long the integration that has waited longest for its run is due; 0 while none waits.",
            registry=registry,
        )
        self.watch_last_event_timestamp_seconds = Gauge(
            "scim_operator_watch_last_event_timestamp_seconds",
            "When the watch of a kind last brought something.",
            ["kind"],
            registry=registry,
        )
        self.namespace_watched = Gauge(
            "scim_operator_namespace_watched",
            "1 while a namespace of watchNamespaces is watched, 0 while it is missing or not readable.",
            ["namespace"],
            registry=registry,
        )
        self.leader = Gauge(
            "scim_operator_leader", "1 while this process acts, 0 while it stands by.", registry=registry
        )
        self.unexpected_errors_total = Counter(
            "scim_operator_unexpected_errors_total", "Errors that are bugs.", registry=registry
        )
        self.build_info = Gauge(
            "scim_operator_build_info", "1, with the version as label.", ["version"], registry=registry
        )

    def render(self) -> bytes:
        """The Prometheus text format, version 0.0.4."""
        return generate_latest(self.registry)
