"""The simulated org over HTTP: Okta's paths, the token endpoint and /_control.

`build_app(org)` answers an ASGI application for uvicorn or for httpx's ASGITransport; the sandbox and tests
call it. A call goes through one pipeline: route, who calls, rate limit, faults, scope, handler, headers,
record.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.routing import compile_path

from controller.clock import Clock
from scim_sandbox.okta import (
    access,
    control,
    hooks,
    oauth,
    routes_apps,
    routes_directory,
    routes_log,
    routes_meta,
    spoil,
    state,
)
from scim_sandbox.okta.buckets import Verdict, bucket_of
from scim_sandbox.okta.calls import Answer, Call, Route
from scim_sandbox.okta.faults import Fault
from scim_sandbox.okta.problems import OktaProblem
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.systemlog import SYSTEM_ACTOR, target
from scim_sandbox.okta.workers import running

LARGEST_BODY = 1 << 20
LARGEST_STATE = 1 << 30
ROUTES: tuple[Route, ...] = (
    *routes_meta.ROUTES,
    *routes_log.ROUTES,
    *routes_directory.ROUTES,
    *routes_apps.ROUTES,
    *hooks.ROUTES,
    *oauth.ROUTES,
)
_COMPILED = tuple((compile_path(route.template)[0], route) for route in ROUTES)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class TooLarge(Exception):
    """The body is beyond the limit."""


def build_app(org: Org, clock: Clock | None = None) -> OktaApp:
    """The ASGI application of `org`; `clock` replaces the org's base clock."""
    if clock is not None:
        org.clock.base = clock
    return OktaApp(org)


