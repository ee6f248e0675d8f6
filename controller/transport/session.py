"""One Session per remote: the only place that sends HTTP.

Used by okta, scim and the simulator's agent. Each layer adds one concern: `send` repeats what is safe to
repeat, `_send_signed` authenticates, `_send_once` passes the gate, counts and reads a bounded answer. A
redirect is an error, since it would carry the credential elsewhere; cookies are not kept.
"""

from __future__ import annotations

import asyncio
import http.cookiejar
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin

import httpx

from controller import __version__
from controller.clock import Clock, SystemClock
from controller.errors import RateLimited, Rejected, RemoteError, SpecError, Unavailable, clip
from controller.parsing import split_url
from controller.transport.bounds import Bounds
from controller.transport.calls import Answer, Auth, Call, Gate, Lane, ReadError, Silent, Sink
from controller.transport.connections import Connections
from controller.transport.decoding import (
    ACCEPTED,
    BadEncoding,
    BodyDecoder,
    Broken,
    TooLarge,
    TooManyValues,
    lenient_json,
    read_json,
)
from controller.transport.failures import (
    Encoded,
    Oversized,
    PauseTooLong,
    connection_failure,
    plain_error,
    redact,
    retry_after_seconds,
)
from controller.transport.guard import guard
from controller.transport.idle import CLIENT_SECONDS
from controller.transport.retry import RetryPolicy
from controller.transport.slots import away
from controller.transport.trail import note_write
from controller.transport.urls import check_url, origin

USER_AGENT = f"scim-operator/{__version__}"
READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a session goes and how it names the other side."""

    base_url: str
    api: str
    """Label of metrics: okta, scim, admin or token."""
    system: str
    """Name in messages: Okta, SCIM, admin."""
    ca_bundle: str = ""
    """PEM certificates trusted in place of the usual ones."""
    timeout_seconds: float = 30.0
    connect_timeout_seconds: float = 10.0
    connections: int = 32
    user_agent: str = USER_AGENT
    headers: Mapping[str, str] = field(default_factory=lambda: {"accept": "application/json"})
    content_type: str = "application/json"
    allow_http_services: bool = False


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a session is given beside its remote; each part has a harmless default."""

    auth: Auth | None = None
    gate: Gate | None = None
    sink: Sink = field(default_factory=Silent)
    read_error: ReadError | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    bounds: Bounds = field(default_factory=Bounds)
    clock: Clock = field(default_factory=SystemClock)
    transport: httpx.AsyncBaseTransport | None = None
    """Replaces the network: tests, in-process apps."""
    fence: Callable[[], None] | None = None
    """Called right before whatever is no plain read; raises where this process may not write any more."""


class OpenGate:
    """A Gate that lets everything through."""

    @asynccontextmanager
    async def admit(self, method: str, path: str, lane: Lane) -> AsyncIterator[None]:
        yield

    def learn(self, method: str, path: str, status: int, headers: Mapping[str, str]) -> None: ...


