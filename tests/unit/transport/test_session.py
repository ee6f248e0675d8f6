"""A Session: bounded, never redirected, every failure in words, no secret in any of them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.errors import (
    Conflict,
    NotFound,
    RateLimited,
    Rejected,
    RemoteError,
    SpecError,
    Unauthorized,
    Unavailable,
)
from controller.transport.bounds import Bounds
from controller.transport.calls import Answer, Call
from controller.transport.retry import NO_RETRY, RetryPolicy
from controller.transport.session import Remote, Session, Wiring

GET = Call("GET", "/x/1", "/x/{id}")
POST = Call("POST", "/x", "/x", json={"a": 1})


class Counted:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str, str]] = []
        self.waits: list[tuple[str, str, float]] = []

    def requested(self, api: str, method: str, route: str, code: str, seconds: float) -> None:
        self.requests.append((api, method, route, code))

    def waited(self, api: str, lane: str, seconds: float) -> None:
        self.waits.append((api, lane, seconds))

    def remaining(self, bucket: str, calls: int) -> None: ...


def session(
    handler: Callable[[httpx.Request], httpx.Response], retry: RetryPolicy = NO_RETRY, **more: Any
) -> Session:
    remote = Remote("https://api.example.com", "okta", "Okta")
    transport = httpx.MockTransport(handler)
    more.setdefault("bounds", Bounds(answer_bytes=10_000))
    return Session(remote, Wiring(retry=retry, clock=ManualClock(), transport=transport, **more))


async def test_json_is_decoded_and_the_request_is_counted_by_its_template() -> None:
    sink = Counted()
    answer = await session(lambda r: httpx.Response(200, json={"path": r.url.path}), sink=sink).send(GET)
    assert answer.body == {"path": "/x/1"}
    assert sink.requests == [("okta", "GET", "/x/{id}", "200")]


async def test_the_user_agent_names_the_product() -> None:
    answer = await session(lambda r: httpx.Response(200, json=r.headers["user-agent"])).send(GET)
    assert answer.body.startswith("scim-operator/")


async def test_no_content_has_no_body() -> None:
    assert (await session(lambda r: httpx.Response(204)).send(GET)).body is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><p>Sign in</p>", "HTML, not JSON"),
        (b'[{"id": 1}, {"id"', "cut short"),
        (b"hello", "not JSON"),
    ],
)
async def test_a_success_that_is_not_json_is_unavailable(content: bytes, words: str) -> None:
    with pytest.raises(Unavailable, match=words):
        await session(lambda r: httpx.Response(200, content=content)).send(GET)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (409, Conflict),
        (412, Conflict),
        (500, Unavailable),
        (502, Unavailable),
        (408, Unavailable),
    ],
)
async def test_a_status_becomes_the_class_that_says_what_happens_next(
    status: int, kind: type[RemoteError]
) -> None:
    reply = httpx.Response(status, content=b"", headers={"x-request-id": "r-7"})
    with pytest.raises(kind) as caught:
        await session(lambda r: reply).send(GET)
    assert (caught.value.status, caught.value.request_id) == (status, "r-7")


async def test_a_redirect_is_an_error_that_names_the_host() -> None:
    reply = httpx.Response(302, headers={"location": "https://other.example.org/secret?x=1"})
    with pytest.raises(Unavailable, match=r"redirect to https://other\.example\.org, which") as caught:
        await session(lambda r: reply).send(GET)
    assert "secret" not in caught.value.message


async def test_an_answer_beyond_the_bound_is_not_read() -> None:
    with pytest.raises(Unavailable, match="more than 10000 bytes") as caught:
        await session(lambda r: httpx.Response(200, content=b"x" * 10_001), RetryPolicy()).send(GET)
    assert caught.value.reason == "AnswerTooLarge"


async def test_429_says_when() -> None:
    with pytest.raises(RateLimited) as caught:
        await session(lambda r: httpx.Response(429, headers={"retry-after": "17"})).send(GET)
    assert caught.value.retry_after_seconds == 17


async def test_okta_reset_counts_from_the_answers_own_date() -> None:
    headers = {"x-rate-limit-reset": "1767225640", "date": "Thu, 01 Jan 2026 00:00:10 GMT"}
    with pytest.raises(RateLimited) as caught:
        await session(lambda r: httpx.Response(429, headers=headers)).send(GET)
    assert caught.value.retry_after_seconds == 30


def failing(error: Exception, cause: Exception | None = None) -> Callable[[httpx.Request], httpx.Response]:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error from cause

    return handler


@pytest.mark.parametrize(
    ("error", "cause", "reason"),
    [
        (httpx.ConnectError("x"), ssl.SSLCertVerificationError("bad"), "TLSFailed"),
        (httpx.ConnectError("x"), ConnectionRefusedError(), "ConnectionRefused"),
        (httpx.ConnectError("All connection attempts failed"), None, "ConnectionRefused"),
        (httpx.ConnectError("[Errno -2] Name or service not known"), None, "HostNotFound"),
        (httpx.ConnectTimeout("x"), None, "Timeout"),
        (httpx.ReadTimeout("x"), None, "Timeout"),
        (httpx.RemoteProtocolError("x"), None, "ConnectionClosed"),
        (httpx.ProxyError("x"), None, "ProxyFailed"),
    ],
)
async def test_a_connection_failure_names_its_cause(
    error: Exception, cause: Exception | None, reason: str
) -> None:
    with pytest.raises(Unavailable) as caught:
        await session(failing(error, cause)).send(GET)
    assert caught.value.reason == reason
    assert "api.example.com" in caught.value.message


class Flaky:
    """Fails `times` times, then answers."""

    def __init__(self, times: int, failure: Callable[[], httpx.Response]) -> None:
        self.times, self.failure, self.calls = times, failure, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        return self.failure() if self.calls <= self.times else httpx.Response(200, json="ok")


def refuse_connection() -> httpx.Response:
    raise httpx.ConnectError("All connection attempts failed")


def break_off() -> httpx.Response:
    raise httpx.ReadTimeout("x")


@pytest.mark.parametrize(
    ("call", "failure", "calls"),
    [
        (GET, lambda: httpx.Response(503), 3),
        (GET, break_off, 3),
        (POST, refuse_connection, 3),
        (POST, lambda: httpx.Response(429, headers={"retry-after": "1"}), 3),
        (Call("POST", "/x", "/x", json={}, is_idempotent=True), lambda: httpx.Response(503), 3),
    ],
)
async def test_what_is_safe_to_repeat_is_repeated(call: Call, failure: Any, calls: int) -> None:
    remote = Flaky(calls - 1, failure)
    answer = await session(remote, RetryPolicy()).send(call)
    assert (answer.body, remote.calls) == ("ok", calls)


@pytest.mark.parametrize("failure", [lambda: httpx.Response(503), break_off])
async def test_a_post_that_may_have_arrived_is_not_repeated(failure: Any) -> None:
    remote = Flaky(1, failure)
    with pytest.raises(Unavailable):
        await session(remote, RetryPolicy()).send(POST)
    assert remote.calls == 1


async def test_repetition_ends_after_the_time_allowed() -> None:
    remote = Flaky(100, lambda: httpx.Response(429, headers={"retry-after": "61"}))
    with pytest.raises(RateLimited):
        await session(remote, RetryPolicy(rate_limited_seconds=150)).send(GET)
    assert remote.calls == 3


async def test_what_a_429_costs_is_counted_as_waiting_and_a_503_is_not() -> None:
    sink = Counted()
    await session(Flaky(1, lambda: httpx.Response(503)), RetryPolicy(), sink=sink).send(GET)
    assert sink.waits == []
    storm = Flaky(1, lambda: httpx.Response(429, headers={"retry-after": "17"}))
    await session(storm, RetryPolicy(), sink=sink).send(GET)
    ((api, lane, seconds),) = sink.waits
    assert (api, lane) == ("okta", "change") and 17 <= seconds <= 18


class Token:
    """An Auth whose token is refreshed once."""

    def __init__(self) -> None:
        self.value, self.renewals = "old-token-value", 0

    async def headers(self, method: str, url: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.value}"}

    def secrets(self) -> tuple[SecretStr, ...]:
        return (SecretStr(self.value),)

    async def renew(self, answer: Answer, sent: Mapping[str, str]) -> bool:
        self.renewals += 1
        self.value = "new-token-value"
        return self.renewals == 1


async def test_an_expired_token_is_renewed_once() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if "new" in request.headers["authorization"] else 401, json={})

    auth = Token()
    assert (await session(handler, auth=auth).send(GET)).status == 200
    assert auth.renewals == 1


async def test_a_token_that_stays_refused_ends() -> None:
    auth = Token()
    with pytest.raises(Unauthorized):
        await session(lambda r: httpx.Response(401), auth=auth).send(GET)
    assert auth.renewals == 2


async def test_no_secret_appears_in_an_error() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        signed = request.headers["authorization"]
        bare = signed.removeprefix("Bearer ")
        return httpx.Response(400, text=f'{signed} {{"password": "hunter2hunter2"}} {bare} ' + "y" * 500)

    with pytest.raises(Rejected) as caught:
        await session(handler, auth=Token()).send(GET)
    assert "token-value" not in caught.value.message and "hunter2" not in caught.value.message
    assert len(caught.value.message) < 400


async def test_an_error_page_is_not_quoted() -> None:
    reply = httpx.Response(502, html="<html><body>nginx</body></html>")
    with pytest.raises(Unavailable, match="an HTML page"):
        await session(lambda r: reply).send(GET)


async def test_cookies_are_not_kept() -> None:
    seen: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, json=1, headers={"set-cookie": "sid=1; Path=/"})

    one = session(handler)
    await one.send(GET)
    await one.send(GET)
    assert seen == [None, None]


async def test_a_next_link_is_read_from_link_lines_of_their_own() -> None:
    links = [
        ("link", '<https://api.example.com/x?limit=2>; rel="self"'),
        ("link", '<https://api.example.com/x?after=b&limit=2>; rel="next"'),
    ]
    answer = await session(lambda r: httpx.Response(200, json=[], headers=links)).send(GET)
    assert answer.next_url == "https://api.example.com/x?after=b&limit=2"


async def test_a_link_to_another_host_is_not_followed() -> None:
    with pytest.raises(Unavailable, match=r"points to another host, https://evil\.example\.org"):
        await session(lambda r: httpx.Response(200)).send(Call("GET", "https://evil.example.org/x", "/x"))


def test_a_ca_bundle_without_a_certificate_is_a_spec_error() -> None:
    with pytest.raises(SpecError, match="no PEM certificate"):
        Session(Remote("https://x.example", "okta", "Okta", ca_bundle="nonsense"))


async def test_a_name_that_resolves_to_a_metadata_address_is_not_connected_to() -> None:
    import httpcore

    from controller.transport.guard import GuardedBackend

    class Stream(httpcore.AsyncNetworkStream):
        is_closed = False

        def get_extra_info(self, info: str) -> Any:
            return ("169.254.169.254", 80)

        async def aclose(self) -> None:
            self.is_closed = True

    class Backend(httpcore.AsyncNetworkBackend):
        stream = Stream()

        async def connect_tcp(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
            return self.stream

    with pytest.raises(httpcore.ConnectError) as caught:
        await GuardedBackend(Backend()).connect_tcp("innocent.example", 80)
    assert "169.254.169.254" in str(caught.value.__cause__) and Backend.stream.is_closed


async def test_a_real_connection_passes_the_guard_and_a_closed_port_is_named() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\ntrue")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    one = Session(Remote(f"http://127.0.0.1:{port}", "okta", "Okta"), Wiring(retry=NO_RETRY))
    assert (await one.send(GET)).body is True
    server.close()
    await server.wait_closed()
    with pytest.raises(Unavailable) as caught:
        await one.send(GET)
    await one.aclose()
    assert caught.value.reason == "ConnectionRefused"
