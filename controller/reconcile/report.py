"""What one run found, did and leaves behind: the only thing that status, events and metrics are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from controller.errors import ControllerError
from controller.model.actions import Outcome
from controller.model.actual import Actual, Memory
from controller.model.plan import Plan, Problem, Verdict
from controller.planning.base.desired import Desired
from controller.planning.base.inputs import Inputs


@dataclass(frozen=True, slots=True)
class Report:
    """One run, which is over everybody. Fields that the run did not reach are None; `error` says why it ended
    early.

    `error` is a ControllerError, or any other exception, which is a bug and is reported as UnexpectedError.
    Failed actions are outcomes, never an error.
    """

    inputs: Inputs
    started: datetime
    finished: datetime
    is_complete: bool = True
    """Everything was read in this run, or was to be read when it ended; else a few people into what was known
    of the others."""
    desired: Desired | None = None
    actual: Actual | None = None
    plan: Plan | None = None
    verdict: Verdict | None = None
    outcomes: tuple[Outcome, ...] = ()
    error: Exception | None = None
    problems: tuple[Problem, ...] = ()
    """What was wrong before there was a plan and left the rest of desired state standing."""
    memory: Memory = field(default_factory=Memory)
    """To be stored before the next run; also after an error."""
    failing: tuple[Outcome, ...] = ()
    """What an earlier run has tried in vain and this one has not tried again."""
    wants_complete_read: bool = False
    """Only a complete read can tell what this run has to know."""
    trouble: ControllerError | None = None
    """Why the last complete read came to nothing, where this run has read a few people since."""

    @property
    def wrote(self) -> bool:
        """Whether anything was sent that changes something."""
        return bool(self.outcomes)
