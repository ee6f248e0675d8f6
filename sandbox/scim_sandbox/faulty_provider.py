"""The bundled provider behind what it does not do itself: presets by name, and a 201 that stores nothing.

Called by run, and by tests of the operator. An ASGI application around another one, which looks into two
kinds of requests. In an edit of an organization presets become settings. If the settings ask for it, the
refusal of a SCIM write of a user becomes a lie. Bulk is left alone.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from starlette.responses import Response

from controller.errors import SpecError
from controller.http_limits import ServerLimits
from controller.provider.admin.problems import problem_answer
from controller.provider.app import Provider
from scim_sandbox.presets import LIE, expand_presets

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
SCIM_TYPE = "application/scim+json"
_OF_A_BODY = (b"content-length", b"content-type", b"transfer-encoding")


class FaultyProvider:
    """`provider`, with faults that its settings order."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    @property
    def limits(self) -> ServerLimits:
        """What the server that runs it keeps to."""
        return self._provider.limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or the lifespan."""
        match _route(scope):
            case ("PATCH", "admin", "v1", _, "organization"):
                await self._edit(scope, receive, send)
            case ("POST" | "PUT" | "PATCH", "scim", "v2", _, "Users", *_):
                await self._write(scope, receive, send)
            case _:
                await self._provider(scope, receive, send)

    async def _edit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands on an edit whose presets are settings."""
        messages = await _read(receive)
        if messages[-1]["type"] == "http.request":  # not of a client that hung up before the end
            try:
                body = _without_presets(_body(messages))
            except SpecError as error:
                await problem_answer(error)(scope, receive, send)
                return
            scope, messages = _sized(scope, body), [{"type": "http.request", "body": body}]
        await self._provider(scope, _replayed(messages, receive), send)

    async def _write(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands on a write, and lies about it if it was refused by the mode that lies."""
        messages, answer = await _read(receive), _Answer()
        await self._provider(scope, _replayed(messages, receive), answer)
        if not answer.is_lie:
            for message in answer.messages:
                await send(message)
        elif scope["method"] == "POST":
            await _created(scope, _body(messages))(scope, receive, send)
        else:  # as if the change were carried out, which the next reading shows it is not
            headers = [pair for pair in scope["headers"] if pair[0] not in _OF_A_BODY]
            unchanged = {**scope, "method": "GET", "headers": headers}
            await self._provider(unchanged, _replayed([{"type": "http.request"}], receive), send)


class _Answer:
    """Takes the messages of an answer, to be looked at before they are sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def is_lie(self) -> bool:
        """Whether the provider refused for want of a seat, in the mode that answers something else."""
        if not self.messages or self.messages[0]["status"] < 400:
            return False
        try:
            found = json.loads(_body(self.messages))
        except ValueError:
            return False
        return isinstance(found, dict) and found.get("scimType") == LIE


def _route(scope: Scope) -> tuple[str, ...]:
    if scope["type"] != "http":
        return ()
    return (scope["method"], *scope["path"].strip("/").split("/"))


async def _read(receive: Receive) -> list[Message]:
    """The messages of a request, to its end or to the point at which the client hung up."""
    messages = [await receive()]
    while messages[-1].get("more_body", False):
        messages.append(await receive())
    return messages


def _body(messages: Sequence[Message]) -> bytes:
    return b"".join(message.get("body", b"") for message in messages)


def _replayed(messages: Sequence[Message], receive: Receive) -> Receive:
    """A `receive` that gives `messages`, and then what the client does."""
    pending = list(reversed(messages))

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


def _sized(scope: Scope, body: bytes) -> Scope:
    """`scope` with the length of another body."""
    others = [pair for pair in scope["headers"] if pair[0] != b"content-length"]
    return {**scope, "headers": [*others, (b"content-length", str(len(body)).encode())]}


def _without_presets(body: bytes) -> bytes:
    """`body` with the presets of its overrides replaced; unchanged where there are none to be found."""
    try:
        edit = json.loads(body)
    except ValueError:
        return body
    if not isinstance(edit, dict) or not isinstance(edit.get("overrides"), dict):
        return body
    return json.dumps({**edit, "overrides": expand_presets(edit["overrides"])}).encode()


def _created(scope: Scope, body: bytes) -> Response:
    """The answer to a create that did not happen."""
    person = json.loads(body)
    user_id, host = uuid.uuid4().hex, dict(scope["headers"]).get(b"host", b"localhost").decode("latin-1")
    location = f"{scope.get('scheme', 'http')}://{host}{scope['path']}/{user_id}"
    person.pop("password", None)
    person |= {"id": user_id, "meta": {"resourceType": "User", "location": location}}
    return Response(json.dumps(person), 201, {"location": location}, SCIM_TYPE)
