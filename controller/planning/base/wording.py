"""Values of people as text: for comparison, for a sentence, and whether they can be sent at all. No I/O."""

from __future__ import annotations

import re

from controller.errors import clip
from controller.model.people import Value

MAX_VALUE = 1024
"""Longer values are not sent: no field of a person is meant to hold a text."""
_UNSENDABLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def text(value: Value) -> str | None:
    """`value` as Okta sends it: everything is a string, an empty one is absent."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def flaw(value: Value) -> str:
    """Why `value` cannot be sent, or ""."""
    shown = text(value) or ""
    if len(shown) > MAX_VALUE:
        return f"has {len(shown)} characters, more than {MAX_VALUE}"
    if _UNSENDABLE.search(shown):
        return "holds control characters or marks that turn the direction of text"
    return ""


def shown(value: Value) -> str:
    """`value` for a sentence: short, on one line, without anything a terminal would obey; in quotes where its
    spaces would not be seen otherwise."""
    told = text(value) or "empty"
    return quoted(told) if told != " ".join(told.split()) else clip(_UNSENDABLE.sub("�", told), 60)


def verbatim(value: str, limit: int) -> str:
    """`value` with its spaces as they are, at most `limit` characters, without anything a terminal would
    obey: for values that are compared to the letter."""
    safe = _UNSENDABLE.sub("�", value[: limit + 1]).replace("\t", "�")
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


def quoted(value: str) -> str:
    """`value` verbatim for a sentence, short, in quotes that show where it begins and ends."""
    return f'"{verbatim(value, 60)}"'
