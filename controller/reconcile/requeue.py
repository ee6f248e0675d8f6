"""How long until an integration is looked at again: jittered interval, error backoff, resets. Pure.

Called by the worker of the queue after each run. Retries never exceed the interval, because a broken
integration must not cost an org more calls than a working one.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from controller.errors import PlanRefused, RateLimited, SpecError, Unauthorized, Unavailable, Waiting
from controller.model.actions import Result
from controller.parsing import parse_moment
from controller.reconcile.conditions import IN_SYNC, TRUE
from controller.reconcile.report import Report
from controller.reconcile.schedule import Next
from controller.reconcile.totals import Amount

FIRST_RETRY_SECONDS = 2.0
SLOW_RETRY_SECONDS = 300.0
GATE_SECONDS = 60.0
SOON_SECONDS = 300.0
"""Full reads that tell what runs for some people have held follow no faster than this."""
FIRST_LOOK_SECONDS = 60.0
ACKNOWLEDGEMENT = "Acknowledgement"
LONGEST_EXPONENT = 16
TRANSIENT = frozenset({"Unavailable", "NotConfirmed", "RateLimited"})
"""Reasons of failed actions that a second look may settle; the others wait for the interval. A conflict is
looked at once more, matched anew, and then waits like them: it is no use to ask again and again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How runs follow each other. `interval_seconds` is spec.interval; jitter spreads full reads, so that a
    restart does not send every integration to Okta in one wave."""

    interval_seconds: float
    jitter_percent: int
    dice: random.Random

    def jittered(self, seconds: float) -> float:
        """`seconds` less up to the jitter's share of it."""
        return seconds * (1 - self.dice.random() * self.jitter_percent / 100)

    def backoff(self, failures: int, cap: float | None = None) -> float:
        """Exponential with full jitter in its upper half, below the interval."""
        longest = min(self.interval_seconds, cap or self.interval_seconds)
        bound = min(longest, FIRST_RETRY_SECONDS * 2.0 ** min(failures, LONGEST_EXPONENT))
        return bound * (0.5 + self.dice.random() / 2)

    def after(self, report: Report, failures: int) -> Next:
        """What follows `report`; `failures` counts the failed runs in a row before it."""
        if report.error is not None:
            return self._after_error(report, report.error, failures)
        wants_full = report.plan is not None and report.plan.wants_full
        wants_full = wants_full and (not report.scope.is_full or has_succeeded(report))
        hidden = hides_something(report)
        within = max(SOON_SECONDS, self.interval_seconds / 4) if hidden else None
        wants_full = wants_full or (hidden and tells_all_is_well(report))
        failed = {outcome.reason for outcome in report.outcomes if outcome.result is Result.FAILED}
        rematches = "Conflict" in failed and not failures
        wants_full = wants_full or (rematches and not report.scope.is_full)
        if failed & TRANSIENT or rematches:
            return Next(self.backoff(failures), failed=True, wants_full=wants_full)
        return Next(self._until_full(report), wants_full=wants_full, full_within_seconds=within)

    def _until_full(self, report: Report) -> float:
        """The interval, or earlier if a closed window opens before, a person may have taken a step, or
        removals wait for a second complete read."""
        delay = min(self.jittered(self.interval_seconds), _until_taken(report))
        if report.verdict is not None and report.verdict.wants_second_read:
            delay = min(delay, SOON_SECONDS)
        opens = report.verdict.opens_at if report.verdict else None
        if opens is not None:
            delay = min(delay, max(1.0, (opens - report.finished).total_seconds()))
        return delay

    def _after_error(self, report: Report, error: Exception, failures: int) -> Next:
        if isinstance(error, SpecError):
            # What only a resource can settle waits for its edit; what Okta can settle is looked at again.
            return Next(None if report.desired is None else self.jittered(self.interval_seconds), failed=True)
        if isinstance(error, PlanRefused):
            return Next(self.jittered(self.interval_seconds), failed=True)
        if isinstance(error, Waiting):
            return Next(min(error.delay_seconds, self.interval_seconds), failed=True)
        return self._after_remote_error(error, failures)

    def _after_remote_error(self, error: Exception, failures: int) -> Next:
        of_org = getattr(error, "system", "") == "Okta"
        if isinstance(error, RateLimited):
            delay = max(1.0, error.retry_after_seconds) + self.dice.random()
            return Next(delay, failed=True, gate_seconds=delay if of_org else None)
        if isinstance(error, Unauthorized):
            delay = self.jittered(min(SLOW_RETRY_SECONDS, self.interval_seconds))
            return Next(delay, failed=True, gate_seconds=delay if of_org else None)
        delay = self.backoff(failures)
        gated = isinstance(error, Unavailable) and of_org
        return Next(delay, failed=True, gate_seconds=min(delay, GATE_SECONDS) if gated else None)


def _until_taken(report: Report) -> float:
    """Seconds until it is worth a look whether a step that only a reading verifies was taken: soon while the
    step is new, ever later as it grows old, so that one that nobody takes costs the org little."""
    told = _since(report.inputs.integration.status.get("manualSteps"))
    steps = [
        step for step in (report.plan.steps if report.plan else ()) if step.verified_by != ACKNOWLEDGEMENT
    ]
    ages = [_age(report, told.get(step.step_id)) for step in steps]
    return max(FIRST_LOOK_SECONDS, min(ages) / 2) if ages else math.inf


def _since(steps: Any) -> dict[Any, Any]:
    return {step.get("id"): step.get("since") for step in steps or () if isinstance(step, dict)}


def _age(report: Report, since: object) -> float:
    begun = parse_moment(since) or report.finished
    return (report.finished - begun).total_seconds()


def has_succeeded(report: Report) -> bool:
    """Whether the run wrote something with success: only then another full run can find more."""
    return any(outcome.result is Result.DONE for outcome in report.outcomes)


def hides_something(report: Report) -> bool:
    """Whether a run for some people held an action or left a difference: only a full run puts that into
    status, and cuts the plan that somebody has to approve."""
    is_held = report.verdict is not None and bool(report.verdict.held)
    return not report.scope.is_full and (is_held or bool(Amount(report).remaining))


def tells_all_is_well(report: Report) -> bool:
    """Whether the status of the integration says that nothing differs."""
    conditions = report.inputs.integration.status.get("conditions")
    found = [c for c in conditions if isinstance(c, dict)] if isinstance(conditions, list | tuple) else []
    return any(one.get("type") == IN_SYNC and one.get("status") == TRUE for one in found)
