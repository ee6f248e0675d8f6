"""A load client for SCIM providers: the request shapes that Okta sends, on keep-alive connections.

Used by bench.provider. It speaks HTTP/1.1 itself, on asyncio alone, so that it does not become the
bottleneck on two cores; it refuses a server that is not on loopback, and every phase is bounded in time.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
GIVEN = ("Ada", "Alan", "Barbara", "Claude", "Donald", "Edsger", "Frances", "Grace")
FAMILY = ("Lovelace", "Turing", "Liskov", "Shannon", "Knuth", "Dijkstra", "Allen", "Hopper")
TIMEOUT_SECONDS = 30.0
Answered = Callable[["int | None", bytes], None]


class Connection(asyncio.Protocol):
    """One keep-alive connection that is asked one thing at a time.

    A protocol and callbacks instead of streams and tasks: the client shares two cores with what it measures.
    """

    def __init__(self) -> None:
        self._received = bytearray()
        self._answered: Answered | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        """A connection to `host`."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.close()

    def send(self, raw: bytes, answered: Answered) -> None:
        """Sends a request; `answered` is called once, with None where the server hung up instead."""
        assert self._transport is not None and self._answered is None
        self._answered = answered
        self._transport.write(raw)

    async def request(self, raw: bytes) -> tuple[int, bytes]:
        """(status, body)."""
        future: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

        def answered(status: int | None, body: bytes) -> None:
            if status is None:
                future.set_exception(ConnectionResetError("the server hung up"))
            else:
                future.set_result((status, body))

        self.send(raw, answered)
        return await asyncio.wait_for(future, TIMEOUT_SECONDS)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        body = _body(head, self._received, end + 4)
        if body is None:
            return
        self._received.clear()
        self._answer(int(head.split(b" ", 2)[1]), body)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._answered is not None:
            self._answer(None, b"")

    def _answer(self, status: int | None, body: bytes) -> None:
        answered, self._answered = self._answered, None
        assert answered is not None
        answered(status, body)


def _body(head: bytes, received: bytearray, start: int) -> bytes | None:
    """The body behind `head`, or None where it is not whole yet."""
    _, found, length = head.partition(b"content-length:")
    if found:
        size = int(length.split(b"\r\n", 1)[0])
        return bytes(received[start : start + size]) if len(received) >= start + size else None
    if b"transfer-encoding: chunked" not in head:
        return b""
    parts: list[bytes] = []
    while (line := received.find(b"\r\n", start)) >= 0:
        size = int(received[start:line].split(b";")[0], 16)
        if len(received) < line + 2 + size + 2:
            return None
        if not size:
            return b"".join(parts)
        parts.append(bytes(received[line + 2 : line + 2 + size]))
        start = line + 2 + size + 2
    return None


