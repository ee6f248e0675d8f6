"""How calls to a provider are signed."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.errors import Unauthorized
from controller.scim.connect import ProviderAccess, open_admin, open_provider
from controller.transport.session import Wiring
from controller.transport.urls import UrlRefused

URL = "https://scim.example/v2/acme"
EMPTY = {"totalResults": 0, "Resources": []}


class Server:
    """A token URL and a provider that takes its tokens."""

    def __init__(self, **token: Any) -> None:
        self.token = {"access_token": "t1", "expires_in": 600, **token}
        self.requests: list[httpx.Request] = []
        self.alive = {"t1"}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.host == "login.example":
            return httpx.Response(200, json=self.token)
        known = request.headers["authorization"].removeprefix("Bearer ") in self.alive
        return httpx.Response(200 if known else 401, json=EMPTY)

    def tokens_asked(self) -> int:
        return sum(request.url.host == "login.example" for request in self.requests)


def opened(server: Any, clock: ManualClock, **more: Any) -> Any:
    wiring = Wiring(transport=httpx.MockTransport(server), clock=clock)
    return open_provider(ProviderAccess(URL, **more), wiring).client


def with_credentials(server: Any, clock: ManualClock) -> Any:
    return opened(
        server, clock, auth="OAuth2ClientCredentials", client_id="id:1", client_secret=SecretStr("s/3"),
        token_url="https://login.example/oauth/token",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"auth": "Bearer", "token": SecretStr("tok")}, "Bearer tok"),
        (
            {"auth": "Basic", "username": "ada", "password": SecretStr("pä")},
            "Basic " + base64.b64encode("ada:pä".encode()).decode(),
        ),
    ],
)
async def test_fixed_credentials_are_one_header(auth: Any, header: str) -> None:
    server = Server()
    server.alive = {"tok"}
    await opened(server, ManualClock(), **auth).probe()
    assert server.requests[0].headers["authorization"] == header
    assert "scim+json" in server.requests[0].headers["accept"]


async def test_a_token_is_exchanged_once_and_kept_until_shortly_before_it_expires() -> None:
    server, clock = Server(), ManualClock()
    client = with_credentials(server, clock)
    for _ in range(3):
        await client.users(dict)
    clock.advance(530)
    await client.users(dict)
    clock.advance(20)
    await client.users(dict)
    assert server.tokens_asked() == 2
    sent = server.requests[0]
    assert parse_qs(sent.content.decode()) == {"grant_type": ["client_credentials"]}
    assert sent.headers["authorization"] == "Basic " + base64.b64encode(b"id%3A1:s%2F3").decode()


async def test_a_revoked_token_is_exchanged_anew() -> None:
    server, clock = Server(), ManualClock()
    client = with_credentials(server, clock)
    await client.users(dict)
    clock.advance(60)
    server.alive, server.token["access_token"] = {"t2"}, "t2"
    assert await client.users(dict) == []
    assert server.tokens_asked() == 2


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(401, json={"error": "invalid_client", "error_description": "no"}),
        httpx.Response(200, json={}),
    ],
)
async def test_a_token_url_that_gives_none_is_told(reply: httpx.Response) -> None:
    tested = await with_credentials(lambda request: reply, ManualClock()).probe()
    assert not tested.ok and "token URL" in tested.cause and "s/3" not in tested.cause
    with pytest.raises(Unauthorized):
        await with_credentials(lambda request: reply, ManualClock()).users(dict)


def test_a_url_that_is_never_called_is_refused_at_once() -> None:
    with pytest.raises(UrlRefused):
        open_provider(ProviderAccess("http://scim.example", "Bearer", token=SecretStr("t")))
    with pytest.raises(UrlRefused):
        open_admin("https://169.254.169.254/x", SecretStr("t"))
