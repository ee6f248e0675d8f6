"""The judge of what is said to the simulated Okta hears everything and lets nothing pass that is wrong."""

from __future__ import annotations

import httpx
import pytest

from controller.clock import ManualClock
from scim_sandbox.okta.app import build_app
from scim_sandbox.okta.store import Org
from tests.contract.okta.judge import Judge

URL = "https://acme.okta.example"


@pytest.fixture
def judge() -> Judge:
    return Judge(build_app(Org(URL, api_token="t", clock=ManualClock())))


async def ask(judge: Judge, path: str, method: str = "GET", **more: object) -> httpx.Response:
    headers = {"authorization": "SSWS t"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(judge), base_url=URL, headers=headers
    ) as client:
        return await client.request(method, path, **more)  # type: ignore[arg-type]


async def test_a_call_by_the_book_passes(judge: Judge) -> None:
    assert (await ask(judge, "/api/v1/groups", params={"limit": 10})).status_code == 200
    assert (judge.judged, judge.violations) == (1, [])


async def test_a_parameter_that_okta_does_not_know_is_told(judge: Judge) -> None:
    await ask(judge, "/api/v1/groups", params={"page": 2})
    assert judge.violations == ["GET /api/v1/groups: no query parameter 'page'"]


async def test_what_a_fault_breaks_and_what_okta_has_not_is_not_judged(judge: Judge) -> None:
    judge.org.faults.add({"kind": "status", "status": 503, "path": "/api/v1/groups", "times": 1})
    await ask(judge, "/api/v1/groups", params={"page": 2})
    await ask(judge, "/_control/state")
    assert (judge.judged, judge.violations) == (0, [])
