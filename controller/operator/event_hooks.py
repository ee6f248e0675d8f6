"""Receives Okta's event hooks, in one thread of its own; each event only enqueues.

Started by startup where a port and a secret are configured. GET answers Okta's one-time verification, POST
brings events, which must carry the shared secret in the Authorization header (developer.okta.com, Event
hooks). TLS ends before it, at the ingress. What an event says is never believed: it is read anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from controller.errors import SpecError
from controller.http_limits import ServerLimits
from controller.okta.events import (
    CHALLENGE_HEADER,
    LARGEST_HOOK,
    Change,
    HookRefused,
    check_hook_secret,
    parse_hook,
)
from controller.operator.http_listener import Listener, Receive, Scope, Send, answer, header_of
from controller.outside_text import remember
from controller.parsing import whole_number
from controller.settings import Settings

CHALLENGE_LIMIT = 1024
Take = Callable[[list[Change]], None]


def read_secret(settings: Settings) -> SecretStr:
    """The shared secret. SpecError where the file lacks or is empty: without one nobody is let in."""
    where = "SCIM_OPERATOR_HOOK_SECRET_FILE"
    try:
        secret = Path(settings.hook_secret_file).read_text().strip() if settings.hook_secret_file else ""
    except OSError as error:
        raise SpecError(f"cannot be read: {error.strerror}", field=where) from None
    if not secret:
        raise SpecError("hooks need a shared secret: name a file that holds it", field=where)
    remember(secret)
    return SecretStr(secret)


def hook_listener(settings: Settings, secret: SecretStr, take: Take, host: str = "0.0.0.0") -> Listener:  # noqa: S104
    """The receiver; `take` is called in the thread of the server. Its port is meant for an ingress."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """One request of Okta's."""
        if scope["method"] == "POST":
            await _take(scope, receive, send)
            return
        challenge = header_of(scope, CHALLENGE_HEADER.encode())[:CHALLENGE_LIMIT]
        if scope["method"] == "GET" and challenge:
            await answer(send, 200, json.dumps({"verification": challenge}).encode(), "application/json")
        else:
            await answer(send, 404, b"not found\n")

    async def _take(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            check_hook_secret(header_of(scope, b"authorization"), secret.get_secret_value())
            changes = parse_hook(await _body(scope, receive))
        except HookRefused as refusal:
            await answer(send, refusal.status, f"{refusal}\n".encode())
            return
        take(changes)
        await answer(send, 204, b"")

    return Listener((host, settings.hook_port), app, "SCIM_OPERATOR_HOOK_PORT", _limits(settings))


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The body, which the server bounds; nobody's is read before the secret was right."""
    if whole_number(header_of(scope, b"content-length")) is None:
        raise HookRefused(411, "a hook says how long its body is")
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HookRefused(400, "the body is not whole")
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _limits(settings: Settings) -> ServerLimits:
    return ServerLimits(
        connections=settings.hook_connections,
        connections_per_address=settings.hook_connections_per_address,
        header_bytes=16 * 1024,
        header_seconds=settings.hook_timeout_seconds,
        body_bytes=LARGEST_HOOK,
        body_seconds=settings.hook_timeout_seconds,
        stalled_seconds=settings.hook_timeout_seconds,
    )
