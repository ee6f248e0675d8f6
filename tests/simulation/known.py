"""Defects that the judge has found and that an issue will fix: an invariant, when it counts as known, the issue.

An entry is narrow: one invariant, and only as long as the issue is open. Whoever closes the issue takes its
entries out; a world that breaks the invariant fails from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.model.judge import Finding

ONE_PICTURE = 'issue "One picture, one plan"'


@dataclass(frozen=True, slots=True)
class Known:
    """One defect."""

    invariant: str
    issue: str
    why: str
    applies: Callable[[Finding], bool] = lambda finding: True


KNOWN = (
    Known("WaitingIsToldAsItIs", ONE_PICTURE, "a small run says that nobody waits"),
    Known("UsedSeatsAreToldAsTheyAre", ONE_PICTURE, "a small run counts seats by its own actions"),
    Known(
        "AFreeSeatIsPassedOn", ONE_PICTURE, "a seat that a small run frees is passed on by the next full run"
    ),
)


def issue_of(finding: Finding) -> str:
    """The issue that knows `finding`; "" where none does."""
    for known in KNOWN:
        if known.invariant == finding.invariant and known.applies(finding):
            return known.issue
    return ""
