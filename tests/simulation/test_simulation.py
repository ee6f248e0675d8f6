"""The simulation itself: one seed is one trace, byte for byte, whatever ran before it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 20


def simulate(*arguments: str) -> str:
    """The last line of a run in a process of its own, where objects have other addresses."""
    command = [sys.executable, "-m", "tests.simulation", "--quick", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ}, check=False)
    assert run.stdout, run.stderr
    return run.stdout.splitlines()[-1]


def test_one_seed_is_one_trace() -> None:
    first = simulate("--short", "--seeds", str(SEEDS), "--workers", "2")
    second = simulate("--short", "--seeds", str(SEEDS), "--workers", "1")
    assert first == second
    assert f"worlds={SEEDS}" in first
