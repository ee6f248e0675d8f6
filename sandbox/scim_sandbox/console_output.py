"""How the demo and the sandbox speak to a person: 80 columns, colour on a terminal, progress while it waits.

Used by demo and actors. Decides nothing.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from scim_sandbox.demo_checks import Check

WIDTH = 80
_STYLES = {
    r"\b(True|WithinLimit|Ok)\b": "green",
    r"\b(False|NearLimit|AtCapacity|Throttled)\b": "yellow",
    r"\b(OverCapacity|Stalled)\b": "red",
}


class Stage:
    """Standard output as a stage. `say` wraps; `block` and `table` keep lines as they are."""

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

    def table(self, lines: Sequence[str]) -> None:
        """A heading and rows, with the states in colour; what runs over the margin is cut, never wrapped."""
        self.console.print(Text(self._cut(lines[0]), style="dim"))
        for line in lines[1:]:
            row = Text(self._cut(line))
            for pattern, style in _STYLES.items():
                row.highlight_regex(pattern, style)
            self.console.print(row)

    def block(self, lines: Sequence[str]) -> None:
        """Lines as they are, cut at the margin."""
        for line in lines:
            self.console.print(Text(self._cut(line)))

    def _cut(self, line: str) -> str:
        return line if len(line) <= self.width else line[: self.width - 1] + "…"

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
