"""The shortest list of events that still fails: drop some, try again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.simulation.model.judge import Finding
from tests.simulation.run import Result

TRIES = 80


def shrink(
    attempt: Callable[[frozenset[int]], Result], numbers: Iterable[int], invariant: str, tries: int = TRIES
) -> tuple[frozenset[int], Result | None]:
    """The smallest set of `numbers` found with which `invariant` is still broken, and its result (None where
    nothing could be dropped). Halves are dropped first, then quarters, then single events."""
    kept, best, size = sorted(numbers), None, max(1, len(list(numbers)) // 2)
    while tries > 0 and kept:
        dropped = False
        start = 0
        while start < len(kept) and tries > 0:
            fewer = frozenset(kept[:start] + kept[start + size :])
            tries -= 1
            result = attempt(fewer)
            if breaks(result.findings, invariant):
                kept, best, dropped = sorted(fewer), result, True
            else:
                start += size
        if size == 1 and not dropped:
            break
        size = max(1, size // 2)
    return frozenset(kept), best


def breaks(findings: Iterable[Finding], invariant: str) -> bool:
    """Whether `invariant` is among them."""
    return any(finding.invariant == invariant for finding in findings)
