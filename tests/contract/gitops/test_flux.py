"""The health expressions that Flux evaluates, evaluated by the CEL that judges the CRDs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cel
import pytest
import yaml

from controller.api import API_VERSION, KINDS
from tests.contract.gitops.test_argocd import READY, integration

FLUX = Path(__file__).parents[3] / "gitops" / "flux"
STALLED = [("Ready", "False", "InvalidSpec"), ("Stalled", "True", "InvalidSpec")]


def expressions() -> dict[str, dict[str, str]]:
    body = yaml.safe_load((FLUX / "kustomization.yaml").read_text())
    found = body["spec"]["healthCheckExprs"]
    assert {one["apiVersion"] for one in found} == {API_VERSION}
    return {one["kind"]: {name: one[name] for name in ("failed", "current")} for one in found}


def observed(*conditions: tuple[str, str, str], generation: int = 2, seen: int = 2) -> dict[str, Any]:
    body = integration(*conditions, generation=generation)
    for condition in body["status"]["conditions"]:
        condition["observedGeneration"] = seen
    return body


STATES: dict[str, tuple[dict[str, Any], str]] = {
    "ready": (observed(READY), "current"),
    "ready and waiting for an approval": (
        observed(READY, ("InSync", "False", "AwaitingApproval")),
        "current",
    ),
    "stalled": (observed(*STALLED), "failed"),
    "ready, of an older generation": (observed(READY, generation=3), "in progress"),
    "stalled, of an older generation": (observed(*STALLED, generation=3), "in progress"),
    "suspended": (
        observed(("Ready", "Unknown", "Suspended"), ("InSync", "False", "DriftDetected")),
        "current",
    ),
    "suspended, of an older generation": (
        observed(("Ready", "Unknown", "Suspended"), generation=3),
        "in progress",
    ),
    "not verified": (observed(("Ready", "Unknown", "NotVerified")), "in progress"),
    "not ready": (observed(("Ready", "False", "Unavailable")), "in progress"),
    "never seen": ({"metadata": {"generation": 1}, "status": {"observedGeneration": -1}}, "in progress"),
}


def health(kind: str, body: dict[str, Any]) -> str:
    """As Flux decides: failed first, then current, else it is in progress."""
    found = expressions()[kind]
    context = {"metadata": body["metadata"], "status": body["status"]}
    for state in ("failed", "current"):
        if cel.evaluate(found[state], context) is True:
            return state
    return "in progress"


@pytest.mark.parametrize(("body", "expected"), STATES.values(), ids=STATES.keys())
@pytest.mark.parametrize("kind", KINDS)
def test_health(kind: str, body: dict[str, Any], expected: str) -> None:
    assert health(kind, body) == expected


def test_the_release_sets_values_that_the_chart_has() -> None:
    helm = pytest.importorskip("helm_python")
    body = yaml.safe_load((FLUX / "helmrelease.yaml").read_text())
    chart = helm.Chart.load(str(FLUX.parents[1] / body["spec"]["chart"]["spec"]["chart"]))
    chart.validate_schema(body["spec"]["values"])