@dataclass
class Result:
    """One phase: answers a second, latencies in milliseconds, what went wrong by status or error."""

    phase: str
    requests: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds if self.seconds else 0.0

    def at(self, fraction: float) -> float:
        """The latency, in milliseconds, that `fraction` of the answers stayed under."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(fraction * len(ordered)))] if ordered else 0.0


Make = Callable[[int], bytes]


@dataclass
class Turn:
    """What the connections of one phase share."""

    result: Result
    make: Make
    expected: set[int]
    deadline: float
    limit: int
    sent: int = 0


class Worker:
    """Sends over one connection, the next request when the answer is there, until the turn is over."""

    def __init__(self, turn: Turn, connection: Connection, number: int) -> None:
        self._turn, self._connection, self._number = turn, connection, number
        self._began = 0.0
        self._done = asyncio.get_running_loop().create_future()

    async def work(self) -> None:
        """Returns when the turn is over; the connection is closed then."""
        try:
            self._send()
            await self._done
        finally:
            self._connection.close()

    def _send(self) -> None:
        turn = self._turn
        if turn.sent >= turn.limit or time.perf_counter() >= turn.deadline:
            self._done.set_result(None)
            return
        turn.sent += 1
        raw = turn.make(self._number)
        self._began = time.perf_counter()
        self._connection.send(raw, self._answered)

    def _answered(self, status: int | None, _: bytes) -> None:
        result = self._turn.result
        if status is None:
            result.errors["ConnectionResetError"] += 1
            self._done.set_result(None)
            return
        result.latencies.append(time.perf_counter() - self._began)
        if status not in self._turn.expected:
            result.errors[str(status)] += 1
        self._send()


class Load:
    """Phases of load on the provider at `base_url`; it learns the ids and names that are there."""

    def __init__(self, base_url: str, token: str = "", concurrency: int = 8) -> None:
        url = urlsplit(base_url)
        if url.hostname != "127.0.0.1":
            raise ValueError("only a server on 127.0.0.1 is measured")
        self._host, self._port, self._prefix = url.hostname, url.port or 80, url.path.rstrip("/")
        self._concurrency = concurrency
        self._headers = (
            f"Host: {self._host}:{self._port}\r\nUser-Agent: Okta SCIM Client 1.0.0\r\n"
            "Accept: application/scim+json\r\nAccept-Charset: utf-8\r\n"
        ) + (f"Authorization: Bearer {token}\r\n" if token else "")
        self.ids: list[str] = []
        self.names: list[str] = []
        self._tag = uuid.uuid4().hex[:8]
        self._serial = 0
        self._random = random.Random(7)
        self._group = ""

    def raw(self, method: str, path: str, payload: Any = None) -> bytes:
        """The bytes of one request."""
        head = f"{method} {self._prefix}{path} HTTP/1.1\r\n{self._headers}"
        if payload is None:
            return (head + "\r\n").encode()
        body = json.dumps(payload, separators=(",", ":")).encode()
        kind = "Content-Type: application/scim+json; charset=utf-8\r\n"
        return f"{head}{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def one(self, method: str, path: str, payload: Any = None) -> tuple[int, Any]:
        """(status, JSON) of one request."""
        connection = await Connection.open(self._host, self._port)
        try:
            status, body = await connection.request(self.raw(method, path, payload))
        finally:
            connection.close()
        return status, json.loads(body) if body else None

    async def run(
        self, phase: str, make: Make, expected: set[int], seconds: float, limit: int = 1 << 60
    ) -> Result:
        """A closed loop: each connection sends its next request when it has an answer."""
        result = Result(phase)
        started = time.perf_counter()
        turn = Turn(result, make, expected, started + seconds, limit)
        connections = [await Connection.open(self._host, self._port) for _ in range(self._concurrency)]
        workers = [Worker(turn, connection, number) for number, connection in enumerate(connections)]
        await asyncio.wait_for(
            asyncio.gather(*(worker.work() for worker in workers)), seconds + TIMEOUT_SECONDS
        )
        result.requests, result.seconds = len(result.latencies), time.perf_counter() - started
        return result

    def user(self, name: str) -> dict[str, Any]:
        """A user as Okta creates one."""
        given, family = self._random.choice(GIVEN), self._random.choice(FAMILY)
        return {
            "schemas": [USER],
            "userName": name,
            "name": {"givenName": given, "familyName": family},
            "emails": [{"primary": True, "value": name, "type": "work"}],
            "displayName": f"{given} {family}",
            "locale": "en-US",
            "externalId": "00u" + uuid.uuid4().hex[:17],
            "active": True,
        }

    async def learn(self) -> None:
        """Reads the ids and names that are there, page by page."""
        self.ids, self.names, start = [], [], 1
        while True:
            status, body = await self.one("GET", f"/Users?startIndex={start}&count=200")
            if status != 200:
                raise RuntimeError(f"GET /Users answered {status}")
            page = body.get("Resources") or []
            self.ids += [user["id"] for user in page]
            self.names += [user["userName"] for user in page]
            start += len(page)
            if not page or start > body["totalResults"]:
                return

    async def fill(self, users: int, seconds: float = 600) -> None:
        """Creates users until there are `users`."""
        await self.learn()
        if len(self.ids) < users:
            result = await self.run("fill", self.create, {201}, seconds, users - len(self.ids))
            if result.errors:
                raise RuntimeError(f"filling failed: {dict(result.errors)}")
            await self.learn()

    def create(self, _: int) -> bytes:
        """POST of a new user."""
        self._serial += 1
        return self.raw("POST", "/Users", self.user(f"u{self._serial}.{self._tag}@example.com"))

    def filter(self, _: int) -> bytes:
        """GET by userName, of one who is there."""
        expression = quote(f'userName eq "{self._random.choice(self.names)}"')
        return self.raw("GET", f"/Users?filter={expression}&startIndex=1&count=100")

    def get(self, _: int) -> bytes:
        """GET by id."""
        return self.raw("GET", f"/Users/{self._random.choice(self.ids)}")

    def list(self, _: int) -> bytes:
        """GET of a page of a hundred, anywhere."""
        start = 1 + 100 * self._random.randrange(max(1, len(self.ids) // 100))
        return self.raw("GET", f"/Users?startIndex={start}&count=100")

    def patch(self, _: int) -> bytes:
        """PATCH of active, without a path, as Okta's templates send it."""
        value = {"active": self._random.random() < 0.5}
        operations = [{"op": "replace", "value": value}]
        body = {"schemas": [PATCH], "Operations": operations}
        return self.raw("PATCH", f"/Users/{self._random.choice(self.ids)}", body)

    def put(self, _: int) -> bytes:
        """PUT of a whole user."""
        number = self._random.randrange(len(self.ids))
        body = self.user(self.names[number]) | {"id": self.ids[number]}
        return self.raw("PUT", f"/Users/{self.ids[number]}", body)

    async def make_group(self, members: int) -> None:
        """A group with `members` members, for `patch_member`."""
        body = {
            "schemas": [GROUP],
            "displayName": f"bench {self._tag} {members}",
            "members": [{"value": each} for each in self.ids[:members]],
        }
        status, group = await self.one("POST", "/Groups", body)
        if status != 201:
            raise RuntimeError(f"POST /Groups answered {status}")
        self._group = group["id"]

    async def drop_group(self) -> None:
        """Deletes it."""
        await self.one("DELETE", f"/Groups/{self._group}")

    def patch_member(self, number: int) -> bytes:
        """Adds one member to the group, and removes one, in turn."""
        self._serial += 1
        member = self.ids[-1 - number % min(50, len(self.ids))]
        operation: dict[str, Any] = {"op": "remove", "path": f'members[value eq "{member}"]'}
        if self._serial % 2:
            operation = {"op": "add", "path": "members", "value": [{"value": member}]}
        body = {"schemas": [PATCH], "Operations": [operation]}
        return self.raw("PATCH", f"/Groups/{self._group}", body)
