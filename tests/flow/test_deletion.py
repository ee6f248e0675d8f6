"""What deleting does: nothing remote by default, everything undone where the spec says so, and held if it is
too much."""

from __future__ import annotations

import asyncio

import pytest

from controller.api import FINALIZER
from controller.errors import NotFound
from controller.kube.manifests import resource_path
from tests.flow.conftest import SECONDS, Flow, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION = ("ScimIntegration", "calendly")


async def applied(flow: Flow, **spec: object) -> None:
    for (kind, _), body in flow.quickstart.items():
        await flow.apply(flow.example(kind, spec=spec) if kind == "ScimIntegration" else body)
    await flow.until(*INTEGRATION, says("Ready", "True", "Succeeded"))


async def delete(flow: Flow, kind: str, name: str) -> None:
    await flow.api.delete(resource_path(flow.quickstart[kind, name], "default"))


async def gone(flow: Flow, kind: str, name: str) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                await flow.get(kind, name)
            except NotFound:
                return
            await asyncio.sleep(0.02)


async def active(flow: Flow) -> int:
    return len([one for one in await flow.provider.people() if one["active"]])


async def test_by_default_nothing_remote_is_touched(flow: Flow) -> None:
    await applied(flow)
    assert (await flow.get(*INTEGRATION))["metadata"].get("finalizers") is None
    await flow.begin()
    for kind, name in (("GroupMapping", "departments"), ("SeatLimit", "calendly"), INTEGRATION):
        await delete(flow, kind, name)
        await gone(flow, kind, name)
    assert await active(flow) == 40
    assert await flow.okta_writes() == []


async def test_deleting_a_mapping_moves_nobody(flow: Flow) -> None:
    await applied(flow)
    groups = await flow.provider.groups()
    await delete(flow, "GroupMapping", "departments")
    await gone(flow, "GroupMapping", "departments")
    await flow.reconcile()
    assert await flow.provider.groups() == groups


async def test_deprovision_is_held_by_the_safeguard_until_it_is_approved(flow: Flow) -> None:
    await applied(flow, deletionPolicy="Deprovision")
    await flow.until(*INTEGRATION, lambda body: FINALIZER in body["metadata"].get("finalizers", []))
    await delete(flow, "OktaOrg", "acme")
    await delete(flow, *INTEGRATION)
    body = await flow.until(*INTEGRATION, says("InSync", "False", "SafetyThresholdExceeded"))
    assert body["metadata"]["deletionTimestamp"]
    assert await active(flow) == 40
    assert FINALIZER in (await flow.get("OktaOrg", "acme"))["metadata"]["finalizers"]
    await flow.annotate(*INTEGRATION, approve=body["status"]["plan"]["digest"])
    await gone(flow, *INTEGRATION)
    assert await active(flow) == 0
    await gone(flow, "OktaOrg", "acme")
    event = await flow.until_event("calendly", "Deprovisioned")
    assert event["message"] == "40 accounts were deactivated"
    maps = await flow.api.list_all("/api/v1/namespaces/scim-system/configmaps")
    names = [one["metadata"]["name"] for one in maps]
    kept = [name for name in names if name.startswith(("scim-state-", "scim-plan-"))]
    assert [name for name in kept if not name.startswith("scim-state-moved-")] == []


async def test_orphan_frees_what_waits_and_suspension_lets_go(flow: Flow) -> None:
    for change in ({"deletionPolicy": "Orphan"}, {"suspend": True}):
        await applied(flow, mode="Observe", deletionPolicy="Deprovision")
        await flow.until(*INTEGRATION, lambda body: FINALIZER in body["metadata"].get("finalizers", []))
        await flow.patch(*INTEGRATION, {"spec": change})
        await delete(flow, *INTEGRATION)
        await gone(flow, *INTEGRATION)
        await flow.clean()
    assert await flow.provider.people(status="active") == []


async def test_a_policy_that_changes_takes_the_finalizer_off(flow: Flow) -> None:
    await applied(flow, mode="Observe", deletionPolicy="Deprovision")
    await flow.until(*INTEGRATION, lambda body: FINALIZER in body["metadata"].get("finalizers", []))
    await flow.patch(*INTEGRATION, {"spec": {"deletionPolicy": "Orphan"}})
    body = await flow.until(*INTEGRATION, says("Ready", "True", "Succeeded"))
    assert not body["metadata"].get("finalizers")
