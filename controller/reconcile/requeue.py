"""How long until an integration is looked at again: jittered interval, error backoff, resets. Pure.

Called by the worker of the queue after each run. Retries never exceed the interval, because a broken
integration must not cost an org more calls than a working one.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from controller.errors import RateLimited, SpecError, Unauthorized, Unavailable, Waiting
from controller.model.actions import Result
from controller.parsing import parse_moment
from controller.reconcile.report import Report
from controller.reconcile.schedule import Next

FIRST_RETRY_SECONDS = 2.0
SLOW_RETRY_SECONDS = 300.0
GATE_SECONDS = 60.0
SOON_SECONDS = 300.0
"""Until a second complete read that removals wait for."""
FIRST_LOOK_SECONDS = 60.0
ACKNOWLEDGEMENT = "Acknowledgement"
LONGEST_EXPONENT = 16
TAKEN = frozenset({"Conflict", "AlreadyExists"})
"""Reasons of somebody whose name or id another account has: what a run for a few people may not have read."""
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
        goes_on = report.plan is not None and report.plan.goes_on and has_succeeded(report)
        failed = {outcome.reason for outcome in report.outcomes if outcome.result is Result.FAILED}
        rematches = "Conflict" in failed and not failures
        others = bool(failed & TAKEN) and not failures and not report.is_complete
        follows = goes_on or report.wants_complete_read or others
        is_complete, until = report.is_complete, self._until_complete(report)
        if failed & TRANSIENT or rematches:
            return Next(self.backoff(failures), failed=True, read_at_once=follows, was_complete=is_complete)
        return Next(until, read_at_once=follows, was_complete=is_complete)

    def until_retry(self, error: Exception, failures: int) -> float:
        """Seconds until something that ended with `error` is tried again, if nothing changes before."""
        if isinstance(error, SpecError):
            return self.jittered(self.interval_seconds)
        if isinstance(error, Waiting):
            return min(error.delay_seconds, self.interval_seconds)
        return self._after_remote_error(error, failures).delay_seconds or self.interval_seconds

    def _until_complete(self, report: Report) -> float:
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
