"""How the demo and the sandbox speak to a person: 80 columns, colour on a terminal, progress while it waits.

Used by demo, acts and run. Decides nothing.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from controller.sandbox.checks import Check

WIDTH = 80
_STYLES = {"True": "green", "False": "yellow", "Stalled": "red", "Enforce": "cyan"}


class Stage:
    """Standard output as a stage. `say` wraps, `block` keeps lines as they are and cuts at the margin."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.width = min(WIDTH, self.console.width) if self.console.is_terminal else WIDTH

    def heading(self, text: str) -> None:
        """A part begins."""
        self.console.print()
        self.console.print(Text(text, style="bold"))
        self.console.print(Text("─" * min(len(text), self.width), style="dim"))

    def say(self, text: str) -> None:
        """A paragraph."""
        for line in textwrap.wrap(text, self.width) or [""]:
            self.console.print(Text(line))

    def command(self, line: str) -> None:
        """What a person would type to see the same."""
        self.console.print()
        self.console.print(Text("$ ", style="dim") + Text(line, style="bold cyan"))

    def block(self, lines: Sequence[str]) -> None:
        """Output of a command; columns that run over the margin are cut, never wrapped."""
        for number, line in enumerate(lines):
            cut = line if len(line) <= self.width else line[: self.width - 1] + "…"
            self.console.print(Text(cut, style="dim" if number == 0 and len(lines) > 1 else ""))

    def detail(self, text: str) -> None:
        """A remark beneath something, indented."""
        for line in textwrap.wrap(text, self.width - 4):
            self.console.print(Text("    " + line, style="dim"))

    def check(self, check: Check) -> None:
        """A claim with its mark; a broken one says what was expected and seen."""
        mark, style = ("✓", "green") if check.holds else ("✗", "bold red")
        first, *rest = textwrap.wrap(check.claim, self.width - 4)
        self.console.print(Text(f"  {mark} ", style=style) + Text(first))
        for line in rest:
            self.console.print(Text("    " + line))
        if not check.holds:
            self.detail(f"expected: {check.expected}")
            self.detail(f"seen:     {check.seen}")

    @contextmanager
    def progress(self, text: str) -> Iterator[None]:
        """A line that tells what is waited for, then how long it took."""
        begun = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(text, spinner="dots"):
                yield
        else:
            yield
        seconds = f"{time.monotonic() - begun:.1f} s"
        dots = "." * max(3, self.width - len(text) - len(seconds) - 2)
        self.console.print(Text(text) + Text(f" {dots} ", style="dim") + Text(seconds, style="dim"))
