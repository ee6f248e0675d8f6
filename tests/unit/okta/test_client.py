"""OktaClient on the wire: bodies, paging, and answers that are not what they should be."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from controller.clock import ManualClock
from controller.errors import NotFound, Rejected, Unavailable
from controller.okta.client import OktaClient
from controller.okta.failures import read_error
from controller.transport.calls import Lane
from controller.transport.retry import NO_RETRY
from controller.transport.session import Remote, Session, Wiring

URL = "https://acme.okta.example"
Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler) -> OktaClient:
    wiring = Wiring(
        transport=httpx.MockTransport(handler), clock=ManualClock(), retry=NO_RETRY, read_error=read_error
    )
    return OktaClient(Session(Remote(URL, "okta", "Okta"), wiring))


def problem(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"errorCode": code, "errorSummary": "x", "errorId": "oae"})


class Recorder:
    """Answers everything with one body and keeps the requests."""

    def __init__(self, body: Any = None, status: int = 200) -> None:
        self.body, self.status = body, status
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.status, json=self.body) if self.body is not None else httpx.Response(204)

    @property
    def sent(self) -> Any:
        return json.loads(self.requests[-1].content)


def paged(*pages: list[dict[str, Any]], link: str = "{url}/api/v1/apps/0oa1/users?after={n}") -> Handler:
    def handler(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("after", 0))
        headers = [("link", f'<{request.url}>; rel="self"')]
        if number + 1 < len(pages):
            headers.append(("link", f'<{link.format(url=URL, n=number + 1)}>; rel="next"'))
        return httpx.Response(200, json=pages[number], headers=headers)

    return handler


async def test_pages_are_followed_to_the_end() -> None:
    one = client(paged([{"id": "1"}], [{"id": "2"}], []))
    assert [page async for page in one.app_user_pages("0oa1")] == [[{"id": "1"}], [{"id": "2"}], []]


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("https://evil.example.org/api/v1/apps/0oa1/users?after={n}", "another host"),
        ("{url}/api/v1/apps/0oa2/users?after={n}", "leads to"),
        ("{url}/api/v1/apps/0oa1/users?after=0", "in a circle"),
    ],
)
async def test_a_next_link_that_leads_elsewhere_is_refused(link: str, words: str) -> None:
    one = client(paged([{"id": "1"}], [{"id": "2"}], link=link))
    with pytest.raises(Unavailable, match=words):
        [page async for page in one.app_user_pages("0oa1")]


@pytest.mark.parametrize("body", [{}, "text", [1], None])
async def test_a_page_that_is_no_list_is_unavailable(body: Any) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=body) if body is not None else httpx.Response(200)

    with pytest.raises(Unavailable, match=r"not a list|is a number, not an object"):
        await client(handler).app_groups("0oa1")


async def test_a_success_without_a_body_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="not an object"):
        await client(Recorder()).app("0oa1")


async def test_labels_and_names_are_exact_although_okta_matches_beginnings() -> None:
    rows = [{"id": "1", "label": "Calendly"}, {"id": "2", "label": "Calendly EU"}]
    assert [app["id"] for app in await client(Recorder(rows)).apps_by_label("Calendly")] == ["1"]
    groups = [{"id": "1", "profile": {"name": "Sales"}}, {"id": "2", "profile": {"name": "Sales US"}}]
    assert [group["id"] for group in await client(Recorder(groups)).groups_by_name("Sales")] == ["1"]


async def test_features_of_an_app_without_provisioning_are_none() -> None:
    assert await client(lambda r: problem(400, "E0000001")).features("0oa1") == []
    with pytest.raises(Rejected):
        await client(lambda r: problem(400, "E0000003")).features("0oa1")


async def test_a_removed_mapping_is_sent_with_nulls() -> None:
    recorder = Recorder({"id": "prm1"})
    given = {"calendlyGroup": {"expression": "user.department", "pushStatus": "PUSH"}, "nickName": None}
    await client(recorder).update_mapping("prm1", given)
    assert recorder.sent == {
        "properties": {
            "calendlyGroup": {"expression": "user.department", "pushStatus": "PUSH"},
            "nickName": {"expression": None, "pushStatus": None},
        }
    }


async def test_a_removed_attribute_is_sent_as_null() -> None:
    recorder = Recorder({"id": "x"})
    await client(recorder).update_app_schema("0oa1", {"calendlyGroup": None})
    assert recorder.sent["definitions"]["custom"]["properties"] == {"calendlyGroup": None}


async def test_an_app_is_sent_back_whole() -> None:
    recorder = Recorder({"id": "0oa1"})
    whole: Any = {"id": "0oa1", "label": "x", "settings": {"app": {"odd": None}}, "visibility": {}}
    await client(recorder).replace_app("0oa1", whole)
    assert recorder.sent == whole


async def test_a_login_is_one_segment_of_the_path() -> None:
    recorder = Recorder({"id": "00u1"})
    await client(recorder).user("a/b?c@acme.example")
    assert recorder.requests[0].url.raw_path == b"/api/v1/users/a%2Fb%3Fc%40acme.example"


async def test_what_is_gone_already_is_well_deleted() -> None:
    one = client(lambda r: problem(404, "E0000007"))
    await one.unassign_user("0oa1", "00u1")
    await one.unassign_group("0oa1", "00g1")
    await one.remove_member("00g1", "00u1")
    with pytest.raises(NotFound):
        await one.app_user("0oa1", "00u1")


async def test_groups_are_asked_for_by_twenty_ids_at_a_time() -> None:
    recorder = Recorder([])
    await client(recorder).groups_by_id([f"00g{n}" for n in range(45)])
    filters = [request.url.params["filter"] for request in recorder.requests]
    assert [text.count("id eq") for text in filters] == [20, 20, 5]
    assert recorder.requests[0].url.params["expand"] == "stats"


async def test_people_who_left_are_asked_for_by_state_and_time() -> None:
    recorder = Recorder([])
    one = client(recorder)
    assert [page async for page in one.deprovisioned_pages(datetime(2026, 1, 2, tzinfo=UTC))] == [[]]
    wanted = 'status eq "DEPROVISIONED" and lastUpdated gt "2026-01-02T00:00:00.000Z"'
    assert recorder.requests[0].url.params["filter"] == wanted


async def test_a_lane_is_carried_into_every_call() -> None:
    lanes: list[Lane] = []

    class Gate:
        def admit(self, method: str, path: str, lane: Lane) -> Any:
            lanes.append(lane)
            return Open()

        def learn(self, *args: Any) -> None: ...

    class Open:
        async def __aenter__(self) -> None: ...

        async def __aexit__(self, *args: Any) -> None: ...

    wiring = Wiring(transport=httpx.MockTransport(paged([], [])), gate=Gate())
    one = OktaClient(Session(Remote(URL, "okta", "Okta"), wiring)).in_lane(Lane.FULL)
    assert [page async for page in one.app_user_pages("0oa1")] == [[], []]
    assert lanes == [Lane.FULL, Lane.FULL]


async def test_an_id_from_outside_stays_one_text_of_a_filter() -> None:
    filters: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        filters.append(request.url.params["filter"])
        return httpx.Response(200, json=[])

    one = client(reply)
    hostile = 'x" or eventType sw "user\\'
    assert not await one.was_deleted(hostile, datetime(2026, 1, 1, tzinfo=UTC))
    assert await one.ids_of_apps_of(hostile) == frozenset()
    escaped = '"x\\" or eventType sw \\"user\\\\"'
    assert filters == [
        f'target.id eq {escaped} and eventType sw "user.lifecycle.delete"',
        f"user.id eq {escaped}",
    ]
