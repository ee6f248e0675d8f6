"""`make test`: every test that this machine can run, after the checks on the code itself.

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
    workers = os.environ.get("TEST_WORKERS", str(min(4, os.cpu_count() or 2)))
    # A file stays on one worker: what it builds, a world or an image, is dear and shared by its tests.
    spread = ["-n", workers, "--dist", "loadfile", "--no-loadscope-reorder"]
    arguments = [sys.executable, "-m", "pytest", *spread, "--durations=10", "-rs", *sys.argv[1:]]
    if subprocess.run(arguments, cwd=ROOT).returncode != 0:
        failed.append("tests")
    print(f"{time.monotonic() - started:.0f} s in all" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
