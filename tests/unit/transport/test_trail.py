"""Whose writes they were: the request ids of one action, and of no other."""

from __future__ import annotations

import asyncio

import httpx

from controller.clock import ManualClock
from controller.transport.calls import Call
from controller.transport.retry import NO_RETRY
from controller.transport.session import Remote, Session, Wiring
from controller.transport.trail import MOST, note_write, trail


async def test_writes_leave_their_request_id_and_reads_do_not() -> None:
    answers = iter(("read", "first", "second"))

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={}, headers={"x-okta-request-id": next(answers)})

    wiring = Wiring(retry=NO_RETRY, clock=ManualClock(), transport=httpx.MockTransport(answer))
    session = Session(Remote("https://api.example.com", "okta", "Okta"), wiring)
    with trail() as ids:
        await session.send(Call("GET", "/x", "/x"))
        await session.send(Call("POST", "/x", "/x", json={}))
        await session.send(Call("DELETE", "/x", "/x"))
    assert ids == ["first", "second"]


async def test_actions_at_the_same_time_do_not_mix_and_their_tasks_take_part() -> None:
    async def act(name: str) -> list[str]:
        with trail() as ids:
            await asyncio.sleep(0)
            await asyncio.gather(*(asyncio.to_thread(note_write, f"{name}{n}") for n in (1, 2)))
        return sorted(ids)

    assert await asyncio.gather(act("a"), act("b")) == [["a1", "a2"], ["b1", "b2"]]


def test_what_nobody_asked_about_is_not_kept_and_a_batch_not_without_bound() -> None:
    note_write("nobody's")
    with trail() as ids:
        for number in range(2 * MOST):
            note_write(str(number))
        note_write("")
    assert len(ids) == MOST
