"""HTTP servers with limits: uvicorn, which by itself bounds neither the size and the time of headers and
bodies nor who holds how many connections.

Used by handlers.listening for probes and event hooks, and by whatever else serves to strangers. Each limit is
per connection and enforced before the application is asked. If a server is full, the connection that has
waited longest without a whole request gives its place to the new one: slow clients cannot shut others out.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

logger = logging.getLogger(__name__)


LINGER_SECONDS = 1.0
LINGER_BYTES = 2 << 20
"""A connection that is closed with bytes unread is reset, and the client may lose the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What one server takes from clients."""

    connections: int = 256
    """Open at the same time."""
    connections_per_address: int = 64
    """The same of one client address; of IPv6 a /64 counts as one address."""
    header_bytes: int = 32 * 1024
    """Of the request line and all headers."""
    header_count: int = 100
    header_seconds: float = 10.0
    """From the start of a connection, or the first byte of a later request, to the last header."""
    body_bytes: int | None = None
    """None: the application bounds bodies."""
    body_seconds: float = 30.0
    """From the last header to the end of the body, while the server reads."""
    stalled_seconds: float = 30.0
    """How long a client may take nothing of its answer."""


class _Phase(Enum):
    """Of the reading side of a connection."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    WHOLE = auto()
    REFUSED = auto()
    """Answered before it was whole: what still comes is dropped, so that the client reads the answer."""


class _Refused(Exception):
    """Ends the parsing of a request that was answered already."""


