"""What the demo claims: each claim is checked, counted, and told with what was expected and seen.

Used by demo and acts. Prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One claim: `expected` and `seen` are shown where they differ."""

    claim: str
    holds: bool
    expected: str
    seen: str


@dataclass
class Checks:
    """Every claim so far; `tell` is called with each one as it is made."""

    tell: Callable[[Check], None]
    made: list[Check] = field(default_factory=list)

    def equal(self, claim: str, expected: Any, seen: Any) -> bool:
        """Notes whether `seen` is `expected`."""
        return self.that(claim, expected == seen, str(expected), str(seen))

    def that(self, claim: str, holds: bool, expected: str, seen: str) -> bool:
        """Notes whether `claim` holds."""
        check = Check(claim, holds, expected, seen)
        self.made.append(check)
        self.tell(check)
        return holds

    @property
    def failed(self) -> tuple[Check, ...]:
        """What did not hold."""
        return tuple(check for check in self.made if not check.holds)
