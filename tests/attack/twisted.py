"""A network that twists one answer: a seeded change somewhere in a JSON body, or a body that is no answer.

Put around the simulators of tests.contract.targets.world, so that whatever the operator asks for is answered
wrongly once, in every place that it reads.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import httpx

Path = tuple[str | int, ...]

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**40, -(10**40), "", "x", "²", "\ud800", "\x00", "9" * 60, "\u202e",
    "a" * 5000, [], {}, [None], ["x"], [[]], [{}], {"x": 1}, {"": None}, "2026-02-31T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
)  # fmt: skip
BODIES = (
    b"", b"null", b"[", b"[]", b"{}", b"true", b"1", b'"text"', b"NaN", b'{"a": NaN}', b"\xff\xfe",
    b"[" * 200_000, b'{"a":' * 200_000 + b"1" + b"}" * 200_000, b"[" * 99 + b"]" * 99, b"9" * 5000, b"1e400",
    b"<html></html>", b'{"totalResults": 1e400, "Resources": []}', b"[null]", b"[[]]", b'{"id": "\\ud800"}',
)  # fmt: skip


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every place within `value`, itself included."""
    yield at
    if isinstance(value, dict):
        for key, part in value.items():
            yield from paths(part, (*at, key))
    elif isinstance(value, list):
        for number, part in enumerate(value[:3]):
            yield from paths(part, (*at, number))


def twist(body: Any, dice: random.Random) -> Any:
    """`body` with one place replaced, removed or doubled."""
    place = dice.choice(list(paths(body)))
    if not place:
        return copy.deepcopy(dice.choice(VALUES))
    twisted = copy.deepcopy(body)
    holder = twisted
    for step in place[:-1]:
        holder = holder[step]
    if dice.random() < 0.2:
        del holder[place[-1]]
    else:
        holder[place[-1]] = copy.deepcopy(dice.choice(VALUES))
    return twisted


class Twisted(httpx.AsyncBaseTransport):
    """Answers as `real` does, but the answer number `at`, which is twisted by the dice of `seed`."""

    def __init__(self, real: httpx.AsyncBaseTransport) -> None:
        self._real = real
        self.answers, self.at, self.dice = 0, -1, random.Random(0)
        self.was = ""

    def arm(self, at: int, seed: int) -> None:
        """From now on the answers are counted anew."""
        self.answers, self.at, self.dice, self.was = 0, at, random.Random(seed), ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._real.handle_async_request(request)
        number, self.answers = self.answers, self.answers + 1
        if number != self.at:
            return answer
        content = b"".join([chunk async for chunk in answer.aiter_raw()])
        twisted = self._twisted(content)
        self.was = f"{request.method} {request.url.path}: {twisted[:300]!r}"
        headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
        return httpx.Response(answer.status_code, headers=headers, content=twisted)

    def _twisted(self, content: bytes) -> bytes:
        if self.dice.random() < 0.15:
            return self.dice.choice(BODIES)
        try:
            body = json.loads(content)
        except ValueError:
            return self.dice.choice(BODIES)
        return json.dumps(twist(body, self.dice)).encode()
