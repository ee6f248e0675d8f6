"""The System Log: polled by its next link, bounded by times, filtered, kept for ninety days."""

import httpx
import pytest

from controller.clock import ManualClock
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org

SINCE = "2026-01-01T00:00:00.000Z"


def following(response: httpx.Response) -> str:
    return next(line for line in response.headers.get_list("link") if 'rel="next"' in line).split(">")[0][1:]


async def rename(client: httpx.AsyncClient, user_id: str, last: str) -> None:
    await client.post(f"/api/v1/users/{user_id}", json={"profile": {"lastName": last}})


async def test_polling_follows_the_link_and_sees_every_event_once(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    for number in range(5):
        await rename(client, next(iter(app.users)), f"Name{number}")
    seen, url = [], f"/api/v1/logs?since={SINCE}&limit=3"
    for _ in range(10):
        answer = await client.get(url)
        seen += [event["uuid"] for event in answer.json()]
        url = following(answer)
    assert seen == [event["uuid"] for event in org.log.events]
    await rename(client, next(iter(app.users)), "Late")
    late = await client.get(url)
    assert next(event["eventType"] for event in late.json()) == "user.account.update_profile"


async def test_a_filter_does_not_hold_the_poll_back(client: httpx.AsyncClient, app: AppRecord) -> None:
    await rename(client, next(iter(app.users)), "New")
    query = {
        "since": SINCE,
        "filter": f'target.id eq "{app.id}" and eventType sw "application.user_membership"',
    }
    first = await client.get("/api/v1/logs", params=query)
    assert [event["eventType"] for event in first.json()] == ["application.user_membership.update"]
    assert "since=" not in following(first)
    assert (await client.get(following(first))).json() == []


async def test_bounded_queries_end_and_can_go_backwards(
    client: httpx.AsyncClient, org: Org, app: AppRecord, clock: ManualClock
) -> None:
    clock.advance(10)
    await rename(client, next(iter(app.users)), "New")
    clock.advance(10)
    query = {"since": "2026-01-01T00:00:05.000Z", "until": "2026-01-01T00:00:15.000Z", "limit": "1"}
    first = await client.get("/api/v1/logs", params=query)
    second = await client.get(following(first))
    assert len(first.json()) == len(second.json()) == 1 and len(second.headers.get_list("link")) == 1
    newest = await client.get(
        "/api/v1/logs", params={"sortOrder": "DESCENDING", "limit": "1", "q": "profile"}
    )
    assert newest.json()[0]["uuid"] == org.log.events[-1]["uuid"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"since": SINCE, "after": "x"}, "E0000001"),
        ({"since": "2025-01-01T00:00:00.000Z"}, "E0000053"),
        ({"since": "yesterday"}, "E0000001"),
        ({"since": "2026-01-01T00:00:00"}, "E0000001"),
        ({"after": "bjE"[:2]}, "E0000001"),
        ({"after": "eA"}, "E0000001"),
        ({"until": SINCE, "after": "eA"}, "E0000001"),
        ({"limit": "1001"}, "E0000001"),
        ({"filter": "eventType"}, "E0000053"),
    ],
)
async def test_a_wrong_query_is_refused(client: httpx.AsyncClient, query: dict[str, str], code: str) -> None:
    answer = await client.get("/api/v1/logs", params=query)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, code)


async def test_events_are_forgotten_after_ninety_days(
    client: httpx.AsyncClient, org: Org, app: AppRecord, clock: ManualClock
) -> None:
    await rename(client, next(iter(app.users)), "Old")
    clock.advance(91 * 86400)
    await rename(client, next(iter(app.users)), "New")
    count = org.log.last
    kept = (await client.get("/api/v1/logs", params={"since": "2026-03-15T00:00:00.000Z"})).json()
    assert {event["published"][:10] for event in kept} == {"2026-04-02"} and org.log.last == count


def test_the_log_does_not_grow_beyond_its_cap(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scim_sandbox.okta.systemlog.KEEP", 10)
    for _ in range(25):
        org.log.record("user.account.lock")
    assert len(org.log.events) == 10 and org.log.last == org.log.first + 9
