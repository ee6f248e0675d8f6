"""How long until the next look."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from controller.clock import rfc3339
from controller.errors import RateLimited, SpecError, Unauthorized, Unavailable, Waiting
from controller.model.actions import Result
from controller.model.plan import HoldReason, ManualStep
from controller.reconcile.requeue import Pace
from tests.unit.planning import world
from tests.unit.reconcile.reports import NOW, action, failed, inputs, outcome, report, resource

PACE = Pace(3600, 10, random.Random(1))
OKTA, SCIM = {"system": "Okta"}, {"system": "SCIM"}


def test_a_good_run_is_followed_after_the_interval_less_some_jitter() -> None:
    delays = [PACE.after(report(), 0).delay_seconds or 0 for _ in range(200)]
    assert all(3240 <= delay <= 3600 for delay in delays)
    assert max(delays) - min(delays) > 200


def test_a_closed_window_is_looked_at_when_it_opens() -> None:
    soon = report(verdict={"opens_at": NOW + timedelta(seconds=61)})
    assert PACE.after(soon, 0).delay_seconds == pytest.approx(60, abs=0.1)
    past = report(verdict={"opens_at": NOW})
    assert PACE.after(past, 0).delay_seconds == 1.0


def test_a_spec_is_not_tried_again_but_what_okta_can_settle_is() -> None:
    error = SpecError("no", field="spec.x")
    assert PACE.after(failed(error), 3).delay_seconds is None
    found_late = PACE.after(failed(error, desired=world.make_desired()), 3)
    assert found_late.delay_seconds is not None
    assert found_late.delay_seconds > 3000


def test_errors_back_off_exponentially_and_never_beyond_the_interval() -> None:
    error = failed(Unavailable("down", **SCIM))
    for failures in range(30):
        delay = PACE.after(error, failures).delay_seconds
        bound = min(3600, 2 * 2**failures)
        assert delay is not None
        assert bound / 2 <= delay <= bound
    assert PACE.after(failed(KeyError("bug")), 0).failed


def test_a_rate_limit_waits_for_its_reset_and_holds_the_whole_org() -> None:
    following = PACE.after(failed(RateLimited("slow", **OKTA, retry_after_seconds=42)), 5)
    assert following.delay_seconds is not None
    assert 42 <= following.delay_seconds <= 43
    assert following.gate_seconds == following.delay_seconds
    provider = PACE.after(failed(RateLimited("slow", **SCIM, retry_after_seconds=0)), 5)
    assert provider.gate_seconds is None
    assert (provider.delay_seconds or 0) >= 1


@pytest.mark.parametrize(("system", "gated"), [("Okta", True), ("SCIM", False)])
def test_a_refused_credential_is_tried_slowly(system: str, gated: bool) -> None:
    following = PACE.after(failed(Unauthorized("no", system=system)), 0)
    assert following.delay_seconds is not None
    assert 270 <= following.delay_seconds <= 300
    assert (following.gate_seconds is not None) is gated


def test_an_okta_that_is_down_gates_for_a_minute_at_most() -> None:
    following = PACE.after(failed(Unavailable("down", **OKTA)), 20)
    assert following.gate_seconds == 60


def test_what_is_waited_for_comes_within_the_interval() -> None:
    assert PACE.after(failed(Waiting("no", delay_seconds=30)), 0).delay_seconds == 30
    quick = Pace(60, 0, random.Random(1))
    assert quick.after(failed(Waiting("no", delay_seconds=300)), 0).delay_seconds == 60


@pytest.mark.parametrize(
    ("reason", "soon"), [("Conflict", True), ("SeatsExhausted", False), ("Rejected", False)]
)
def test_only_what_may_settle_by_itself_is_tried_soon(reason: str, soon: bool) -> None:
    made = report([action()], [outcome(action(), Result.FAILED, reason)])
    following = PACE.after(made, 0)
    assert ((following.delay_seconds or 0) <= 2) is soon
    assert following.failed is soon


def test_a_conflict_is_matched_once_more_over_everybody_and_then_waits() -> None:
    made = report([action()], [outcome(action(), Result.FAILED, "Conflict")])
    again = PACE.after(made, 1)
    assert (again.failed, (again.delay_seconds or 0) > 3000) == (False, True)
    one = PACE.after(replace(made, is_complete=False), 0)
    assert one.read_at_once, "a run for one person sees no account of another's id"
    assert not PACE.after(replace(made, is_complete=False), 1).read_at_once


def test_another_run_follows_where_this_one_could_not_know_or_has_cleared_the_way() -> None:
    assert PACE.after(report(is_complete=False, wants_complete_read=True), 0).read_at_once
    assert not PACE.after(report(plan={"goes_on": True}), 0).read_at_once
    wrote = report([action()], [outcome(action())], plan={"goes_on": True})
    assert PACE.after(wrote, 0).read_at_once


@pytest.mark.parametrize("is_complete", [True, False])
def test_the_schedule_is_told_what_was_read(is_complete: bool) -> None:
    assert PACE.after(report(is_complete=is_complete), 0).was_complete is is_complete
    bad = report([action()], [outcome(action(), Result.FAILED, "Unavailable")], is_complete=is_complete)
    assert PACE.after(bad, 0).was_complete is is_complete


@pytest.mark.parametrize(
    ("age", "verified_by", "seconds"),
    [
        (0, "Read", 60),
        (30, "Log", 60),
        (1200, "Read", 600),
        (864000, "Read", 3600),
        (0, "Acknowledgement", 3600),
    ],
)
def test_a_step_is_looked_after_soon_while_it_is_new(age: int, verified_by: str, seconds: float) -> None:
    step = ManualStep("okta-to-app", "", "", "", verified_by, blocks=False)
    since = rfc3339(NOW - timedelta(seconds=age))
    status = {"manualSteps": [{"id": "okta-to-app", "since": since}]}
    made = report(
        plan={"steps": (step,)}, inputs=inputs(integration=resource("ScimIntegration", status=status))
    )
    taken = (made.finished - NOW).total_seconds() / 2
    delay = Pace(3600, 0, random.Random(1)).after(made, 0).delay_seconds
    assert delay == pytest.approx(seconds, abs=taken + 1)


def test_a_second_complete_read_follows_soon_where_removals_wait_for_it() -> None:
    held = report([action()], held=[(action(), HoldReason.READ_INCOMPLETE)])
    assert held.verdict is not None
    waiting = replace(held, verdict=replace(held.verdict, wants_second_read=True))
    pace = Pace(3600, 0, random.Random(1))
    assert (pace.after(held, 0).delay_seconds, pace.after(waiting, 0).delay_seconds) == (3600, 300)
