"""The door to the sandbox: without the sandbox it says how to install it, and it is the only one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import controller
from controller import __version__
from controller.cli import sandbox
from controller.cli.sandbox import PACKAGE, load_sandbox
from controller.errors import ControllerError


def another(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As if the sandbox were the package `name`."""
    monkeypatch.setattr(sandbox, "PACKAGE", name)
    monkeypatch.setattr(sandbox, "COMMANDS", f"{name}.commands")


def test_the_installed_sandbox_has_both_commands() -> None:
    loaded = load_sandbox()
    assert callable(loaded.demo) and callable(loaded.sandbox)


def test_without_it_the_error_says_how_to_install_the_same_version(monkeypatch: pytest.MonkeyPatch) -> None:
    another(monkeypatch, "a_sandbox_that_is_missing")
    with pytest.raises(ControllerError, match="the sandbox is not installed") as raised:
        load_sandbox()
    assert raised.value.message.endswith(f"pip install 'scim-operator[sandbox]=={__version__}'")


def test_a_sandbox_that_misses_something_itself_is_not_called_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "a_sandbox_that_is_broken"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "commands.py").write_text("import a_library_that_is_missing\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    another(monkeypatch, package.name)
    with pytest.raises(ModuleNotFoundError, match="a_library_that_is_missing"):
        load_sandbox()


def test_no_other_module_of_the_operator_names_the_sandboxes_package() -> None:
    root = Path(controller.__path__[0])
    named = [path for path in root.rglob("*.py") if PACKAGE in path.read_text()]
    assert named == [root / "cli" / "sandbox.py"]
