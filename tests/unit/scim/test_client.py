"""ScimClient with providers that are odd, short, moving or none at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from controller.clock import ManualClock
from controller.errors import Conflict, NotFound, RateLimited, Unavailable
from controller.scim.client import ScimClient
from controller.scim.failures import read_error
from controller.transport.retry import NO_RETRY
from controller.transport.session import Remote, Session, Wiring

URL = "https://scim.example/v2/acme"


def client(handler: Callable[[httpx.Request], httpx.Response], page_size: int = 100) -> ScimClient:
    wiring = Wiring(
        transport=httpx.MockTransport(handler), clock=ManualClock(), retry=NO_RETRY, read_error=read_error
    )
    return ScimClient(Session(Remote(URL, "scim", "SCIM"), wiring), page_size=page_size)


class Directory:
    """A provider's list of users, which may misbehave while it is walked."""

    def __init__(self, count: int, page: int = 10) -> None:
        self.ids = [f"u{n:04}" for n in range(count)]
        self.page, self.calls = page, 0
        self.before: Callable[[Directory], None] = lambda directory: None
        self.total: Callable[[], int] = lambda: len(self.ids)
        self.refuses_above = 10_000

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        self.before(self)
        start, count = int(request.url.params["startIndex"]), int(request.url.params["count"])
        if count > self.refuses_above:
            return httpx.Response(400, json={"detail": "count is too large"})
        ids = self.ids[start - 1 : start - 1 + min(count, self.page)]
        rows = [{"id": one, "userName": one} for one in ids]
        return httpx.Response(
            200, json={"totalResults": self.total(), "Resources": rows, "startIndex": start}
        )


def ident(user: dict[str, Any]) -> str:
    return str(user["id"])


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 95])
async def test_everybody_is_listed_once(count: int) -> None:
    directory = Directory(count)
    assert await client(directory).users(ident) == directory.ids


async def test_a_provider_that_refuses_large_pages_is_asked_for_smaller_ones() -> None:
    directory = Directory(30)
    directory.refuses_above = 100
    assert len(await client(directory).users(ident)) == 30


async def test_somebody_deleted_during_the_walk_is_noticed_and_the_walk_begun_again() -> None:
    directory = Directory(40)

    def delete_once(one: Directory) -> None:
        if one.calls == 2:
            one.ids.pop(0)

    directory.before = delete_once
    assert await client(directory).users(ident) == directory.ids


async def test_a_deletion_hidden_by_a_creation_is_noticed() -> None:
    directory = Directory(40)

    def swap_once(one: Directory) -> None:
        if one.calls == 2:
            one.ids.pop(0)
            one.ids.append("new")

    directory.before = swap_once
    assert await client(directory).users(ident) == directory.ids


async def test_a_list_that_never_holds_still_is_unavailable() -> None:
    directory = Directory(40)
    directory.before = lambda one: one.ids.insert(0, f"n{one.calls}")
    with pytest.raises(Unavailable, match="changed while it was read") as caught:
        await client(directory).users(ident)
    assert caught.value.reason == "Incomplete"


@pytest.mark.parametrize(("total", "words"), [(50, "40 of 50 users"), (30, "users were given, 30 announced")])
async def test_a_list_that_is_shorter_or_longer_than_announced_is_unavailable(total: int, words: str) -> None:
    directory = Directory(40)
    directory.total = lambda: total
    with pytest.raises(Unavailable, match=words):
        await client(directory).users(ident)


async def test_an_id_that_is_there_twice_is_unavailable() -> None:
    directory = Directory(9)
    directory.ids[5] = directory.ids[3]
    with pytest.raises(Unavailable, match="u0003 is there twice"):
        await client(directory).users(ident)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"Resources": []},
        {"totalResults": "3", "Resources": []},
        {"totalResults": True, "Resources": []},
        {"totalResults": -1, "Resources": []},
        {"totalResults": 1, "Resources": ["x"]},
        {"totalResults": 1, "Resources": {"id": "x"}},
    ],
)
async def test_what_is_no_list_response_is_told(body: Any) -> None:
    with pytest.raises(Unavailable, match="no SCIM ListResponse"):
        await client(lambda r: httpx.Response(200, json=body)).users(ident)


async def test_a_user_without_an_id_is_unavailable() -> None:
    body = {"totalResults": 1, "Resources": [{"userName": "x"}]}
    with pytest.raises(Unavailable, match="without an id"):
        await client(lambda r: httpx.Response(200, json=body)).users(ident)


def found(*rows: dict[str, Any], total: int | None = None) -> Callable[[httpx.Request], httpx.Response]:
    body = {"totalResults": len(rows) if total is None else total, "Resources": list(rows)}
    return lambda request: httpx.Response(200, json=body)


