"""The network of a world, in memory: ASGI applications as hosts, latency, cuts, faults, and a record of all.

A call is one Exchange. It is shown to every tap when it leaves and when it has been answered; the trace of a
world is made of them. The server works on even if its client is killed or has given up.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.simulation.entropy import dice
from tests.simulation.faults import Faults, Outcome
from tests.simulation.loop import Process, SimLoop, here

Headers = list[tuple[str, str]]


class NoConnection(Exception):
    """Nothing was sent: `kind` is refused or unreachable."""


class Reset(Exception):
    """The connection broke after the request was sent."""


class TimedOut(Exception):
    """No answer in time."""


@dataclass(slots=True)
class Exchange:
    """One request and what came of it."""

    number: int
    at: float
    source: str
    host: str
    method: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    status: int = 0
    answer: bytes = b""
    reached: bool = False
    """Whether the server has seen it."""
    answered_at: float = 0.0
    fault: str = ""
    told: int = 0
    """The status that the client was given; 0 for none."""

    def json(self) -> Any:
        """The request's body, decoded; None where it is no JSON."""
        return _decoded(self.body)

    def answer_json(self) -> Any:
        return _decoded(self.answer)


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None


@dataclass(slots=True)
class Host:
    """A name that can be called: which application of which process answers."""

    name: str
    app: Any
    process: Process
    is_up: bool = True
    streams: list[Stream] = field(default_factory=list)


