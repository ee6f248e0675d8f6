"""The quickstart, from kubectl apply to Ready and through everyday life."""

from __future__ import annotations

import time

import pytest

from tests.flow.conftest import Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_apply_to_ready_takes_less_than_five_seconds_and_everything_says_so(flow: Flow) -> None:
    started = time.monotonic()
    await flow.apply_quickstart()
    body = await flow.until("ScimIntegration", "calendly", says("Ready", "True", "Succeeded"))
    assert time.monotonic() - started < 5
    assert condition(body, "InSync")["status"] == "True"
    assert body["status"]["people"] == {
        "assigned": 40,
        "failed": 0,
        "pending": 0,
        "provisioned": 40,
        "waiting": 0,
    }
    await flow.until("GroupMapping", "departments", says("Ready", "True", "Succeeded"))
    limit = await flow.until("SeatLimit", "calendly", says("WithinCapacity", "True", "NearLimit"))
    assert limit["status"]["seats"]["used"] == 40
    await flow.until("OktaOrg", "acme", says("Ready", "True", "Succeeded"))
    reasons = {event["reason"] for event in await flow.events("calendly")}
    assert reasons == {"Succeeded", "NearLimit"}


async def test_a_reconcile_with_nothing_to_do_writes_nothing_anywhere(flow: Flow) -> None:
    await flow.apply_quickstart()
    await flow.until("ScimIntegration", "calendly", says("InSync", "True", "InSync"))
    await flow.reconcile()
    before = {kind: await flow.get(kind, name) for kind, name in _NAMES}
    writes, events = len(await flow.okta_writes()), len(await flow.events("calendly"))
    maps = await flow.api.list_all("/api/v1/namespaces/scim-system/configmaps")
    body = await flow.reconcile()
    after = {kind: await flow.get(kind, name) for kind, name in _NAMES}
    changed = {kind for kind, was in before.items() if after[kind]["metadata"] != was["metadata"]}
    assert changed == {"ScimIntegration"}, "only the answer to requested-at is written"
    assert body["status"].get("history") == before["ScimIntegration"]["status"].get("history")
    assert len(await flow.okta_writes()) == writes
    assert len(await flow.events("calendly")) == events
    assert await flow.api.list_all("/api/v1/namespaces/scim-system/configmaps") == maps


_NAMES = (
    ("ScimIntegration", "calendly"),
    ("GroupMapping", "departments"),
    ("SeatLimit", "calendly"),
    ("OktaOrg", "acme"),
)
