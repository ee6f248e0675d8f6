"""Listens in on the simulated Okta and holds every call and answer against Okta's own document.

Put around its application in contract and flow tests, so that the operator and the simulator cannot agree on
a mistake. What a fault has broken on purpose is not judged.
"""

from __future__ import annotations

from typing import Any

import httpx

from scim_sandbox.okta.app import OktaApp
from tests.contract.okta.openapi import ContractError, load_document

Message = dict[str, Any]


class Judge:
    """An ASGI application like the one within. `violations` has what was wrong, `judged` counts what was held
    against the document."""

    sends_date = True

    def __init__(self, app: OktaApp) -> None:
        self.app, self.org = app, app.org
        self.violations: list[str] = []
        self.judged = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return
        heard: list[Message] = []
        told: list[Message] = []
        was_broken = bool(self.org.faults.active())

        async def listen() -> Message:
            heard.append(await receive())
            return heard[-1]

        async def tell(message: Message) -> None:
            told.append(message)
            await send(message)

        await self.app(scope, listen, tell)
        if not was_broken and not self.org.faults.active():
            self._judge(scope, heard, told)

    def _judge(self, scope: Any, heard: list[Message], told: list[Message]) -> None:
        path, query = scope["path"], scope["query_string"].decode()
        url = f"https://okta.example{path}" + (f"?{query}" if query else "")
        body = b"".join(one.get("body", b"") for one in heard)
        request = httpx.Request(scope["method"], url, content=body)
        content = b"".join(one.get("body", b"") for one in told)
        status = next(one["status"] for one in told if "status" in one)
        try:
            if load_document().check(request, httpx.Response(status, content=content, request=request)):
                self.judged += 1
        except ContractError as error:
            self.violations.append(str(error))