class _Connections:
    """The open connections of one server."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._addresses: dict[LimitedProtocol, str] = {}
        self._count: Counter[str] = Counter()
        self._waiting: dict[LimitedProtocol, None] = {}
        """Those without a whole request, the longest first."""

    def __len__(self) -> int:
        """How many are open."""
        return len(self._addresses)

    def admit(self, one: LimitedProtocol, address: str) -> bool:
        """Whether there is room for `one`, made by ending another if need be."""
        if self._count[address] >= self._limits.connections_per_address and not self._make_room(address):
            return False
        if len(self._addresses) >= self._limits.connections and not self._make_room():
            return False
        self._addresses[one] = address
        self._count[address] += 1
        self.waits(one)
        return True

    def waits(self, one: LimitedProtocol) -> None:
        """`one` has no whole request from now on."""
        if one in self._addresses:
            self._waiting.pop(one, None)
            self._waiting[one] = None

    def works(self, one: LimitedProtocol) -> None:
        """`one` has a whole request, and keeps its place until it is answered."""
        self._waiting.pop(one, None)

    def forget(self, one: LimitedProtocol) -> None:
        """`one` is closed."""
        self._waiting.pop(one, None)
        address = self._addresses.pop(one, None)
        if address is not None:
            self._count[address] -= 1
            if not self._count[address]:
                del self._count[address]

    def _make_room(self, address: str = "") -> bool:
        for one in self._waiting:
            if not address or self._addresses[one] == address:
                self.forget(one)
                one.transport.abort()
                return True
        return False


class LimitedProtocol(HttpToolsProtocol):
    """A connection of uvicorn's that keeps to `limits`; made into one server's own by `limited`."""

    limits: ClassVar[ServerLimits]
    open_connections: ClassVar[_Connections]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.logger = _quiet
        self._phase = _Phase.IDLE
        self._head_bytes = self._parsed_bytes = self._body_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.open_connections.admit(self, _network_of(self.client)):
            self._begin_head()
        else:
            self.transport.write(_refusal(503, "too many connections\n"))
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_connections.forget(self)
        self._cancel_deadline()
        self._cancel_stalled()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._phase is _Phase.REFUSED:
            self._drop(data)
            return
        if self._phase is _Phase.IDLE:
            self._begin_head()
        was_head = self._phase is _Phase.HEAD
        super().data_received(data)
        if was_head and self._phase is _Phase.HEAD:
            # What is parsed is counted by the callbacks; this is the header that does not end.
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.header_bytes:
                self._refuse(431, "the headers are too large\n")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_client()

    def resume_writing(self) -> None:
        self._cancel_stalled()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    # The parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase, self._parsed_bytes = _Phase.HEAD, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count_head(len(name) + len(value) + 4)
        if len(self.headers) > self.limits.header_count:
            self._refuse(431, "there are too many headers\n")
            raise _Refused

    def on_headers_complete(self) -> None:
        if self._announces_too_much():
            self._refuse(413, "the body is too large\n")
            raise _Refused
        super().on_headers_complete()
        self._phase, self._body_bytes = _Phase.BODY, 0
        self._arm(self.limits.body_seconds)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self.limits.body_bytes is not None and self._body_bytes > self.limits.body_bytes:
            self._refuse(413, "the body is too large\n")
            raise _Refused
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._phase = _Phase.WHOLE
        self._cancel_deadline()
        self.open_connections.works(self)
        if self.cycle.response_complete:
            self._become_idle()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._await_client()
        elif self._phase is _Phase.WHOLE and self.cycle.response_complete:
            self._become_idle()

    def send_400_response(self, msg: str) -> None:
        if self._phase is not _Phase.REFUSED:
            self._refuse(400, f"{msg}\n")

    # Deadlines

    def _become_idle(self) -> None:
        """Waits for the next request; uvicorn's own deadline ends with the first byte, whatever it is of."""
        self._phase = _Phase.IDLE
        self.open_connections.waits(self)
        self._arm(self.timeout_keep_alive)

    def _begin_head(self) -> None:
        self._phase, self._head_bytes = _Phase.HEAD, 0
        self._arm(self.limits.header_seconds)

    def _count_head(self, size: int) -> None:
        self._parsed_bytes += size
        if self._parsed_bytes > self.limits.header_bytes:
            self._refuse(431, "the headers are too large\n")
            raise _Refused

    def _announces_too_much(self) -> bool:
        if self.limits.body_bytes is None:
            return False
        lengths = [value for name, value in self.headers if name == b"content-length" and value.isdigit()]
        return any(len(value) > 18 or int(value) > self.limits.body_bytes for value in lengths)

    def _arm(self, seconds: float) -> None:
        self._cancel_deadline()
        self._deadline = self.loop.call_later(seconds, self._overdue, seconds)

    def _overdue(self, seconds: float) -> None:
        if self.flow.read_paused:
            # It is the application that keeps the client waiting.
            self._arm(seconds)
        elif self._phase in (_Phase.IDLE, _Phase.REFUSED) or (
            self._phase is _Phase.HEAD and not self._head_bytes
        ):
            self._close()
        else:
            self._refuse(408, "the request took too long\n")

    def _refuse(self, status: int, words: str) -> None:
        """Answers and closes; an application that is at work on the request answers nobody."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if is_answering and self.cycle.response_started:
            self.transport.abort()
            return
        self.transport.write(_refusal(status, words))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._phase, self._body_bytes = _Phase.REFUSED, 0
        self._arm(LINGER_SECONDS)

    def _drop(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._body_bytes > LINGER_BYTES:
            self.transport.abort()

    def _close(self) -> None:
        self._cancel_deadline()
        self.transport.close()
        self._await_client()

    def _await_client(self) -> None:
        """A client that takes nothing of what is still to be sent does not keep the connection."""
        self._cancel_stalled()
        self._stalled = self.loop.call_later(self.limits.stalled_seconds, self.transport.abort)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cancel_stalled(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


def limited(limits: ServerLimits) -> type[LimitedProtocol]:
    """The `http` of a uvicorn.Config for one server; two servers need one each."""
    return type("Limited", (LimitedProtocol,), {"limits": limits, "open_connections": _Connections(limits)})


def server_config(app: Any, protocol: type[LimitedProtocol], **more: Any) -> uvicorn.Config:
    """A uvicorn.Config with the limits of `protocol`, without access log and WebSockets. `more` are uvicorn's
    own options."""
    return uvicorn.Config(
        app, http=protocol, ws="none", log_config=None, access_log=False, server_header=False, **more
    )


def _refusal(status: int, words: str) -> bytes:
    head = STATUS_LINE[status] + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
    return head + f"content-length: {len(words)}\r\n\r\n{words}".encode()


def _network_of(client: tuple[str, int] | None) -> str:
    """The address of `client`; of IPv6 the /64, which is what one client commonly has."""
    if client is None:
        return ""
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0])
    except ValueError:
        return client[0]
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)


def _is_no_client_fault(record: logging.LogRecord) -> bool:
    """uvicorn warns of each malformed request: anybody could fill the log with that."""
    return record.levelno != logging.WARNING


_quiet = logging.getLogger("uvicorn.error.limited")
_quiet.addFilter(_is_no_client_fault)
