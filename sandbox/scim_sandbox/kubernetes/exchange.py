"""One HTTP request and its answer, over bare ASGI.

Called by app. Knows nothing of Kubernetes but the Warning header. ASGI without a framework, because a watch
has to notice at once that its client has gone and because every millisecond of a write is paid in every test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import parse_qsl

from scim_sandbox.kubernetes.failures import Refusal
from scim_sandbox.kubernetes.store import encode

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_LIMIT = 3 * 1024 * 1024
JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Request:
    """Method, path as segments, the last value of each query parameter, headers in lower case, body."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def segments(self) -> list[str]:
        return [part for part in self.path.split("/") if part]

    def below(self, prefix: str) -> Request:
        """The same request with `prefix` taken off its path."""
        return replace(self, path=self.path.removeprefix(prefix))

    def is_set(self, parameter: str) -> bool:
        """Whether a boolean query parameter is true, as Go's ParseBool reads it."""
        return self.query.get(parameter, "").lower() in ("1", "t", "true")


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    body: bytes
    code: int = 200
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    warnings: Iterable[str] = ()


class Stream(Protocol):
    """An answer without end: lines until it is closed."""

    def lines(self) -> AsyncIterator[bytes]: ...

    def close(self) -> None: ...


def json_answer(value: Any, code: int = 200, warnings: Iterable[str] = ()) -> Answer:
    """`value` as JSON."""
    return Answer(encode(value), code, warnings=tuple(warnings))


def text_answer(text: str, code: int = 200) -> Answer:
    """Plain text, as probes and unknown paths are answered."""
    return Answer(text.encode(), code, "text/plain; charset=utf-8")


async def read_request(scope: Scope, receive: Receive) -> Request:
    """The request with its whole body; a 413 Refusal above BODY_LIMIT."""
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
        if size > BODY_LIMIT:
            raise Refusal(413, "RequestEntityTooLarge", f"Request entity too large: limit is {BODY_LIMIT}")
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=dict(
            parse_qsl(scope.get("query_string", b"").decode(errors="replace"), keep_blank_values=True)
        ),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=b"".join(chunks),
    )


async def send_answer(answer: Answer, send: Send) -> None:
    """Sends `answer` whole."""
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.encode(), value.encode()) for name, value in answer.headers.items()),
        *((b"warning", _warning(text)) for text in answer.warnings),
    ]
    await send({"type": "http.response.start", "status": answer.code, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _warning(text: str) -> bytes:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'299 - "{quoted}"'.encode("latin-1", "replace")


async def sever(send: Send) -> None:
    """Closes the connection of `send` without an answer. ASGI has no word for that; uvicorn's `send` is a
    method of what knows the transport. Raises ConnectionResetError under another server."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the connection is to be closed without an answer")
    transport.abort()
    await asyncio.sleep(0)  # lets the server notice, so that it does not answer with a 500 of its own


async def send_stream(stream: Stream, receive: Receive, send: Send) -> None:
    """Sends lines as they come; closes `stream` as soon as the client has gone."""
    headers = [(b"content-type", JSON_TYPE.encode()), (b"cache-control", b"no-cache, private")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    listener = asyncio.create_task(_close_when_gone(stream, receive))
    try:
        async for line in stream.lines():
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        stream.close()
        listener.cancel()


async def _close_when_gone(stream: Stream, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.close()
