"""Lines that say who calls a module, held against the import graph."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

import controller
import scim_sandbox

PACKAGES = tuple(Path(package.__path__[0]) for package in (controller, scim_sandbox))
SAID = re.compile(r"\b(?:Called|Used|Asked|Read|Imported) by ")
WORD = re.compile(r"`?([a-z_]+(?:\.[a-z_]+)*)`?(,? and by |,? and |, by |, )?")
PROSE = frozenset({"the", "scimctl", "every", "everything", "whoever", "what", "tests", "nobody"})
"""Words after "by" that begin a description instead of a name."""


def dotted(package: Path, path: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(package, path): path for package in PACKAGES for path in sorted(package.rglob("*.py"))}
NAMES = {part for name in MODULES for part in name.split(".")[1:]}


@cache
def importers() -> dict[str, set[str]]:
    """Module -> the modules that import it, or anything of it."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    found[whole if whole in MODULES else node.module].add(name)
    return found


def callers(text: str) -> list[str]:
    """Names right after "Called by" and in the list that follows: `make_plan and policy` has two. A word that
    begins a description ends it, as does what a comma alone brings if it names nothing."""
    named: list[str] = []
    for match in SAID.finditer(text):
        rest, may_be_prose = text[match.end() :], False
        while word := WORD.match(rest):
            if word[1] in PROSE or (may_be_prose and word[1].split(".")[-1] not in NAMES):
                break
            named.append(word[1])
            if word[2] is None:
                break
            rest, may_be_prose = rest[word.end() :], word[2] == ", "
    return named


def is_of(importer: str, caller: str) -> bool:
    """Whether `importer` is the module, or in the room, that `caller` names."""
    return f".{caller}." in f"{importer}."


def test_names_are_read_out_of_a_docstring() -> None:
    assert callers("Called by make_plan and policy. Used by nobody.") == ["make_plan", "policy"]
    assert callers("Called by the engine before a run, and by after_run.") == []
    assert callers("Called by engine, by targets and status, who wants it.") == [
        "engine",
        "targets",
        "status",
    ]


@pytest.mark.parametrize("name", MODULES)
def test_whoever_is_said_to_call_a_module_imports_it(name: str) -> None:
    text = " ".join((ast.get_docstring(ast.parse(MODULES[name].read_text())) or "").split())
    known = importers()[name]
    wrong = [one for one in callers(text) if not any(is_of(importer, one) for importer in known)]
    assert wrong == [], f"{name} is imported by {sorted(known)}"
