"""The Dockerfile, the shell scripts and the workflow, judged by their linters and by rules of our own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

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


def test_the_build_sees_the_operators_package_and_no_sandbox() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    requirements = ["requirements/runtime.txt", "requirements/sbom.py"]
    assert copied == [requirements, ["controller"], ["LICENSE"]]
    seen = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    assert seen == {name for names in copied for name in names}


def test_the_image_is_without_what_the_wheel_leaves_out() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    left_out = project["tool"]["hatch"]["build"]["targets"]["wheel"]["exclude"]
    assert left_out and all((ROOT / name).is_file() for name in left_out)
    assert [
        line for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("controller/")
    ] == left_out


def test_the_base_is_an_argument_pinned_by_its_digest() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    (base,) = [line for line in lines if line.startswith("ARG BASE=")]
    assert re.search(r"@sha256:[0-9a-f]{64}$", base)
    stages = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert stages == ["${BASE}", "${BASE}"]


WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yaml").read_text())


def steps() -> Iterator[dict[str, Any]]:
    for job in WORKFLOW["jobs"].values():
        yield from job["steps"]


def test_the_workflow_may_read_only_and_runs_nothing_that_can_be_moved() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for step in steps():
        assert "uses" not in step or re.search(r"@[0-9a-f]{40}$", step["uses"]), step
    assert all(job["timeout-minutes"] <= 60 for job in WORKFLOW["jobs"].values())


def test_the_workflow_tries_three_minors_of_kubernetes_with_the_image_it_builds() -> None:
    matrix = WORKFLOW["jobs"]["kind"]["strategy"]["matrix"]["kubernetes"]
    assert len({version.split(".")[1] for version in matrix}) == 3
    commands = " ".join(step.get("run", "") for step in WORKFLOW["jobs"]["kind"]["steps"])
    for word in ("docker build", "kind load docker-image", "helm install", "helm test", "kubectl wait"):
        assert word in commands


def test_shellcheck_finds_nothing_in_the_workflow(tmp_path: Path) -> None:
    script = tmp_path / "steps.sh"
    runs = [step["run"] for step in steps() if "run" in step]
    text = "\n".join(re.sub(r"\$\{\{[^}]*\}\}", "value", run) for run in runs)
    script.write_text(f"#!/usr/bin/env bash\nset -euo pipefail\n{text}\n")
    run = subprocess.run([tool("shellcheck"), str(script)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
