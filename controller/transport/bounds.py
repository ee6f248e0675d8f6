"""How much of another system's answers is read, how long that may take, and how long it may ask us to wait.

Given to sessions by whoever opens them. The other side may be somebody else's, broken or hostile: whatever it
answers costs one integration an error and nobody else memory or time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

MEBIBYTE = 1024 * 1024
TOKEN_BYTES = 64 * 1024
"""Largest answer of a token endpoint or of /.well-known."""
FEW_VALUES = 500_000
"""Values in one JSON answer that are read in any case: 100,000 members of a group with five each."""
BYTES_A_VALUE = 16
"""The fewest bytes of a value, on the average, in an answer that has more. People have more than twenty, with
names and commas; an answer of nothing but brackets takes twenty times its size in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one session."""

    page_bytes: int = 16 * MEBIBYTE
    """Largest page of a listing, after decompression: 32 KiB for each of 500 people."""
    answer_bytes: int = 2 * MEBIBYTE
    """Largest other answer."""
    deadline_seconds: float = 90.0
    """From the first byte sent to the last one read, connection included."""
    longest_pause_seconds: float = 300.0
    """Longest pause that a 429 may ask for."""
    longest_queue_seconds: float = 900.0
    """Longest wait of a call for its turn in our own budget."""

    def for_tokens(self) -> Bounds:
        """The same for an API that answers with tokens and the like."""
        return replace(self, page_bytes=TOKEN_BYTES, answer_bytes=TOKEN_BYTES)

    def of(self, is_listing: bool) -> int:
        """The bytes of an answer of this kind."""
        return self.page_bytes if is_listing else self.answer_bytes
