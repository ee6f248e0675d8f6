"""The poller of an org: where it goes on after a restart, and whom it enqueued for what."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import httpx
import pytest
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.errors import Unauthorized, Unavailable
from controller.model.actual import Memory
from controller.model.people import EVERYTHING, OktaId, Refresh, ScimId
from controller.okta.auth import ApiToken
from controller.okta.client import OktaClient
from controller.okta.connect import OpenOrg
from controller.okta.events import SIGN_IN, Change
from controller.okta.sign_ins import SignIns
from controller.operator.log_poller import Orgs
from controller.operator.log_position import LONGEST, LogLinks, links_name
from controller.operator.okta_lookup import OktaSide
from controller.planning.base.desired import DesiredSeats
from controller.transport.session import Remote, Session, Wiring
from scim_sandbox.okta import assignments, directory
from scim_sandbox.okta.app import build_app
from scim_sandbox.okta.seed import seed
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.systemlog import target
from scim_sandbox.people import generated
from tests.unit.kube.fakeapi import FakeApi
from tests.unit.planning import world
from tests.unit.reconcile.reports import report

URL = "https://acme.okta.example"
KEY = f"{URL} 00o1"


class Process:
    """One process's poller of one simulated org, on a clock that is turned by hand."""

    def __init__(self, org: Org, api: FakeApi, clock: ManualClock) -> None:
        wiring = Wiring(
            auth=ApiToken(SecretStr("token")), clock=clock, transport=httpx.ASGITransport(build_app(org))
        )
        self.session = Session(Remote(URL, "okta", "Okta"), wiring)
        self.enqueued: list[tuple[str, Refresh, str]] = []
        self.deactivated: list[tuple[str, int]] = []
        enqueue, count = lambda *one: self.enqueued.append(one), lambda *one: self.deactivated.append(one)
        self.orgs = Orgs(clock, 30, enqueue, LogLinks(api, "ops", clock), count)  # type: ignore[arg-type]
        self.opened, self.org = OpenOrg(OktaClient(self.session, org.id), org.id, KEY), org

    def use(self, memory: Memory | None = None, seats: DesiredSeats | None = None) -> None:
        """What the reconciler tells after a full run."""
        app = self.org.app_by_label("Calendly")
        state = world.with_app(world.actual([world.person(one) for one in app.users]), app_id=app.id)
        made = report(actual=state, desired=world.make_desired(by="Okta", seats=seats))
        self.orgs.use("team/calendly", self.opened, replace(made, memory=memory or made.memory))

    async def poll(self) -> None:
        await self.orgs._poll(KEY, self.orgs._orgs[KEY])

    async def aclose(self) -> None:
        await self.orgs.aclose()
        await self.session.aclose()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def org(clock: ManualClock) -> Org:
    made = Org(URL, api_token="token", clock=clock)
    seed(made, generated(6), assigned=4)
    return made


def rename(org: Org, number: int) -> str:
    """A change that the log tells."""
    user = list(org.users.values())[number]
    directory.update_user(org, user, {"displayName": "Somebody Else"}, replace=False)
    return str(user.id)


async def test_people_whom_okta_deactivates_are_counted_for_the_integration_of_that_app(
    org: Org, clock: ManualClock
) -> None:
    process, app = Process(org, FakeApi(), clock), org.app_by_label("Calendly")
    process.use()
    await process.poll()
    pushed, user = "application.provision.user.deactivate", target("User", next(iter(app.users)), "p")
    org.log.record(pushed, target("AppInstance", app.id, "Calendly"), user)
    org.log.record(pushed, target("AppInstance", app.id, "Calendly"), user, result="FAILURE", reason="x")
    org.log.record(pushed, target("AppInstance", "0oaother", "Other"), user)
    await process.poll()
    await process.aclose()
    assert process.deactivated == [("team/calendly", 0), ("team/calendly", 1)]


async def test_a_restart_goes_on_where_the_log_was_read_up_to(org: Org, clock: ManualClock) -> None:
    api = FakeApi()
    first = Process(org, api, clock)
    first.use()
    rename(org, 0)
    await first.poll()
    await first.poll()
    await first.aclose()
    missed = rename(org, 1)
    second = Process(org, api, clock)
    second.use()
    await second.poll()
    await second.aclose()
    assert {refresh for _, refresh, _ in second.enqueued} == {Refresh(frozenset({OktaId(missed)}))}
    link = api.objects[f"/api/v1/namespaces/ops/configmaps/{links_name('team', KEY, '')}"]["data"]["link"]
    assert link.startswith(f"{URL}/api/v1/logs?") and "after=" in link


async def test_the_time_of_the_newest_event_is_known(org: Org, clock: ManualClock) -> None:
    process = Process(org, FakeApi(), clock)
    assert process.orgs.last_event(KEY) is None
    process.use()
    await process.poll()
    rename(org, 0)
    written = clock.now()
    await process.poll()
    clock.advance(60)
    await process.poll()
    await process.aclose()
    assert process.orgs.last_event(KEY) == written


async def test_a_crash_right_after_a_poll_repeats_it(org: Org, clock: ManualClock) -> None:
    api = FakeApi()
    first = Process(org, api, clock)
    first.use()
    await first.poll()
    changed = rename(org, 0)
    await first.poll()
    assert len(first.enqueued) == 1
    await first.aclose()
    second = Process(org, api, clock)
    second.use()
    await second.poll()
    await second.aclose()
    assert [refresh.people for _, refresh, _ in second.enqueued] == [frozenset({changed})]


