"""The alert rules, judged by promtool: their syntax, and each made to fire for its cause only."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import missing

ROOT = Path(__file__).parents[3]
RULES = ROOT / "charts" / "scim-operator" / "files" / "alerts.yaml"
CASES: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())


def promtool() -> str:
    path = shutil.which("promtool")
    if path is None:
        missing("promtool (Debian package prometheus)")
    return str(path)


def rules() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load(RULES.read_text())
    return {rule["alert"]: rule for group in document["groups"] for rule in group["rules"]}


def test_promtool_accepts_the_rules() -> None:
    run = subprocess.run([promtool(), "check", "rules", str(RULES)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_alert_has_a_case() -> None:
    assert set(rules()) == set(CASES)


def expectation(alert: str, series: dict[str, str], minutes: int, fires: bool) -> dict[str, Any]:
    """A promtool unit test that asks whether ALERTS has `alert` firing."""
    samples = [
        {"eval_time": f"{minutes}m", "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) > 0'}
    ]
    samples[0]["exp_samples"] = [{"labels": "{}", "value": 1}] if fires else []  # type: ignore[assignment]
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": samples,
    }


@pytest.mark.parametrize("alert", CASES)
def test_the_alert_fires_for_its_cause_only(alert: str, tmp_path: Path) -> None:
    case = CASES[alert]
    tests = [
        expectation(alert, case["fires"], case["after_minutes"], True),
        expectation(alert, case["quiet"], case["after_minutes"], False),
    ]
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    run = subprocess.run([promtool(), "test", "rules", str(file)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
