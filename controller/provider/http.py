"""HTTP as the provider sees it: who asks, a body read whole and within bounds, an answer sent.

Called by app, scim, admin and console. The SCIM side is plain ASGI, because its paths are few and answer in
tens of microseconds: a framework's routing, requests and responses would cost more than the work. Everything
else is served by Starlette: its applications ask `known` about a request, and `EVERY_ANSWER` gives their
answers what `send_response` gives to those of SCIM.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import uuid
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.http_limits import ServerLimits
from controller.provider.proxies import believed

GZIP_FROM_BYTES = 16_384
THREAD_FROM_BYTES = 1 << 18
"""From here on packing takes longer than others should wait."""
# No cache keeps what a token opened, and no browser takes JSON for a page.
GUARDS = (("x-content-type-options", "nosniff"), ("cache-control", "no-store"))
_HOST = re.compile(r"[A-Za-z0-9.\-_\[\]:]{1,255}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_KNOWN = "provider.request"


class ClientGone(Exception):
    """The client hung up, or was cut off, before its request was whole: there is nobody to answer."""


class BodyTooLarge(Exception):
    """The body is over the limit; it has been read to its end and dropped."""


@dataclass(slots=True)
class Request:
    """One request; HEAD is read as GET. `headers` have lower-case names.

    `path` are the decoded segments after the mount point.
    """

    method: str
    path: tuple[str, ...]
    query_string: str
    headers: dict[bytes, bytes]
    origin: str
    address: str
    request_id: str
    body: bytes = b""
    is_head: bool = False

    def header(self, name: str) -> str | None:
        """The value of a header, or None."""
        value = self.headers.get(name.lower().encode())
        return None if value is None else value.decode("latin-1")

    def query(self) -> dict[str, str]:
        """The parameters; of a repeated one the last. Raises ValueError on what is not UTF-8, and on NUL."""
        pairs = parse_qsl(self.query_string, keep_blank_values=True, errors="strict", max_num_fields=50)
        if any("\x00" in part for pair in pairs for part in pair):
            raise ValueError("a NUL in the query")
        return dict(pairs)


@dataclass(slots=True)
class Response:
    """One answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: list[tuple[str, str]] = field(default_factory=list)


def request_of(scope: Scope, public_url: str | None, limits: ServerLimits) -> Request:
    """The request of an ASGI scope, its body not yet read. Raises ValueError on a path that is not UTF-8."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    client = scope.get("client")
    address, scheme = believed(scope, client[0] if client else "", limits)
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    raw_path = raw_path.split(b"?", 1)[0]
    segments = tuple(
        unquote(part, errors="strict") if "%" in part else part
        for part in raw_path.decode("ascii").strip("/").split("/")
    )
    if any("\x00" in segment for segment in segments):
        raise ValueError("a NUL in the path")
    return Request(
        method="GET" if scope["method"] == "HEAD" else scope["method"],
        path=segments,
        query_string=scope["query_string"].decode("latin-1"),
        headers=headers,
        origin=public_url or _origin(scope, headers, scheme),
        address=address,
        is_head=scope["method"] == "HEAD",
        request_id=given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex,
    )


def _origin(scope: Scope, headers: dict[bytes, bytes], scheme: str) -> str:
    host = headers.get(b"host", b"").decode("latin-1")
    if not _HOST.fullmatch(host):
        name, port = scope.get("server") or ("localhost", 80)
        host = f"{name}:{port}"
    return f"{scheme}://{host}"


def holds_nul(body: bytes, value: object) -> bool:
    """Whether a text in `value`, read from the JSON in `body`, has a NUL, which not every database takes."""
    return b"\\u0000" in body and _holds_nul(value)


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_holds_nul(item) for pair in value.items() for item in pair)
    return isinstance(value, list) and any(_holds_nul(item) for item in value)


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body. Raises BodyTooLarge above `limit` bytes, without keeping more than that."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            parts.append(part)
        elif size > 8 * limit:
            raise BodyTooLarge
        more = message.get("more_body", False)
    if size > limit:
        raise BodyTooLarge
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _field(value: str) -> bytes:
    """The value of a header; what no header may hold (RFC 9110 section 5.5) becomes a question mark."""
    if not (value.isascii() and value.isprintable()):
        value = "".join(each if each.isascii() and each.isprintable() else "?" for each in value)
    return value.encode("ascii")


async def _packed(body: bytes) -> bytes:
    if len(body) < THREAD_FROM_BYTES:
        return gzip.compress(body, 1)
    return await asyncio.to_thread(gzip.compress, body, 1)


async def send_response(send: Send, request: Request | None, response: Response) -> None:
    """Sends `response`, packed if it is large and the client can unpack it."""
    body = response.body
    headers = [(name.encode(), _field(value)) for name, value in response.headers]
    given = [name for name, _ in response.headers]
    headers += [(name.encode(), value.encode()) for name, value in GUARDS if name not in given]
    if request is not None:
        headers.append((b"x-request-id", request.request_id.encode()))
        if len(body) >= GZIP_FROM_BYTES and b"gzip" in request.headers.get(b"accept-encoding", b""):
            body = await _packed(body)
            headers.append((b"content-encoding", b"gzip"))
            headers.append((b"vary", b"accept-encoding"))
    if body or response.status not in (204, 304):
        headers.append((b"content-type", response.content_type.encode()))
        headers.append((b"content-length", str(len(body)).encode()))
    if request is not None and request.is_head:
        body = b""
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def for_starlette(scope: Scope, request: Request) -> Scope:
    """`scope` as Starlette's routes take it: each segment of the path decoded, and encoded once more.

    So a slash that a segment has stays in it, and the two ways to write a segment lead to one route. What
    stands for `{...}` of a route has to be decoded.
    """
    path = "/" + "/".join(quote(segment, safe="") for segment in request.path)
    return {**scope, "path": path, "root_path": "", _KNOWN: request}


def known(scope: Scope) -> Request:
    """What is known of a request that Starlette serves: who asks, by which address, under which id."""
    request: Request = scope[_KNOWN]
    return request


class Guards:
    """ASGI middleware: the headers that every answer has, for those of Starlette."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or the lifespan."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in GUARDS:
                    headers.setdefault(name, value)
                if _KNOWN in scope:
                    headers["x-request-id"] = known(scope).request_id
            await send(message)

        await self._app(scope, receive, guarded)


EVERY_ANSWER = (
    Middleware(Guards),
    Middleware(
        GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=1, thread_minimum_size=THREAD_FROM_BYTES
    ),
)
"""What an application of Starlette's needs to answer as `send_response` does."""
