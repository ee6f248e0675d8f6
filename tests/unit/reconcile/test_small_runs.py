"""Runs that read a few people: the plan is over everybody, and acts only on what was read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.errors import Unavailable
from controller.metrics import Metrics
from controller.model.actions import Result
from controller.model.actual import Memory
from controller.model.people import EVERYTHING, OktaId, Person, PersonState, Refresh
from controller.planning.base.desired import DesiredAssignments
from controller.planning.base.inputs import Inputs
from controller.reconcile import engine as module
from controller.reconcile.engine import Engine
from controller.reconcile.report import Report
from controller.settings import Settings
from tests.unit.planning import world
from tests.unit.reconcile.fakes import FakeConnector, FakeWorld
from tests.unit.reconcile.reports import INTEGRATION, inputs, resource

TOKEN = {("team", "okta-api", "apiToken"): SecretStr("t0ken")}
OTHER_TOKEN = {("team", "okta-api", "apiToken"): SecretStr("t0ken2")}
GIVEN = inputs(integration=resource("ScimIntegration", {**INTEGRATION, "mode": "Enforce"}))


class Tenant:
    """One engine, and the memory that it leaves from run to run."""

    def __init__(self, people: list[Person], *, seats: int | None = None, most: int = 100_000) -> None:
        self.fake = FakeWorld(world.actual(people, admin=False))
        self.memory, self.desired = Memory(), world.make_desired(group=None, mode="Enforce")
        if seats is not None:
            self.desired = replace(self.desired, seats=world.desired_seats(seats))
        settings = Settings(picture_people=most)
        self.engine = Engine(FakeConnector(self.fake), ManualClock(world.NOW), settings, Metrics())

    async def run(self, *ids: str, given: Inputs = GIVEN, token: Any = TOKEN) -> Report:
        refresh = Refresh(frozenset(map(OktaId, ids))) if ids else EVERYTHING
        self.fake.calls.clear()
        report = await self.engine.run(given, token, self.memory, refresh)
        self.memory = report.memory
        return report

    def assign(self, *people: Person) -> None:
        state = self.fake.state
        ids = {person.okta_id for person in people}
        others = tuple(one for one in state.assignments.people if one.okta_id not in ids)
        self.fake.state = replace(state, assignments=replace(state.assignments, people=(*others, *people)))

    def leave(self, okta_id: str, state: PersonState | None = PersonState.DEACTIVATED) -> None:
        now = self.fake.state.assignments
        people = tuple(one for one in now.people if one.okta_id != okta_id)
        self.fake.missing = {**self.fake.missing, OktaId(okta_id): state}
        self.fake.state = replace(self.fake.state, assignments=replace(now, people=people))

    def read_everything(self) -> bool:
        return "observe okta_people" in self.fake.calls


@pytest.fixture(autouse=True)
def simple_desired(monkeypatch: pytest.MonkeyPatch) -> dict[str, Tenant]:
    """Whoever runs puts what it asks for here."""
    tenants: dict[str, Tenant] = {}
    monkeypatch.setattr(module, "build_desired", lambda given: (tenants["now"].desired, ()))
    return tenants


@pytest.fixture
def tenant(simple_desired: dict[str, Tenant]) -> Any:
    def open_tenant(count: int, **more: Any) -> Tenant:
        simple_desired["now"] = Tenant([world.person(number) for number in range(count)], **more)
        return simple_desired["now"]

    return open_tenant


def done(report: Report) -> list[str]:
    return [one.action.key for one in report.outcomes if one.result is Result.DONE]


async def test_a_new_person_costs_a_few_reads_and_the_status_is_over_everybody(tenant: Any) -> None:
    one = tenant(5)
    await one.run()
    one.assign(world.person(7))
    report = await one.run("00u7")
    assert done(report) == ["CreateAccount/00u7"] and not one.read_everything()
    assert not report.is_complete and not report.wants_complete_read
    assert report.plan is not None and report.plan.counts.assigned == 6


async def test_without_a_picture_everything_is_read(tenant: Any) -> None:
    one = tenant(3)
    report = await one.run("00u1")
    assert report.is_complete and one.read_everything() and len(done(report)) == 3


@pytest.mark.parametrize("change", ["credential", "generation", "bug"])
async def test_a_picture_that_was_read_with_something_else_is_dropped(tenant: Any, change: str) -> None:
    one = tenant(3)
    await one.run()
    if change == "bug":
        one.fake.error_at["observe_people"] = RuntimeError("bug")
        await one.run("00u1")
        one.fake.error_at.clear()
    if change == "generation":
        one.desired = replace(one.desired, generation=2)
    report = await one.run("00u1", token=OTHER_TOKEN if change == "credential" else TOKEN)
    assert report.is_complete


async def test_pictures_are_bounded_and_the_last_one_stays(tenant: Any) -> None:
    one = tenant(3, most=2)
    await one.run()
    assert not (await one.run("00u1")).is_complete, "one picture is kept however large it is"
    other = replace(GIVEN.integration, name="other", uid="uid-other")
    await one.run(given=replace(GIVEN, integration=other))
    assert (await one.run("00u1")).is_complete


async def test_a_seat_that_a_leaver_frees_goes_to_who_waits_in_the_same_run(tenant: Any) -> None:
    one = tenant(3, seats=2)
    first = await one.run()
    assert first.plan is not None and first.plan.seats is not None
    (waiting,) = first.plan.seats.waiting
    leaver = next(one for one in ("00u0", "00u1", "00u2") if one != waiting[0])
    one.leave(leaver)
    report = await one.run(leaver)
    assert done(report) == [f"DeactivateAccount/{leaver}", f"CreateAccount/{waiting[0]}"]
    assert not one.read_everything()
    assert f"observe_people {waiting[0]}" in one.fake.calls, "who gets the seat is read before"


async def test_a_small_run_tells_who_waits(tenant: Any) -> None:
    one = tenant(5, seats=2)
    await one.run()
    one.assign(world.person(9))
    report = await one.run("00u9")
    assert report.plan is not None and report.plan.seats is not None
    assert len(report.plan.seats.waiting) == 4 and done(report) == []


async def test_a_refusal_is_tried_again_by_a_complete_run_and_told_by_every_one(tenant: Any) -> None:
    one = tenant(2)
    one.fake.fail["CreateAccount/00u0"] = "Rejected"
    await one.run()
    one.assign(world.person(7))
    report = await one.run("00u7")
    assert done(report) == ["CreateAccount/00u7"]
    assert [told.action.subject for told in report.failing] == ["00u0"]
    again = await one.run("00u0")
    assert [told.action.subject for told in again.outcomes] == ["00u0"] and again.failing == ()
    one.fake.fail.clear()
    assert done(await one.run()) == ["CreateAccount/00u0"]


async def test_what_more_than_twenty_people_need_waits_for_a_complete_read(tenant: Any) -> None:
    one = tenant(1, seats=1)
    await one.run()
    one.assign(*(world.person(number) for number in range(2, 40)))
    assert done(await one.run()) == []
    one.desired = replace(one.desired, seats=world.desired_seats(1))
    state = one.fake.state
    freed = replace(one.desired.seats, seats=60)
    picture = one.engine._pictures.find(("team", "calendly"), module.basis_of(GIVEN, one.desired, TOKEN))
    assert picture is not None
    one.desired = replace(one.desired, seats=freed)
    picture.basis = module.basis_of(GIVEN, one.desired, TOKEN)
    report = await one.run("00u0")
    assert report.outcomes == () and report.wants_complete_read
    assert one.fake.state == state
    assert len(done(await one.run())) == 38


@pytest.mark.parametrize("state", [PersonState.ACTIVE, None])
async def test_nobody_is_removed_without_a_second_proof(tenant: Any, state: PersonState | None) -> None:
    one = tenant(3)
    await one.run()
    one.leave("00u2", state)
    one.fake.unproven = frozenset({OktaId("00u2")})
    report = await one.run("00u2")
    assert report.outcomes == () and report.wants_complete_read
    assert report.plan is not None and report.plan.counts.assigned == 3, "they stay as they were known"
    one.fake.unproven = frozenset()
    report = await one.run("00u2")
    assert done(report) == (["DeactivateAccount/00u2"] if state else [])


async def test_an_account_that_cannot_be_looked_up_waits_for_a_complete_read(tenant: Any) -> None:
    one = tenant(2)
    await one.run()
    one.assign(world.person(7))
    one.fake.unsure = frozenset({OktaId("00u7")})
    report = await one.run("00u7")
    assert report.outcomes == () and report.wants_complete_read
    assert report.verdict is not None and report.verdict.held


async def test_a_success_clears_a_failure_and_a_failed_complete_read_is_told_until_one_succeeds(
    tenant: Any,
) -> None:
    one = tenant(2)
    await one.run()
    one.fake.error_at["observe_people"] = Unavailable("down", system="Okta")
    assert (await one.run("00u0")).error is not None
    one.fake.error_at.clear()
    report = await one.run("00u0")
    assert report.error is None and report.trouble is None
    one.fake.error_at["observe okta_people"] = Unavailable("down", system="Okta")
    assert (await one.run()).error is not None
    report = await one.run("00u0")
    assert report.error is None and isinstance(report.trouble, Unavailable)
    one.fake.error_at.clear()
    await one.run()
    assert (await one.run("00u0")).trouble is None


async def test_an_app_that_is_another_one_is_read_whole(tenant: Any) -> None:
    one = tenant(2)
    await one.run()
    one.fake.state = replace(one.fake.state, app=replace(one.fake.state.app, app_id="0oa2"))
    assert (await one.run("00u0")).is_complete


async def test_settings_that_were_written_are_read_whole_once_more(tenant: Any) -> None:
    one = tenant(2)
    one.desired = replace(one.desired, username_format="OktaUsername")
    report = await one.run()
    assert done(report)[0].startswith("SetUsernameFormat")
    assert not (await one.run("00u0")).is_complete
    assert "observe okta_app" in one.fake.calls and "refresh provider_settings" in one.fake.calls
    await one.run("00u0")
    assert "refresh okta_app" in one.fake.calls


async def test_assignments_that_were_written_are_read_with_everything(tenant: Any) -> None:
    one = tenant(2)
    declared = DesiredAssignments("Direct", "", (), ("p9@acme.com",), False, True)
    one.desired = replace(one.desired, assignments=declared)
    state = one.fake.state.assignments
    state = replace(state, declared_users={"p9@acme.com": OktaId("00u9")})
    one.fake.state = replace(one.fake.state, assignments=state)
    assert "AssignUser/00u9" in done(await one.run())
    assert (await one.run("00u0")).is_complete


async def test_the_seat_of_somebody_who_is_refused_goes_to_the_next_in_the_same_run(tenant: Any) -> None:
    one = tenant(5, seats=2)
    one.fake.fail.update({"CreateAccount/00u0": "Rejected", "CreateAccount/00u2": "Conflict"})
    report = await one.run()
    assert done(report) == ["CreateAccount/00u1", "CreateAccount/00u3"]
    assert report.plan is not None and report.plan.seats is not None
    assert [okta_id for okta_id, _ in report.plan.seats.waiting] == ["00u4"]
    one.assign(world.person(7))
    small = await one.run("00u7")
    assert small.outcomes == () and {told.action.subject for told in small.failing} == {"00u0", "00u2"}
    one.fake.fail.clear()
    one.leave("00u1")
    small = await one.run("00u1")
    assert done(small)[0] == "DeactivateAccount/00u1"
    assert done(small)[1:] == ["CreateAccount/00u4"], "who was refused holds nobody up"


async def test_who_was_refused_keeps_the_place(tenant: Any) -> None:
    one = tenant(3, seats=1)
    one.fake.fail["CreateAccount/00u0"] = "Rejected"
    assert done(await one.run()) == ["CreateAccount/00u1"]
    one.fake.fail.clear()
    one.leave("00u1")
    assert done(await one.run()) == ["DeactivateAccount/00u1", "CreateAccount/00u0"]


async def test_a_provider_without_seats_is_not_asked_for_everybody(tenant: Any) -> None:
    one = tenant(5, seats=2)
    one.fake.fail.update({f"CreateAccount/00u{n}": "SeatsExhausted" for n in range(5)})
    assert len((await one.run()).outcomes) == 2


async def test_seats_are_never_given_twice_however_many_are_refused(tenant: Any) -> None:
    one = tenant(12, seats=3)
    one.fake.fail.update({f"CreateAccount/00u{n}": "Rejected" for n in range(0, 12, 2)})
    report = await one.run()
    assert len(done(report)) == 3


@pytest.mark.parametrize("state", [PersonState.DEACTIVATED, PersonState.ACTIVE, None])
async def test_a_leaver_does_not_wait_until_everybody_can_be_read(
    tenant: Any, simple_desired: dict[str, Tenant], state: PersonState | None
) -> None:
    """After a start or a failover nothing is known, and reading everybody may take long or fail."""
    one = tenant(5)
    await one.run()
    one.leave("00u1", state)
    again = simple_desired["now"] = Tenant([])
    again.fake, again.memory = one.fake, one.memory
    again.engine = Engine(FakeConnector(one.fake), ManualClock(world.NOW), Settings(), Metrics())
    one.fake.error_at["observe okta_people"] = Unavailable("slow", system="Okta")
    report = await again.run("00u1")
    assert isinstance(report.error, Unavailable)
    assert done(report) == (["DeactivateAccount/00u1"] if state is PersonState.DEACTIVATED else [])
    entries = [(entry.okta_id, entry.touch) for entry in report.memory.window]
    assert entries == ([("00u1", "Leaver")] if state is PersonState.DEACTIVATED else [])
    one.fake.error_at.clear()
    assert done(await again.run()) == ([] if state is not PersonState.ACTIVE else ["DeactivateAccount/00u1"])


async def test_leavers_have_their_own_safeguard_without_a_picture_too(
    tenant: Any, simple_desired: dict[str, Tenant]
) -> None:
    one = tenant(60)
    await one.run()
    ids = [f"00u{number}" for number in range(20)]
    for okta_id in ids:
        one.leave(okta_id)
    again = simple_desired["now"] = Tenant([])
    again.fake, again.memory = one.fake, one.memory
    limit = replace(again.desired.safeguards.leavers, count=3, percent=None)
    again.desired = replace(
        again.desired, safeguards=replace(again.desired.safeguards, leavers=limit, minimum=1)
    )
    again.engine = Engine(FakeConnector(one.fake), ManualClock(world.NOW), Settings(), Metrics())
    report = await again.run(*ids)
    assert report.outcomes == ()
    assert report.verdict is not None and len(report.verdict.held) == 20