class Session:
    """Sends Calls to one remote and gives Answers with a status below 300; everything else is raised.

    Raises Unavailable, RateLimited, Unauthorized, NotFound, Conflict or Rejected.
    """

    def __init__(self, remote: Remote, wiring: Wiring | None = None) -> None:
        wiring = wiring or Wiring()
        self.remote = remote
        self.base_url = check_url(remote.base_url, remote.allow_http_services)
        self.clock = wiring.clock
        self._auth, self._gate, self._sink = wiring.auth, wiring.gate or OpenGate(), wiring.sink
        self._read_error, self._retry = wiring.read_error, wiring.retry
        self._fence, self.bounds = wiring.fence, wiring.bounds
        self._connections = Connections(lambda: _client(remote, wiring.transport))

    async def retire(self) -> None:
        """Another session takes its place: closes what is idle now, the rest once it has answered."""
        await self._connections.retire()

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._connections.aclose()

    async def send(self, call: Call) -> Answer:
        """The answer to `call`, repeated within the retry policy where that is safe."""
        begun, attempt = self.clock.monotonic(), 0
        while True:
            attempt += 1
            try:
                return await self._send_signed(call)
            except RemoteError as error:
                delay = self._retry.delay(call, error, attempt, self.clock.monotonic() - begun)
                if delay is None:
                    raise
                if isinstance(error, RateLimited):
                    self._sink.waited(self.remote.api, call.lane.name.lower(), delay)
            await away(self.clock.sleep(delay))

    def absolute(self, path: str) -> str:
        """`path` as a URL of this remote. Raises Unavailable for one of another origin, such as a next link
        that would carry the credential elsewhere."""
        if not path or path.startswith("/"):
            return self.base_url + path
        if origin(path) != origin(self.base_url):
            raise Unavailable(
                f"{self.remote.system} points to another host, {clip(_origin_of(path), 100)}; it is not "
                "followed",
                system=self.remote.system,
                reason="ForeignLink",
            )
        return path

    async def _send_signed(self, call: Call) -> Answer:
        url = self.absolute(call.path)
        # Three: a DPoP nonce challenge may be followed by an expired token.
        for is_last in (False, False, True):
            sent = await self._auth.headers(call.method, url) if self._auth else {}
            answer = await self._send_once(call, self._built(call, url, sent))
            if is_last or not await self._may_renew(answer, sent):
                break
        if answer.status < 300:
            return answer
        raise self._error(call, answer)

    async def _may_renew(self, answer: Answer, sent: Mapping[str, str]) -> bool:
        if answer.status not in (400, 401) or self._auth is None:
            return False
        return await self._auth.renew(answer, sent)

    async def _send_once(self, call: Call, request: httpx.Request) -> Answer:
        path = request.url.path
        async with AsyncExitStack() as stack:
            await away(stack.enter_async_context(self._gate.admit(call.method, path, call.lane)))
            if self._fence is not None and call.method not in READS:
                self._fence()
            async with self._connections.in_use() as client:
                answer = await self._exchange(client, call, request)
            self._gate.learn(call.method, path, answer.status, answer.headers)
        if call.method not in READS:
            note_write(answer.request_id)
        return answer

    def _built(self, call: Call, url: str, signed: Mapping[str, str]) -> httpx.Request:
        try:
            return self._build(call, url, signed)
        except (httpx.InvalidURL, ValueError):
            # An id or a version that the other side gave, which no URL or header can carry.
            raise Rejected(
                f"{call.method} {call.route} cannot be sent to {self.remote.system}: an id or a header has "
                "characters that HTTP does not allow",
                system=self.remote.system,
                reason="Invalid",
            ) from None

    def _build(self, call: Call, url: str, signed: Mapping[str, str]) -> httpx.Request:
        content: bytes | None = None
        headers = {**self.remote.headers, **call.headers, **signed}
        if call.json is not None:
            content = json.dumps(call.json, ensure_ascii=False, separators=(",", ":")).encode()
            headers.setdefault("content-type", self.remote.content_type)
        return self._connections.client.build_request(
            call.method,
            url,
            params=call.params or None,
            content=content,
            data=call.form,
            headers=headers,
            timeout=httpx.Timeout(
                call.timeout_seconds or self.remote.timeout_seconds,
                connect=self.remote.connect_timeout_seconds,
            ),
        )

    async def _exchange(self, client: httpx.AsyncClient, call: Call, request: httpx.Request) -> Answer:
        begun, code = self.clock.monotonic(), "error"
        try:
            # Of this loop, not of the clock: that is what a socket waits on.
            async with asyncio.timeout(self.bounds.deadline_seconds):
                response, content = await self._receive(client, call, request)
            code = str(response.status_code)
        except (httpx.TransportError, TimeoutError) as error:
            failure, code = connection_failure(self.remote.system, request.url.host, error)
            raise failure from None
        except Unavailable as error:
            code = str(error.status or code)
            raise
        finally:
            seconds = self.clock.monotonic() - begun
            self._sink.requested(self.remote.api, call.method, call.route, code, seconds)
        return self._answer(call, response, content, seconds)

    async def _receive(
        self, client: httpx.AsyncClient, call: Call, request: httpx.Request
    ) -> tuple[httpx.Response, bytearray]:
        response = await client.send(request, stream=True)
        try:
            return response, await self._read(call, response)
        finally:
            await response.aclose()

    async def _read(self, call: Call, response: httpx.Response) -> bytearray:
        """The decoded body. Of an error what fits and can be decoded: its status counts for more."""
        # What a test answers with is read and decoded already.
        is_raw = not response.is_stream_consumed
        content = bytearray()
        try:
            decoder = BodyDecoder(
                response.headers.get("content-encoding", "") if is_raw else "",
                self.bounds.of(call.is_listing),
            )
            content = decoder.content
            async for chunk in response.aiter_raw() if is_raw else response.aiter_bytes():
                decoder.feed(chunk)
            return decoder.finish()
        except (TooLarge, BadEncoding, Broken) as error:
            if response.status_code < 300:
                raise self._undecodable(call, response.status_code, error) from None
        return content

    def _undecodable(self, call: Call, status: int, error: Exception) -> Unavailable:
        begun = f"{self.remote.system} answered {call.method} {call.route} with "
        system = self.remote.system
        if isinstance(error, TooLarge):
            words = f"{begun}more than {self.bounds.of(call.is_listing)} bytes, which is not read"
            return Oversized(words, system=system, status=status)
        if isinstance(error, BadEncoding):
            words = f"{begun}the Content-Encoding {clip(str(error), 60)!r}; only one layer of gzip is read"
            return Encoded(words, system=system, status=status)
        return Unavailable(f"{begun}compression that is broken", system=system, status=status)

    def _answer(self, call: Call, response: httpx.Response, content: bytearray, seconds: float) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        url, following = str(response.url), _next_link(response)
        answer = Answer(response.status_code, headers, None, url, following, seconds, size=len(content))
        if answer.status >= 300:
            text = content.decode("utf-8", "replace")
            return replace(answer, body=lenient_json(content), text=self._describe(headers, text))
        if not content.strip() or call.method == "HEAD":
            return answer
        return replace(answer, body=self._decode(call, answer, content))

    def _decode(self, call: Call, answer: Answer, content: bytearray) -> Any:
        if _is_html(answer.headers, content):
            raise self._unavailable(
                call, "HTML, not JSON; is this the address of the API?", answer, "NotJson"
            )
        try:
            return read_json(content)
        except TooManyValues:
            raise Oversized(
                f"{self.remote.system} answered {call.method} {call.route} with too many values for its "
                f"{len(content)} bytes, which are not read",
                system=self.remote.system,
                status=answer.status,
            ) from None
        except ValueError:
            raise self._unavailable(
                call, "something that is not JSON, or JSON cut short", answer, "NotJson"
            ) from None

    def _describe(self, headers: Mapping[str, str], text: str) -> str:
        if _is_html(headers, text.encode()[:512]):
            return "(an HTML page)"
        return redact(text, self._auth.secrets() if self._auth else ())

    def _error(self, call: Call, answer: Answer) -> RemoteError:
        if answer.status < 400:
            return self._redirected(call, answer)
        error = self._read_error(call, answer) if self._read_error else None
        if error is None and answer.status == 429:
            return self._rate_limited(call, answer)
        return error or plain_error(self.remote.system, call, answer)

    def _redirected(self, call: Call, answer: Answer) -> Unavailable:
        where = clip(_origin_of(answer.url, answer.headers.get("location", "")), 200)
        words = f"a redirect to {where}, which is not followed; name that host if it is right"
        return self._unavailable(call, words, answer, "Redirected")

    def _rate_limited(self, call: Call, answer: Answer) -> RemoteError:
        wait = retry_after_seconds(answer.headers, self.clock.now(), default=5.0)
        if wait > self.bounds.longest_pause_seconds:
            return PauseTooLong(
                f"{self.remote.system} answered 429 to {call.method} {call.route} and asks for a pause of "
                f"{wait:.0f} s, longer than the {self.bounds.longest_pause_seconds:.0f} s that are granted",
                system=self.remote.system,
                status=429,
                request_id=answer.request_id,
            )
        return RateLimited(
            f"{self.remote.system} answered 429 to {call.method} {call.route}: too many requests, asks for "
            f"{wait:.0f} s of patience",
            system=self.remote.system,
            retry_after_seconds=wait,
            request_id=answer.request_id,
        )

    def _unavailable(
        self, call: Call, words: str, answer: Answer | None = None, reason: str | None = None
    ) -> Unavailable:
        return Unavailable(
            f"{self.remote.system} answered {call.method} {call.route} with {words}",
            system=self.remote.system,
            status=answer.status if answer else 0,
            request_id=answer.request_id if answer else "",
            reason=reason,
        )


