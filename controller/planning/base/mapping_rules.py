"""Where a value -> group table puts people, and whether a change of table or value moves them.

Called by mapping_table for the people whom a save moves, and by preview. The rules are those of the
provider's admin API: a row decides, else the rule for values that no row claims.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NOWHERE = ""
"""In no group."""


@dataclass(frozen=True, slots=True)
class Placing:
    """A table as it places people; `unmapped` is Keep, Remove, UseValue, or `Default/<group>`."""

    rows: Mapping[str, str]
    unmapped: str

    def group(self, value: str | None) -> str | None:
        """The group of whoever has `value`: its name, NOWHERE, or None where people stay where they are."""
        if value is not None and value in self.rows:
            return self.rows[value]
        if self.unmapped == "UseValue":
            return value or NOWHERE
        action, _, name = self.unmapped.partition("/")
        return {"Default": name, "Remove": NOWHERE}.get(action)


def is_moved(before: str | None, after: str | None) -> bool:
    """Whether somebody may change groups: who stays where they are does not."""
    return after is not None and before != after
