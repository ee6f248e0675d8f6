"""Numbers in sentences for a person. Used wherever a message counts something."""

from __future__ import annotations


def many(count: int, one: str, more: str) -> str:
    """`1 action waits` or `3 actions wait`: the count before the words that go with it."""
    return f"{count} {one if count == 1 else more}"


def many_people(count: int) -> str:
    """`1 person` or `3 people`."""
    return many(count, "person", "people")
