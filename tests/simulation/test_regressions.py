"""Every world that once showed a defect. What an issue has still to fix is expected to fail, and must."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.simulation.known import KNOWN
from tests.simulation.regressions import REGRESSIONS, Regression
from tests.simulation.test_simulation import ROOT


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    """Name of a regression -> holds or broken."""
    command = [sys.executable, "-m", "tests.simulation", "--regressions"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(line.split(": ") for line in run.stdout.splitlines() if ": " in line)


def cases() -> list[object]:
    marks = {
        one.name: [pytest.mark.xfail(reason=f"waits for {one.issue}", strict=True)] if one.issue else []
        for one in REGRESSIONS
    }
    return [pytest.param(one, id=one.name, marks=marks[one.name]) for one in REGRESSIONS]


@pytest.mark.parametrize("regression", cases())
def test_the_invariant_holds(regression: Regression, outcomes: dict[str, str]) -> None:
    assert outcomes[regression.name] == "holds"


def test_each_known_defect_has_a_seed_that_shows_it() -> None:
    waiting = {one.invariant: one.issue for one in REGRESSIONS if one.issue}
    assert set(KNOWN.items()) == set(waiting.items())
