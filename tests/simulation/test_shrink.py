"""The shortest list of events that still fails."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.model.judge import Finding
from tests.simulation.run import Result
from tests.simulation.shrink import shrink


def world(needed: frozenset[int], keep: frozenset[int]) -> Result:
    """A world in which something breaks as soon as all of `needed` happen, and something else always does."""
    findings = [Finding("Another", "", 0.0, "")]
    if needed <= keep:
        findings.append(Finding("Broken", "", 0.0, ""))
    return Result(1, findings)


@given(st.frozensets(st.integers(0, 39), max_size=3))
def test_only_what_is_needed_is_kept(needed: frozenset[int]) -> None:
    kept, result = shrink(lambda keep: world(needed, keep), range(40), "Broken", tries=1000)
    assert kept == needed
    assert result is not None
    assert [finding.invariant for finding in result.findings] == ["Another", "Broken"]


@given(st.frozensets(st.integers(0, 39), max_size=3), st.integers(0, 30))
def test_what_is_kept_breaks_however_few_tries_there_are(needed: frozenset[int], tries: int) -> None:
    calls = []

    def attempt(keep: frozenset[int]) -> Result:
        calls.append(keep)
        return world(needed, keep)

    kept, _ = shrink(attempt, range(40), "Broken", tries)
    assert needed <= kept
    assert len(calls) <= tries


def test_where_every_event_is_needed_nothing_is_dropped() -> None:
    kept, result = shrink(lambda keep: world(frozenset(range(5)), keep), range(5), "Broken")
    assert kept == frozenset(range(5))
    assert result is None