async def test_a_quiet_org_costs_one_call_and_no_write_a_poll(org: Org, clock: ManualClock) -> None:
    api = FakeApi()
    process = Process(org, api, clock)
    process.use()
    for _ in range(3):
        await process.poll()
    api.calls.clear()
    org.requests.clear()
    for _ in range(5):
        await process.poll()
    await process.aclose()
    assert [one["path"] for one in org.requests] == ["/api/v1/logs"] * 5
    assert api.writes() == []


async def test_an_api_server_that_fails_costs_only_the_position(org: Org, clock: ManualClock) -> None:
    api = FakeApi()
    api.broken = Unavailable("down", system="Kubernetes")
    process = Process(org, api, clock)
    process.use()
    await process.poll()
    rename(org, 0)
    await process.poll()
    await process.aclose()
    assert len(process.enqueued) == 1


async def test_a_link_of_another_domain_is_given_up(org: Org, clock: ManualClock) -> None:
    api = FakeApi()
    await LogLinks(api, "ops", clock).save("team", KEY, "https://login.acme.example/api/v1/logs?after=x")  # type: ignore[arg-type]
    process = Process(org, api, clock)
    process.use()
    await process.poll()
    rename(org, 0)
    await process.poll()
    await process.aclose()
    assert len(process.enqueued) == 1


async def test_what_is_stored_goes_with_the_org(org: Org, clock: ManualClock) -> None:
    api = FakeApi()
    process = Process(org, api, clock)
    process.use()
    await process.poll()
    await process.poll()
    assert api.objects
    await process.orgs.drop("team", "acme")
    assert api.objects == {}
    assert not await LogLinks(api, "ops", clock).save("team", KEY, "x" * (LONGEST + 1))  # type: ignore[arg-type]
    await process.aclose()


async def test_a_push_that_begins_to_fail_asks_for_a_full_look_and_is_told_with_its_reason(
    org: Org, clock: ManualClock
) -> None:
    process = Process(org, FakeApi(), clock)
    process.use(Memory(failures={OktaId("00u9"): "before the restart"}))
    app, user = org.app_by_label("Calendly").id, next(iter(org.users))
    kind = "application.provision.user.push"
    fail = Change("u1", "", kind, frozenset({app}), frozenset({user}), frozenset(), "no seat")
    process.orgs.take([fail, replace(fail, uuid="u2", failure="still no seat")])
    assert [refresh for _, refresh, _ in process.enqueued] == [EVERYTHING, Refresh(frozenset({OktaId(user)}))]
    side = OktaSide(None, process.orgs)
    informed = side.informed("team/calendly", Memory())
    assert informed.failures == {OktaId(user): "still no seat", OktaId("00u9"): "before the restart"}
    process.orgs.take([replace(fail, uuid="u3", failure="")])
    assert side.informed("team/calendly", informed).failures == {OktaId("00u9"): "before the restart"}
    assert side.informed("team/other", Memory()) == Memory()
    await process.aclose()


async def test_nobody_is_asked_while_no_integration_uses_the_org(org: Org, clock: ManualClock) -> None:
    process: Any = Process(org, FakeApi(), clock)
    process.use()
    process.orgs.forget("team/calendly")
    org.requests.clear()
    await process.poll()
    await asyncio.sleep(0)
    await process.aclose()
    assert list(org.requests) == []


ASKS = replace(world.desired_seats(), inactive_for=timedelta(days=90))
DAY = 20_454
"""2026-01-01."""


async def test_sign_ins_are_read_for_whom_asks_and_told_to_the_next_run(org: Org, clock: ManualClock) -> None:
    process, app = Process(org, FakeApi(), clock), org.app_by_label("Calendly")
    ada = OktaId(min(app.users))
    known = {OktaId("00u9"): DAY - 9}
    process.use(Memory(pairs={ada: ScimId("s1")}, sign_ins=known), ASKS)
    assignments.sign_in(org, app, org.users[ada])
    await process.poll()
    side, before = OktaSide(None, process.orgs), Memory(sign_ins=known)
    assert side.informed("team/calendly", before).sign_ins == {ada: DAY, **known}
    assert side.informed("team/other", before) == before
    assert process.enqueued == [], "a sign-in is nothing to act on"
    process.use()
    assert process.orgs.signed_in("team/calendly") == {}
    await process.aclose()


async def test_a_log_that_refuses_sign_ins_still_tells_of_changes(org: Org, clock: ManualClock) -> None:
    process = Process(org, FakeApi(), clock)
    process.use(seats=ASKS)
    refused = Unauthorized("no scope", system="Okta")
    with mock.patch.object(SignIns, "read", side_effect=refused):
        await process.poll()
        changed = rename(org, 0)
        await process.poll()
    await process.aclose()
    assert {refresh.people for _, refresh, _ in process.enqueued} == {frozenset({changed})}


async def test_a_hook_that_brings_sign_ins_starts_no_run(org: Org, clock: ManualClock) -> None:
    process, app = Process(org, FakeApi(), clock), org.app_by_label("Calendly")
    process.use()
    assert process.orgs.take([Change("u1", "", SIGN_IN, frozenset({app.id}))]) == 0
    assert process.enqueued == []
    await process.aclose()
