"""`make bench`: runs every module of this folder that has `run()`, prints a table, writes bench/results.json.

A row is {"figure", "value", "unit", "bound", "peer", "holds"}: `bound` is what the value is held against as
text, `peer` what it was measured beside, `holds` whether the bound held (null where there is none).
`--only NAME` runs one module; several may be given, separated by commas.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import bench

RESULTS = Path(__file__).parent / "results.json"
WIDTH = 180
"""Of the table where it does not go to a terminal."""
Row = dict[str, Any]


def names() -> list[str]:
    """Modules of this folder that measure something, sorted."""
    found = sorted(
        module.name for module in pkgutil.iter_modules(bench.__path__) if module.name != "__main__"
    )
    return [name for name in found if hasattr(importlib.import_module(f"bench.{name}"), "run")]


def measure(wanted: list[str], console: Console) -> list[Row]:
    """The rows of every module in `wanted`, in that order; a module that fails gives a row that says so."""
    rows: list[Row] = []
    for name in wanted:
        console.print(f"[dim]measuring {name} ...[/dim]")
        try:
            rows += importlib.import_module(f"bench.{name}").run()
        except Exception as error:  # one module must not cost the figures of the others
            failed = f"{type(error).__name__}: {error}"
            rows.append(
                {"figure": name, "value": None, "unit": "", "bound": "runs", "peer": failed, "holds": False}
            )
    return rows


def show(rows: list[Row], console: Console) -> None:
    """A table of `rows`."""
    table = Table(box=None, header_style="bold")
    for title, side in (
        ("FIGURE", "left"),
        ("VALUE", "right"),
        ("UNIT", "left"),
        ("BOUND", "left"),
        ("PEER", "left"),
        ("", "left"),
    ):
        table.add_column(title, justify=side)  # type: ignore[arg-type]
    for row in rows:
        value = f"{row['value']:,.4g}" if isinstance(row["value"], float) else str(row["value"])
        mark = {True: "[green]holds[/green]", False: "[red]missed[/red]", None: ""}[row["holds"]]
        cells = (row["figure"], value, row["unit"], row["bound"], row["peer"])
        table.add_row(*("" if cell is None else str(cell) for cell in cells), mark)
    console.print(table)


def merge(rows: list[Row]) -> list[Row]:
    """`rows` and, of figures that were not measured now, what bench/results.json already holds."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    measured = {row["figure"] for row in rows}
    return [row for row in kept if row["figure"] not in measured] + rows


def main() -> int:
    """0 if every bound held."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", default="", help="names of modules, separated by commas")
    only = [name for name in parser.parse_args().only.split(",") if name]
    unknown = sorted(set(only) - set(names()))
    if unknown:
        parser.error(f"no such figures: {', '.join(unknown)}; there are {', '.join(names())}")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    rows = measure(only or names(), console)
    show(rows, console)
    RESULTS.write_text(json.dumps(merge(rows), indent=1) + "\n")
    return 0 if all(row["holds"] is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
