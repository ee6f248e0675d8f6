"""Listings that do not end, lie about their size, or bring more than anybody has."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from controller.clock import ManualClock
from controller.errors import ControllerError, SpecError, Unavailable
from controller.model.actual import AssignmentState
from controller.model.people import OktaId
from controller.okta.client import PAGE_LOG, OktaClient
from controller.okta.events import Change, follow
from controller.okta.pushes import KEPT_APPS, Pushes
from controller.planning.desired.spec_checks import MAX_PEOPLE
from controller.scim.admin import AdminClient
from controller.scim.client import ScimClient
from controller.scim.groups import GroupClient
from controller.targets.app_lookup import AppLookup
from controller.targets.okta_people import OktaPeople
from controller.targets.provider_people import account_parser
from controller.transport import listing
from controller.transport.bounds import MEBIBYTE, Bounds
from controller.transport.listing import FIRST_PAGES, MOST_READ, MOST_ROWS, Tally, text_bytes
from controller.transport.retry import NO_RETRY
from controller.transport.session import Remote, Session, Wiring
from tests.unit.planning import world

URL = "https://remote.example"
Page = Callable[[httpx.Request, int], httpx.Response]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Endless:
    """A server that answers with whatever `page` makes of the number of the request."""

    def __init__(self, page: Page) -> None:
        self.page, self.asked = page, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return self.page(request, self.asked)

    def session(self, bounds: Bounds | None = None) -> Session:
        wiring = Wiring(
            transport=httpx.MockTransport(self),
            clock=ManualClock(),
            retry=NO_RETRY,
            bounds=bounds or Bounds(),
        )
        return Session(Remote(URL, "okta", "Okta"), wiring)


async def failure(work: Awaitable[Any]) -> ControllerError:
    with pytest.raises(ControllerError) as caught:
        await work
    return caught.value


# SCIM


def scim_page(rows: list[dict[str, Any]], total: int) -> httpx.Response:
    return httpx.Response(200, json={"totalResults": total, "Resources": rows})


def scim(page: Page) -> tuple[ScimClient, Endless]:
    server = Endless(page)
    return ScimClient(server.session()), server


def overlapping(each: int, total: int, **more: Any) -> Page:
    """`each` users a page, in the order that a correct server has."""

    def page(request: httpx.Request, asked: int) -> httpx.Response:
        start = int(request.url.params["startIndex"])
        return scim_page([{"id": f"u{n}", **more} for n in range(start, start + each)], total)

    return page


async def test_a_thousand_million_announced_users_are_refused_at_the_first_page() -> None:
    client, server = scim(overlapping(100, 10**9))
    error = await failure(client.users(dict))
    assert isinstance(error, SpecError) and error.reason == "TooManyPeople"
    assert server.asked == 1 and "1000000000 users" in error.message


async def test_a_total_that_grows_with_each_page_ends_at_the_most_people() -> None:
    client, server = scim(lambda request, asked: overlapping(1000, asked * 1000 + 500)(request, asked))
    error = await failure(client.users(lambda row: row["id"]))
    assert error.reason == "TooManyPeople" and server.asked <= MOST_ROWS / 999 + 2


async def test_users_that_come_one_by_one_do_not_take_for_ever() -> None:
    client, server = scim(overlapping(2, MOST_ROWS))
    error = await failure(client.users(lambda row: row["id"]))
    assert error.reason == "Incomplete" and server.asked < FIRST_PAGES * 2


async def test_a_page_with_a_million_users_is_refused_before_they_are_kept() -> None:
    body = (
        b'{"totalResults": 5, "Resources": ['
        + b",".join(b'{"id":"%d"}' % n for n in range(1_000_000))
        + b"]}"
    )
    client, _ = scim(lambda request, asked: httpx.Response(200, content=body))
    error = await failure(client.users(dict))
    assert error.reason == "AnswerTooLarge"


async def test_names_of_megabytes_are_not_kept() -> None:
    name = "x" * 100_000
    client, _ = scim(overlapping(100, MOST_ROWS, userName=name))
    tracemalloc.start()
    try:
        error = await failure(client.users(account_parser(("displayName",))))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.reason == "AnswerTooLarge" and peak < 192 * MEBIBYTE


async def test_groups_and_their_members_are_bounded() -> None:
    client, server = scim(overlapping(100, 10**9))
    assert (await failure(GroupClient(client).names())).reason == "TooManyPeople" and server.asked == 1
    members = [{"value": str(n)} for n in range(MOST_ROWS + 1)]
    client, _ = scim(lambda request, asked: httpx.Response(200, json={"id": "g", "members": members}))
    error = await failure(GroupClient(client).members("g"))
    assert error.reason == "TooManyPeople" and f"has {MOST_ROWS + 1} members" in error.message


# Okta


def linked(rows: Callable[[int], list[Any]] | list[Any]) -> Page:
    """Pages that always have a next one; those of a list are all the same."""
    same = json.dumps(rows).encode() if isinstance(rows, list) else b""

    def page(request: httpx.Request, asked: int) -> httpx.Response:
        link = f'<{URL}{request.url.path}?after={asked}>; rel="next"'
        content = same if isinstance(rows, list) else json.dumps(rows(asked)).encode()
        return httpx.Response(200, content=content, headers={"link": link})

    return page


def app_user(number: int, login: str = "") -> dict[str, Any]:
    user = {
        "id": f"00u{number}",
        "status": "ACTIVE",
        "profile": {"login": login or f"p{number}@acme.example"},
    }
    return {"id": f"00u{number}", "status": "ACTIVE", "_embedded": {"user": user}}


def okta_people(page: Page) -> tuple[Awaitable[AssignmentState], Endless]:
    server = Endless(page)
    client = OktaClient(server.session())
    target = OktaPeople(client, AppLookup(client), ManualClock())
    return target.observe(world.make_desired(app_id="0oa1", app_label="")), server


async def test_next_links_that_never_end_end_at_the_most_people() -> None:
    read, server = okta_people(linked(lambda asked: [app_user(asked * 500 + n) for n in range(500)]))
    error = await failure(read)
    assert isinstance(error, SpecError) and (error.reason, error.field) == ("TooManyPeople", "spec.okta.app")
    assert server.asked == MOST_ROWS / 500 + 1


async def test_pages_that_repeat_the_same_people_end() -> None:
    read, server = okta_people(linked([app_user(n) for n in range(500)]))
    assert (await failure(read)).reason == "TooManyPeople" and server.asked <= MOST_ROWS / 500 + 1


@pytest.fixture
def reads_less(monkeypatch: pytest.MonkeyPatch) -> int:
    """A tenth of the rows that are looked at, since reading all takes seconds."""
    monkeypatch.setattr(listing, "MOST_READ", MOST_READ // 10)
    return MOST_READ // 10


async def test_pages_of_ended_assignments_end(reads_less: int) -> None:
    ended = [{**app_user(n), "status": "DEPROVISIONED"} for n in range(500)]
    read, server = okta_people(linked(ended))
    assert (await failure(read)).reason == "Incomplete" and server.asked == reads_less / 500 + 1


async def test_empty_pages_end() -> None:
    read, server = okta_people(linked([]))
    assert (await failure(read)).reason == "Incomplete" and server.asked == FIRST_PAGES + 1


async def test_logins_of_kilobytes_are_not_kept() -> None:
    read, _ = okta_people(linked(lambda asked: [app_user(asked * 500 + n, "x" * 10_000) for n in range(500)]))
    assert (await failure(read)).reason == "AnswerTooLarge"


async def test_listings_that_are_kept_whole_have_the_size_of_a_page() -> None:
    rows = [{"id": f"0oa{n}", "label": "Calendly", "settings": "x" * 2000} for n in range(250)]
    server = Endless(linked(rows))
    client = OktaClient(server.session(Bounds(page_bytes=2 * MEBIBYTE)))
    assert (await failure(client.apps_by_label("Calendly"))).reason == "AnswerTooLarge"
    assert server.asked == 5


async def test_rows_of_another_name_are_not_kept(reads_less: int) -> None:
    rows = [{"id": f"0oa{n}", "label": "Calendly two", "settings": "x" * 100} for n in range(1000)]
    server = Endless(linked(rows))
    client = OktaClient(server.session(Bounds(page_bytes=MEBIBYTE)))
    assert (await failure(client.apps_by_label("Calendly"))).reason == "Incomplete"
    assert server.asked == reads_less / 1000 + 1


async def test_members_of_an_okta_group_are_bounded() -> None:
    from controller.targets.okta_people import _members

    server = Endless(linked(lambda asked: [{"id": f"00u{asked * 200 + n}"} for n in range(200)]))
    error = await failure(_members(OktaClient(server.session()), "00g1"))
    assert error.reason == "TooManyPeople" and server.asked == MOST_ROWS / 200 + 1


async def test_people_who_left_are_looked_for_within_bounds(reads_less: int) -> None:
    rows = [{"id": f"00x{n}", "status": "DEPROVISIONED"} for n in range(200)]
    server = Endless(linked(rows))
    client = OktaClient(server.session())
    ids = [OktaId(f"00u{n}") for n in range(30)]
    target = OktaPeople(client, AppLookup(client), ManualClock())
    assert (await failure(target.observe_missing(world.make_desired(), ids))).reason == "Incomplete"
    assert server.asked <= reads_less / 200 + 1


# The System Log


def event(number: int, app: str = "0oa1", size: int = 0) -> dict[str, Any]:
    return {
        "uuid": f"e{number}" + "x" * size,
        "published": "2026-01-01T00:00:00Z" + "x" * size,
        "eventType": "application.provision.user.push" + "x" * size,
        "outcome": {"result": "FAILURE", "reason": "y" * size},
        "target": [
            {"type": "AppInstance", "id": app + "x" * size},
            {"type": "User", "id": "u" * size or "00u1"},
        ],
    }


async def test_a_log_page_of_more_events_than_were_asked_for_is_refused() -> None:
    rows = [event(n) for n in range(PAGE_LOG + 1)]
    client = OktaClient(Endless(lambda request, asked: httpx.Response(200, json=rows)).session())
    assert (await failure(follow(client, "", NOW))).reason == "Incomplete"


async def test_what_is_kept_of_events_does_not_grow_with_them() -> None:
    rows = [event(n, size=300) for n in range(PAGE_LOG)]
    server = Endless(linked(rows))
    changes, _ = await follow(OktaClient(server.session()), "", NOW)
    assert server.asked == 20 and len(changes) == 20 * PAGE_LOG
    assert max(map(text_bytes, changes)) < 1000


def test_reasons_are_kept_of_a_bounded_number_of_apps() -> None:
    pushes = Pushes()
    for number in range(KEPT_APPS + 100):
        app = frozenset({f"0oa{number}"})
        pushes.take(
            Change(f"e{number}", "", "application.provision.user.push", app, frozenset({"00u1"}), failure="x")
        )
        pushes.take(Change(f"f{number}", "", "application.integration.general_failure", app, failure="x"))
    assert not pushes.told("0oa0").failures and pushes.told("0oa0").trouble is None
    assert pushes.told(f"0oa{KEPT_APPS + 99}").failures == {"00u1": "x"}


# The admin API


async def test_people_of_the_admin_api_are_bounded() -> None:
    def page(request: httpx.Request, asked: int) -> httpx.Response:
        people = [{"externalId": f"00u{asked * 1000 + n}", "lastActive": "2026"} for n in range(1000)]
        return httpx.Response(200, json={"people": people, "next": str(asked)})

    server = Endless(page)
    admin = AdminClient(server.session())
    assert (await failure(admin.last_active())).reason == "TooManyPeople"
    assert server.asked == MOST_ROWS / 1000 + 1


async def test_pages_of_the_admin_api_that_go_in_a_circle_or_are_empty_end() -> None:
    circle = Endless(lambda request, asked: httpx.Response(200, json={"people": [{"id": "1"}], "next": "a"}))
    assert (await failure(AdminClient(circle.session()).people())).reason == "Incomplete"
    empty = Endless(lambda request, asked: httpx.Response(200, json={"people": [], "next": str(asked)}))
    assert (await failure(AdminClient(empty.session()).people())).reason == "Incomplete"
    assert empty.asked == FIRST_PAGES + 1


# The count itself


def test_the_most_people_are_those_that_planning_takes() -> None:
    assert MOST_ROWS == MAX_PEOPLE


def test_a_tally_counts_texts_alone_and_what_is_none_not_at_all() -> None:
    tally = Tally("Okta", "people", most_rows=2, kept_bytes=10)
    assert tally.keep(None) is None
    assert tally.keep(("12345", 7, True)) == ("12345", 7, True)
    assert tally.keep("1234") == "1234"
    with pytest.raises(SpecError):
        tally.keep("")
    with pytest.raises(Unavailable):
        Tally("Okta", "people", kept_bytes=3).keep(["1234"])
    assert text_bytes("ab") == 2 and text_bytes(frozenset({"a", "b"})) == 2
