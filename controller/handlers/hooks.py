"""Receives Okta's event hooks, in a thread of its own; each event only pokes.

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
from controller.handlers.listening import Answering, Listener
from controller.okta.events import (
    CHALLENGE_HEADER,
    LARGEST_HOOK,
    Change,
    HookRefused,
    check_hook_secret,
    parse_hook,
)
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
    return SecretStr(secret)


def hook_listener(settings: Settings, secret: SecretStr, take: Take, host: str = "0.0.0.0") -> Listener:  # noqa: S104
    """The receiver; `take` is called in a thread of the server. Its port is meant for an ingress."""

    class Handler(Answering):
        """One request of Okta's."""

        def do_GET(self) -> None:  # noqa: N802 - http.server names it
            challenge = self.headers.get(CHALLENGE_HEADER, "")[:CHALLENGE_LIMIT]
            if not challenge:
                self.answer(404, b"not found\n")
                return
            body = json.dumps({"verification": challenge}).encode()
            self.answer(200, body, "application/json")

        def do_POST(self) -> None:  # noqa: N802 - http.server names it
            try:
                check_hook_secret(self.headers.get("Authorization", ""), secret.get_secret_value())
                changes = parse_hook(self._body())
            except HookRefused as refusal:
                self.close_connection = True
                self.answer(refusal.status, f"{refusal}\n".encode())
                return
            take(changes)
            self.answer(204, b"")

        def _body(self) -> bytes:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit():
                raise HookRefused(411, "a hook says how long its body is")
            if int(length) > LARGEST_HOOK:
                raise HookRefused(413, f"an event hook has at most {LARGEST_HOOK} bytes")
            return self.rfile.read(int(length))

    return Listener(host, settings.hook_port, Handler, "SCIM_OPERATOR_HOOK_PORT")
