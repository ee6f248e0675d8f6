"""Tokens that are replaced on a schedule: the operator's own by itself, Okta's with a person's help."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from controller.clock import SystemClock
from controller.kube.paths import object_path
from controller.scim.admin import token_fingerprint
from scim_sandbox.run import Setup, World, open_world
from tests.flow.conftest import JSON, SECONDS, Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION = ("ScimIntegration", "calendly")
ROTATION = {"every": "2160h", "minOverlap": "1s", "issueTo": {"name": "calendly-scim"}}


class Calendar(SystemClock):
    """The servers' time, so many days ago; the operator lives today."""

    days_ago = 0.0

    def now(self) -> datetime:
        return super().now() - timedelta(days=self.days_ago)


CALENDAR = Calendar()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory: Path = tmp_path_factory.mktemp("world")
    async with open_world(Setup(directory), CALENDAR) as opened:
        yield opened


async def tokens(flow: Flow) -> dict[str, JSON]:
    """Fingerprint -> the living SCIM tokens."""
    rows = (await flow.admin.send("GET", "/tokens"))["tokens"]
    return {row["fingerprint"]: row for row in rows if row["alive"] and "scim" in row["scopes"]}


async def old_token(flow: Flow, name: str) -> str:
    """A token that somebody issued by hand 100 days ago."""
    CALENDAR.days_ago = 100
    try:
        issued = await flow.admin.send("POST", "/tokens", {"name": name, "scopes": ["scim"]})
    finally:
        CALENDAR.days_ago = 0
    return str(issued["token"])


async def held(flow: Flow, name: str) -> str:
    """Fingerprint of what the Secret holds."""
    body = await flow.api.get(object_path("v1", "secrets", "default", name))
    return token_fingerprint(base64.b64decode(body["data"]["token"]).decode())


async def applied(flow: Flow, own: str, *more: JSON, **spec: JSON) -> None:
    """The quickstart with rotation, on the token `own`."""
    for (kind, name), body in flow.quickstart.items():
        if name == "calendly-scim":
            body = flow.example(kind, name, stringData={"token": own} if own else None)
        if kind == "ScimIntegration":
            continue
        await flow.apply(body)
    await flow.apply(*more, flow.example("ScimIntegration", spec=spec))


async def until_one_is_left(flow: Flow, secret: str, *others: str) -> None:
    """Reconciles until the Secret's token is the only living one beside `others`."""
    async with asyncio.timeout(SECONDS):
        while set(await tokens(flow)) - set(others) != {await held(flow, secret)}:
            await flow.reconcile()
            await asyncio.sleep(0.3)


async def revoke_the_worlds_own(flow: Flow) -> None:
    for row in (await tokens(flow)).values():
        await flow.admin.send("DELETE", f"/tokens/{row['id']}")


async def test_an_old_token_is_replaced_used_and_only_then_revoked(flow: Flow) -> None:
    await revoke_the_worlds_own(flow)
    own = await old_token(flow, "by hand")
    first = token_fingerprint(own)
    await applied(flow, own, provider={"tokenRotation": ROTATION})
    event = await flow.until_event("calendly", "TokenRotated")
    assert "calendly-scim/token" in event["message"]
    await until_one_is_left(flow, "calendly-scim")
    assert await held(flow, "calendly-scim") != first
    await flow.until_event("calendly", "TokenRevoked")
    body = await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    token = body["status"]["token"]
    assert sorted(token) == ["expiryTime", "lastRotationTime", "nextRotationTime"]
    assert token["lastRotationTime"] < token["nextRotationTime"] < token["expiryTime"]
    page = await flow.metrics()
    assert 'scim_operator_token_expiry_timestamp_seconds{holder="operator",name="calendly"' in page
    assert len([one for one in await flow.provider.people() if one["active"]]) == 40


