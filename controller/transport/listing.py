"""How much one listing may bring: pages, rows, and the memory of what is kept of it.

Used by whoever reads page by page: okta, scim, targets. A listing that never ends, that names 10^9 people or
whose people have megabytes of names ends in an error of its integration before it is kept.
"""

from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from typing import TypeVar

from controller.errors import SpecError, Unavailable
from controller.transport.bounds import MEBIBYTE

Row = TypeVar("Row")
MOST_ROWS = 100_000
"""People of one integration, members of a group, groups: kept of one listing."""
MOST_READ = 250_000
"""Rows that are looked at, those included that are not kept: ended assignments, people named twice."""
KEPT_BYTES = 64 * MEBIBYTE
"""Memory of the texts that are kept; 100,000 people have 670 bytes each."""
FIRST_PAGES = 50
FEWEST_A_PAGE = 5
"""Rows on the average, after the first pages. Okta may give short pages, and none that are empty for long."""
_EMPTY = sys.getsizeof("")


class Tally:
    """Counts one listing. `what` names it in messages, `field` is what a person would change in the spec."""

    def __init__(
        self,
        system: str,
        what: str,
        field: str = "",
        *,
        most_rows: int = MOST_ROWS,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._system, self._what, self._field = system, what, field
        self._most_rows, self._most_bytes = most_rows, kept_bytes
        self._pages = self._read = self._kept = self._bytes = 0

    def announced(self, total: int) -> None:
        """The other side says how many there are. Raises SpecError if these are too many to begin with."""
        if total > self._most_rows:
            raise self._too_many(f"has {total}")

    def page(self, rows: int) -> None:
        """A page of so many rows. Raises Unavailable for a listing that does not end."""
        self._pages += 1
        self._read += rows
        is_slow = self._pages > FIRST_PAGES + self._read // FEWEST_A_PAGE
        if is_slow or self._read > MOST_READ:
            raise Unavailable(
                f"{self._what} do not end: {self._read} rows in {self._pages} pages so far",
                system=self._system,
                reason="Incomplete",
            )

    def keep(self, row: Row) -> Row:
        """`row`, which is kept unless it is None. Raises SpecError for one too many, Unavailable for too much
        memory."""
        if row is None:
            return row
        self._kept += 1
        if self._kept > self._most_rows:
            raise self._too_many(f"has more than {self._most_rows}")
        self.keep_bytes(text_bytes(row))
        return row

    def keep_bytes(self, size: int) -> None:
        """So much is kept. Raises Unavailable."""
        self._bytes += size
        if self._bytes > self._most_bytes:
            raise Unavailable(
                f"{self._what} have more text than the {self._most_bytes // MEBIBYTE} MiB that are kept",
                system=self._system,
                reason="AnswerTooLarge",
            )

    def _too_many(self, words: str) -> SpecError:
        return SpecError(
            f"{self._system} {words} {self._what}, one integration holds {self._most_rows}; split it over "
            "several apps or tenants",
            field=self._field,
            reason="TooManyPeople",
        )


def text_bytes(value: object) -> int:
    """Memory of the texts in `value`: a text, a collection or a dataclass of such. What each takes by itself
    is not counted, since the number of rows bounds that."""
    if isinstance(value, str):
        return sys.getsizeof(value) - _EMPTY
    if isinstance(value, tuple | list | frozenset):
        return sum(text_bytes(part) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        return sum(text_bytes(getattr(value, each.name)) for each in fields(value))
    return 0
