"""One reconcile on targets in memory: the order of things, what ends a run, what is remembered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from controller.api.meta import APPROVED_BY
from controller.clock import ManualClock
from controller.errors import Conflict, RateLimited, SpecError, Unauthorized, Unavailable, Waiting
from controller.metrics import Metrics
from controller.model.actions import Action, ActionKind, Outcome, Result
from controller.model.actual import Memory
from controller.model.people import PersonState
from controller.model.plan import HoldReason, Plan, Verdict
from controller.planning.base.digest import fingerprint
from controller.planning.base.inputs import Inputs
from controller.reconcile import engine as module
from controller.reconcile.audit import audit
from controller.reconcile.engine import Engine, okta_fingerprint
from controller.reconcile.report import Report
from controller.reconcile.state_codec import encode_memory
from controller.settings import Settings
from tests.unit.planning import world
from tests.unit.reconcile.fakes import FakeConnector, FakeWorld
from tests.unit.reconcile.reports import INTEGRATION, action, inputs, resource, setting

TOKEN = {("team", "okta-api", "apiToken"): SecretStr("t0ken")}


def make_engine(fake: FakeWorld, metrics: Metrics | None = None, **settings: object) -> Engine:
    clock = ManualClock(world.NOW)
    return Engine(FakeConnector(fake), clock, Settings(**settings), metrics or Metrics())


@pytest.fixture(autouse=True)
def simple_desired(monkeypatch: pytest.MonkeyPatch) -> None:
    """The desired state of the planning tests, whose attributes the world in memory has."""

    def build(given: Inputs) -> tuple[object, tuple[()]]:
        spec = given.integration.spec
        return world.make_desired(mode=spec.mode, group=None), ()

    monkeypatch.setattr(module, "build_desired", build)


def observing(mode: str = "Enforce", **spec: object) -> Inputs:
    return inputs(integration=resource("ScimIntegration", {**INTEGRATION, "mode": mode, **spec}))


PEOPLE = tuple(world.person(number) for number in range(3))


async def run(
    fake: FakeWorld, given: Inputs | None = None, memory: Memory | None = None, **more: object
) -> Report:
    return await make_engine(fake).run(given or observing(), TOKEN, memory or Memory(), **more)


async def test_a_run_reads_the_app_first_then_plans_applies_and_remembers() -> None:
    fake = FakeWorld(world.actual(PEOPLE))
    report = await run(fake)
    assert report.error is None
    assert fake.calls[:2] == ["connect", "observe okta_app"]
    assert fake.calls[-1] == "apply provider_people"
    assert [one.result for one in report.outcomes] == [Result.DONE] * 3
    assert len(report.memory.pairs) == 3
    assert report.wrote
    again = await run(fake, memory=report.memory)
    assert again.plan is not None
    assert (again.plan.actions, again.outcomes, again.wrote) == ((), (), False)


@pytest.mark.parametrize(
    ("mode", "reason"), [("Observe", HoldReason.OBSERVING), ("Approve", HoldReason.AWAITING_APPROVAL)]
)
async def test_who_may_not_write_does_not(mode: str, reason: HoldReason) -> None:
    fake = FakeWorld(world.actual(PEOPLE))
    report = await run(fake, observing(mode))
    assert fake.done == []
    assert report.verdict is not None
    assert report.verdict.reason is reason


async def test_a_plan_alone_writes_nothing_and_keeps_nothing_from_running() -> None:
    fake = FakeWorld(world.actual(PEOPLE))
    report = await run(fake, write=False)
    assert fake.done == []
    assert report.verdict is not None
    assert len(report.verdict.run) == 3


async def test_suspended_connects_to_nothing() -> None:
    fake = FakeWorld(world.actual(PEOPLE))
    report = await run(fake, observing(suspend=True))
    assert fake.calls == []
    assert (report.plan, report.error) == (None, None)


@pytest.mark.parametrize("target", ["okta_app", "okta_people", "provider_settings", "provider_people"])
async def test_a_reading_that_fails_ends_the_run_before_any_write(target: str) -> None:
    error = Unavailable("half a listing", system="Okta")
    fake = FakeWorld(world.actual(PEOPLE), error_at={f"observe {target}": error})
    report = await run(fake, memory=world.memory())
    assert report.error is error
    assert (report.plan, fake.done) == (None, [])
    assert report.memory == world.memory()


@pytest.mark.parametrize(
    "error",
    [
        Unauthorized("no", system="SCIM"),
        RateLimited("slow", system="SCIM", retry_after_seconds=5),
        Unavailable("down", system="SCIM"),
    ],
)
async def test_what_makes_the_rest_senseless_skips_it(error: Exception) -> None:
    fake = FakeWorld(world.actual(PEOPLE), error_at={"CreateAccount/00u1": error})
    report = await run(fake)
    assert report.error is error
    results = {one.action.subject: one.result for one in report.outcomes}
    assert results == {"00u0": Result.DONE, "00u1": Result.FAILED, "00u2": Result.SKIPPED}
    assert set(report.memory.pairs) == {"00u0"}


async def test_a_failure_of_one_action_skips_only_what_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    table = setting()
    needy = action(ActionKind.CREATE_ACCOUNT, 1, needs=(table.key,))
    free = action(ActionKind.CREATE_ACCOUNT, 2, after=(("userName", "p2@acme.com"), ("active", True)))
    plan = Plan((table, needy, free), "d")
    monkeypatch.setattr(module, "make_plan", lambda *_: plan)
    monkeypatch.setattr(module, "judge", lambda *_: Verdict(plan.actions))
    fake = FakeWorld(world.actual(PEOPLE), fail={table.key: "Rejected"})
    report = await run(fake)
    results = {one.action.key: (one.result, one.reason) for one in report.outcomes}
    assert results == {
        table.key: (Result.FAILED, "Rejected"),
        needy.key: (Result.SKIPPED, "DependencyFailed"),
        free.key: (Result.DONE, ""),
    }


async def test_a_bug_is_counted_and_reported_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    metrics, fake = Metrics(), FakeWorld(error_at={"observe okta_app": KeyError("bug")})
    report = await make_engine(fake, metrics).run(observing(), TOKEN, Memory())
    assert isinstance(report.error, KeyError)
    assert metrics.registry.get_sample_value("scim_operator_unexpected_errors_total") == 1
    assert "unexpected error" in caplog.text


async def test_a_bug_in_remembering_keeps_what_was_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(*_: object) -> Memory:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "remember", forget)
    report = await run(FakeWorld(world.actual(PEOPLE)), memory=world.memory())
    assert isinstance(report.error, ZeroDivisionError)
    assert report.memory == world.memory()
    assert len(report.outcomes) == 3


async def test_a_spec_that_cannot_be_ends_the_run_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Inputs) -> None:
        raise SpecError("no", field="spec.okta")

    monkeypatch.setattr(module, "build_desired", refuse)
    fake = FakeWorld()
    report = await run(fake)
    assert isinstance(report.error, SpecError)
    assert fake.calls == []


async def test_people_of_ours_who_are_not_listed_are_looked_for() -> None:
    accounts = [world.account_of(one) for one in PEOPLE]
    fake = FakeWorld(world.actual(PEOPLE[:2], accounts), {PEOPLE[2].okta_id: PersonState.DEACTIVATED})
    report = await run(fake, memory=world.memory(accounts))
    assert "observe_missing 00u2" in fake.calls
    assert fake.done == ["DeactivateAccount/00u2"]
    assert report.error is None


def keeping_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    desired = world.make_desired(group=world.desired_scim_groups(), mode="Enforce")
    monkeypatch.setattr(module, "build_desired", lambda given: (desired, ()))


async def test_groups_are_read_where_memberships_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    keeping_groups(monkeypatch)
    state = world.with_groups(world.actual(PEOPLE), {"Sales": [], "Engineering": []})
    fake = FakeWorld(state)
    report = await run(fake)
    assert report.error is None
    assert "observe_groups Engineering,Sales" in fake.calls
    assert [one.result for one in report.outcomes] == [Result.DONE] * 6
    assert report.memory.placed == dict.fromkeys(report.memory.pairs, "Sales")
    again = await run(fake, memory=report.memory)
    assert again.plan is not None
    assert again.plan.actions == ()


async def test_groups_are_not_read_of_a_provider_that_is_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeping_groups(monkeypatch)
    state = world.with_provider(world.actual(PEOPLE), organization=world.organization(scim_enabled=False))
    fake = FakeWorld(state)
    report = await run(fake)
    assert report.error is None
    assert [call for call in fake.calls if "groups" in call] == []


async def test_what_a_run_is_about_to_do_is_kept_before_its_first_write() -> None:
    kept: list[tuple[str, list[str], int]] = []
    accounts = [world.account_of(PEOPLE[0], values=("Wrong", "x@acme.com", "Sales"))]
    fake = FakeWorld(world.actual(PEOPLE[:1], accounts))

    async def keep(integration: object, intent: Memory) -> None:
        kept.append((integration.name, list(fake.done), len(intent.window)))  # type: ignore[attr-defined]

    engine = Engine(FakeConnector(fake), ManualClock(world.NOW), Settings(), Metrics(), keep)
    await engine.run(observing(), TOKEN, world.memory(accounts))
    assert kept == [("calendly", [], 1)]
    assert fake.done == ["UpdateAccount/00u0"]


async def test_an_intent_that_was_carried_out_is_what_is_remembered() -> None:
    """However long the writes took; only what was read back is new."""
    kept: list[Memory] = []
    accounts = [world.account_of(PEOPLE[0], values=("Wrong", "x@acme.com", "Sales"))]
    fake, clock = FakeWorld(world.actual(PEOPLE[:1], accounts)), ManualClock(world.NOW)
    fake.after = lambda action: clock.advance(400)

    async def keep(_: object, intent: Memory) -> None:
        kept.append(intent)

    engine = Engine(FakeConnector(fake), clock, Settings(), Metrics(), keep)
    known = (await engine.run(observing(), TOKEN, world.memory(accounts), write=False)).memory
    report = await engine.run(observing(), TOKEN, known)
    assert report.memory.confirmed != kept[0].confirmed
    intended = replace(report.memory, confirmed=kept[0].confirmed, confirmed_paths=kept[0].confirmed_paths)
    assert encode_memory(intended) == encode_memory(kept[0])


async def test_where_nothing_can_be_kept_nothing_is_written() -> None:
    accounts = [world.account_of(PEOPLE[0], values=("Wrong", "x@acme.com", "Sales"))]
    fake = FakeWorld(world.actual(PEOPLE[:1], accounts))
    lost = Conflict("somebody else has written", system="Kubernetes", status=409)

    async def refuse(*_: object) -> None:
        raise lost

    engine = Engine(FakeConnector(fake), ManualClock(world.NOW), Settings(), Metrics(), refuse)
    report = await engine.run(observing(), TOKEN, world.memory(accounts))
    assert (report.error, fake.done) == (lost, [])


class Killed(BaseException):
    """The process dies here."""


async def test_killed_after_any_action_and_run_again_the_end_is_the_same() -> None:
    crowd = tuple(world.person(number) for number in range(5))
    accounts = [
        world.account_of(crowd[0]),
        world.account_of(crowd[1], values=("Wrong", "x@acme.com", "Sales")),
    ]
    people = (replace(crowd[0], state=PersonState.DEACTIVATED), *crowd[1:])

    async def play(kill_at: int) -> FakeWorld:
        fake = FakeWorld(world.actual(people, accounts))

        def die(_: Action) -> None:
            if len(fake.done) == kill_at:
                fake.after = lambda action: None
                raise Killed

        fake.after = die
        memory = world.memory(accounts)
        with contextlib.suppress(Killed):
            memory = (await run(fake, memory=memory)).memory
        report = await run(fake, memory=memory)
        assert report.error is None
        return fake

    whole = await play(kill_at=-1)
    assert len(whole.done) == 5
    for number in range(1, 6):
        fake = await play(number)
        assert fake.state.accounts == whole.state.accounts
        assert sorted(fake.done) == sorted(whole.done), "nothing is done twice and nothing is lost"


def audited(caplog: pytest.LogCaptureFixture) -> tuple[dict[str, Any], dict[str, Any]]:
    """The facts of the two lines of the only write: before it is sent, and what became of it."""
    started, written = [one for one in caplog.records if one.name == "controller.audit"]
    assert (started.message, written.message) == ("write starts", "write")
    return started.facts, written.facts  # type: ignore[attr-defined]


async def test_every_write_is_two_lines_of_the_audit_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "controller.audit")
    await run(FakeWorld(world.actual(PEOPLE[:1])))
    started, facts = audited(caplog)
    assert started == {**facts, "result": "Started"}
    assert (facts["resource"], facts["action"], facts["label"]) == (
        "team/calendly",
        "CreateAccount",
        "p0@acme.com",
    )
    assert facts["after"]["userName"] == "p0@acme.com"
    assert (facts["result"], facts["generation"]) == ("Done", 1)


async def test_an_approver_is_named_for_what_was_approved_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "controller.audit")
    given = observing()
    left_over = replace(given.integration, annotations={APPROVED_BY: "ada"})
    await run(FakeWorld(world.actual(PEOPLE[:1])), replace(given, integration=left_over))
    assert all("approvedBy" not in facts for facts in audited(caplog))
    verdict = Verdict((), memory_approved="d1", approved_keys=frozenset({fingerprint(action())}))
    audit(replace(given, integration=left_over), Outcome(action(), Result.DONE), "login", verdict)
    facts = caplog.records[-1].facts  # type: ignore[attr-defined]
    assert (facts["approvedBy"], facts["approval"]) == ("ada", "d1")


async def test_the_audit_log_can_do_without_names(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "controller.audit")
    engine = make_engine(FakeWorld(world.actual(PEOPLE[:1])), people_in_status="id")
    await engine.run(observing(), TOKEN, Memory())
    for facts in audited(caplog):
        assert "p0@acme.com" not in json.dumps(facts)
        assert "userName" in facts["fields"]


async def test_many_people_are_planned_in_a_thread_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LARGE", 1)
    report = await run(FakeWorld(world.actual(PEOPLE)))
    assert len(report.outcomes) == 3


def test_the_fingerprint_of_a_credential_changes_with_it_and_tells_nothing() -> None:
    one = okta_fingerprint(inputs(), TOKEN)
    other = okta_fingerprint(inputs(), {("team", "okta-api", "apiToken"): SecretStr("t0ken2")})
    assert one != other
    assert "t0ken" not in one
    assert okta_fingerprint(inputs(org=None), TOKEN) == ""


UNASSIGNED = {PEOPLE[2].okta_id: PersonState.ACTIVE}


async def test_somebody_who_is_not_listed_is_asked_for_again_before_a_removal() -> None:
    accounts = [world.account_of(one) for one in PEOPLE]
    fake = FakeWorld(world.actual(PEOPLE[:2], accounts), UNASSIGNED)
    await run(fake, memory=world.memory(accounts))
    assert "look_again 00u2" in fake.calls
    assert fake.done == ["DeactivateAccount/00u2"]
    there = FakeWorld(world.actual(PEOPLE[:2], accounts), UNASSIGNED, left_out=frozenset(UNASSIGNED))
    report = await run(there, memory=world.memory(accounts))
    assert (there.done, report.actual and report.actual.assignments.left_out) == ([], 1)


def hasty(fake: FakeWorld) -> Engine:
    """An engine whose runs are over before they have begun."""
    settings = Settings().model_copy(update={"run_deadline_seconds": 0.0})
    return Engine(FakeConnector(fake), ManualClock(world.NOW), settings, Metrics())


async def test_a_reading_that_takes_too_long_is_given_up_and_begun_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "read_everything", never)
    report = await hasty(FakeWorld(world.actual(PEOPLE))).run(observing(), TOKEN, Memory())
    assert isinstance(report.error, Waiting) and report.error.reason == "RunDeadline"
    assert "reading Okta and the provider takes longer" in report.error.message


async def test_each_run_that_the_deadline_ends_keeps_what_it_has_done_until_all_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A first push of thousands takes longer than one run may: one write of each run is enough to end."""
    state, memory, writes = world.actual(PEOPLE), Memory(), list[int]()
    loop, elapsed = asyncio.get_running_loop(), [0.0]
    usual = loop.time
    monkeypatch.setattr(loop, "time", lambda: usual() + elapsed[0])
    for number in range(len(PEOPLE) + 1):
        fake = FakeWorld(state)
        fake.after = lambda action: elapsed.__setitem__(0, elapsed[0] + 10_000)
        report = await run(fake, memory=memory)
        state, memory = fake.state, report.memory
        writes.append(len(fake.done))
        if number < len(PEOPLE) - 1:
            assert isinstance(report.error, Waiting) and report.error.delay_seconds < 5
            assert Result.SKIPPED in {one.result for one in report.outcomes}
        else:
            assert report.error is None
    assert writes == [1] * len(PEOPLE) + [0]
    assert len(memory.pairs) == len(PEOPLE)
