"""The Dockerfile and the shell scripts, judged by their linters and by rules that no linter knows."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import missing

ROOT = Path(__file__).parents[3]


def tool(name: str) -> str:
    path = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if path is None:
        missing(f"{name} (requirements/components.txt)")
    return str(path)


def test_hadolint_finds_nothing() -> None:
    run = subprocess.run([tool("hadolint"), str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_shellcheck_finds_nothing() -> None:
    run = subprocess.run([tool("shellcheck"), str(ROOT / ".ci" / "run")], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_the_image_runs_as_nobody_in_particular() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    last_stage = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM")) :]
    assert "USER 65532:65532" in last_stage
    assert 'ENTRYPOINT ["scimctl"]' in last_stage


def test_the_base_is_an_argument() -> None:
    assert "FROM ${BASE}" in (ROOT / "Dockerfile").read_text()
