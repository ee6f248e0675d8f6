"""An OktaOrg by itself: Ready without any integration, and told what is wrong before one needs it."""

from __future__ import annotations

import pytest

from controller.kube.paths import object_path
from tests.flow.conftest import JSON, Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHECK = "GET /api/v1/apps"


def org_of(flow: Flow) -> tuple[str, str]:
    return next(key for key in flow.quickstart if key[0] == "OktaOrg")


async def applied_alone(flow: Flow) -> JSON:
    """The platform team's half: the org and its Secret."""
    org = flow.example("OktaOrg")
    secret = flow.example("Secret", org["spec"]["auth"]["secretRef"]["name"])
    await flow.apply(secret, org)
    return secret


async def test_an_org_that_nobody_uses_becomes_ready_by_one_call(flow: Flow) -> None:
    await applied_alone(flow)
    body = await flow.until(*org_of(flow), says("Ready", "True", "Succeeded"))
    assert condition(body, "CredentialsValid")["status"] == "True"
    assert (body["status"]["integrations"], bool(body["status"]["orgId"])) == (0, True)
    calls = [call for call in await flow.okta_calls() if "/.well-known/" not in call]
    assert calls == [CHECK]


async def test_an_org_answers_the_request_to_look_at_it(flow: Flow) -> None:
    await applied_alone(flow)
    await flow.until(*org_of(flow), says("Ready", "True", "Succeeded"))
    await flow.begin()
    await flow.annotate(*org_of(flow), requested_at="now")
    await flow.until(*org_of(flow), lambda b: b["status"].get("lastHandledReconcileAt") == "now")
    assert await flow.okta_calls() == [CHECK]


async def test_a_wrong_token_is_found_without_an_integration_and_its_correction_too(flow: Flow) -> None:
    secret = await applied_alone(flow)
    await flow.until(*org_of(flow), says("Ready", "True", "Succeeded"))
    path = object_path("v1", "secrets", "default", secret["metadata"]["name"])
    await flow.api.patch(path, {"stringData": {"apiToken": "wrong"}}, manager="kubectl")
    body = await flow.until(*org_of(flow), says("Ready", "False", "CredentialsRejected"))
    assert condition(body, "CredentialsValid")["status"] == "False"
    assert condition(body, "Stalled")["status"] == "True"
    await flow.apply(secret)
    await flow.until(*org_of(flow), says("Ready", "True", "Succeeded"))


async def test_a_secret_that_comes_later_is_noticed(flow: Flow) -> None:
    org = flow.example("OktaOrg")
    await flow.apply(org)
    body = await flow.until(*org_of(flow), says("Ready", "False", "SecretNotFound"))
    assert "kubectl create secret" in condition(body, "Ready")["message"]
    await flow.apply(flow.example("Secret", org["spec"]["auth"]["secretRef"]["name"]))
    await flow.until(*org_of(flow), says("Ready", "True", "Succeeded"))


async def test_an_org_counts_who_uses_it_at_once(flow: Flow) -> None:
    await flow.apply_quickstart()
    await flow.until(*org_of(flow), lambda b: (b.get("status") or {}).get("integrations") == 1)
    integration = next(name for kind, name in flow.quickstart if kind == "ScimIntegration")
    body = await flow.until("ScimIntegration", integration, says("Ready", "True", "Succeeded"))
    assert body["status"]["nextSyncTime"] > body["status"]["lastSyncTime"]
    await flow.api.delete(f"{flow._collection('ScimIntegration')}/{integration}")
    await flow.until(*org_of(flow), lambda b: b["status"]["integrations"] == 0)
