"""Headers that no server should send: every one ends in an error that says who has to act, never in a bug."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from controller.clock import ManualClock
from controller.errors import ControllerError, RateLimited, RemoteError
from controller.transport.budget import Budget
from controller.transport.calls import Call, Lane
from controller.transport.failures import retry_after_seconds
from controller.transport.retry import NO_RETRY
from controller.transport.session import Remote, Session, Wiring

NUMBERS = ("²", "١", "inf", "nan", "-1", "1e9", "9" * 5000, "", " ", "0x10", "1_0", "\x00", "1.5", "⑦")
DATES = ("Fri, 31 Feb 2026 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 +1400", "yesterday", "0", "²", "9" * 400)
LINKS = (
    '<https://[::1>; rel="next"',
    '<https://acme.okta.example:99999/x>; rel="next"',
    '<//evil.example/x>; rel="next"',
    '<\x00>; rel="next"',
    '<javascript:alert(1)>; rel="next"',
    "<;;;,<,>",
    'rel="next"',
)
LOCATIONS = ("https://[::1", "http://a:99999/", "\x00", "//", "²", "x" * 9000)


def session(handler: object, budget: Budget | None = None) -> Session:
    remote = Remote("https://acme.okta.example", "okta", "Okta")
    transport = httpx.MockTransport(handler)  # type: ignore[arg-type]
    return Session(remote, Wiring(clock=ManualClock(), transport=transport, gate=budget, retry=NO_RETRY))


def answer(status: int, name: str, value: str, body: object = None) -> httpx.Response:
    raw = [(name.encode(), value.encode("utf-8", "replace"))]
    return httpx.Response(status, headers=raw, json=[] if body is None else body)


@pytest.mark.parametrize("value", [*NUMBERS, *DATES])
@pytest.mark.parametrize("name", ["retry-after", "x-rate-limit-reset"])
async def test_a_429_with_any_header_is_rate_limited(name: str, value: str) -> None:
    with pytest.raises(RateLimited) as caught:
        await session(lambda request: answer(429, name, value)).send(Call("GET", "/x", "/x"))
    assert 1.0 <= caught.value.retry_after_seconds < 10**16


@pytest.mark.parametrize("value", [*NUMBERS, *DATES])
@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize(
    "name", ["x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset", "date"]
)
async def test_a_budget_learns_nothing_wrong(name: str, status: int, value: str) -> None:
    clock = ManualClock()
    budget = Budget(lambda method, path: "apps", clock=clock)
    good = {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "90", "x-rate-limit-reset": "1767225660"}
    budget.learn("GET", "/x", status, {**good, name: value})
    async with budget.admit("GET", "/x", Lane.PERSON):
        pass
    assert clock.monotonic() <= 300


@pytest.mark.parametrize("value", LINKS)
async def test_a_link_that_is_none_is_followed_nowhere(value: str) -> None:
    one = session(lambda request: answer(200, "link", value))
    found = await one.send(Call("GET", "/x", "/x"))
    if found.next_url:
        with pytest.raises(ControllerError):
            await one.send(Call("GET", found.next_url, "/x"))


@pytest.mark.parametrize("value", LOCATIONS)
async def test_a_redirect_to_nowhere_is_an_error_with_a_bounded_message(value: str) -> None:
    with pytest.raises(RemoteError) as caught:
        await session(lambda request: answer(302, "location", value)).send(Call("GET", "/x", "/x"))
    assert len(caught.value.message) <= 1024


@pytest.mark.parametrize("value", [*DATES, *NUMBERS])
def test_a_date_that_is_none_falls_back_to_the_default(value: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert retry_after_seconds({"retry-after": value}, now, default=7.0) >= 1.0
