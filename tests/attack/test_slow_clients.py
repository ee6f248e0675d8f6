"""Clients that wear a server out: slow ones, many, large headers, bodies without end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from controller.clock import ManualClock
from controller.http_limits import ServerLimits
from controller.metrics import Metrics
from controller.okta.events import LARGEST_HOOK
from controller.operator.event_hooks import hook_listener
from controller.operator.health import Pulse, health_listener
from controller.operator.http_listener import Listener, Receive, Scope, Send, answer
from controller.settings import Settings
from tests.attack.clients import GET, RawClient, client, clients, eventually, fetch

HOOK = b"POST / HTTP/1.1\r\nhost: x\r\nauthorization: s3cret\r\ncontent-length: %d\r\n\r\n"
SMALL = ServerLimits(
    connections=8,
    connections_per_address=4,
    header_bytes=1000,
    header_count=10,
    header_seconds=0.3,
    body_bytes=1000,
    body_seconds=0.3,
    stalled_seconds=0.3,
)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the body and answers with its size; a request for /large gets 32 MiB."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    body = b"x" * (32 << 20) if scope["path"] == "/large" else str(size).encode()
    await answer(send, 200, body)


@contextlib.contextmanager
def serving(listener: Listener) -> Iterator[int]:
    listener.start()
    try:
        yield listener.port
    finally:
        listener.stop()


@pytest.fixture
def small() -> Iterator[int]:
    """The port of a server with narrow limits."""
    with serving(Listener(("127.0.0.1", 0), echo, "TEST_PORT", SMALL)) as port:
        yield port


def hooks(**limits: float) -> Listener:
    return hook_listener(Settings(**limits), SecretStr("s3cret"), lambda changes: None, "127.0.0.1")


async def status_of(one: RawClient) -> int:
    answer = await one.rest()
    return int(answer.split(b" ", 2)[1]) if answer else 0


async def test_400_slow_connections_get_no_threads_and_do_not_keep_okta_out() -> None:
    with serving(
        hooks(hook_timeout_seconds=60, hook_connections=64, hook_connections_per_address=32)
    ) as port:
        before = threading.active_count()
        async with clients(port, 400) as crowd:
            for one in crowd:
                await one.send(b"POST / HTTP/1.1\r\nx: ")
            assert threading.active_count() == before
            begun = time.monotonic()
            assert await fetch(port, HOOK % 24 + b'{"data": {"events": []}}') == 204
            assert time.monotonic() - begun < 2
            is_open = [not one.reader.at_eof() for one in crowd]
        assert sum(is_open) <= 32


async def test_health_answers_while_the_hook_port_is_attacked_and_the_loop_is_stuck() -> None:
    health = health_listener("127.0.0.1", 0, Metrics(), Pulse(ManualClock()))
    with serving(hooks(hook_timeout_seconds=60)) as port, serving(health) as probes:
        async with clients(port, 200) as crowd:
            for one in crowd:
                await one.send(b"GET / HTTP/1.1\r\nx: ")
            answered: list[int] = []

            def probe() -> None:
                answered.append(asyncio.run(fetch(probes, GET.replace(b"/ ", b"/healthz ", 1))))

            prober = threading.Thread(target=probe)
            prober.start()
            prober.join(timeout=5)  # blocks the loop of this test, as a stuck operator would
        assert answered == [200]


async def test_a_crowd_at_the_health_port_does_not_keep_a_probe_out() -> None:
    with serving(health_listener("127.0.0.1", 0, Metrics(), Pulse(ManualClock()))) as port:
        async with contextlib.AsyncExitStack() as stack:
            for number in range(8):
                crowd = await stack.enter_async_context(clients(port, 20, source=f"127.0.1.{number}"))
                for one in crowd:
                    await one.send(b"GET ")
            assert await fetch(port, GET.replace(b"/ ", b"/healthz ", 1)) == 200


async def test_headers_that_drip_are_cut(small: int) -> None:
    async with client(small) as one:
        begun = time.monotonic()
        dripping = asyncio.create_task(one.send(b"GET / HTTP/1.1\r\nx: ", *[b"x"] * 90, pause_seconds=0.05))
        assert await status_of(one) == 408
        assert time.monotonic() - begun < 1.5
        await dripping


async def test_a_connection_without_a_request_is_closed(small: int) -> None:
    async with client(small) as one:
        assert await one.rest() == b""


async def test_a_second_request_has_the_same_deadline(small: int) -> None:
    async with client(small) as one:
        await one.send(GET)
        await one.reader.readuntil(b"\r\n\r\n0")
        await one.send(b"GET / HT")
        assert await status_of(one) == 408


async def test_a_body_that_drips_is_cut(small: int) -> None:
    async with client(small) as one:
        await one.send(b"POST / HTTP/1.1\r\ncontent-length: 100\r\n\r\n")
        dripping = asyncio.create_task(one.send(*[b"x"] * 90, pause_seconds=0.05))
        assert await status_of(one) == 408
        await dripping


@pytest.mark.parametrize(
    "head",
    [
        b"x-large: " + b"x" * 2000,
        b"x" * 2000 + b": y",
        b"\r\n".join(b"x-%d: %s" % (number, b"y" * 200) for number in range(8)),
        b"\r\n".join(b"x-%d: y" % number for number in range(11)),
    ],
)
async def test_headers_that_are_too_large_or_too_many_are_refused(small: int, head: bytes) -> None:
    assert await fetch(small, b"GET / HTTP/1.1\r\n" + head + b"\r\n\r\n") == 431


async def test_a_url_that_is_too_long_is_refused(small: int) -> None:
    assert await fetch(small, b"GET /" + b"x" * 2000 + b" HTTP/1.1\r\nhost: x\r\n\r\n") == 414


async def test_a_header_without_end_is_cut_before_it_fills_the_memory(small: int) -> None:
    async with client(small) as one:
        sent = 0
        await one.send(b"GET / HTTP/1.1\r\nx: ")
        while sent < 64 << 20 and await one.send(b"x" * 65_536):
            sent += 65_536
        assert sent < 16 << 20


async def test_bodies_beyond_the_limit_are_refused_whatever_they_announce(small: int) -> None:
    announced = b"POST / HTTP/1.1\r\ncontent-length: %s\r\n\r\n"
    assert await fetch(small, announced % b"1001") == 413
    assert await fetch(small, announced % (b"9" * 400)) in (400, 413)
    chunked = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + b"200\r\n" + b"x" * 512 + b"\r\n"
    assert await fetch(small, chunked + b"200\r\n" + b"x" * 512 + b"\r\n0\r\n\r\n") == 413
    assert await fetch(small, announced % b"1000" + b"x" * 1000) == 200


async def test_a_client_that_does_not_take_its_answer_is_cut() -> None:
    listener = Listener(("127.0.0.1", 0), echo, "TEST_PORT", SMALL)
    with serving(listener) as port:
        async with client(port) as one:
            await one.send(GET.replace(b"/ ", b"/large ", 1))
            await one.reader.readexactly(1)
            await eventually(lambda: not listener.connections)
            assert len(await one.rest()) < 32 << 20


async def test_one_address_has_its_share_and_another_gets_in() -> None:
    limits = ServerLimits(connections=8, connections_per_address=4, header_seconds=60)
    with serving(Listener(("127.0.0.1", 0), echo, "TEST_PORT", limits)) as port:
        async with clients(port, 6, source="127.0.0.2") as crowd:
            for one in crowd:
                await one.send(b"GET ")
            assert await fetch(port, source="127.0.0.3") == 200
            closed = [await one.is_closed(0.05) for one in crowd]
    assert closed == [True, True, False, False, False, False]


async def test_work_under_way_is_not_thrown_out_for_a_newcomer() -> None:
    release = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/now":
            await asyncio.to_thread(release.wait)
        await answer(send, 200, b"ok")

    limits = ServerLimits(connections=4, connections_per_address=4)
    with serving(Listener(("127.0.0.1", 0), app, "TEST_PORT", limits)) as port:
        async with clients(port, 4) as crowd:
            for one in crowd:
                await one.send(GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
            await asyncio.sleep(0.2)
            # 0: closed before its request was read, which may reset the connection.
            assert await fetch(port, GET.replace(b"/ ", b"/now ", 1)) in (503, 0)
            release.set()
            assert [await status_of(one) for one in crowd] == [200] * 4
        assert await fetch(port) == 200


async def test_requests_that_follow_each_other_at_once_are_all_answered(small: int) -> None:
    async with client(small) as one:
        await one.send(GET * 20 + GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        assert (await one.rest()).count(b"HTTP/1.1 200 ") == 21


async def test_a_body_that_nobody_reads_leaves_the_connection_in_order() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, b"ok")

    with serving(Listener(("127.0.0.1", 0), app, "TEST_PORT", SMALL)) as port:
        async with client(port) as one:
            await one.send(b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\n")
            await one.reader.readuntil(b"ok")
            await one.send(b"body")
            await one.send(GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
            assert await status_of(one) == 200


async def test_a_hook_without_the_secret_has_its_body_unread() -> None:
    with serving(hooks()) as port:
        async with client(port) as one:
            await one.send(HOOK.replace(b"s3cret", b"guess") % LARGEST_HOOK)
            assert b" 401 " in await one.reader.readuntil(b"\r\n\r\n")


async def test_malformed_requests_fill_no_log(small: int, caplog: pytest.LogCaptureFixture) -> None:
    for line in (b"\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n: x\r\n\r\n"):
        assert await fetch(small, line + b"\r\n\r\n") == 400
    assert len(caplog.records) <= 1  # one a minute, with the number of refusals
