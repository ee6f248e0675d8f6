"""Sign-ins to an app: who, on which day, at what price."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.errors import ControllerError
from controller.okta.auth import ApiToken
from controller.okta.client import PAGE_LOG, OktaClient
from controller.okta.failures import read_error
from controller.okta.sign_ins import EVERY_SECONDS, PAGES_A_READ, RETENTION, SignIns, _signed_in
from controller.transport.retry import RetryPolicy
from controller.transport.session import Remote, Session, Wiring
from scim_sandbox.okta import assignments
from scim_sandbox.okta.app import build_app
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.seed import seed
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.systemlog import target
from scim_sandbox.people import generated

URL = "https://acme.okta.example"
TODAY = (date(2026, 1, 1) - date(1970, 1, 1)).days
LONG = timedelta(days=90)


class World:
    """An org, a client of it and what is known of sign-ins there."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.org = Org(URL, api_token="t", clock=self.clock)
        seed(self.org, generated(6), assigned=4)
        self.app = self.org.app_by_label("Calendly")
        self.client, self.sign_ins = self._client(), SignIns()
        self.people = frozenset(self.app.users)

    def _client(self) -> OktaClient:
        wiring = Wiring(
            auth=ApiToken(SecretStr("t")),
            clock=self.clock,
            retry=RetryPolicy(attempts=1),
            transport=httpx.ASGITransport(build_app(self.org)),
            read_error=read_error,
        )
        return OktaClient(Session(Remote(URL, "okta", "Okta"), wiring))

    def ask(self, app: AppRecord | None = None, inactive_for: timedelta = LONG, **known: int) -> None:
        app_id = (app or self.app).id
        self.sign_ins.ask(app_id, self.people, known, inactive_for, self.clock.now())

    def sign_in(self, number: int) -> str:
        user = self.org.users[sorted(self.people)[number]]
        assignments.sign_in(self.org, self.app, user)
        return user.id

    async def read(self) -> int:
        """Reads as one poll does; how many calls that was."""
        before = len(self.org.requests)
        await self.sign_ins.read(self.client, self.clock)
        return len(self.org.requests) - before

    def told(self) -> dict[str, int]:
        return dict(self.sign_ins.told(self.app.id))


@pytest.fixture
def world() -> World:
    return World()


async def test_the_newest_day_of_each_person_is_told(world: World) -> None:
    ada, bob = world.sign_in(0), world.sign_in(1)
    world.clock.advance(timedelta(days=3).total_seconds())
    world.sign_in(0)
    world.ask()
    assert await world.read() == 1
    assert world.told() == {ada: TODAY + 3, bob: TODAY}


async def test_nobody_pays_who_does_not_ask(world: World) -> None:
    world.sign_in(0)
    assert await world.read() == 0
    world.ask()
    world.sign_ins.drop(world.app.id)
    assert (await world.read(), world.told()) == (0, {})


async def test_an_app_is_read_once_an_hour_and_goes_on_where_it_was(world: World) -> None:
    world.sign_in(0)
    world.ask()
    assert [await world.read() for _ in range(3)] == [1, 0, 0]
    ada = world.sign_in(2)
    world.clock.advance(EVERY_SECONDS)
    world.ask()
    assert await world.read() == 1
    assert ada in world.told()
    assert "after" in world.org.requests[-1]["query"]


async def test_one_app_is_read_a_poll_the_one_that_waits_longest(world: World) -> None:
    world.ask()
    other: Any = type("Other", (), {"id": "0oaother"})
    world.ask(other)
    assert [await world.read() for _ in range(3)] == [1, 1, 0]


async def test_what_others_do_and_what_failed_is_no_sign_in(world: World) -> None:
    user = target("User", sorted(world.people)[0], "Ada")
    app = target("AppInstance", world.app.id, "Calendly")
    world.org.log.actor = user
    world.org.log.record("user.authentication.sso", app, result="FAILURE", reason="x")
    world.org.log.record("user.authentication.sso", target("AppInstance", "0oaother", "Other"))
    world.org.log.record("application.lifecycle.update", app)
    world.org.log.actor = target("User", "00ustranger", "Somebody")
    world.org.log.record("user.authentication.sso", app)
    world.ask()
    await world.read()
    assert world.told() == {}


@pytest.mark.parametrize("published", ["", "yesterday", "2026-01-01T00:00:00"])
def test_an_event_without_a_time_is_passed_over(published: str) -> None:
    event: Any = {
        "eventType": "user.authentication.sso",
        "outcome": {"result": "SUCCESS"},
        "target": [{"type": "AppInstance", "id": "0oa1"}],
        "published": published,
    }
    assert _signed_in("0oa1", event) is None


async def test_a_day_that_has_not_come_is_not_believed(world: World) -> None:
    world.ask()
    await world.read()
    world.sign_in(0)
    world.org.log.events[-1]["published"] = "9999-01-01T00:00:00.000Z"
    world.clock.advance(EVERY_SECONDS)
    await world.read()
    assert world.told() == {}


async def test_after_a_restart_the_log_is_read_from_the_newest_day_that_is_known(world: World) -> None:
    ada = world.sign_in(0)
    world.clock.advance(timedelta(days=10).total_seconds())
    bob = world.sign_in(1)
    world.ask(**{ada: TODAY, "00ugone": TODAY + 9})
    await world.read()
    assert world.told() == {ada: TODAY, bob: TODAY + 10}
    assert "2026-01-10" in str(world.org.requests[-1]["query"])


async def test_no_more_is_asked_for_than_is_of_use_or_kept(world: World) -> None:
    world.ask(inactive_for=timedelta(days=2))
    await world.read()
    assert "2025-12-30" in str(world.org.requests[-1]["query"])
    world.ask(inactive_for=timedelta(days=4000))
    await world.read()
    assert (world.clock.now() - RETENTION).date().isoformat() in str(world.org.requests[-1]["query"])


async def test_a_long_log_is_read_in_several_polls(world: World) -> None:
    for _ in range(PAGE_LOG * PAGES_A_READ):
        world.sign_in(0)
    bob = world.sign_in(1)
    world.ask()
    assert await world.read() == PAGES_A_READ
    assert bob not in world.told()
    assert await world.read() == 1
    assert bob in world.told()
    assert await world.read() == 0


async def test_a_reading_that_fails_begins_again_where_it_was(world: World) -> None:
    world.ask()
    await world.read()
    ada = world.sign_in(0)
    world.org.faults.add({"kind": "status", "status": 403, "path": "/api/v1/logs", "times": 1})
    world.clock.advance(EVERY_SECONDS)
    with pytest.raises(ControllerError):
        await world.read()
    assert await world.read() == 0
    world.clock.advance(EVERY_SECONDS)
    await world.read()
    assert world.told() == {ada: TODAY}
