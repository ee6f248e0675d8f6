"""Events of the System Log and of hooks: whom they concern, and what is no event."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.okta.auth import ApiToken
from controller.okta.client import OktaClient
from controller.okta.events import (
    LARGEST_HOOK,
    Change,
    HookRefused,
    Interests,
    Seen,
    check_hook_secret,
    follow,
    parse_event,
    parse_hook,
)
from controller.okta.failures import read_error
from controller.transport.session import Remote, Session, Wiring
from scim_sandbox.okta import directory
from scim_sandbox.okta.app import build_app
from scim_sandbox.okta.seed import add_people
from scim_sandbox.okta.store import Org
from scim_sandbox.people import SandboxPerson

URL = "https://acme.okta.example"


def event(event_type: str = "application.user_membership.add", *targets: tuple[str, str], **more: Any) -> Any:
    named = [{"type": kind, "id": name} for kind, name in targets]
    return {
        "uuid": "u1",
        "published": "2026-01-01T00:00:00Z",
        "eventType": event_type,
        "target": named,
        **more,
    }


def test_targets_are_told_by_type_wherever_they_stand() -> None:
    change = parse_event(
        event("x", ("AppUser", "0ua1"), ("User", "00u1"), ("AppInstance", "0oa1"), ("UserGroup", "00g1"))
    )
    assert (change.user_ids, change.app_ids, change.group_ids) == ({"00u1"}, {"0oa1"}, {"00g1"})


def test_a_failure_brings_its_reason() -> None:
    failed = {"result": "FAILURE", "reason": "Error while creating user: " + "no seat " * 100}
    change = parse_event(event("application.provision.user.push", outcome=failed))
    assert (
        change.is_push
        and change.failure.startswith("Error while creating user")
        and len(change.failure) <= 200
    )
    assert parse_event(event(outcome={"result": "SUCCESS", "reason": "x"})).failure == ""


@pytest.mark.parametrize("odd", [{}, {"target": None}, {"target": ["x", {}], "outcome": None}])
def test_an_event_that_lacks_parts_names_nobody(odd: Any) -> None:
    change = parse_event(odd)
    assert not (change.app_ids | change.user_ids | change.group_ids)


def test_an_event_is_taken_up_once() -> None:
    seen = Seen(size=2)
    first, second, third = (Change(uuid, "", "x") for uuid in ("1", "2", "3"))
    assert seen.fresh([first, second, first]) == [first, second]
    assert seen.fresh([second, third]) == [third]
    assert seen.fresh([first]) == [first]


def hook(*events: Any) -> bytes:
    return json.dumps({"eventType": "com.okta.event_hook", "data": {"events": list(events)}}).encode()


def test_a_hook_is_a_list_of_events() -> None:
    assert [change.uuid for change in parse_hook(hook(event(), event(uuid="u2")))] == ["u1", "u2"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * (LARGEST_HOOK + 1), 413),
        (b"not json", 400),
        (b"[]", 400),
        (b'{"data": {}}', 400),
        (b'{"data": {"events": ["x"]}}', 400),
        (b'{"data": {"events": [{"target": 5}]}}', 400),
        (b'{"data": {"events": [{"outcome": "x"}]}}', 400),
        (b"[" * 100_000, 400),
    ],
)
def test_a_hook_that_is_none_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(HookRefused) as caught:
        parse_hook(body)
    assert caught.value.status == status


@pytest.mark.parametrize(("given", "secret"), [("", "s"), ("wrong", "s"), ("", ""), ("ü", "s")])
def test_a_hook_without_the_secret_is_refused(given: str, secret: str) -> None:
    with pytest.raises(HookRefused) as caught:
        check_hook_secret(given, secret)
    assert caught.value.status == 401


def test_the_secret_opens_the_hook() -> None:
    check_hook_secret("s3cret", "s3cret")


@pytest.fixture
def interests() -> Interests:
    found = Interests()
    found.set("a/one", "0oa1", ["00u1", "00u2"], ["00g1"])
    found.set("a/two", "0oa2", ["00u2"], ["00g2"])
    return found


@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        (
            Change("1", "", "x", app_ids=frozenset({"0oa1"}), user_ids=frozenset({"00u9"})),
            {"a/one": {"00u9"}},
        ),
        (Change("1", "", "x", app_ids=frozenset({"0oa1"})), {"a/one": None}),
        (Change("1", "", "x", app_ids=frozenset({"0oa9"}), user_ids=frozenset({"00u1"})), {}),
        (Change("1", "", "x", user_ids=frozenset({"00u2"})), {"a/one": {"00u2"}, "a/two": {"00u2"}}),
        (Change("1", "", "x", user_ids=frozenset({"00u9"})), {}),
        (
            Change("1", "", "x", group_ids=frozenset({"00g2"}), user_ids=frozenset({"00u9"})),
            {"a/two": {"00u9"}},
        ),
        (Change("1", "", "x", group_ids=frozenset({"00g1"})), {"a/one": None}),
        (
            Change("1", "", "x", group_ids=frozenset({"00g9"}), user_ids=frozenset({"00u1"})),
            {"a/one": {"00u1"}},
        ),
        (Change("1", "", "x"), {}),
    ],
)
def test_a_change_concerns_whom_it_names(interests: Interests, change: Change, concerned: Any) -> None:
    assert interests.concerned(change) == concerned


def test_who_is_forgotten_is_concerned_no_more(interests: Interests) -> None:
    interests.forget("a/one")
    assert interests.concerned(Change("1", "", "x", user_ids=frozenset({"00u2"}))) == {"a/two": {"00u2"}}


def org_with_client() -> tuple[Org, OktaClient, ManualClock]:
    clock = ManualClock()
    org = Org(URL, api_token="t", clock=clock)
    wiring = Wiring(auth=ApiToken(SecretStr("t")), clock=clock, transport=httpx.ASGITransport(build_app(org)),
                    read_error=read_error)  # fmt: skip
    return org, OktaClient(Session(Remote(URL, "okta", "Okta"), wiring)), clock


async def test_the_log_is_followed_without_gap_and_without_repetition() -> None:
    org, client, clock = org_with_client()
    since = clock.now() - timedelta(minutes=1)
    first, link = await follow(client, "", since)
    add_people(org, [SandboxPerson("ada@acme.example", "Ada", "L", "Ada L", "Sales")])
    ada = org.find_user("ada@acme.example")
    directory.update_user(org, ada, {"department": "Support"})
    second, link = await follow(client, link, since)
    third, _ = await follow(client, link, since)
    assert {ada.id} == set().union(*(change.user_ids for change in second))
    assert not {change.uuid for change in first} & {change.uuid for change in second} and third == []


async def test_a_quiet_poll_costs_one_call() -> None:
    org, client, clock = org_with_client()
    _, link = await follow(client, "", clock.now())
    before = len(org.requests)
    await follow(client, link, clock.now())
    assert len(org.requests) - before == 1


async def test_a_link_that_okta_does_not_take_is_given_up() -> None:
    _, client, clock = org_with_client()
    changes, link = await follow(
        client, f"{URL}/api/v1/logs?after=nonsense%00", clock.now() - timedelta(days=1)
    )
    assert "after=" in link and isinstance(changes, list)