class OktaApp:
    """One org's ASGI application. Its answers bear the org's own Date, so the server must add none."""

    sends_date = True

    def __init__(self, org: Org) -> None:
        self.org = org

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """The provisioning agent and the hooks work from start-up to shutdown."""
        await receive()
        async with running(self.org):
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = _call(scope)
        is_control = call.path.startswith("/_control")
        try:
            call.raw = await _body(receive, LARGEST_STATE if is_control else LARGEST_BODY)
        except TooLarge:
            problem = OktaProblem("E0000003", status=413)
            await _respond(send, Answer(problem.body("oversized"), problem.status))
            return
        if is_control:
            await _respond(send, await control.handle(self.org, call))
            return
        self.org.buckets.in_flight += 1
        try:
            await self._okta(call, send)
        finally:
            self.org.buckets.in_flight -= 1

    async def _okta(self, call: Call, send: Send) -> None:
        org, bucket = self.org, bucket_of(call.path)
        answer, verdict, faults = self._enter(call, bucket)
        for fault in faults:
            if fault.kind == "latency":
                await asyncio.sleep(fault.seconds)
        if answer is None:
            answer = await self._serve(call, faults)
        skew = sum(fault.seconds for fault in faults if fault.kind == "clock-skew")
        self._finish(call, answer, verdict, skew)
        org.requests.append(
            {
                "time": org.now_text(),
                "method": call.method,
                "path": call.path,
                "query": dict(call.query),
                "status": answer.status,
                "bucket": bucket,
                "client": call.principal.name if call.principal else "",
            }
        )
        if any(fault.kind == "disconnect" for fault in faults):
            raise ConnectionResetError("the fault 'disconnect' is on")
        await _respond(send, answer)

    def _enter(self, call: Call, bucket: str) -> tuple[Answer | None, Verdict | None, list[Fault]]:
        """Who calls, and may they now? An answer means no."""
        org = self.org
        verdict = None
        faults = org.faults.strike(call.method, call.path)
        try:
            if any(fault.kind == "expire-token" for fault in faults):
                raise OktaProblem("E0000011")
            route = _match(call)
            if route.scope:
                access.authenticate(org, call)
            verdict = org.buckets.take(bucket, call.principal.id if call.principal else "")
            if not verdict.allowed:
                self._refused(call, bucket, verdict)
            if route.scope:
                access.authorize(org, call, route.scope)
        except OktaProblem as problem:
            return self._problem(problem), verdict, faults
        return None, verdict, faults

    def _refused(self, call: Call, bucket: str, verdict: Verdict) -> None:
        if verdict.is_first_refusal:
            self.org.log.record(
                "system.org.rate_limit.violation",
                target("Bucket", bucket, bucket),
                result="DENY",
                reason=f"rate limit of {bucket}",
            )
        raise OktaProblem("E0000047")

    async def _serve(self, call: Call, faults: list[Fault]) -> Answer:
        """The handler's answer, spoilt by what is on."""
        kinds = {fault.kind: fault for fault in faults}
        try:
            answer = spoil.instead(kinds)
            if answer is None and "drop" in kinds and call.method != "GET":
                answer = await self._undone(call)
            return spoil.spoiled(answer or await self._handle(call), kinds)
        except OktaProblem as problem:
            return self._problem(problem)

    async def _undone(self, call: Call) -> Answer:
        """The answer to a write of which nothing remains, and of which nobody is told."""
        before, listeners = state.save(self.org), self.org.log.listeners
        self.org.log.listeners = []
        answer = copy.deepcopy(await self._handle(call))
        state.load(self.org, before)
        self.org.log.listeners = listeners
        return answer

    async def _handle(self, call: Call) -> Answer:
        log = self.org.log
        if call.principal is not None:
            log.actor = {
                "id": call.principal.id,
                "type": "User" if call.principal.kind == "SSWS" else "PublicClientApp",
                "alternateId": call.principal.name,
                "displayName": call.principal.name,
                "detailEntry": None,
            }
        try:
            answer = _match(call).handler(self.org, call)
            return await answer if isinstance(answer, Awaitable) else answer
        except OktaProblem as problem:
            return self._problem(problem)
        finally:
            log.actor = SYSTEM_ACTOR

    def _problem(self, problem: OktaProblem) -> Answer:
        return Answer(problem.body(self.org.new_id("error")), problem.status, list(problem.headers.items()))

    def _finish(self, call: Call, answer: Answer, verdict: Verdict | None, skew_seconds: float) -> None:
        """Headers that every answer bears."""
        now = self.org.clock.now()
        headers = answer.headers
        if not answer.is_foreign:
            headers.append(("x-okta-request-id", self.org.new_id("request")))
        shown = now.fromtimestamp(now.timestamp() + skew_seconds, now.tzinfo)
        headers.append(("date", format_datetime(shown, usegmt=True)))
        if verdict is None or (answer.status == 429 and verdict.allowed):
            limits = _storm(self.org, bucket_of(call.path)) if answer.status == 429 else {}
        else:
            limits = verdict.headers()
        headers.extend((name.lower(), value) for name, value in limits.items())


def _storm(org: Org, bucket: str) -> dict[str, str]:
    """Headers of a 429 made by a fault: nothing left until the window ends."""
    reset = (int(org.clock.now().timestamp()) // 60 + 1) * 60
    return Verdict(False, org.buckets.limits[bucket], 0, reset).headers()


def _match(call: Call) -> Route:
    """The route of the call, its names filled in; 404 for no such path, 405 for no such method."""
    known = False
    for pattern, route in _COMPILED:
        match = pattern.match(call.path)
        if match is None:
            continue
        known = True
        if route.method == call.method:
            call.names = {name: unquote(value) for name, value in match.groupdict().items()}
            return route
    if known:
        raise OktaProblem("E0000022")
    raise OktaProblem("E0000007", f"Not found: Resource not found: {call.path} (Path)")


def _call(scope: Scope) -> Call:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))
    raw_path = scope.get("raw_path") or scope["path"].encode()
    path = raw_path.split(b"?")[0].decode("latin-1")
    base = f"{scope.get('scheme', 'http')}://{headers.get('host', '127.0.0.1')}"
    return Call(scope["method"].upper(), path, base, query, headers)


async def _body(receive: Receive, largest: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > largest:
            raise TooLarge
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _respond(send: Send, answer: Answer) -> None:
    content = answer.content()
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in answer.headers]
    if content and not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"application/json"))
    headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


__all__ = ["ROUTES", "OktaApp", "build_app"]
