"""What the demo claims: each claim is checked, counted, and told with what was expected and seen.

Used by actors and console_output. Prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One claim of one part of the demo: `expected` and `seen` are shown where they differ."""

    part: str
    claim: str
    holds: bool
    expected: str
    seen: str


@dataclass
class Checks:
    """Every claim so far; `tell` is called with each one as it is made."""

    tell: Callable[[Check], None]
    made: list[Check] = field(default_factory=list)
    part: str = ""
    """The part that is being played."""

    def equal(self, claim: str, expected: Any, seen: Any) -> bool:
        """Notes whether `seen` is `expected`."""
        return self.that(claim, expected == seen, str(expected), str(seen))

    def that(self, claim: str, holds: bool, expected: str, seen: str) -> bool:
        """Notes whether `claim` holds."""
        check = Check(self.part, claim, holds, expected, seen)
        self.made.append(check)
        self.tell(check)
        return holds

    @property
    def failed(self) -> tuple[Check, ...]:
        """What did not hold."""
        return tuple(check for check in self.made if not check.holds)

    def by_part(self) -> dict[str, tuple[int, int]]:
        """Part -> (claims that held, claims made), in the order of playing."""
        parts = dict.fromkeys(check.part for check in self.made)
        return {
            part: (
                sum(check.holds for check in self.made if check.part == part),
                sum(check.part == part for check in self.made),
            )
            for part in parts
        }
