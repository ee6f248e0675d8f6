"""Each fault does what its description says, as often and as long as it says."""

from typing import Any

import httpx
import pytest

from controller.clock import ManualClock
from scim_sandbox.okta.faults import KINDS
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org


async def switch_on(raw: httpx.AsyncClient, **fault: Any) -> None:
    answer = await raw.post("/_control/faults", json=fault)
    assert answer.status_code == 201


async def test_a_status_strikes_as_often_as_told(raw: httpx.AsyncClient) -> None:
    await switch_on(raw, kind="status", status=503, times=2, path="/api/v1/groups")
    codes = [(await raw.get("/api/v1/groups")).status_code for _ in range(3)]
    assert codes == [503, 503, 200]


async def test_a_429_storm_bears_the_headers_and_the_code(raw: httpx.AsyncClient) -> None:
    await switch_on(raw, kind="status", status=429, method="get", path="/api/v1/*")
    answer = await raw.get("/api/v1/apps")
    assert (answer.status_code, answer.json()["errorCode"]) == (429, "E0000047")
    assert answer.headers["x-rate-limit-remaining"] == "0"
    assert answer.headers["x-rate-limit-reset"] == "1767225660"


async def test_half_of_the_calls_fail_at_a_rate_of_one_half(raw: httpx.AsyncClient) -> None:
    await switch_on(raw, kind="status", status=500, rate=0.5)
    codes = [(await raw.get("/api/v1/meta/types/user")).status_code for _ in range(200)]
    assert 70 < codes.count(500) < 130 and set(codes) == {200, 500}


async def test_a_fault_ends_with_its_time(raw: httpx.AsyncClient, clock: ManualClock) -> None:
    await switch_on(raw, kind="status", seconds="30s")
    assert (await raw.get("/api/v1/groups")).status_code == 500
    clock.advance(31)
    assert (await raw.get("/api/v1/groups")).status_code == 200


async def test_other_methods_and_paths_are_spared(raw: httpx.AsyncClient) -> None:
    await switch_on(raw, kind="status", method="POST", path="/api/v1/apps")
    assert (await raw.get("/api/v1/apps")).status_code == 200
    assert (await raw.get("/api/v1/groups")).status_code == 200
    assert (await raw.post("/api/v1/apps", json={})).status_code == 500


async def test_a_truncated_page_loses_people_and_its_next_link(
    raw: httpx.AsyncClient, app: AppRecord
) -> None:
    await switch_on(raw, kind="truncate", times=1)
    answer = await raw.get(f"/api/v1/apps/{app.id}/users?limit=20")
    assert len(answer.json()) == 10 and len(answer.headers.get_list("link")) == 1


async def test_a_dropped_write_is_answered_as_done_and_is_not(
    raw: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    user_id, events = next(iter(app.users)), org.log.last
    await switch_on(raw, kind="drop", times=1)
    answer = await raw.post(f"/api/v1/users/{user_id}", json={"profile": {"lastName": "Dropped"}})
    assert (answer.status_code, answer.json()["profile"]["lastName"]) == (200, "Dropped")
    assert (await raw.get(f"/api/v1/users/{user_id}")).json()["profile"]["lastName"] != "Dropped"
    assert org.log.last == events


async def test_an_answer_can_be_lost_though_the_write_is_done(raw: httpx.AsyncClient, org: Org) -> None:
    await switch_on(raw, kind="lost-answer", times=1)
    answer = await raw.post("/api/v1/groups", json={"profile": {"name": "Made"}})
    assert answer.status_code == 503 and org.group_by_name("Made")


async def test_html_and_nothing_are_answered(raw: httpx.AsyncClient) -> None:
    await switch_on(raw, kind="html", times=1)
    page = await raw.get("/api/v1/groups")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html")
    await switch_on(raw, kind="empty", times=1)
    empty = await raw.get("/api/v1/groups")
    assert (empty.status_code, empty.content) == (502, b"")


async def test_a_redirect_and_a_body_cut_short(raw: httpx.AsyncClient) -> None:
    await switch_on(raw, kind="redirect", times=1)
    away = await raw.get("/api/v1/groups")
    assert (away.status_code, away.headers["location"]) == (302, "https://elsewhere.example.com/")
    await switch_on(raw, kind="cut", times=1)
    cut = await raw.get("/api/v1/groups")
    assert cut.status_code == 200 and cut.text.startswith("[") and not cut.text.endswith("]")


async def test_nobody_is_told_of_a_dropped_write(raw: httpx.AsyncClient, org: Org) -> None:
    told: list[Any] = []
    org.log.listeners.append(told.append)
    await switch_on(raw, kind="drop", times=1)
    await raw.post("/api/v1/groups", json={"profile": {"name": "Dropped"}})
    assert told == []
    await raw.post("/api/v1/groups", json={"profile": {"name": "Kept"}})
    assert [event["eventType"] for event in told] == ["group.lifecycle.create"]


async def test_a_token_can_expire_and_a_connection_break(raw: httpx.AsyncClient) -> None:
    await switch_on(raw, kind="expire-token", times=1)
    assert (await raw.get("/api/v1/groups")).json()["errorCode"] == "E0000011"
    await switch_on(raw, kind="disconnect", times=1)
    with pytest.raises(ConnectionResetError):
        await raw.get("/api/v1/groups")


async def test_the_clock_can_be_wrong(raw: httpx.AsyncClient) -> None:
    await switch_on(raw, kind="clock-skew", seconds=-600)
    assert (await raw.get("/api/v1/groups")).headers["date"] == "Wed, 31 Dec 2025 23:50:00 GMT"


async def test_latency_delays_the_answer(raw: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("scim_sandbox.okta.app.asyncio.sleep", sleep)
    await switch_on(raw, kind="latency", seconds="2s", times=1)
    assert (await raw.get("/api/v1/groups")).status_code == 200 and slept == [2.0]


async def test_faults_are_listed_and_cleared(raw: httpx.AsyncClient, org: Org) -> None:
    for kind in KINDS:
        await switch_on(raw, kind=kind, path="/api/v1/apps", duration="1h")
    listed = (await raw.get("/_control/faults")).json()
    assert [each["kind"] for each in listed["faults"]] == list(KINDS)
    first = listed["faults"][0]["id"]
    assert (await raw.delete(f"/_control/faults?id={first}")).json() == {"removed": 1}
    assert (await raw.delete("/_control/faults")).json() == {"removed": len(KINDS) - 1}
    assert org.faults.active() == []


async def test_a_fault_without_a_kind_is_what_its_fields_say(raw: httpx.AsyncClient) -> None:
    await switch_on(raw, status=503, times=1)
    assert (await raw.get("/api/v1/groups")).status_code == 503
    await switch_on(raw, seconds="0s", path="/api/v1/groups")
    (fault,) = (await raw.get("/_control/faults")).json()["faults"]
    assert fault["kind"] == "latency"
    answer = await raw.post("/_control/faults", json={"path": "/api/v1/apps"})
    assert answer.status_code == 400
    assert "kind: None is none of" in answer.text