class Stream:
    """An answer that comes in lines, until either side ends it."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.status = 0
        self.started = asyncio.Event()
        self.broken = False
        self.delays: Callable[[], float] = lambda: 0.0

    def close(self) -> None:
        """The client has gone."""
        self.gone.set()

    def cut(self) -> None:
        """The connection broke."""
        self.broken = True
        self.started.set()
        self.lines.put_nowait(None)
        self.gone.set()


Tap = Callable[[Exchange], None]


class Network:
    """All hosts of a world."""

    def __init__(self, loop: SimLoop, seed: int, faults: Faults) -> None:
        self._loop, self.faults, self._seed = loop, faults, seed
        self._dice = dice(seed, "network")
        self.hosts: dict[str, Host] = {}
        self.on_send: list[Tap] = []
        self.on_served: list[Tap] = []
        """Told when the server has done its part, whether or not the client ever hears of it."""
        self.on_done: list[Tap] = []
        self.count = 0
        self._trace = hashlib.sha256()
        self.lines: list[str] | None = None

    def note(self, line: str) -> None:
        """Adds a line to the trace."""
        self._trace.update(line.encode("utf-8", "replace") + b"\n")
        if self.lines is not None:
            self.lines.append(line)

    def trace(self) -> str:
        """What tells two runs apart."""
        return self._trace.hexdigest()[:16]

    def latency(self) -> float:
        """Seconds on the way, mostly a few milliseconds."""
        return 0.002 + self._dice.expovariate(200)

    async def send(
        self, host: str, method: str, target: str, headers: Headers, body: bytes, timeout_seconds: float
    ) -> tuple[int, Headers, bytes, Outcome]:
        """The answer. Raises NoConnection, Reset or TimedOut."""
        exchange = self._begin(host, method, target, headers, body)
        fault = self.faults.draw(exchange)
        exchange.fault = fault.kind
        try:
            answer = await self._carry(exchange, target, headers, fault, timeout_seconds)
        finally:
            self._end(exchange)
        return *answer, fault

    def _begin(self, host: str, method: str, target: str, headers: Headers, body: bytes) -> Exchange:
        self.count += 1
        now, source = self._loop.time(), here().name
        exchange = Exchange(self.count, now, source, host, method, target, body, dict(headers))
        for tap in self.on_send:
            tap(exchange)
        return exchange

    def _end(self, exchange: Exchange) -> None:
        exchange.answered_at = self._loop.time()
        digest = hashlib.blake2b(exchange.answer, digest_size=6).hexdigest()
        self.note(
            f"{exchange.answered_at:.6f} {exchange.source}>{exchange.host} {exchange.method} {exchange.path} "
            f"{exchange.status}/{exchange.told} {exchange.fault} {digest}"
        )
        for tap in self.on_done:
            tap(exchange)

    async def _carry(
        self, exchange: Exchange, target: str, headers: Headers, fault: Outcome, timeout_seconds: float
    ) -> tuple[int, Headers, bytes]:
        await asyncio.sleep(self.latency())
        found = self.hosts.get(exchange.host)
        if found is None or not found.is_up or fault.kind == "refused":
            raise NoConnection("refused")
        if fault.kind == "reset-before":
            raise Reset
        if fault.kind == "timeout-before":
            await asyncio.sleep(timeout_seconds)
            raise TimedOut
        given = fault.instead(exchange)
        if given is None:
            given = await self._served(exchange, found, target, headers, fault, timeout_seconds)
        exchange.told = given[0]
        return given

    async def _served(
        self,
        exchange: Exchange,
        found: Host,
        target: str,
        headers: Headers,
        fault: Outcome,
        timeout_seconds: float,
    ) -> tuple[int, Headers, bytes]:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        work: asyncio.Future[tuple[int, Headers, bytes]] = self._loop.create_future()
        found.process.in_flight[work] = None
        self._loop.spawn(found.process, self._serve(work, exchange, found, target, headers))
        done, _ = await asyncio.wait([work], timeout=timeout_seconds)
        found.process.in_flight.pop(work, None)
        if not done:
            raise TimedOut
        if work.cancelled():
            raise Reset
        status, answered, content = work.result()
        await asyncio.sleep(self.latency() + fault.late)
        if fault.kind in ("reset-after", "reset-during"):
            raise Reset
        if fault.kind == "timeout-after":
            await asyncio.sleep(timeout_seconds)
            raise TimedOut
        return fault.spoilt(exchange, status, answered, content)

    async def _serve(
        self, work: asyncio.Future[Any], exchange: Exchange, found: Host, target: str, headers: Headers
    ) -> None:
        """The server's own part, in its process."""
        exchange.reached = True
        try:
            answer = await call_app(found.app, found.name, exchange.method, target, headers, exchange.body)
        except ConnectionResetError:
            work.cancel()
            return
        exchange.status, exchange.answer = answer[0], answer[2]
        self.faults.remember(exchange, answer[1])
        for tap in self.on_served:
            tap(exchange)
        if not work.done():
            work.set_result(answer)

    def open_stream(self, host: str, method: str, target: str, headers: Headers) -> Stream:
        """A watch. It breaks when its server dies."""
        found = self.hosts[host]
        if not found.is_up:
            raise NoConnection("refused")
        stream = Stream()
        found.streams.append(stream)
        self._loop.spawn(found.process, self._pour(stream, found, method, target, headers))
        return stream

    async def _pour(self, stream: Stream, found: Host, method: str, target: str, headers: Headers) -> None:
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await stream.gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                stream.status = message["status"]
                stream.started.set()
            elif message.get("body"):
                stream.lines.put_nowait(message["body"])

        try:
            await found.app(scope_of(found.name, method, target, headers), receive, send)
        finally:
            stream.started.set()
            stream.lines.put_nowait(None)
            if stream in found.streams:
                found.streams.remove(stream)

    def take_down(self, name: str) -> None:
        """The host answers nobody, and every stream of it breaks."""
        found = self.hosts[name]
        found.is_up = False
        for stream in found.streams:
            stream.cut()
        found.streams.clear()


def scope_of(host: str, method: str, target: str, headers: Headers) -> dict[str, Any]:
    """The ASGI scope of a request."""
    raw_path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": ("192.0.2.1", 1024),
        "server": (host, 443),
    }


async def call_app(
    app: Any, host: str, method: str, target: str, headers: Headers, body: bytes
) -> tuple[int, Headers, bytes]:
    """The whole answer of an ASGI application, at once and without a network between."""
    answer: dict[str, Any] = {"status": 0, "headers": []}
    parts: list[bytes] = []
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            return {"type": "http.disconnect"}
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer["status"], answer["headers"] = message["status"], message["headers"]
        else:
            parts.append(message.get("body", b""))

    await app(scope_of(host, method, target, headers), receive, send)
    told = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer["headers"]]
    return answer["status"], told, b"".join(parts)
