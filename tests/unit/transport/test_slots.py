"""A slot is given back while its run waits."""

from __future__ import annotations

import asyncio

import pytest

from controller.transport import slots
from controller.transport.slots import away, lent


class Noted:
    """A Slot that notes what is done with it."""

    def __init__(self) -> None:
        self.acts: list[str] = []

    def give_back(self) -> None:
        self.acts.append("given back")

    async def take_again(self) -> None:
        self.acts.append("taken again")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "GRACE_SECONDS", 0.01)


async def waits(seconds: float, result: str = "") -> str:
    await asyncio.sleep(seconds)
    if result == "error":
        raise ValueError("refused")
    return result


async def test_a_long_wait_gives_the_slot_back_and_takes_it_again() -> None:
    slot = Noted()
    with lent(slot):
        assert await away(waits(0.05, "x")) == "x"
        with pytest.raises(ValueError, match="refused"):
            await away(waits(0.05, "error"))
    assert slot.acts == ["given back", "taken again"] * 2


async def test_a_short_wait_keeps_it_and_without_a_slot_nothing_happens() -> None:
    slot = Noted()
    with lent(slot):
        assert await away(waits(0, "x")) == "x"
    assert await away(waits(0.05, "y")) == "y"
    assert slot.acts == []


async def test_a_wait_that_is_cancelled_does_not_take_it_again() -> None:
    slot = Noted()
    with lent(slot):
        task = asyncio.create_task(away(waits(60)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert slot.acts == ["given back"]
