"""Which writes were sent for one action: their request ids, which the other side's support asks for.

Opened by whoever carries out an action, filled by the session. A context variable, since between the two lie
clients that answer with what they read and not with how it was sent; tasks that are started inside take part.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MOST = 20
"""Ids that are kept of one action: of a batch the first ones."""
_ids: ContextVar[list[str] | None] = ContextVar("_ids", default=None)


@contextmanager
def trail() -> Iterator[list[str]]:
    """The request ids of every write that is answered until it is left, in the order of the answers."""
    found: list[str] = []
    token = _ids.set(found)
    try:
        yield found
    finally:
        _ids.reset(token)


def note_write(request_id: str) -> None:
    """A write was answered."""
    found = _ids.get()
    if found is not None and request_id and len(found) < MOST:
        found.append(request_id)
