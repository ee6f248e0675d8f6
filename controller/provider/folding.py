"""How strings are compared where case does not count: one rule for filters, sorting and uniqueness.

Called by every module that writes or looks up a key, and by SQLite itself as the function scim_fold.
RFC 7643 section 2.2 (caseExact) and RFC 7644 section 5 ask for it; it equals scim2-models' default key.
"""

from __future__ import annotations

from typing import Any
from unicodedata import normalize


def fold(value: Any) -> Any:
    """The form in which `value` is compared without case; anything but a string is returned as it is."""
    if not isinstance(value, str):
        return value
    if value.isascii():
        return value.lower()
    return normalize("NFC", normalize("NFC", value).lower())
