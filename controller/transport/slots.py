"""Whoever waits for a rate limit does not hold a place among the workers meanwhile.

The worker of a run lends its slot to the run by `lent`; the session calls `away` around each of its waits,
for our own share of a limit and for what a 429 asks. Eight throttling providers must not stop every tenant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")
GRACE_SECONDS = 0.25
"""A shorter wait is not worth giving up the slot."""


class Slot(Protocol):
    """A place among the workers, shared by all tasks of one run."""

    def give_back(self) -> None:
        """One task of the run waits from now on; somebody else may work."""
        ...

    async def take_again(self) -> None:
        """The wait of that task is over: returns when there is a place again."""
        ...


_slot: ContextVar[Slot | None] = ContextVar("_slot", default=None)


@contextmanager
def lent(slot: Slot) -> Iterator[None]:
    """Every wait inside, of tasks that are started inside too, gives `slot` back."""
    token = _slot.set(slot)
    try:
        yield
    finally:
        _slot.reset(token)


async def away(waiting: Awaitable[T]) -> T:
    """The result of `waiting`. The slot is given back while that takes longer than a moment, and taken again
    before this returns; not if it is cancelled, since then the run ends."""
    slot = _slot.get()
    if slot is None:
        return await waiting
    is_away = False

    def leave() -> None:
        nonlocal is_away
        is_away = True
        slot.give_back()

    timer = asyncio.get_running_loop().call_later(GRACE_SECONDS, leave)
    try:
        return await waiting
    except asyncio.CancelledError:
        is_away = False
        raise
    finally:
        timer.cancel()
        if is_away:
            await slot.take_again()
