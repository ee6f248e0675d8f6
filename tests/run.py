"""`make test`: every test that this machine can run, after the checks on the code itself.

The tests of what is pure run first, with their branches counted: one that no test takes is a failure.
Prints what was skipped and why, and which tests took longest. With REQUIRE_ALL=1 a skipped
real component is a failure (kubectl and KUBEBUILDER_ASSETS are exempt).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

CHECKS = (
    ("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "."]),
    ("lint", [str(BIN / "ruff"), "check", "--quiet", "."]),
    ("types", [str(BIN / "mypy"), "--no-error-summary"]),
    ("layers", [str(BIN / "lint-imports")]),
)


PURE = ("controller.model", "controller.planning", "controller.reconcile.conditions")
"""What decides and does no I/O: every branch of it is taken by its own unit tests."""
PURE_TESTS = ("tests/unit/model", "tests/unit/planning", "tests/unit/reconcile/test_conditions.py")


def pytest(*arguments: str) -> bool:
    """Whether pytest passed, on as many workers as there are processors, four at most."""
    workers = os.environ.get("TEST_WORKERS", str(min(4, os.cpu_count() or 2)))
    command = [sys.executable, "-m", "pytest", "-n", workers, "-rs", *arguments]
    return subprocess.run(command, cwd=ROOT).returncode == 0


def every_branch() -> bool:
    """Whether the tests of what is pure pass and leave no branch of it out."""
    measure = [f"--cov={room}" for room in PURE]
    report = ("--cov-branch", "--cov-report=term-missing:skip-covered", "--cov-fail-under=100")
    return pytest(*PURE_TESTS, *measure, *report)


WORLDS = 120
"""Simulated worlds in a run: about four minutes of two processors."""


def simulated() -> bool:
    """Whether nothing happened in today's worlds that must never happen. Bounded by number, not by time, so
    that a slow machine judges the same worlds; a failure prints its seed and what replays it."""
    workers = os.environ.get("TEST_WORKERS", str(min(4, os.cpu_count() or 2)))
    print("simulated worlds, other seeds each day:", flush=True)
    command = [sys.executable, "-m", "tests.simulation", "--today", "--gate"]
    return subprocess.run([*command, "--seeds", str(WORLDS), "--workers", workers], cwd=ROOT).returncode == 0


def main() -> int:
    """0 only if every check and every test passed."""
    started = time.monotonic()
    failed = []
    for name, command in CHECKS:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        print(f"{name:<8} {'ok' if run.returncode == 0 else 'FAILED'}", flush=True)
        if run.returncode != 0:
            failed.append(name)
            print(run.stdout + run.stderr)
    asked = sys.argv[1:]
    if not asked and not every_branch():
        failed.append("branches of what is pure")
    if not asked and not simulated():
        failed.append("simulated worlds")
    # A file stays on one worker: what it builds, a world or an image, is dear and shared by its tests.
    spread = ("--dist", "loadfile", "--no-loadscope-reorder", "--durations=10")
    if not pytest(*spread, *(asked or [f"--ignore={path}" for path in PURE_TESTS])):
        failed.append("tests")
    print(f"{time.monotonic() - started:.0f} s in all" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
