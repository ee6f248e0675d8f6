"""Defects that the judge has found and that an issue will fix. A world that shows one is counted and not failed.

Each entry is an invariant that is narrower than the rule of which it is a part, so that the rule itself excuses
nothing. Each has a
seed of its own in regressions.py as a strict xfail: once the defect is fixed that test fails until the entry is
taken out here.
"""

from __future__ import annotations

from tests.simulation.model.judge import Finding

JUDGE = 'issue "A judge of our own"'
KNOWN = {
    "ARenamedGroupIsPutRight": JUDGE,
}
"""Invariant -> the issue that will fix it."""


def issue_of(finding: Finding) -> str:
    """The issue that knows `finding`; "" for none."""
    return KNOWN.get(finding.invariant, "")
