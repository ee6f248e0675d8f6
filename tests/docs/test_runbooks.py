"""Each alert's page says what it means, how to look and what to do, in commands and names that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
import yaml

from controller.cli.main import app
from controller.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
RULES = yaml.safe_load((ROOT / "charts" / "scim-operator" / "files" / "alerts.yaml").read_text())
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
COMMANDS = typer.main.get_group(app).commands
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    assert {page.stem for page in PAGES} == set(ALERTS)


@every_page
def test_it_says_what_it_means_who_is_affected_how_to_look_and_what_to_do(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    parts = re.findall(r"^\*\*(.+?)\.\*\*(.*(?:\n(?!\*\*).*)*)", text, re.MULTILINE)
    assert [name for name, _ in parts] == ["What it says", "Who is affected", "Look", "Mend"]
    assert all(len(told.strip()) > 20 for _, told in parts)


@every_page
def test_its_commands_exist_with_their_options(page: Path) -> None:
    for line in re.findall(r"`scimctl ([^`]+)`", page.read_text()):
        name, *rest = line.split()
        options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert {word for word in rest if word.startswith("-")} <= options, line


@every_page
def test_its_metrics_exist(page: Path) -> None:
    families = {family.name for family in Metrics().registry.collect()}
    for name in re.findall(r"scim_operator_\w+", page.read_text()):
        assert name.removesuffix("_total") in families, name


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_severity_and_says_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert len(rule["annotations"]["summary"]) <= 160
    assert rule["annotations"]["description"].endswith((".", "ago."))
