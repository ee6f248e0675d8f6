"""What a reader of statuses by kstatus could be misled by: the rules stated from outside of the operator.

Used by the flow tests after every step, and by unit tests of statuses. Source: kstatus of
sigs.k8s.io/cli-utils, and Flux's condition checker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.reconcile.conditions import (
    FALSE,
    NEGATIVE,
    ORDER,
    READY,
    RECONCILING,
    STALLED,
    STATUS_LIMIT,
    TRUE,
    UNKNOWN,
    by_type,
    size_of,
)
from controller.reconcile.reasons import KNOWN


def kstatus_faults(obj: Mapping[str, Any]) -> list[str]:
    """What is wrong with the status of `obj`, in words; [] where a reader by kstatus cannot be misled. An
    object that the operator has not seen yet (observedGeneration -1) has no fault."""
    status = obj.get("status") or {}
    observed, conditions = status.get("observedGeneration", -1), status.get("conditions") or []
    if observed == -1 and not conditions:
        return []
    kinds = [condition.get("type") for condition in conditions]
    faults = [f"{kind} is there twice" for kind in sorted({k for k in kinds if kinds.count(k) > 1})]
    generation = obj["metadata"].get("generation", 1)
    for condition in conditions:
        faults += _condition_faults(condition, generation)
    faults += _summary_faults(by_type(conditions), observed, generation)
    if size_of(status) > STATUS_LIMIT:
        faults.append("the status is larger than 64 KiB")
    return faults


def _condition_faults(condition: Mapping[str, Any], generation: int) -> list[str]:
    kind = condition.get("type", "?")
    checks = (
        (kind not in ORDER, "is no type of ours"),
        (condition.get("status") not in (TRUE, FALSE, UNKNOWN), "has no status"),
        (condition.get("reason") not in KNOWN, f"has the undocumented reason {condition.get('reason')!r}"),
        (not condition.get("lastTransitionTime"), "has no lastTransitionTime"),
        (not condition.get("message"), "has no message"),
        (len(condition.get("message", "")) > 1024, "has a message above 1 KiB"),
        (condition.get("observedGeneration", -1) > generation, "is about a generation to come"),
        (kind in NEGATIVE and condition.get("status") != TRUE, "is there without being True"),
    )
    return [f"{kind} {fault}" for is_broken, fault in checks if is_broken]


def _summary_faults(found: Mapping[str, Mapping[str, Any]], observed: int, generation: int) -> list[str]:
    ready = found.get(READY)
    if ready is None:
        return ["Ready is missing"]
    is_ready = ready.get("status") == TRUE
    stale = [kind for kind, one in found.items() if one.get("observedGeneration") != observed]
    checks = (
        (RECONCILING in found and STALLED in found, "Reconciling and Stalled are there together"),
        (is_ready and RECONCILING in found, "Ready is True while Reconciling"),
        (is_ready and STALLED in found, "Ready is True while Stalled"),
        (is_ready and observed < generation, "Ready is True for an older generation"),
        (is_ready and bool(stale), f"Ready is True while {', '.join(stale)} is about another generation"),
        (ready.get("observedGeneration") != observed, "Ready is not about the observed generation"),
    )
    return [fault for is_broken, fault in checks if is_broken]
