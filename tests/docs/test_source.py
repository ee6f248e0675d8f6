"""Rules of the source text that no linter has."""

from __future__ import annotations

import ast
import io
import itertools
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for room in ("controller", "bench", "tests") for path in (ROOT / room).rglob("*.py"))
EARLY = 72
CLAUSE_END = re.compile(r"[.,;:!?(\[|=/]\s?[\"']$|\\n[\"']$")
RAW = re.compile(r"[a-zA-Z]*[rRbB]")
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


def broken_phrases(source: str) -> list[int]:
    """Lines on which a text of several pieces breaks in the middle of a word, or early in the middle of a
    phrase: where a sentence or a clause ends is the place, or else the end of the line."""
    lines, found = source.splitlines(), []
    read = tokenize.generate_tokens(io.StringIO(source).readline)
    tokens = [one for one in read if one.type not in (tokenize.NL, tokenize.COMMENT)]
    for piece, following in itertools.pairwise(tokens):
        if piece.type != tokenize.STRING or following.type != tokenize.STRING or RAW.match(piece.string):
            continue
        line, more = lines[piece.end[0] - 1].rstrip(), following.string.lstrip("f")
        if more[0] != piece.string[-1] or more[1] == "|" or "\\u" in piece.string:
            continue  # of other quotes, or a regular expression
        ends_a_word = piece.string[-2:-1].isspace() or more[1].isspace()
        if not CLAUSE_END.search(line) and (not ends_a_word or len(line) < EARLY):
            found.append(piece.end[0])
    return found


def test_the_rules_find_what_breaks_them() -> None:
    stray = ast.parse('A = 1\n"""of A"""\n"""of nothing"""\ndef f():\n    """of f"""\n    g()\n    "alone"\n')
    assert stray_docstrings(stray) == [3, 7]
    assert deleted_arguments(ast.parse("def f(a, *, b):\n    c = a\n    del b\n    del c\n")) == ["f(b)"]
    assert broken_phrases('f(\n    "a fau"\n    "lt."\n)\n') == [2]
    assert broken_phrases('f(\n    "a fault "\n    "of a person"\n)\n') == [2]
    assert broken_phrases('f(\n    "a fault, "\n    "of a person"\n)\n') == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_stand_under_what_they_document(path: Path) -> None:
    assert stray_docstrings(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_argument_is_taken_only_to_be_deleted(path: Path) -> None:
    assert deleted_arguments(ast.parse(path.read_text(encoding="utf-8"))) == []


PRODUCT = [path for path in SOURCES if path.is_relative_to(ROOT / "controller")]


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_break_where_a_phrase_ends(path: Path) -> None:
    assert broken_phrases(path.read_text(encoding="utf-8")) == []
