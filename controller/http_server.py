"""uvicorn's HTTP protocol with bounds: on headers, on waiting, on connections.

Used by whoever runs a server, as `limited_config(app, door)`. uvicorn itself bounds neither the size of
headers nor the time that a request takes to arrive, and once there are too many connections it answers 503
to all of them. Here a new connection takes the place of the one that has waited longest, so that a thousand
half-sent requests keep nobody out. A request costs a few comparisons; deadlines are checked once a second.
"""

from __future__ import annotations

import asyncio
import http
import json
import logging
import time
from collections import Counter
from enum import IntEnum
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from controller.http_limits import ServerLimits, client_key

LOOK_SECONDS = 1.0
"""Between two looks at all deadlines, or half of the shortest deadline."""
LINGER_SECONDS = 2.0
LINGER_BYTES = 2 << 20
LINGERING = 100
"""A refused connection is kept a moment: closed with bytes unread, it would lose the answer on its way."""
QUIET_SECONDS = 60.0
logger = logging.getLogger(__name__)


class Phase(IntEnum):
    """How far the request that a connection sends has come, most dispensable first."""

    HEAD = 0
    BODY = 1
    WHOLE = 2


class _Refused(Exception):
    """Ends the parser; the connection has noted why."""


class Door:
    """The open connections of one server: lets them in, checks their deadlines, counts what it refused."""

    def __init__(self, limits: ServerLimits) -> None:
        self.limits = limits
        self.refused: Counter[str] = Counter()
        """How often each limit was hit since the start."""
        self._open: dict[LimitedHttp, str] = {}
        self._of: dict[str, dict[LimitedHttp, None]] = {}
        self._lingering: dict[LimitedHttp, float] = {}
        shortest = min(limits.header_seconds, limits.body_seconds, limits.stalled_seconds)
        self._look_seconds = min(LOOK_SECONDS, shortest / 2)
        self._timer: asyncio.TimerHandle | None = None
        self._told, self._told_at = 0, -QUIET_SECONDS

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    def enter(self, connection: LimitedHttp, address: str) -> bool:
        """Whether `connection` may stay; another one may have had to go for it."""
        key = client_key(address)
        peers = self._of.setdefault(key, {})
        limits = self.limits
        crowded = len(peers) >= limits.connections_per_address and not limits.is_proxy(address)
        if crowded and not self._make_room(peers):
            return self._turn_away("connections per address", key)
        if len(self._open) >= limits.connections:
            largest = max(self._of.values(), key=len)
            if not (self._make_room(largest) or self._make_room(self._open)):
                return self._turn_away("connections", key)
        self._open[connection] = key
        self._of.setdefault(key, peers)[connection] = None
        self._keep_looking(connection.loop)
        return True

    def _turn_away(self, limit: str, key: str) -> bool:
        if not self._of.get(key, True):
            del self._of[key]
        self.note(limit)
        return False

    def _make_room(self, among: dict[LimitedHttp, Any]) -> bool:
        """Closes the connection that waits longest; False where all of them are being served."""
        waiting = [each for each in among if each.is_waiting]
        if not waiting:
            return False
        min(waiting, key=lambda each: each.dispensability).give_way()
        return True

    def leave(self, connection: LimitedHttp) -> None:
        """Forgets `connection`."""
        self._lingering.pop(connection, None)
        key = self._open.pop(connection, None)
        if key is None:
            return
        peers = self._of[key]
        peers.pop(connection, None)
        if not peers:
            del self._of[key]

    def linger(self, connection: LimitedHttp) -> bool:
        """Whether a refused connection may stay until its client has read why."""
        self.leave(connection)
        if len(self._lingering) >= LINGERING:
            return False
        self._lingering[connection] = connection.loop.time() + LINGER_SECONDS
        self._keep_looking(connection.loop)
        return True

    def note(self, limit: str) -> None:
        """Counts that `limit` was hit; logged once a minute at most: an attack must not fill the disk."""
        self.refused[limit] += 1
        now = time.monotonic()
        if now - self._told_at < QUIET_SECONDS:
            return
        total = self.refused.total()
        facts = {"limit": limit, "refused": total - self._told, "connections": self.connections}
        logger.warning("a request was refused before it was read", extra={"facts": facts})
        self._told, self._told_at = total, now

    def _keep_looking(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None:
            self._timer = loop.call_later(self._look_seconds, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self.look(loop.time())
        if self._open or self._lingering:
            self._keep_looking(loop)

    def look(self, now: float) -> None:
        """Cuts every connection whose deadline is over at `now`, seconds of the event loop's clock."""
        for connection in list(self._open):
            connection.check(now)
        for connection, until in list(self._lingering.items()):
            if now >= until:
                connection.abort()


class LimitedHttp(HttpToolsProtocol):
    """One connection; limited_protocol sets `door`."""

    door: Door

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._limits = self.door.limits
        self._phase = Phase.HEAD
        self._since = self.loop.time()
        self._pending = 0  # bytes of a head that is not whole yet
        self._head = 0  # bytes of the head and the trailers, parsed
        self._fields = 0
        self._body = self._decoded = 0  # bytes since the head, with and without their framing
        self._unsent, self._taken_at = 0, 0.0
        self._refusal: tuple[int, str] = (400, "malformed requests")
        self._is_cut = False

    # What the door asks

    @property
    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    @property
    def is_waiting(self) -> bool:
        """Whether no request of this connection is being carried out."""
        return self._is_answered or self._phase is Phase.BODY

    @property
    def dispensability(self) -> tuple[bool, int, float]:
        """Orders what is closed first: half-sent heads, idle connections, half-sent bodies; the oldest."""
        return (self._phase is Phase.BODY and not self._is_answered, self._phase, self._since)

    def give_way(self) -> None:
        """Closes for another connection's sake."""
        self.door.note("connections, closed while waiting")
        self._is_cut = True
        if not self._is_answered:
            self._disconnect()
        self._close_soon()

    def _close_soon(self) -> None:
        """Closes as soon as the client has what was sent, or a little later without that."""
        if self.door.linger(self):
            self.transport.close()
        else:
            self.transport.abort()

    def check(self, now: float) -> None:
        """Cuts the connection where one of its deadlines is over."""
        if self._is_stuck(now):
            self.door.note("an answer that nobody takes")
            self.abort()
        elif self._phase is Phase.HEAD:
            if now - self._since > self._limits.header_seconds:
                self._cut(408, "seconds of headers")
        elif self._phase is Phase.BODY:
            if self.flow.read_paused:
                self._since = now  # the server is the one that does not read
            elif now - self._since > self._limits.body_seconds:
                self._cut(408, "seconds of a body")
        elif self._is_answered and now - self._since > self.timeout_keep_alive + LOOK_SECONDS:
            self.transport.close()  # empty lines between requests have stopped uvicorn's own timer

    def _is_stuck(self, now: float) -> bool:
        size = self.transport.get_write_buffer_size()
        if not size or not self._unsent or size < self._unsent:
            self._taken_at = now
        self._unsent = size
        return now - self._taken_at > self._limits.stalled_seconds

    def abort(self) -> None:
        """Ends the connection at once."""
        self._is_cut = True
        self.transport.abort()

    # asyncio's side

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self._taken_at = self.loop.time()
        if not self.door.enter(self, self.client[0] if self.client else ""):
            self._refuse(503, "connections", ((b"retry-after", b"1"),))

    def connection_lost(self, exc: Exception | None) -> None:
        self.door.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_cut:
            self._body += len(data)
            if self._body > LINGER_BYTES:
                self.transport.abort()
            return
        self._unset_keepalive_if_required()
        before = self._phase
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self.cycle is not None:
                self.cycle.keep_alive = False  # no protocol is offered to change to
        except httptools.HttpParserError:
            self._cut(*self._refusal)
            return
        if self._phase is Phase.HEAD:
            # A head that began in the midst of `data` is at most as long as one read of the socket.
            self._pending += len(data) if before is Phase.HEAD else 0
            if self._pending > self._limits.header_bytes:
                self._cut(431, "bytes of headers")
        elif self._phase is Phase.BODY:
            self._body += len(data) if before is Phase.BODY else 0
            if self._body > self._limits.body_bytes:
                self._cut(413, "bytes of a body")

    # The parser's side

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= self._limits.pipelined:
            self._give_up(400, "pipelined requests")
        super().on_message_begin()
        self._phase, self._since = Phase.HEAD, self.loop.time()
        self._pending = self._head = self._fields = self._body = self._decoded = 0

    def on_url(self, url: bytes) -> None:
        self._head += len(url)
        if self._head > self._limits.header_bytes:
            self._give_up(414, "bytes of headers")
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value) + 4
        self._fields += 1
        if self._head > self._limits.header_bytes:
            self._give_up(431, "bytes of headers")
        if self._fields > self._limits.header_count:
            self._give_up(431, "number of headers")
        if self._phase is Phase.HEAD:  # trailers change nothing: the request is being answered already
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._announces_too_much():
            self._give_up(413, "bytes of a body")
        super().on_headers_complete()
        self._phase, self._since = Phase.BODY, self.loop.time()

    def on_body(self, body: bytes) -> None:
        self._decoded += len(body)
        if self._decoded > self._limits.body_bytes:
            self._give_up(413, "bytes of a body")
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._phase, self._since = Phase.WHOLE, self.loop.time()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self._phase is Phase.WHOLE:
            self._since = self.loop.time()
        super().on_response_complete()

    def _announces_too_much(self) -> bool:
        lengths = [value for name, value in self.headers if name == b"content-length" and value.isdigit()]
        return any(len(value) > 18 or int(value) > self._limits.body_bytes for value in lengths)

    def _give_up(self, status: int, limit: str) -> None:
        """Ends the parser; data_received then cuts the connection."""
        self._refusal = (status, limit)
        raise _Refused(limit)

    # Refusing

    def _cut(self, status: int, limit: str) -> None:
        self.door.note(limit)
        self._refuse(status, limit)

    def _refuse(self, status: int, limit: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        """Answers, where no other answer is under way, and closes when the client has had time to read it."""
        self._is_cut, self._body = True, 0
        if self._phase is Phase.BODY and not self._is_answered:
            may_answer = not self.pipeline and not self.cycle.response_started
            self._disconnect()
        else:
            # Not before a request has begun, and not into the answer of an earlier one.
            may_answer = self._phase is Phase.HEAD and self._is_answered
            may_answer &= self.scope is not None or status != 408
        if not may_answer:
            self._close_soon()
            return
        self.transport.write(_answer(status, limit, headers))
        if not self.door.linger(self):
            self.transport.close()
        elif self.transport.can_write_eof():
            self.transport.write_eof()

    def _disconnect(self) -> None:
        """The application learns that its client is gone."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()


_DETAILS = {
    400: "The request is not HTTP/1.1 as this server reads it",
    408: "The request did not arrive in time",
    413: "The body is too large",
    414: "The request line is too long",
    431: "The headers are too large or too many",
    503: "There are too many connections; try again in a second",
}


def _answer(status: int, limit: str, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """A whole answer: problem details (RFC 9457)."""
    title = http.HTTPStatus(status).phrase
    problem = {"type": "about:blank", "title": title, "status": status, "detail": _DETAILS[status]}
    body = json.dumps(problem | {"limit": limit}).encode()
    fields = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
        *headers,
    ]
    lines = [f"HTTP/1.1 {status} {title}".encode(), *(name + b": " + value for name, value in fields)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def limited_protocol(door: Door) -> type[LimitedHttp]:
    """The protocol for one server: its connections are counted together, by `door`."""
    return type("LimitedHttp", (LimitedHttp,), {"door": door})


def limited_config(app: Any, door: Door, **more: Any) -> uvicorn.Config:
    """uvicorn's settings for an application that anybody may call; `more` are uvicorn's own."""
    return uvicorn.Config(
        app,
        http=limited_protocol(door),
        ws="none",
        proxy_headers=False,  # uvicorn would believe whoever connects from loopback
        log_config=None,
        access_log=False,
        server_header=False,
        **more,
    )