@lru_cache(maxsize=64)
def _tls(ca_bundle: str) -> ssl.SSLContext:
    """A context that trusts `ca_bundle` alone, or without one the usual authorities; costly, hence kept."""
    if not ca_bundle:
        return httpx.create_ssl_context(trust_env=True)
    try:
        return ssl.create_default_context(cadata=ca_bundle)
    except (ssl.SSLError, ValueError):
        raise SpecError("holds no PEM certificate", field="caBundleRef") from None


def _client(remote: Remote, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    no_cookies = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    client = httpx.AsyncClient(
        verify=_tls(remote.ca_bundle) if transport is None else True,
        transport=transport,
        trust_env=True,
        follow_redirects=False,
        cookies=no_cookies,
        headers={"user-agent": remote.user_agent, "accept-encoding": ACCEPTED},
        limits=httpx.Limits(max_connections=remote.connections, keepalive_expiry=CLIENT_SECONDS),
    )
    guard(client)
    return client


def _is_html(headers: Mapping[str, str], content: bytes | bytearray) -> bool:
    start = content[:64].lstrip().lower()
    return "html" in headers.get("content-type", "") or start.startswith((b"<!doctype", b"<html"))


def _next_link(response: httpx.Response) -> str:
    """Okta sends `self` and `next` in Link lines of their own; both forms are read."""
    for link in response.links.values():
        if link.get("rel") == "next":
            return _joined(response.url, link["url"])
    return ""


def _joined(base: httpx.URL, link: str) -> str:
    """`link` as an absolute URL; as it is where it is no URL, which `Session.absolute` then refuses."""
    try:
        return str(base.join(link))
    except (httpx.InvalidURL, ValueError):
        return f"invalid://{link}"


def _origin_of(url: str, link: str = "") -> str:
    """Scheme and host of `link` as seen from `url`, for a message."""
    try:
        parts = split_url(urljoin(url, link))
    except ValueError:
        return "something that is no URL"
    return f"{parts.scheme}://{parts.netloc}"
