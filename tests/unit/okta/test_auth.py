"""Service apps and API tokens against the simulated org's token endpoint."""

from __future__ import annotations

import json
from typing import Any, Literal

import httpx
import pytest
from joserfc import jwk
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.errors import RemoteError, SpecError, Unauthorized, Unavailable
from controller.okta.client import OktaClient
from controller.okta.connect import OrgAccess, okta_budgets, open_org
from controller.transport.session import Wiring
from scim_sandbox.okta.app import build_app
from scim_sandbox.okta.store import Org

URL = "https://acme.okta.example"
KEY = jwk.ECKey.generate_key("P-256")
SCOPES = ["okta.apps.read", "okta.userTypes.read", "okta.groups.manage"]


class World:
    """An org with one service app."""

    def __init__(self, scopes: list[str] | None = None, *, dpop: bool = False, key: Any = KEY) -> None:
        self.clock = ManualClock()
        self.org = Org(URL, clock=self.clock)
        jwks = [key.as_dict(private=False)]
        self.client = self.org.add_service_app("operator", jwks, scopes or SCOPES, dpop=dpop)

    async def open(
        self,
        dpop: Literal["Optional", "Required"] = "Optional",
        key: Any = KEY,
        clock: ManualClock | None = None,
    ) -> OktaClient:
        wiring = Wiring(clock=clock or self.clock, transport=httpx.ASGITransport(build_app(self.org)))
        access = OrgAccess(
            URL,
            "ServiceApp",
            client_id=self.client.id,
            private_key=SecretStr(json.dumps(key.as_dict(private=True))),
            dpop=dpop,
        )
        return (await open_org(access, okta_budgets(wiring), owner="a/b", percent=50, wiring=wiring)).client

    def token_calls(self) -> int:
        return sum(request["path"] == "/oauth2/v1/token" for request in self.org.requests)


async def test_a_token_is_asked_for_once_a_scope_and_kept() -> None:
    world = World()
    client = await world.open()
    for _ in range(3):
        await client.user_types()
    await client.apps_by_label("Calendly")
    assert world.token_calls() == 2


async def test_a_token_is_replaced_before_it_expires() -> None:
    world = World()
    client = await world.open()
    await client.user_types()
    world.clock.advance(3600 - 299)
    await client.user_types()
    assert world.token_calls() == 2


async def test_a_revoked_token_is_replaced_at_once() -> None:
    world = World()
    client = await world.open()
    await client.user_types()
    world.clock.advance(60)
    world.org.access_tokens.clear()
    await client.user_types()
    assert world.token_calls() == 2


async def test_a_token_that_stays_refused_ends_after_a_second_try() -> None:
    world = World()
    client = await world.open()
    world.org.faults.add({"kind": "expire-token", "path": "/api/v1/meta/types/user"})
    with pytest.raises(Unauthorized, match="E0000011"):
        await client.user_types()
    assert world.token_calls() == 1


async def test_manage_serves_where_read_was_not_granted() -> None:
    world = World()
    client = await world.open()
    assert await client.groups_by_name("Everyone")


async def test_a_missing_scope_is_named_and_leaves_the_others_working() -> None:
    world = World()
    client = await world.open()
    with pytest.raises(Unauthorized, match=r"the scope okta\.users\.read") as caught:
        await client.user("ada@acme.example")
    assert caught.value.reason == "MissingScope"
    assert await client.user_types()


@pytest.mark.parametrize("proof", ["Optional", "Required"])
@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521", "RSA"])
async def test_proofs_are_given_where_okta_demands_them(proof: Any, curve: str) -> None:
    key = jwk.RSAKey.generate_key(2048) if curve == "RSA" else jwk.ECKey.generate_key(curve)
    world = World(dpop=True, key=key)
    client = await world.open(proof, key)
    await client.user_types()
    await client.apps_by_label("Calendly")
    assert {entry["thumbprint"] != "" for entry in world.org.access_tokens.values()} == {True}


async def test_a_new_nonce_is_taken_up() -> None:
    world = World(dpop=True)
    client = await world.open("Required")
    await client.user_types()
    world.clock.advance(5 * 86_400)
    await client.user_types()


async def test_a_wrong_key_is_refused_with_words() -> None:
    world = World()
    client = await world.open(key=jwk.ECKey.generate_key("P-256"))
    with pytest.raises(Unauthorized, match="signature is invalid"):
        await client.user_types()


async def test_a_clock_that_is_wrong_is_made_up_for() -> None:
    world = World()
    ahead = ManualClock()
    ahead.advance(7200)
    client = await world.open(clock=ahead)
    assert await client.user_types()


async def test_no_token_and_no_key_appears_in_messages() -> None:
    world = World()
    client = await world.open()
    await client.user_types()
    world.org.faults.add({"kind": "status", "status": 400, "path": "/api/v1/meta/types/user"})
    with pytest.raises(RemoteError) as caught:
        await client.user_types()
    secret = KEY.as_dict(private=True)["d"]
    assert str(secret) not in str(caught.value) and "Bearer" not in str(caught.value)


async def test_an_api_token_is_sent_as_ssws() -> None:
    org = Org(URL, api_token="the-token")
    wiring = Wiring(clock=ManualClock(), transport=httpx.ASGITransport(build_app(org)))
    access = OrgAccess(URL, "ApiToken", api_token=SecretStr("the-token"))
    opened = await open_org(access, okta_budgets(wiring), owner="a/b", percent=50, wiring=wiring)
    assert opened.org_id == org.id
    assert await opened.client.user_types()


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (httpx.Response(200, html="<html>"), "HTML"),
        (httpx.Response(200, json={}), "names no org"),
        (httpx.Response(302, headers={"location": "https://login.other.example/"}), "redirect"),
    ],
)
async def test_a_url_that_is_no_org_is_told(reply: httpx.Response, words: str) -> None:
    wiring = Wiring(clock=ManualClock(), transport=httpx.MockTransport(lambda request: reply))
    access = OrgAccess(URL, "ApiToken", api_token=SecretStr("t"))
    with pytest.raises(Unavailable, match=words):
        await open_org(access, okta_budgets(wiring), owner="a/b", percent=50, wiring=wiring)


async def test_a_key_that_is_none_is_told_before_anything_is_sent() -> None:
    access = OrgAccess(URL, "ServiceApp", client_id="0oa1", private_key=SecretStr("nonsense"))
    wiring = Wiring(transport=httpx.MockTransport(lambda request: httpx.Response(500)))
    with pytest.raises(SpecError, match="privateKey"):
        await open_org(access, okta_budgets(wiring), owner="a/b", percent=50, wiring=wiring)
