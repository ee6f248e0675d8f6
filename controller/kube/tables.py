"""A Table answer of the Kubernetes API in the lines that kubectl prints of it.

Used by scimctl and the sandbox's demo. Pure text; colours are the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = tuple[str, ...]


def table_cells(table: Mapping[str, Any], *, wide: bool = False) -> tuple[Row, list[Row]]:
    """(headings, rows) of the columns that kubectl shows: those of priority 0, with `wide` all of them."""
    columns = table.get("columnDefinitions") or []
    shown = [number for number, column in enumerate(columns) if wide or not column.get("priority")]
    headings = tuple(str(columns[number]["name"]).upper() for number in shown)
    rows = [tuple(_text(row["cells"][number]) for number in shown) for row in table.get("rows") or []]
    return headings, rows


def render_columns(headings: Sequence[str], rows: Sequence[Sequence[str]], gap: int = 3) -> list[str]:
    """Lines with columns padded to their widest cell; the first one is the heading."""
    lines = [tuple(headings), *map(tuple, rows)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(headings))]
    return ["".join(_padded(line, widths, gap)).rstrip() for line in lines]


def render_table(table: Mapping[str, Any], *, wide: bool = False, width: int | None = None) -> list[str]:
    """The lines of `kubectl get` for a Table answer; columns stand closer where `width` asks for it."""
    headings, rows = table_cells(table, wide=wide)
    for gap in (3, 2):
        lines = render_columns(headings, rows, gap)
        if width is None or max(map(len, lines)) <= width:
            return lines
    return render_columns(headings, rows, gap=1)


def _padded(cells: Sequence[str], widths: Sequence[int], gap: int) -> list[str]:
    return [cell.ljust(width + gap) for cell, width in zip(cells, widths, strict=True)]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
