"""Bad input and abuse: the right SCIM error, nothing changed, nothing leaked."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from controller.clock import ManualClock
from tests.contract.provider.world import CALENDLY, GROUP, PATCH, USER, Client, World, user

DEEP = b'{"schemas":' + b"[" * 5000 + b"]" * 5000 + b"}"


@pytest.mark.parametrize(
    ("body", "status", "scim_type"),
    [
        (b"", 400, "invalidSyntax"),
        (b"{", 400, "invalidSyntax"),
        (b"[]", 400, "invalidSyntax"),
        (b'{"schemas": ["\xff\xfe"]}', 400, "invalidSyntax"),
        (DEEP, 400, "invalidSyntax"),
        (b"\x00" * 100, 400, "invalidSyntax"),
        (b'{"schemas": ["urn:nonsense"], "userName": "a"}', 400, None),
        (b'{"schemas": ["%s"]}' % USER.encode(), 400, "invalidValue"),
        (b'{"schemas": ["%s"], "userName": ""}' % USER.encode(), 400, "invalidValue"),
        (b'{"schemas": ["%s"], "userName": {"a": 1}}' % USER.encode(), 400, None),
        (b'{"schemas": ["%s"], "userName": "a", "emails": "x"}' % USER.encode(), 400, None),
        (b'{"schemas": ["%s"], "userName": "a", "active": "maybe"}' % USER.encode(), 400, None),
        (b'{"schemas": ["%s"], "userName": "a", "nosuch": 1}' % USER.encode(), 400, "invalidSyntax"),
        (b'{"schemas": ["%s"], "userName": "\\ud800"}' % USER.encode(), 400, None),
        (b'{"schemas": ["%s"], "userName": "a\\u0000b"}' % USER.encode(), 400, "invalidValue"),
        (b'{"x": "' + b"y" * (2 << 20) + b'"}', 413, None),
    ],
)
async def test_bad_bodies_are_scim_errors_and_change_nothing(
    acme: Client, body: bytes, status: int, scim_type: str | None
) -> None:
    answer = await acme.scim("POST", "/Users", body)
    error = answer.json()
    assert answer.status_code == status, answer.text
    assert error["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert error["status"] == str(status)
    assert scim_type is None or error.get("scimType") == scim_type
    assert "Traceback" not in answer.text and "controller" not in answer.text
    assert (await acme.scim("GET", "/Users")).json()["totalResults"] == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/Nonsense", 404),
        ("GET", "/Users/x/y/z", 404),
        ("DELETE", "/Users", 405),
        ("POST", "/Schemas", 405),
        ("GET", "/Me", 501),
        ("GET", "/Schemas?filter=x", 403),
        ("GET", "/Users/%ff%fe", 400),
        ("GET", "/Users?filter=%ff%fe", 400),
        ("GET", "/Users/" + "x" * 5000, 404),
        ("GET", "/Users/a%00b", 400),
        ("GET", "/Users?attributes=userName&excludedAttributes=name", 400),
        ("GET", "/Users?sortBy=nosuch", 400),
        ("GET", "/Users?sortBy=name", 400),
    ],
)
async def test_bad_paths_and_parameters_are_scim_errors(
    acme: Client, method: str, path: str, status: int
) -> None:
    answer = await acme.scim(method, path)
    assert answer.status_code == status, answer.text
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


async def test_a_patch_with_thousands_of_operations_stays_quick(acme: Client) -> None:
    created = await acme.new_user("ada@x.com")
    operations = [{"op": "replace", "path": "title", "value": str(number)} for number in range(1000)]
    began = time.monotonic()
    answer = await acme.scim(
        "PATCH", f"/Users/{created['id']}", {"schemas": [PATCH], "Operations": operations}
    )
    assert answer.status_code in (200, 400, 413)
    assert time.monotonic() - began < 10


async def test_wrong_tokens_are_all_alike_and_told_to_wait(
    acme: Client, world: World, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def attempt(number: int) -> Any:
        token = f"scim_wrong{number}"
        with caplog.at_level(logging.WARNING):
            return await acme.scim("GET", "/Users", headers={"authorization": f"Bearer {token}"})

    answers = [await attempt(number) for number in range(60)]
    assert [answer.status_code for answer in answers[:10]] == [401] * 10
    assert answers[0].headers["www-authenticate"].startswith("Bearer")
    assert answers[-1].status_code == 429 and int(answers[-1].headers["retry-after"]) > 60
    assert "wrong" not in caplog.text
    assert (await acme.scim("GET", "/Users")).status_code == 200  # nobody is locked out by another's guesses
    clock.advance(61)
    assert (await attempt(61)).status_code == 401


async def test_memory_for_wrong_tokens_is_bounded(world: World) -> None:
    throttle = world.provider._gate._throttle
    for number in range(10_000):
        throttle.failed(f"10.0.{number // 256}.{number % 256}")
    assert len(throttle._failures) == throttle.ADDRESSES


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Bearer ", "Bearer " + "x" * 5000, "Token x"])
async def test_every_other_authorization_is_401(acme: Client, header: str) -> None:
    answer = await acme.scim("GET", "/Users", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer.json()["status"] == "401"


async def test_unknown_organizations_look_like_wrong_tokens(acme: Client) -> None:
    known = await acme.http.get("/scim/v2/acme/Users", headers={"authorization": "Bearer x"})
    unknown = await acme.http.get("/scim/v2/nobody/Users", headers={"authorization": "Bearer x"})
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())


async def test_discovery_of_authentication_needs_no_token(acme: Client) -> None:
    answer = await acme.http.get("/scim/v2/acme/ServiceProviderConfig")
    assert answer.status_code == 200
    assert answer.json()["authenticationSchemes"][0]["type"] == "oauthbearertoken"
    assert (await acme.http.get("/scim/v2/acme/Schemas")).status_code == 401


async def test_nul_characters_never_reach_the_database(acme: Client) -> None:
    for params in ({"filter": 'userName eq "a\\u0000"'}, {"filter": 'title eq "a\\u0000"'}):
        assert (await acme.scim("GET", "/Users", params=params)).status_code in (200, 400)
    created = await acme.new_user("ada@x.com")
    answer = await acme.scim("PUT", f"/Users/{created['id']}", user("ada@x.com", title="a\x00b"))
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "more",
    [
        {"userName": "é" * 513},
        {"displayName": "x" * 100_000},
        {"externalId": "x" * 513},
        {"emails": [{"value": "x" * 513}]},
        {CALENDLY: {"group": "x" * 513}},
    ],
)
async def test_what_no_index_holds_is_refused_by_name(acme: Client, more: Any) -> None:
    answer = await acme.scim("POST", "/Users", user("ada@x.com") | more)
    assert answer.status_code == 400 and "at most 512 characters" in answer.json()["detail"]
    longest = await acme.scim("POST", "/Users", user("\N{GRINNING FACE}" * 512))
    assert longest.status_code == 201
    group = {"schemas": [GROUP], "displayName": "\N{GRINNING FACE}" * 513}
    assert (await acme.scim("POST", "/Groups", group)).status_code == 400
    group["displayName"] = group["displayName"][:512]
    assert (await acme.scim("POST", "/Groups", group)).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/people/{id}", b'{"groups": ["\\ud800"]}'),
        ("PATCH", "/people/{id}", b'{"displayName": "\\uD800"}'),
        ("PUT", "/group-mapping?preview=true", b'{"entries": [{"values": ["\\udfff"], "group": "G"}]}'),
        ("POST", "/groups", b'{"displayName": "\\ud800"}'),
        ("POST", "/tokens", b'{"name": "\\ud800"}'),
    ],
)
async def test_half_a_surrogate_pair_is_refused_by_the_admin_api(
    acme: Client, method: str, path: str, body: bytes
) -> None:
    person = await acme.new_user("ada@x.com")
    answer = await acme.admin(method, path.format(id=person["id"]), body)
    assert answer.status_code == 400 and answer.json()["status"] == 400
    whole = await acme.admin("POST", "/groups", b'{"displayName": "\\ud83d\\ude00"}')
    assert whole.json()["displayName"] == "\N{GRINNING FACE}"
