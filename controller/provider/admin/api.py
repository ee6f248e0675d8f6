"""The admin API of one organization over HTTP: what its administrators do in the SaaS's admin center.

Mounted by app at /admin/v1; the operator's targets and outside checks rely on its paths and bodies. An
application of Starlette: who asks is checked before the path is looked at, and every error is an RFC 9457
problem. The OpenAPI document at /admin/v1/openapi.json describes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import unquote

from scim2_models import SCIMException
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from controller.clock import Clock
from controller.errors import SpecError
from controller.provider.access import Denied, Gate
from controller.provider.admin.calls import AdminCall, Handler
from controller.provider.admin.openapi import document_bytes
from controller.provider.admin.problems import Problem, problem_answer
from controller.provider.admin.routes import ROUTES
from controller.provider.database import Database, TenantDatabase
from controller.provider.http import BodyTooLarge, ClientGone, known, read_body
from controller.provider.outages import Refusal

MAX_BODY_BYTES = 1 << 20
REFUSALS = (HTTPException, Problem, Denied, SpecError, SCIMException, Refusal, ClientGone)
_CALL = "provider.admin_call"


def admin_app(database: Database, gate: Gate, clock: Clock) -> Starlette:
    """The admin API of every organization of one database."""
    organization = Router(_routes(), redirect_slashes=False)
    admission = Middleware(Admission, database=database, gate=gate, clock=clock)
    app = Starlette(
        routes=[
            Route("/openapi.json", _show_document),
            Mount("/{organization}", organization, middleware=[admission]),
        ],
        # Starlette's own place for a handler of Exception logs and raises it once more.
        middleware=[Middleware(ExceptionMiddleware, handlers={Exception: _refuse})],
        exception_handlers=dict.fromkeys(REFUSALS, _refuse),
    )
    app.router.redirect_slashes = False
    return app


class Admission:
    """ASGI middleware: lets a request in by its bearer token."""

    def __init__(self, app: ASGIApp, database: Database, gate: Gate, clock: Clock) -> None:
        self._app, self._database, self._gate, self._clock = app, database, gate, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request of an organization."""
        request, org_id = known(scope), unquote(scope["path_params"]["organization"])
        caller = await self._gate.admit(request, org_id, "admin", writes=request.method != "GET")
        scope[_CALL] = AdminCall(request, caller, TenantDatabase(self._database, org_id), self._clock)
        await self._app(scope, receive, send)


def _routes() -> list[Route]:
    """One route for each path, so that a refused method learns of all that the path has."""
    by_path: dict[str, dict[str, Handler]] = {}
    for (method, path), operation in ROUTES.items():
        by_path.setdefault(path, {})[method] = operation.handler
    return [
        Route(f"/{path}", _endpoint(handlers), methods=list(handlers)) for path, handlers in by_path.items()
    ]


def _endpoint(handlers: dict[str, Handler]) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        call: AdminCall = request.scope[_CALL]
        method = call.request.method
        if method in ("POST", "PUT", "PATCH"):
            try:
                call.request.body = await read_body(request.receive, MAX_BODY_BYTES)
            except BodyTooLarge as error:
                raise Problem(413, "BodyTooLarge", f"A body has at most {MAX_BODY_BYTES} bytes") from error
        return await handlers[method](replace(call, id=unquote(request.path_params.get("id", ""))))

    return serve


async def _show_document(_: Request) -> Response:
    return Response(document_bytes(), media_type="application/json")


async def _refuse(request: Request, error: Exception) -> Response:
    """The answer to a request that was refused, or that failed."""
    if isinstance(error, ClientGone):
        return Response(status_code=400)  # nobody is there to read it
    if isinstance(error, HTTPException):
        error = _without_route(error, known(request.scope).path[3:])
    return problem_answer(error, known(request.scope).request_id)


def _without_route(error: HTTPException, path: tuple[str, ...]) -> Problem:
    """What Starlette's routes refuse: a path below the organization, or a method of it."""
    if error.status_code == 405:
        allowed = sorted(set((error.headers or {})["Allow"].split(", ")) - {"HEAD"})
        detail = f"Use {' or '.join(allowed)}"
        return Problem(405, "MethodNotAllowed", detail, headers={"allow": ", ".join(allowed)})
    if not path:
        return Problem(404, "NotFound", "Name an organization: /admin/v1/{organization}/...")
    return Problem(404, "NotFound", f"There is no /{'/'.join(path)} here")
