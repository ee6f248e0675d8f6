"""What documents say is there: links lead somewhere, commands exist, and nothing goes undocumented."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer

from controller.api import KINDS
from controller.cli.main import app
from controller.metrics import Metrics
from controller.reconcile.reasons import Reason
from controller.settings import PREFIX, Settings
from scim_sandbox.presets import PRESETS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), ROOT / "examples/README.md"]
)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def commands(group: object, prefix: str = "") -> set[str]:
    """`plan`, `provider serve`: every command that is shown."""
    found: set[str] = set()
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            found |= commands(command, f"{prefix}{name} ")
        elif not command.hidden:
            found.add(prefix + name)
    return found


COMMANDS = commands(typer.main.get_group(app))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(document: Path) -> None:
    targets = [link for link in LINK.findall(document.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in targets if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_make_targets_that_are_named_exist(document: Path) -> None:
    words = document.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert (
        set(re.findall(r"`make ([a-z]+)", words)) | set(re.findall(r"^\$ make ([a-z]+)", words, re.MULTILINE))
        <= targets
    )
    named = set(re.findall(r"scimctl ([a-z]+)", words))
    assert named <= {command.split()[0] for command in COMMANDS}


def test_every_command_is_on_its_page() -> None:
    assert {
        line[len("## scimctl ") :] for line in text("scimctl.md").splitlines() if line.startswith("## ")
    } == COMMANDS


def test_every_command_and_option_says_what_it_is_for() -> None:
    rows = [line for line in text("scimctl.md").splitlines() if line.startswith("| `")]
    assert len(rows) > 30
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_setting_metric_and_reason_is_on_its_page() -> None:
    assert all(f"`{PREFIX}{name.upper()}`" in text("settings.md") for name in Settings.model_fields)
    names = [family.name for family in Metrics().registry.collect()]
    assert all(name in text("metrics.md") for name in names)
    assert all(f"`{reason.value}`" in text("reasons.md") for reason in Reason)


def test_every_required_field_of_the_kinds_is_on_their_page() -> None:
    page = text("resources.md")
    assert all(f"## {kind}" in page for kind in KINDS)
    assert all(
        f"**`{field}`**" in page
        for field in ("okta.app", "provider.baseUrl", "provisioning.by", "mappings[]")
    )


def test_the_readme_shows_the_two_commands_on_its_first_screen() -> None:
    first = "\n".join((ROOT / "README.md").read_text().splitlines()[:24])
    assert "make demo" in first
    assert "make test" in first


def test_every_dependency_is_in_the_readmes_table() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert listed is not None
    names = re.findall(r'^\s+"([A-Za-z0-9-]+)', listed[1], re.MULTILINE)
    readme = (ROOT / "README.md").read_text().lower()
    assert [name for name in names if name.lower() not in readme] == []


def test_every_preset_of_the_sandbox_is_on_its_page_with_its_settings() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| `(\{.*\})` \|$", text("sandbox.md"), re.MULTILINE)
    assert [(name, json.loads(settings)) for name, settings in rows] == [
        (name, settings) for presets in PRESETS.values() for name, settings in presets.items()
    ]
