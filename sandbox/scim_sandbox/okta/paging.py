"""Ordered ids and cursors: a page costs what the page holds, however long the listing is.

Called by every listing. Cursors are opaque to clients; here they are the last id seen, so people who come and
go between two pages neither shift nor repeat the others.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from scim_sandbox.okta.problems import OktaProblem, invalid


class SortedIds:
    """A set of ids that can be read in order from any point."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._members = set(ids)
        self._ordered = sorted(self._members)
        self._is_sorted = True

    def add(self, item: str) -> None:
        if item not in self._members:
            self._members.add(item)
            self._ordered.append(item)
            self._is_sorted = False

    def discard(self, item: str) -> None:
        if item in self._members:
            self._sort()
            self._members.remove(item)
            del self._ordered[bisect_left(self._ordered, item)]

    def after(self, cursor: str, limit: int) -> list[str]:
        """At most `limit` ids that sort behind `cursor` ("" is the beginning)."""
        self._sort()
        start = bisect_right(self._ordered, cursor) if cursor else 0
        return self._ordered[start : start + limit]

    def _sort(self) -> None:
        if not self._is_sorted:
            self._ordered.sort()
            self._is_sorted = True

    def __contains__(self, item: object) -> bool:
        return item in self._members

    def __iter__(self) -> Iterator[str]:
        self._sort()
        return iter(self._ordered)

    def __len__(self) -> int:
        return len(self._members)


def encode_cursor(position: str) -> str:
    """`position` as the opaque `after` of a next link."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def decode_cursor(after: str) -> str:
    """The position behind `after`, "" for none; 400 where it is not one of ours."""
    if not after:
        return ""
    try:
        return base64.b64decode(after + "=" * (-len(after) % 4), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise OktaProblem("E0000001", "Api validation failed: after", "after: Invalid cursor.") from None


def read_limit(text: str | None, default: int, maximum: int, minimum: int = 1) -> int:
    """The page size asked for; 400 where it is not a whole number from `minimum` to `maximum`."""
    if text is None or text == "":
        return default
    if not text.lstrip("-").isdigit():
        raise invalid("limit", "'limit' must be a whole number.")
    limit = int(text)
    if not minimum <= limit <= maximum:
        raise invalid("limit", f"'limit' must be between {minimum} and {maximum}.")
    return limit
