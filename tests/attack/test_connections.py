"""A server before it knows who calls: huge headers, half-sent requests, floods, clients that do not read."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from controller.http_limits import ServerLimits, client_key, parse_networks, within
from controller.http_server import Door
from tests.attack.raw_http import Echo, Raw, connect, limited, until

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
LIMITS = ServerLimits()


async def fine(port: int) -> bool:
    """Whether another client is answered."""
    other = await connect(port)
    await other.send(GET)
    status = await other.status()
    other.close()
    return status == 200


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 200_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"a" * 40_000 + b": 1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"a: 1\r\n" * 101 + b"\r\n", 431),
        (
            b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: %s\r\n" % (n, b"b" * 4000) for n in range(9)) + b"\r\n",
            431,
        ),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
        (b"GET /?" + b"a" * 400_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: 1\r\n" * 90 + b"\r\n", 200),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 30_000 + b"\r\n\r\n", 200),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /\xe2\x82\xac HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"\x00" * 1000, 400),
        (
            b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400),
        (b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", 200),
    ],
)
async def test_a_head_is_bounded_in_bytes_and_in_number(request_bytes: bytes, status: int) -> None:
    app = Echo()
    async with limited(app, LIMITS) as (port, _):
        client = await connect(port)
        await client.send(request_bytes)
        assert await client.status() == status
        assert app.seen == ([] if status >= 400 else ["/"])
        assert await fine(port)


async def test_a_gigantic_header_costs_nothing_and_others_do_not_wait() -> None:
    async with limited(Echo(), LIMITS) as (port, door):
        attacker = await connect(port)

        async def flood() -> int:
            await attacker.send(b"GET / HTTP/1.1\r\nx: ")
            sent = 0
            while sent < 145 << 20 and not attacker.writer.is_closing():
                await attacker.send(b"a" * (1 << 20))
                sent += 1 << 20
            return sent

        flooding = asyncio.create_task(flood())
        await until(lambda: door.refused.total() > 0)
        began = time.monotonic()
        assert await fine(port)
        assert time.monotonic() - began < 1
        door.look(asyncio.get_running_loop().time() + 5)
        assert await flooding < 145 << 20


@pytest.mark.parametrize(
    ("begun", "answered"),
    [
        (b"", False),
        (b"G", True),
        (b"GET / HTTP/1.1\r\nhost: x\r\n", True),
        (b"\r\n", False),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 1000, True),
    ],
)
async def test_a_half_sent_head_is_cut_in_time(begun: bytes, answered: bool) -> None:
    async with limited(Echo(), LIMITS) as (port, door):
        client = await connect(port)
        await client.send(begun)
        await until(lambda: door.connections == 1)
        await asyncio.sleep(0.02)
        now = asyncio.get_running_loop().time()
        door.look(now + LIMITS.header_seconds - 1)
        assert door.connections == 1
        door.look(now + LIMITS.header_seconds + 1)
        assert (b" 408 " in await client.rest()) is answered
        assert door.connections == 0


async def test_dripping_does_not_extend_the_deadline() -> None:
    async with limited(Echo(), LIMITS) as (port, door):
        client = await connect(port)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for byte in b"GET / HTTP/1.1\r\nx: aaaa":
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        door.look(began + LIMITS.header_seconds + 1)
        assert await client.status() == 408


@pytest.mark.parametrize("framing", [b"content-length: 100", b"transfer-encoding: chunked"])
async def test_a_half_sent_body_is_cut_in_time_and_the_application_hears_of_it(framing: bytes) -> None:
    app = Echo()
    async with limited(app, LIMITS) as (port, door):
        client = await connect(port)
        await client.send(b"POST / HTTP/1.1\r\nhost: x\r\n" + framing + b"\r\n\r\n5\r\nhello")
        await until(lambda: bool(app.seen))
        now = asyncio.get_running_loop().time()
        door.look(now + LIMITS.body_seconds - 1)
        assert door.connections == 1
        door.look(now + LIMITS.body_seconds + 1)
        assert await client.status() == 408
        await until(lambda: app.gone == 1)


async def test_a_body_is_bounded_even_if_the_application_does_not_read_it() -> None:
    limits = ServerLimits(body_bytes=1 << 20)
    async with limited(Echo(), limits) as (port, door):
        client = await connect(port)
        await client.send(b"POST /deaf HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        assert await client.status() == 401
        for _ in range(64):
            await client.send(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
        await until(lambda: door.refused["bytes of a body"] == 1)
        assert await client.rest() == b""


async def test_trailers_are_bounded_as_headers_are() -> None:
    async with limited(Echo(), LIMITS) as (port, door):
        client = await connect(port)
        head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntrailer: a\r\n\r\n0\r\n"
        await client.send(head + b"a: 1\r\n" * 200 + b"\r\n")
        assert await client.status() == 431
        assert door.refused["number of headers"] == 1


async def test_an_answer_that_nobody_takes_is_given_up() -> None:
    async with limited(Echo(), LIMITS) as (port, door):
        client = await connect(port, buffer=4096)
        await client.send(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        await until(lambda: any(each.transport.get_write_buffer_size() for each in door._open))
        now = asyncio.get_running_loop().time()
        door.look(now)
        door.look(now + LIMITS.stalled_seconds - 1)
        assert door.connections == 1
        door.look(now + LIMITS.stalled_seconds + 1)
        await until(lambda: door.connections == 0)
        assert door.refused["an answer that nobody takes"] == 1


async def test_thousands_of_pipelined_requests_are_not_queued() -> None:
    app = Echo()
    async with limited(app, LIMITS) as (port, _):
        client = await connect(port)
        await client.send(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n" + GET * 5000)
        assert await client.rest() == b""
        app.release.set()
        assert await fine(port)
        assert len(app.seen) < 100


async def test_idle_connections_end_even_if_empty_lines_keep_coming() -> None:
    async with limited(Echo(), LIMITS) as (port, door):
        client = await connect(port)
        await client.send(GET)
        assert await client.status() == 200
        await client.send(b"\r\n")
        await asyncio.sleep(0.02)
        door.look(asyncio.get_running_loop().time() + 80)
        assert await client.rest() == b""


async def slow(port: int, count: int) -> list[Raw]:
    """Connections that have sent half a head."""
    clients = [await connect(port) for _ in range(count)]
    for client in clients:
        await client.send(b"GET / HTTP/1.1\r\nhost:")
    return clients


@pytest.mark.parametrize(
    "limits", [ServerLimits(connections_per_address=20), ServerLimits(connections=20)], ids=["address", "all"]
)
async def test_half_sent_requests_keep_nobody_out(limits: ServerLimits) -> None:
    async with limited(Echo(), limits) as (port, door):
        attackers = await slow(port, 100)
        assert await fine(port)
        await until(lambda: door.connections <= 20)
        for client in attackers:
            client.close()


async def test_requests_under_way_are_never_closed_for_others() -> None:
    app = Echo()
    async with limited(app, ServerLimits(connections_per_address=5)) as (port, _):
        clients = [await connect(port) for _ in range(5)]
        for client in clients:
            await client.send(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n")
        await until(lambda: len(app.seen) == 5)
        late = await connect(port)
        await late.send(GET)
        answer = await late.rest()
        assert b" 503 " in answer and b"retry-after: 1" in answer
        app.release.set()
        assert [await client.status() for client in clients] == [200] * 5


async def test_keep_alive_connections_serve_many_requests_one_after_the_other() -> None:
    async with limited(Echo(), ServerLimits(header_bytes=200, header_count=3, body_bytes=500)) as (
        port,
        door,
    ):
        client = await connect(port)
        for _ in range(50):
            await client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n" + b"a" * 100)
            assert await client.status() == 200
        assert not door.refused


async def test_a_body_may_come_in_parts_slowly_but_in_time() -> None:
    async with limited(Echo(), LIMITS) as (port, door):
        client = await connect(port)
        await client.send(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        assert await client.status() == 100
        for byte in b"abcd":
            await client.send(bytes([byte]))
            door.look(asyncio.get_running_loop().time() + 20)
        assert await client.status() == 200


async def test_a_proxy_is_exempt_from_the_limit_of_one_address() -> None:
    limits = ServerLimits(connections_per_address=5, proxies=parse_networks(["127.0.0.0/8"]))
    async with limited(Echo(), limits) as (port, door):
        clients = await slow(port, 50)
        await until(lambda: door.connections == 50)
        for client in clients:
            client.close()


async def test_an_attack_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    async with limited(Echo(), LIMITS) as (port, door):
        for _ in range(50):
            client = await connect(port)
            await client.send(b"\x00\r\n\r\n")
            await client.rest()
        assert door.refused["malformed requests"] == 50
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


def test_ipv6_clients_are_counted_by_their_network() -> None:
    assert client_key("2001:db8:1:2::1") == client_key("2001:db8:1:2:ffff::9")
    assert client_key("2001:db8:1:2::1") != client_key("2001:db8:1:3::1")
    assert client_key("::ffff:10.0.0.7") == client_key("10.0.0.7") == "10.0.0.7"
    assert within("::ffff:10.0.0.7", parse_networks(["10.0.0.0/8"]))
    assert not within("unix", parse_networks(["10.0.0.0/8"]))


def test_the_door_forgets_who_has_left() -> None:
    door: Any = Door(LIMITS)
    assert not door._of and not door._open and door.connections == 0
