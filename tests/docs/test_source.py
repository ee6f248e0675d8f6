"""Rules of the source text that no linter has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for room in ("controller", "bench", "tests") for path in (ROOT / room).rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def stray_docstrings(tree: ast.AST) -> list[int]:
    """Lines of texts that document nothing: neither first in a body nor right after a name."""
    found: list[int] = []
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for before, one in zip([None, *body], body, strict=False):
            is_text = isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
            is_text = is_text and isinstance(one.value.value, str)
            if is_text and not (before is None or isinstance(before, ast.Assign | ast.AnnAssign)):
                found.append(one.lineno)
    return found


def deleted_arguments(tree: ast.AST) -> list[str]:
    """`function(argument)` for each argument that a function takes only to delete it."""
    return [
        f"{node.name}({target.id})"
        for node in ast.walk(tree)
        if isinstance(node, Function)
        for target in deleted_names(node)
        if target.id in {argument.arg for argument in arguments_of(node)}
    ]


def deleted_names(function: Function) -> Iterator[ast.Name]:
    for node in ast.walk(function):
        if isinstance(node, ast.Delete):
            yield from (target for target in node.targets if isinstance(target, ast.Name))


def arguments_of(function: Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def test_the_rules_find_what_breaks_them() -> None:
    stray = ast.parse('A = 1\n"""of A"""\n"""of nothing"""\ndef f():\n    """of f"""\n    g()\n    "alone"\n')
    assert stray_docstrings(stray) == [3, 7]
    assert deleted_arguments(ast.parse("def f(a, *, b):\n    c = a\n    del b\n    del c\n")) == ["f(b)"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_stand_under_what_they_document(path: Path) -> None:
    assert stray_docstrings(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_argument_is_taken_only_to_be_deleted(path: Path) -> None:
    assert deleted_arguments(ast.parse(path.read_text(encoding="utf-8"))) == []
