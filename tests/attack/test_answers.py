"""Answers that cost memory or time: bombs, lies, drips, bodies and pauses without end."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import tracemalloc
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.errors import NotFound, RateLimited, Unavailable
from controller.okta.connect import OrgAccess, okta_budgets, open_org
from controller.scim.connect import ProviderAccess, open_admin, open_provider
from controller.transport.bounds import TOKEN_BYTES, Bounds
from controller.transport.calls import Call
from controller.transport.retry import NO_RETRY, RetryPolicy
from controller.transport.session import Remote, Session, Wiring
from controller.transport.throttle import Throttle
from tests.attack.servers import MEBIBYTE, Answering, answered, bomb, hostile

GET = Call("GET", "/Users/1", "/Users/{id}")
PAGE = Call("GET", "/Users", "/Users", is_listing=True)
GZIP = {"content-encoding": "gzip"}
BOUNDS = Bounds(page_bytes=2 * MEBIBYTE, answer_bytes=MEBIBYTE, deadline_seconds=0.5)


def always(*parts: bytes, pause_seconds: float = 0.0, times: int = 1) -> Answering:
    async def answer(method: str, path: str) -> AsyncIterator[bytes]:
        for part in (*parts[:-1], *[parts[-1]] * times):
            yield part
            await asyncio.sleep(pause_seconds)

    return answer


async def failure(
    answer: Answering, call: Call = GET, bounds: Bounds = BOUNDS, retry: RetryPolicy = NO_RETRY
) -> tuple[Unavailable, int]:
    """(the error of a session, how often the server was asked)."""
    async with hostile(answer) as server:
        session = Session(Remote(server.url, "scim", "SCIM"), Wiring(bounds=bounds, retry=retry))
        try:
            with pytest.raises(Unavailable) as caught:
                await session.send(call)
        finally:
            await session.aclose()
        return caught.value, server.asked


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(answered(bomb(64 * MEBIBYTE), headers=GZIP), "AnswerTooLarge", id="bomb"),
        pytest.param(
            answered(bomb(64 * MEBIBYTE, 2), headers={"content-encoding": "gzip, gzip"}),
            "EncodingRefused",
            id="bomb in a bomb",
        ),
        pytest.param(
            answered(bomb(MEBIBYTE, 2), headers={"content-encoding": "gzip", "Content-Encoding": "gzip"}),
            "EncodingRefused",
            id="two lines",
        ),
        pytest.param(
            answered(b"x", headers={"content-encoding": "br"}), "EncodingRefused", id="not asked for"
        ),
        pytest.param(answered(b" " * (MEBIBYTE + 1)), "AnswerTooLarge", id="plain"),
        pytest.param(
            b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n"
            + b"10000\r\n%s\r\n" % (b" " * 65_536) * 20,
            "AnswerTooLarge",
            id="chunks",
        ),
        pytest.param(answered(b"[" + b"[]," * 340_000 + b"1]"), "AnswerTooLarge", id="brackets"),
        pytest.param(answered(b"[" * 100_000 + b"]" * 100_000), "NotJson", id="depth"),
        pytest.param(answered(gzip.compress(b"{}")[:-3], headers=GZIP), "Unavailable", id="cut short"),
        pytest.param(
            answered(gzip.compress(b"{}") + b"junk", headers=GZIP), "Unavailable", id="more after it"
        ),
        pytest.param(answered(b"{}", headers=GZIP), "Unavailable", id="not compressed"),
    ],
)
async def test_a_body_costs_its_bound_at_most_and_is_asked_for_once(answer: bytes, reason: str) -> None:
    tracemalloc.start()
    try:
        error, asked = await failure(always(answer), retry=RetryPolicy(attempts=2, base_seconds=0.0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.reason == reason
    assert peak < 8 * MEBIBYTE + len(answer)
    assert asked == (2 if reason in ("Unavailable", "NotJson") else 1)


async def test_a_few_bytes_of_three_layers_are_not_unpacked() -> None:
    packed = bomb(64 * MEBIBYTE, 3)
    assert len(packed) < 4096
    begun = time.process_time()
    error, _ = await failure(always(answered(packed, headers={"content-encoding": "gzip, gzip, gzip"})))
    assert error.reason == "EncodingRefused" and time.process_time() - begun < 2


async def test_one_layer_of_gzip_is_read_in_one_piece_or_in_several() -> None:
    body = json.dumps({"displayName": "x" * 100_000}).encode()
    halves = gzip.compress(body[:50_000]) + gzip.compress(body[50_000:])
    for packed in (gzip.compress(body), halves):
        async with hostile(always(answered(packed, headers=GZIP))) as server:
            session = Session(Remote(server.url, "scim", "SCIM"), Wiring(bounds=BOUNDS))
            assert (await session.send(GET)).body == {"displayName": "x" * 100_000}
            await session.aclose()


async def test_a_page_may_be_larger_than_another_answer() -> None:
    body = json.dumps(["x" * 1_500_000]).encode()
    error, _ = await failure(always(answered(body)))
    assert error.reason == "AnswerTooLarge"
    async with hostile(always(answered(body))) as server:
        session = Session(Remote(server.url, "scim", "SCIM"), Wiring(bounds=BOUNDS))
        assert (await session.send(PAGE)).size == len(body)
        await session.aclose()


async def test_an_error_keeps_its_status_whatever_its_body_is() -> None:
    for body, headers in (
        (b"x" * 2 * MEBIBYTE, {}),
        (bomb(64 * MEBIBYTE), GZIP),
        (b"x", {"content-encoding": "br"}),
    ):
        async with hostile(always(answered(body, status=404, headers=headers))) as server:
            session = Session(Remote(server.url, "scim", "SCIM"), Wiring(bounds=BOUNDS, retry=NO_RETRY))
            with pytest.raises(NotFound) as caught:
                await session.send(GET)
            await session.aclose()
        assert caught.value.status == 404


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(always(b"H", b"T", pause_seconds=0.05, times=1000), id="status line"),
        pytest.param(always(b"HTTP/1.1 200 X\r\n", b"x: y\r\n", pause_seconds=0.02, times=500), id="headers"),
        pytest.param(always(answered(b"", length=500), b"x", pause_seconds=0.05, times=500), id="body"),
        pytest.param(
            always(
                b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n",
                b"1\r\n \r\n",
                pause_seconds=0.05,
                times=500,
            ),
            id="chunks",
        ),
        pytest.param(
            always(
                answered(b"", length=50_000, headers=GZIP), gzip.compress(b""), pause_seconds=0.05, times=500
            ),
            id="empty members",
        ),
        pytest.param(always(answered(b"{}", length=500), b"", pause_seconds=0.05, times=500), id="a lie"),
    ],
)
async def test_a_server_that_drips_is_cut_at_the_deadline(answer: Answering) -> None:
    begun = time.monotonic()
    error, _ = await failure(answer)
    assert error.reason == "Timeout" and time.monotonic() - begun < 3


async def test_a_token_endpoint_and_a_well_known_page_are_read_for_64_kibibytes() -> None:
    large = json.dumps({"id": "00o1", "access_token": "t", "more": "x" * TOKEN_BYTES}).encode()
    async with hostile(always(answered(large))) as server:
        access = ProviderAccess(
            server.url,
            "OAuth2ClientCredentials",
            client_id="c",
            client_secret=SecretStr("s"),
            token_url=f"{server.url}/token",
        )
        provider = open_provider(access, Wiring(retry=NO_RETRY))
        with pytest.raises(Unavailable) as caught:
            await provider.client.user("u1")
        await provider.aclose()
        assert caught.value.reason == "AnswerTooLarge"
        wiring = Wiring(retry=NO_RETRY)
        org = OrgAccess(server.url, "ApiToken", api_token=SecretStr("t"))
        with pytest.raises(Unavailable) as caught:
            await open_org(org, okta_budgets(wiring), owner="a/b", percent=30, wiring=wiring)
        assert caught.value.reason == "AnswerTooLarge"


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "100000"},
        {"retry-after": "9" * 15},
        {"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"},
        {"x-rate-limit-reset": "99999999999"},
    ],
)
async def test_a_429_that_asks_for_hours_is_an_error_at_once(headers: dict[str, str]) -> None:
    clock = ManualClock()
    throttle = Throttle(25, clock=clock, longest_pause_seconds=300)
    async with hostile(always(answered(b"", status=429, headers=headers))) as server:
        wiring = Wiring(gate=throttle, clock=clock)
        session = Session(Remote(server.url, "scim", "SCIM"), wiring)
        for _ in range(2):  # the second shows that the throttle did not keep the pause either
            with pytest.raises(Unavailable, match="longer than the 300 s") as caught:
                await session.send(GET)
            assert caught.value.reason == "PauseTooLong"
        assert clock.monotonic() < 60 and server.asked == 2
        await session.aclose()


async def test_a_429_of_every_api_is_capped() -> None:
    clock = ManualClock()
    async with hostile(always(answered(b"", status=429, headers={"retry-after": "100000"}))) as server:
        wiring = Wiring(clock=clock)
        provider = open_provider(ProviderAccess(server.url, "Bearer", token=SecretStr("t")), wiring)
        admin, session = open_admin(server.url, SecretStr("t"), wiring)
        org = OrgAccess(server.url, "ApiToken", api_token=SecretStr("t"))
        calls = [
            provider.client.user("1"),
            admin.organization(),
            open_org(org, okta_budgets(wiring), owner="a/b", percent=30, wiring=wiring),
        ]
        for call in calls:
            with pytest.raises(Unavailable) as caught:
                await call
            assert caught.value.reason == "PauseTooLong"
        await provider.aclose()
        await session.aclose()
    assert clock.monotonic() < 60


async def test_a_pause_within_the_cap_is_kept() -> None:
    clock = ManualClock()
    async with hostile(always(answered(b"", status=429, headers={"retry-after": "200"}))) as server:
        session = Session(Remote(server.url, "scim", "SCIM"), Wiring(clock=clock, retry=RetryPolicy()))
        with pytest.raises(RateLimited):
            await session.send(GET)
        assert 800 <= clock.monotonic() <= 900
        await session.aclose()
