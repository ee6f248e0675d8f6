"""Lines that a person reads: folded at the width of a terminal, and left whole where a program reads them.

Used by the commands that print plans and lists. Folding moves words into further lines and drops none of
them. A command that is to be copied stays in one line, since a shell would run its first half.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from controller.kube.tables import render_columns
from controller.outside_text import shown_block

NARROWEST = 40
"""Below this every line would be folded, and none be read."""
_ROOM = 24
"""A column with less room than this is continued under the one before it."""
_COMMAND = re.compile(r"\b(?:kubectl|scimctl) [a-z].*")
_CHANGE = re.compile(r"( {4,}\S.*?): (.*?) -> (.*)")
_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")
_ARROW = "-> "


def terminal_width() -> int | None:
    """Characters of a line of the terminal, COLUMNS where that is set (shutil.get_terminal_size); None where
    standard output is a file or a pipe: what reads it there searches and compares lines."""
    if not sys.stdout.isatty():
        return None
    return max(shutil.get_terminal_size().columns, NARROWEST)


def emit(text: object = "", *, to_errors: bool = False, end: str = "\n") -> None:
    """Prints `text`, which may hold words from outside, masked and without what a terminal obeys. The one way
    to print in this package, which ruff holds (T20)."""
    print(shown_block(str(text)), file=sys.stderr if to_errors else sys.stdout, end=end, flush=True)


def tell(text: str) -> None:
    """Prints `text`, folded for a terminal."""
    emit("\n".join(fold_lines(text.split("\n"), terminal_width())))


def tell_columns(headings: Sequence[str], rows: Sequence[Sequence[str]], indent: str = "") -> None:
    """Prints a table, its columns closer and its rows folded where the terminal is too narrow."""
    width = terminal_width()
    lines = render_columns(headings, rows)
    if width is not None and max(map(len, lines)) + len(indent) > width:
        lines = render_columns(headings, rows, gap=2)
    emit("\n".join(fold_lines([indent + line for line in lines], width)))


def fold_lines(lines: Iterable[str], width: int | None) -> list[str]:
    """`lines` in lines of at most `width` characters, as far as words allow; as they are for None."""
    return [part for line in lines for part in _folded(line, width)]


def _folded(line: str, width: int | None) -> Iterator[str]:
    if width is None or len(line) <= width:
        yield line
    elif command := _COMMAND.search(line):
        before = line[: command.start()].rstrip()
        yield from _folded(before, width) if before else ()
        yield _further(line) + command[0] if before else line
    elif change := _CHANGE.fullmatch(line):
        yield from _change(change[1], change[2], change[3], width)
    elif len(_indent(line)) <= 2:
        yield from _row(line, width)
    else:
        yield from _filled(_further(line), line, width, _indent(line))


def _change(name: str, before: str, after: str, width: int) -> Iterator[str]:
    """The two values under each other, beside the name where they have room there, else below it."""
    beside = " " * (len(name) + 2)
    if len(beside) + max(len(before), len(after)) <= width:
        yield f"{name}: {before}"
        yield f"{beside[: -len(_ARROW)]}{_ARROW}{after}"
        return
    below = _further(name)
    yield f"{name}:"
    yield from _filled(below, before, width)
    yield from _filled(below, after, width, below[: -len(_ARROW)] + _ARROW)


def _row(line: str, width: int) -> Iterator[str]:
    """A row of a table: what has no room on the right is continued under the last column that has."""
    starts = [gap.end() for gap in _GAP.finditer(line) if width - gap.end() >= _ROOM]
    if not starts:
        yield from _filled(_further(line), line, width, _indent(line))
        return
    hanging = " " * starts[-1]
    first, *others = _GAP.split(line[starts[-1] :])
    yield from _filled(hanging, first, width, line[: starts[-1]])
    for cell in others:
        yield from _filled(hanging, cell, width)


def _filled(indent: str, text: str, width: int, first: str | None = None) -> list[str]:
    """`text` as a paragraph; words that are longer than a line stay whole, so that they can be copied."""
    start = indent if first is None else first
    lines = textwrap.wrap(
        text.strip(),
        width,
        initial_indent=start,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [start.rstrip()]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _further(line: str) -> str:
    """Where the rest of `line` goes on: further in than what stands below it."""
    return _indent(line) + " " * 4
