"""A Kubernetes API that fails under a running operator: it is waited for; nothing is lost or done twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from controller.api import API_VERSION
from controller.kube.paths import object_path
from controller.kube.state_store import state_name
from controller.operator import informer as resources
from scim_sandbox.run import OPERATOR_NAMESPACE
from tests.cluster.fixtures import Cluster
from tests.flow.conftest import SECONDS, Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION = ("ScimIntegration", "calendly")
CUSTOM = "/apis/scim-operator.dev/v1alpha1"


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """The embedded API alone: a real one takes no orders to fail."""
    return Cluster()


async def quickstart(flow: Flow) -> set[str]:
    """The quickstart in sync; who has an account."""
    await flow.apply_quickstart()
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    return await active(flow)


async def active(flow: Flow) -> set[str]:
    return {one["userName"] for one in await flow.provider.people() if one["active"]}


async def until_department(flow: Flow, login: str, department: str) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            if (await flow.provider.person(login))["groupValue"] == department:
                break
            await asyncio.sleep(0.1)


async def lives(flow: Flow) -> bool:
    task = flow.world.operator
    return task is not None and not task.done()


@pytest.mark.parametrize(
    "fault", [{"kind": "disconnect"}, {"kind": "status", "status": 503}], ids=["away", "503"]
)
async def test_an_api_server_that_is_away_for_longer_than_any_patience_is_waited_for(
    flow: Flow, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = await quickstart(flow)
    monkeypatch.setattr(resources, "BACKOFFS", (0.02,) * 8)
    monkeypatch.setattr(resources, "LONGEST_BACKOFF", 0.02)
    login = min(people)
    await flow.break_kubernetes(**fault)
    await flow.break_kubernetes("cut-watches")
    await flow.okta.change(login, department="Finance")
    await asyncio.sleep(3)  # some hundred attempts: kopf by itself gives up after nine
    assert await lives(flow)
    await flow.mend_kubernetes()
    body = await flow.reconcile()
    assert condition(body, "Ready")["status"] == "True"
    await until_department(flow, login, "Finance")
    assert await active(flow) == people


async def test_a_compacted_history_is_listed_anew_and_no_edit_is_missed(flow: Flow) -> None:
    await quickstart(flow)
    await flow.break_kubernetes("disconnect", method="WATCH")
    await flow.break_kubernetes("cut-watches")
    await flow.patch(*INTEGRATION, {"spec": {"mode": "Observe"}})
    await flow.break_kubernetes("compact")
    await flow.mend_kubernetes()
    body = await flow.until(*INTEGRATION, lambda one: one["status"]["observedGeneration"] == 2)
    assert condition(body, "Ready")["status"] == "True"


async def test_a_status_that_somebody_else_was_first_with_is_written_all_the_same(flow: Flow) -> None:
    await quickstart(flow)
    await flow.break_kubernetes("status", status=409, method="PATCH", path=f"{CUSTOM}/*/status", times=2)
    body = await flow.reconcile()
    assert condition(body, "InSync")["status"] == "True"


async def test_state_that_could_not_be_stored_is_stored_by_the_next_run(flow: Flow) -> None:
    state = object_path(
        "v1", "configmaps", OPERATOR_NAMESPACE, state_name("default", flow.world.access.scim_base_url)
    )
    await flow.break_kubernetes("status", status=409, method="PATCH", path=state, times=1)
    await flow.apply_quickstart()
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    assert len(await active(flow)) == 40
    assert (await flow.api.get(state))["binaryData"]["part"]


async def test_an_api_server_that_has_enough_is_asked_again_later(flow: Flow) -> None:
    await flow.break_kubernetes("status", status=429, times=30)
    await flow.apply_when_it_answers()
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    assert len(await active(flow)) == 40
    assert await lives(flow)


async def test_a_write_whose_answer_was_lost_is_not_done_twice(flow: Flow) -> None:
    await quickstart(flow)
    await flow.break_kubernetes("lost-answer", method="PATCH", path=f"{CUSTOM}/*/status", times=1)
    body = await flow.reconcile()
    assert condition(body, "InSync")["status"] == "True"
    assert len(body["status"].get("history", [])) <= 1


async def test_a_secret_that_may_not_be_read_is_told_by_its_name(flow: Flow) -> None:
    secret = object_path("v1", "secrets", "default", "calendly-scim")
    await flow.break_kubernetes("status", status=403, path=secret)
    await flow.apply(
        *(body for body in flow.quickstart.values() if body["metadata"]["name"] != "calendly-scim")
    )
    body = await flow.until(*INTEGRATION, says("ReferencesResolved", "False", "SecretForbidden"))
    assert "default/calendly-scim" in condition(body, "Ready")["message"]
    await flow.mend_kubernetes()
    await flow.apply(flow.example("Secret", "calendly-scim"))
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))


async def test_an_integration_that_was_deleted_unseen_is_not_carried_out(flow: Flow) -> None:
    """kopf lists anew after a history that is gone, and a list does not say what is missing in it."""
    people = await quickstart(flow)
    login = min(people)
    await flow.break_kubernetes("disconnect", method="WATCH")
    await flow.break_kubernetes("cut-watches")
    path = object_path(API_VERSION, "scimintegrations", "default", "calendly")
    await flow.api.delete(path)
    await flow.until_gone(path)
    await flow.break_kubernetes("compact")
    await flow.mend_kubernetes()
    old = (await flow.provider.person(login))["groupValue"]
    await flow.okta.change(login, department="Support" if old == "Finance" else "Finance")
    await flow.patch("OktaOrg", "acme", {"spec": {"budgetPercent": 31}})
    async with asyncio.timeout(SECONDS):
        while True:
            if 'scim_operator_people{name="calendly"' not in await flow.metrics():
                break
            await asyncio.sleep(0.1)
    assert (await flow.provider.person(login))["groupValue"] == old
