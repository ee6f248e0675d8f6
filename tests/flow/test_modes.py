"""Observe, Approve, suspend: who may write, and when."""

from __future__ import annotations

import pytest

from controller.errors import NotFound
from controller.kube.paths import object_path
from controller.kube.state_store import StateStore, plan_name
from controller.reconcile.state_codec import decode_frozen
from scim_sandbox.run import OPERATOR_NAMESPACE
from tests.cluster.control_plane import ADMIN
from tests.flow.conftest import JSON, Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION = ("ScimIntegration", "calendly")
APPROVE = {"mode": "Approve"}
APPROVER = ADMIN
"""Whoever runs the test: where the admission policy is in force, nobody approves in another's name."""


async def applied(flow: Flow, **spec: object) -> None:
    for (kind, _), body in flow.quickstart.items():
        await flow.apply(flow.example(kind, spec=spec) if kind == "ScimIntegration" else body)


async def stored_plan(flow: Flow) -> JSON | None:
    try:
        return await flow.api.get(
            object_path("v1", "configmaps", OPERATOR_NAMESPACE, plan_name("default", "calendly"))
        )
    except NotFound:
        return None


async def test_observing_tells_the_drift_and_writes_nothing(flow: Flow) -> None:
    await applied(flow, mode="Observe")
    body = await flow.until(*INTEGRATION, says("InSync", "False", "DriftDetected"))
    assert condition(body, "Ready")["status"] == "True"
    assert body["status"]["plan"]["state"] == "Observed"
    assert body["status"]["plan"]["summary"]["CreateAccount"] == 40
    assert await flow.provider.people() == []
    assert await flow.okta_writes() == []


async def test_suspended_makes_no_call_at_all_and_goes_on_afterwards(flow: Flow) -> None:
    await applied(flow, mode="Observe", suspend=True)
    body = await flow.until(*INTEGRATION, says("Ready", "Unknown", "Suspended"))
    assert body["status"]["observedGeneration"] == body["metadata"]["generation"]
    for kind, name in flow.quickstart:
        if kind in ("OktaOrg", "GroupMapping", "SeatLimit"):
            await flow.until(kind, name, says("Ready", "Unknown", "Suspended"))
    assert await flow.okta_calls() == []
    await flow.patch(*INTEGRATION, {"spec": {"suspend": None}})
    await flow.until(*INTEGRATION, says("Ready", "True", "Succeeded"))
    assert await flow.okta_calls() != []


async def test_a_plan_waits_whole_and_runs_once_its_digest_is_approved(flow: Flow) -> None:
    await applied(flow, **APPROVE)
    body = await flow.until(*INTEGRATION, says("InSync", "False", "AwaitingApproval"))
    plan = body["status"]["plan"]
    assert condition(body, "Ready")["status"] == "True"
    assert plan["digest"] in condition(body, "InSync")["message"]
    assert (plan["state"], plan["total"], len(plan["actions"])) == ("AwaitingApproval", 41, 41)
    assert await flow.provider.people() == []
    assert await stored_plan(flow) is not None

    await flow.annotate(*INTEGRATION, approve="0" * 64)
    await flow.until_event("calendly", "ApprovalIgnored")
    assert await flow.provider.people() == []

    await flow.annotate(*INTEGRATION, approve=plan["digest"], approved_by=APPROVER)
    body = await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    assert len(await flow.provider.people()) == 40
    assert body["status"]["lastHandledApproval"] == plan["digest"]
    assert body["status"]["history"][0]["approvedBy"] == APPROVER
    assert await stored_plan(flow) is None


async def test_what_comes_after_a_plan_was_shown_is_only_counted(flow: Flow) -> None:
    """Runs on the accounts that the approval above has made."""
    await applied(flow, **APPROVE)
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    people = sorted(one["userName"] for one in await flow.provider.people() if one["group"] != "Finance")
    await flow.okta.change(people[0], department="Finance")
    body = await flow.reconcile()
    first = body["status"]["plan"]["digest"]
    await flow.okta.change(people[1], department="Finance")
    body = await flow.reconcile()
    assert body["status"]["plan"]["digest"] == first
    assert body["status"]["plan"]["newer"] == 1
    await flow.annotate(*INTEGRATION, approve=first)
    body = await flow.until(*INTEGRATION, lambda one: one["status"].get("lastHandledApproval") == first)
    assert condition(body, "InSync")["reason"] == "AwaitingApproval"
    assert body["status"]["plan"]["digest"] != first
    moved = [one["userName"] for one in await flow.provider.people(group="Finance")]
    assert people[0] in moved
    assert people[1] not in moved


async def test_the_stored_plan_can_be_read_by_others(flow: Flow) -> None:
    await applied(flow, **APPROVE)
    body = await flow.until(*INTEGRATION, says("InSync", "False", "AwaitingApproval"))
    stored = await stored_plan(flow)
    assert stored is not None
    blob = await StateStore(flow.api, OPERATOR_NAMESPACE).load(plan_name("default", "calendly"))
    assert blob is not None
    frozen = decode_frozen(blob)
    assert frozen.digest == body["status"]["plan"]["digest"]
    assert len(frozen.actions) == body["status"]["plan"]["total"]


async def test_a_change_in_okta_becomes_a_plan_that_waits_without_being_asked_for(flow: Flow) -> None:
    """The System Log brings the change; the run for this person holds it, and a full run shows it."""
    await applied(flow, mode="Enforce")
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    await flow.patch(*INTEGRATION, {"spec": APPROVE})
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    people = sorted(one["userName"] for one in await flow.provider.people() if one["group"] != "Finance")
    await flow.okta.change(people[0], department="finance ")
    body = await flow.until(*INTEGRATION, says("InSync", "False", "AwaitingApproval"))
    plan = body["status"]["plan"]
    assert [action["what"] for action in plan["actions"]] == [people[0]]
    mapping = await flow.until("GroupMapping", "departments", lambda one: one["status"]["unmatched"] == 1)
    assert mapping["status"]["unmatchedValues"] == [
        {"value": "finance ", "people": 1, "suggestion": "Finance"}
    ]
    limit = await flow.get("SeatLimit", "calendly")
    assert condition(limit, "Ready")["status"] == "True"

    await flow.annotate(*INTEGRATION, sync_user=f"{people[1]}#1")
    await flow.until_event("calendly", "UserSynced")
    assert await stored_plan(flow) is not None, "a run for somebody else leaves the plan as it is"
    await flow.annotate(*INTEGRATION, approve=plan["digest"])
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