async def test_the_first_token_comes_into_an_empty_secret(flow: Flow) -> None:
    await revoke_the_worlds_own(flow)
    await applied(flow, "", provider={"tokenRotation": ROTATION})
    body = await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    assert condition(body, "Ready")["status"] == "True"
    assert list(await tokens(flow)) == [await held(flow, "calendly-scim")]


async def test_in_mode_approve_a_rotation_waits_for_a_yes(flow: Flow) -> None:
    await revoke_the_worlds_own(flow)
    own = await old_token(flow, "by hand")
    await applied(flow, own, mode="Approve", provider={"tokenRotation": ROTATION})
    body = await flow.until(*INTEGRATION, says("InSync", "False", "AwaitingApproval"))
    assert body["status"]["plan"]["summary"] == {"IssueToken": 1}
    assert await held(flow, "calendly-scim") == token_fingerprint(own)
    await flow.annotate(*INTEGRATION, approve=body["status"]["plan"]["digest"])
    await flow.until(*INTEGRATION, lambda body: "1 IssueToken" in str(body["status"].get("history")))
    assert await held(flow, "calendly-scim") != token_fingerprint(own)


async def test_a_secret_that_something_else_keeps_is_told_and_left_alone(flow: Flow) -> None:
    await revoke_the_worlds_own(flow)
    own = await old_token(flow, "by hand")
    await applied(flow, own, suspend=True, provider={"tokenRotation": ROTATION})
    path = object_path("v1", "secrets", "default", "calendly-scim")
    keeper = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "scim", "uid": "u-1"}
    await flow.api.patch(path, {"metadata": {"ownerReferences": [keeper]}})
    await flow.patch(*INTEGRATION, {"spec": {"suspend": None}})
    body = await flow.until(*INTEGRATION, says("Stalled", "True", "SecretOwnedByOther"))
    told = condition(body, "Stalled")["message"]
    assert "ExternalSecret scim" in told and "spec.provider.tokenRotation.issueTo" in told
    assert list(await tokens(flow)) == [token_fingerprint(own)] == [await held(flow, "calendly-scim")]


def okta_secret(flow: Flow, token: str) -> JSON:
    return flow.example(
        "Secret", "calendly-scim", metadata={"name": "calendly-okta"}, stringData={"token": token}
    )


async def test_oktas_token_is_entered_by_a_person_and_the_old_one_goes_after_okta_uses_the_new(
    flow: Flow,
) -> None:
    await revoke_the_worlds_own(flow)
    own, okta = await old_token(flow, "by hand"), await old_token(flow, "for Okta")
    secret = okta_secret(flow, okta)
    enter = {"app": "Calendly", "step": "enable-provisioning", "baseUrl": flow.world.access.scim_base_url}
    await flow.okta_send("POST", "/_control/console", {**enter, "token": okta})
    provider = {"tokenRotation": ROTATION, "oktaTokenRef": {"name": "calendly-okta", "key": "token"}}
    await applied(flow, own, secret, provider=provider, provisioning={"by": "Okta"})

    def asks(body: JSON) -> bool:
        return "okta-token" in [step["id"] for step in body.get("status", {}).get("manualSteps", [])]

    body = await flow.until(*INTEGRATION, asks)
    step = next(step for step in body["status"]["manualSteps"] if step["id"] == "okta-token")
    assert "calendly-okta" in step["instructions"] and step["verifiedBy"] == "Read" and not step["blocks"]
    assert token_fingerprint(okta) in await tokens(flow), "Okta still uses it"
    new = base64.b64decode(
        (await flow.api.get(object_path("v1", "secrets", "default", "calendly-okta")))["data"]["token"]
    ).decode()
    assert new not in str(body)
    await flow.okta_send("POST", "/_control/console", {**enter, "token": new})
    await until_one_is_left(flow, "calendly-okta", await held(flow, "calendly-scim"))
    body = await flow.reconcile()
    assert not asks(body)
    assert "oktaExpiryTime" in body["status"]["token"]
