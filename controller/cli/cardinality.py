"""How many series each metric has at most, for docs/metrics.md: every label but a resource's name is of a
closed set, and this counts the sets where they are defined.

Called by reference. A label without a set here is an error of the generator, so that none grows unseen.
"""

from __future__ import annotations

from collections.abc import Iterable

from controller.api import KINDS
from controller.metrics import SECONDS
from controller.model.actions import ActionKind, Result, Touch
from controller.model.plan import DriftKind
from controller.okta.routes import BUCKETS
from controller.operator.resource_metrics import HOLDERS, PEOPLE, SEATS, STATUSES
from controller.reconcile.conditions import ORDER
from controller.transport.calls import Lane

RESOURCE = ("namespace", "name")
PREFIX = "scim_operator_"
HISTOGRAM = len(SECONDS) + 3
"""The buckets, the one without a bound, sum and count."""
REQUESTS = 200
"""Series of the requests: routes are templates, and each meets one method and few codes."""
_ONE_KIND = {
    "resource_condition",
    "resource_idle",
    "last_success_timestamp_seconds",
}
"""Their `kind` is that of the resource."""
_SETS = {
    ("seats", "state"): len(SEATS),
    ("people", "state"): len(PEOPLE),
    ("drift", "kind"): len(DriftKind),
    ("drift_corrected", "kind"): len(DriftKind),
    ("watch_last_event_timestamp_seconds", "kind"): len(KINDS) + 1,  # and Secrets
    ("reconcile", "kind"): 2,  # ScimIntegration and OktaOrg
    ("reconcile_duration_seconds", "kind"): 2,
    ("reconcile", "result"): 2,
    ("actions", "result"): len(Result) + 1,  # and Started
    ("budget_wait_seconds", "api"): 2,
    ("api_request_duration_seconds", "api"): 4,
}
_LABELS = {
    "type": len(ORDER),
    "status": len(STATUSES),
    "holder": len(HOLDERS),
    "action": len(ActionKind),
    "class": len(Touch),
    "bucket": len(BUCKETS),
    "lane": len(Lane),
    "method": 5,
    "version": 1,
}


def most(family: str, kind: str, labels: Iterable[str]) -> str:
    """`7 a resource`, `7 a namespace`, or `7` for the whole process; KeyError for a label of no known
    set. `family` is the name without `_total`."""
    name, names = family.removeprefix(PREFIX), tuple(labels)
    count = REQUESTS if name == "api_requests" else _product(name, names)
    count *= HISTOGRAM if kind == "histogram" else 1
    if set(RESOURCE) <= set(names):
        return f"{count} a resource"
    return f"{count} a namespace" if "namespace" in names else str(count)


def _product(name: str, labels: Iterable[str]) -> int:
    count = 1
    for label in labels:
        if label not in RESOURCE and not (label == "kind" and name in _ONE_KIND):
            count *= _SETS[name, label] if (name, label) in _SETS else _LABELS[label]
    return count
