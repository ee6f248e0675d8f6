"""The judge itself is judged: a bug that is planted has to be found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.planted import PLANTED, VARIABLE, Planted
from tests.simulation.test_simulation import ROOT

SOME = 4
"""So many are tried in every run; SIMULATE_ALL_PLANTED=1 tries each whose seed is known."""
MORE = 20
"""How many seeds are tried where the noted one shows nothing: a change of the code changes every world."""
FOUND = [one for one in PLANTED if one.seed]


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_the_line_is_there_once(bug: Planted) -> None:
    source = Path(ROOT, *bug.module.split(".")).with_suffix(".py").read_text()
    assert source.count(bug.line) == 1
    assert bug.line != bug.instead


def test_names_are_given_once() -> None:
    assert len({bug.name for bug in PLANTED}) == len(PLANTED)


def invariants(bug: Planted, start: int, count: int) -> set[str]:
    """What is broken in any of those worlds with the bug."""
    command = [sys.executable, "-m", "tests.simulation", "--quick", "--verbose", "--from", str(start)]
    environment = {**os.environ, VARIABLE: bug.name}
    run = subprocess.run(
        [*command, "--seeds", str(count), "--workers", "2"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "simulated: worlds=" in run.stdout, run.stderr
    lines = [line for line in run.stdout.splitlines() if line.startswith("seed ")]
    return {name for line in lines for name in line.rpartition(": ")[2].split(", ")}


@pytest.mark.parametrize(
    "bug", FOUND if os.environ.get("SIMULATE_ALL_PLANTED") else FOUND[:SOME], ids=lambda bug: bug.name
)
def test_the_judge_finds_it(bug: Planted) -> None:
    assert bug.invariant in invariants(bug, bug.seed, 1) or bug.invariant in invariants(bug, 1, MORE)