async def test_a_user_name_is_found_without_regard_to_case() -> None:
    rows = await client(found({"id": "1", "userName": "Ada@X"})).find("userName", "ada@x")
    assert [row["id"] for row in rows] == ["1"]


async def test_nobody_found_is_an_empty_list_in_either_form() -> None:
    assert await client(found()).find("userName", "x") == []
    error = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404"}
    assert await client(lambda r: httpx.Response(404, json=error)).find("userName", "x") == []


async def test_a_404_that_is_no_scim_error_is_an_empty_list_if_the_list_answers() -> None:
    def alive(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, html="<html>") if "filter" in request.url.params else found()(request)

    assert await client(alive).find("userName", "x") == []
    with pytest.raises(NotFound):
        await client(lambda r: httpx.Response(404)).find("userName", "x")


SCIM_404 = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404", "detail": "gone"}


@pytest.mark.parametrize(
    ("body", "listed", "is_gone"),
    [(SCIM_404, [], True), (SCIM_404, ["1"], True), ({"status": 404}, ["2"], True), (None, ["1"], False)],
)
async def test_an_absence_is_proved_by_scim_or_by_a_listing(
    body: Any, listed: list[str], is_gone: bool
) -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/Users"):
            return found(*({"id": one} for one in listed))(request)
        return httpx.Response(404, json=body)

    one = client(reply)
    with pytest.raises(NotFound) as caught:
        await one.user("1")
    assert await one.proves_absence("1", caught.value) is is_gone


async def test_no_absence_is_proved_while_the_list_does_not_answer() -> None:
    one = client(lambda r: httpx.Response(404, json=SCIM_404))
    with pytest.raises(NotFound) as caught:
        await one.user("1")
    with pytest.raises(NotFound):
        await one.proves_absence("1", caught.value)


async def test_a_provider_that_ignores_the_filter_is_not_believed() -> None:
    everybody = [{"id": str(n), "userName": f"u{n}"} for n in range(3)]
    one = client(found(*everybody))
    assert [row["id"] for row in await one.find("userName", "u1")] == ["1"]
    with pytest.raises(Unavailable, match="ignores the filter"):
        await client(found(*everybody, total=500)).find("userName", "u9")


async def test_quotes_in_a_value_are_escaped() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.params["filter"])
        return found()(request)

    await client(handler).find("userName", 'a"b\\c')
    assert seen == ['userName eq "a\\"b\\\\c"']


async def test_bodies_and_media_type_are_those_of_scim() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204)

    one = client(handler)
    assert await one.patch("a/b", [{"op": "replace", "value": {"active": False}}]) is None
    assert await one.replace("1", {"id": "1"}, 'W/"3"') is None
    patched = json.loads(seen[0].content)
    assert patched["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
    assert seen[0].url.raw_path.endswith(b"/Users/a%2Fb") and seen[1].headers["if-match"] == 'W/"3"'


@pytest.mark.parametrize("reply", [httpx.Response(201), httpx.Response(201, json={"userName": "x"})])
async def test_a_creation_without_an_answer_is_no_success(reply: httpx.Response) -> None:
    with pytest.raises(Unavailable):
        await client(lambda r: reply).create({"userName": "x"})


async def test_a_taken_user_name_is_a_conflict() -> None:
    body = {"scimType": "uniqueness", "detail": "taken"}
    with pytest.raises(Conflict):
        await client(lambda r: httpx.Response(409, json=body)).create({"userName": "x"})


def refuse() -> httpx.Response:
    raise httpx.ConnectError("All connection attempts failed")


@pytest.mark.parametrize(
    ("reply", "reason", "words"),
    [
        (
            lambda: httpx.Response(401, json={"detail": "bad token"}),
            "CredentialsRejected",
            "token is refused",
        ),
        (lambda: httpx.Response(404), "NotFound", "the tenant in it is wrong"),
        (lambda: httpx.Response(200, html="<html>"), "NotJson", "HTML"),
        (lambda: httpx.Response(200, json={"ok": 1}), "NotScim", "baseUrl"),
        (lambda: httpx.Response(200), "NotScim", "baseUrl"),
        (refuse, "ConnectionRefused", "nothing listens there"),
    ],
)
async def test_a_failed_probe_tells_the_cause(reply: Any, reason: str, words: str) -> None:
    tested = await client(lambda r: reply()).probe()
    assert (tested.ok, tested.reason) == (False, reason) and words in tested.cause


async def test_a_probe_asks_as_okta_does() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return found()(request)

    assert (await client(handler).probe()).ok
    assert dict(seen[0].url.params) == {"startIndex": "1", "count": "2"}


async def test_a_probe_that_is_rate_limited_is_no_verdict() -> None:
    with pytest.raises(RateLimited):
        await client(lambda r: httpx.Response(429, headers={"retry-after": "9"})).probe()
