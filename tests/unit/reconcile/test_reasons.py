"""Every reason that any room raises is in the documented set."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import controller
from controller.reconcile.reasons import KNOWN

ROOT = Path(controller.__file__).parent
ROOMS = ("errors.py", "planning", "transport", "okta", "scim", "targets", "reconcile", "kube", "operator")
ABSTRACT = {"ControllerError", "RemoteError"}
"""Reasons of base classes, which are never raised bare."""


def sources() -> Iterator[Path]:
    for room in ROOMS:
        place = ROOT / room
        yield from [place] if place.is_file() else sorted(place.glob("*.py"))


def reasons_in(tree: ast.AST) -> Iterator[str]:
    """Texts that are given as `reason=`, assigned to a class's `reason`, or stand third in Problem(...) and
    Outcome(...)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword | ast.Assign) and _is_reason(node):
            yield from _text(node.value)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Problem", "Outcome"):
            yield from _text(node.args[2]) if len(node.args) > 2 else ()
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Meaning":
            yield from _text(node.args[1])


def _is_reason(node: ast.keyword | ast.Assign) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg == "reason"
    return isinstance(node.targets[0], ast.Name) and node.targets[0].id == "reason"


def _text(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value


def test_no_room_raises_an_undocumented_reason() -> None:
    unknown = {
        f"{path.relative_to(ROOT)}: {reason}"
        for path in sources()
        for reason in reasons_in(ast.parse(path.read_text()))
        if reason not in KNOWN and reason not in ABSTRACT
    }
    assert unknown == set()
