"""A status as its model and as its document: one is made of the other, and what does not fit is left out."""

from __future__ import annotations

from typing import Any

import pytest

from controller.api.integration_status import ScimIntegrationStatus
from controller.api.okta_org import OktaOrgStatus
from controller.api.status_document import read_status, write_status

READY = {
    "type": "Ready",
    "status": "True",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-03-02T12:00:00Z",
    "reason": "Succeeded",
    "message": "well",
}
WHOLE: dict[str, Any] = {
    "observedGeneration": 1,
    "conditions": [READY],
    "orgId": "00o1",
    "budget": "Ok",
    "buckets": [{"name": "/api/v1/apps", "limit": 100, "remaining": 0}],
    "integrations": 0,
}


def test_what_was_written_is_read_and_written_again_as_it_was() -> None:
    assert write_status(read_status(OktaOrgStatus, WHOLE)) == WHOLE


@pytest.mark.parametrize(
    "spoiled",
    [
        {"conditions": [{"type": "Ready"}, READY, None, "x"]},
        {"conditions": (READY, {**READY, "status": "Perhaps"})},
        {"lastEventTime": 7, "isNewer": True},
        {"lastHandledReconcileAt": {"deep": 1}},
    ],
)
def test_what_does_not_fit_is_left_out_and_the_rest_stays(spoiled: dict[str, Any]) -> None:
    assert write_status(read_status(OktaOrgStatus, {**WHOLE, **spoiled})) == WHOLE


@pytest.mark.parametrize("value", [7, "x", [READY] * 20, {"a": 1}])
def test_a_field_of_another_shape_is_left_out(value: Any) -> None:
    assert "conditions" not in write_status(read_status(OktaOrgStatus, {**WHOLE, "conditions": value}))


def test_a_text_is_cut_where_it_would_not_fit() -> None:
    status = OktaOrgStatus()
    status.last_handled_reconcile_at = "x" * 500
    assert write_status(status) == {"lastHandledReconcileAt": "x" * 127 + "…"}


def test_what_is_empty_is_not_written() -> None:
    found = {"drift": {"counts": {}, "items": []}, "history": [{"time": "t", "digest": "", "failed": 0}]}
    assert write_status(read_status(ScimIntegrationStatus, found)) == {
        "history": [{"time": "t", "failed": 0}]
    }
