"""What one run has reached so far: the report is made of it whatever happens, and the picture of the next.

Used by the engine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from controller.model.actions import ActionKind, Outcome, Result
from controller.model.actual import Actual, Memory
from controller.model.people import OktaId, Refresh
from controller.model.plan import Frozen, Plan, Problem, Verdict
from controller.planning.base.desired import Desired
from controller.planning.base.inputs import Inputs
from controller.planning.policy.freshness import awaits_read
from controller.planning.seats.admission import TAKES
from controller.planning.state.picture import after_writes
from controller.reconcile.pictures import Picture
from controller.reconcile.report import Report
from controller.targets.base import Targets

NEEDS_OTHER = "DependencyFailed"
"""Reason of an action that was not tried since one that it needs did not succeed."""
NO_USE_TO_TRY = frozenset({"Rejected", "Conflict", "AlreadyExists"})
"""Reasons of the provider that concern one person, who is refused again as long as nothing changes."""


@dataclass(slots=True)
class Progress:
    """What a run has reached; the report is made of it whatever happens."""

    inputs: Inputs
    started: datetime
    refresh: Refresh
    memory: Memory
    targets: Targets | None = None
    basis: object = None
    picture: Picture | None = None
    """What was known before the run."""
    is_complete: bool = False
    """Everything was to be read, since it was asked for or nothing was known."""
    credential: str = ""
    frozen: Frozen | None = None
    desired: Desired | None = None
    actual: Actual | None = None
    plan: Plan | None = None
    verdict: Verdict | None = None
    problems: tuple[Problem, ...] = ()
    began: datetime | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    """Keys of the actions that did not succeed."""
    failing: tuple[Outcome, ...] = ()
    """What failed in an earlier run and was not tried again."""
    refused: frozenset[OktaId] = frozenset()
    """People whom the provider refuses: they hold no seat."""
    ends_at: float = math.inf
    """The loop's time from which nothing more is begun."""

    def report(self, finished: datetime, error: Exception | None) -> Report:
        return Report(
            self.inputs,
            self.started,
            finished,
            self.is_complete,
            self.desired,
            self.actual,
            self.plan,
            self.verdict,
            tuple(self.outcomes),
            error,
            self.problems,
            self.memory,
            self.failing,
            self._wants_complete_read,
            self.picture.trouble if self.picture is not None and not self.is_complete else None,
        )

    def refused_before(self) -> frozenset[OktaId]:
        """Whom an earlier run found refused, and this one is not about."""
        if self.is_complete or self.picture is None:
            return frozenset()
        found = refusals(self.picture.failures.values())
        return frozenset(OktaId(one.action.subject) for one in found) - (self.refresh.people or frozenset())

    def failures(self) -> dict[str, Outcome]:
        """What a run for a few others does not try again, by the action's key."""
        refused = [one for one in self.outcomes if one.result is Result.FAILED or one.reason == NEEDS_OTHER]
        return {one.action.key: one for one in (*self.failing, *refused)}

    @property
    def _wants_complete_read(self) -> bool:
        """Whether a small run has found something that only a complete one can tell."""
        if self.is_complete or self.actual is None or self.actual.fresh is None:
            return False
        unread = (self.refresh.people or frozenset()) - self.actual.fresh
        return bool(unread) or (self.verdict is not None and awaits_read(self.verdict))


def refusals(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The seats that people were given in vain, for a reason of their own that another try does not
    change."""
    return [
        one
        for one in outcomes
        if one.result is Result.FAILED and one.action.kind in TAKES and one.reason in NO_USE_TO_TRY
    ]


def sent(progress: Progress) -> frozenset[ActionKind]:
    """What was sent, whatever came of it."""
    return frozenset(one.action.kind for one in progress.outcomes if one.result is not Result.SKIPPED)


def known_after(progress: Progress, desired: Desired, actual: Actual) -> Actual | None:
    """The picture after the writes; None if it has to be read as a whole again."""
    assert progress.targets is not None
    if sent(progress) & progress.targets.okta_people.handles:
        return None
    return after_writes(desired, actual, progress.outcomes)


def outdated(progress: Progress) -> frozenset[str]:
    """The targets for settings that were written to."""
    assert progress.targets is not None
    settings, kinds = (progress.targets.provider_settings, progress.targets.okta_app), sent(progress)
    return frozenset(target.name for target in settings if kinds & target.handles)
