"""The console over HTTP: signing in and out, who may see what, and forms that are checked before they act.

Mounted by provider.app at /console; routes says which page is where. An application of Starlette, but for
what would need more packages or would be weaker: its forms want python-multipart, and sessions says why it
has its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qsl, unquote

from scim2_models import SCIMException
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request as WebRequest
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from controller.clock import Clock
from controller.errors import SpecError
from controller.provider.access import Denied, Gate, lane_of
from controller.provider.admin.problems import Problem
from controller.provider.bugs import note_bug, public_message
from controller.provider.console.context import HERE, SECTIONS, ConsoleCall, Form, home, redirect, render
from controller.provider.console.routes import PAGES, RETURNS, Page
from controller.provider.console.sessions import (
    Session,
    end_session,
    find_session,
    is_own_form,
    is_same_site,
    open_session,
    set_cookie,
)
from controller.provider.database import Database, TenantDatabase
from controller.provider.documents import moment_text
from controller.provider.http import BodyTooLarge, ClientGone, Request, known, read_body
from controller.provider.lockout import AdminOutlook, admin_outlook
from controller.provider.organizations import is_slug
from controller.provider.outages import Refusal
from controller.provider.statements import Unit

MAX_FORM_BYTES = 1 << 20
MAX_FIELDS = 25_000
ASSETS = {
    "console.css": "text/css; charset=utf-8",
    "copy.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
FIRST = "single-sign-on"
NO_FORM = Form()
REFUSALS = (HTTPException, Problem, SpecError, SCIMException, Refusal, ClientGone)
Endpoint = Callable[[WebRequest], Awaitable[Response]]
_CALL = "provider.call"


def console_app(database: Database, gate: Gate, clock: Clock) -> Starlette:
    """The pages of every organization of one database."""
    pages = Router(_pages(), redirect_slashes=False)
    signed_in = Middleware(SignedIn, database=database, clock=clock)
    sign_in = SignIn(database, gate, clock)
    app = Starlette(
        routes=[
            *(Route(f"/assets/{name}", partial(_show_asset, name)) for name in ASSETS),
            Route("/sign-in", sign_in.show),
            Route("/sign-in", sign_in.open, methods=["POST"]),
            Route("/{organization}", _lead_home),
            Mount("/{organization}", pages, middleware=[signed_in]),
        ],
        # Starlette's own place for a handler of Exception logs and raises it once more.
        middleware=[Middleware(ExceptionMiddleware, handlers={Exception: _fail})],
        exception_handlers=dict.fromkeys(REFUSALS, _refuse),
    )
    app.router.redirect_slashes = False
    return app


async def _show_asset(name: str, _: WebRequest) -> Response:
    headers = {"cache-control": "max-age=300"}
    return Response((HERE / "assets" / name).read_bytes(), headers=headers, media_type=ASSETS[name])


async def _lead_home(request: WebRequest) -> Response:
    return redirect(f"{home(_organization_in(request.scope))}/{FIRST}")


def _organization_in(scope: Scope) -> str:
    """The id of the organization in the path; raises Problem 404 for what can't be one."""
    org_id = unquote(scope["path_params"]["organization"])
    if not is_slug(org_id):
        raise Problem(404, "NotFound", "There is no such page")
    return org_id


class SignIn:
    """The page where an admin token is exchanged for a session."""

    def __init__(self, database: Database, gate: Gate, clock: Clock) -> None:
        self._database, self._gate, self._clock = database, gate, clock

    async def show(self, request: WebRequest) -> Response:
        """The page."""
        return _sign_in_page(_query(known(request.scope)).get("organization", ""))

    async def open(self, web_request: WebRequest) -> Response:
        """A session, if the token is an admin token of the organization."""
        request = known(web_request.scope)
        if not is_same_site(request):
            raise Problem(403, "Forbidden", "Sign in from the page of this provider")
        form = await read_form(web_request.receive)
        org_id, token = (next(iter(form.getlist(name)), "").strip() for name in ("organization", "token"))
        request.headers[b"authorization"] = f"Bearer {token}".encode("latin-1", "replace")
        try:
            caller = await self._gate.admit(request, org_id, "admin", writes=False)
        except Denied as error:
            detail = error.detail
            if error.status == 401:
                detail = "This organization has no such admin token, or it has expired or was revoked"
            return _sign_in_page(org_id, error.status, detail)
        secret = await TenantDatabase(self._database, org_id).write(
            lambda unit: open_session(unit, org_id, caller.token, self._clock)
        )
        response = redirect(f"{home(org_id)}/{FIRST}")
        set_cookie(response, request, org_id, secret)
        return response


def _sign_in_page(organization: str, status: int = 200, error: str = "") -> Response:
    return render("sign_in.html", status, organization=organization[:64], error=error)


class SignedIn:
    """ASGI middleware: finds the session, and checks that a form comes from one of its pages."""

    def __init__(self, app: ASGIApp, database: Database, clock: Clock) -> None:
        self._app, self._database, self._clock = app, database, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request of an organization."""
        request, org_id = known(scope), _organization_in(scope)
        _query(request)
        session, outlook = await self._database.read(
            lambda unit: _session_and_outlook(unit, org_id, request, self._clock), lane=lane_of(request)
        )
        if session is None:
            await redirect(f"/console/sign-in?organization={org_id}")(scope, receive, send)
            return
        form = NO_FORM
        if request.method == "POST":
            form = await read_form(receive)
            if not is_own_form(request, session.csrf, next(iter(form.getlist("csrf")), "")):
                raise Problem(403, "Forbidden", "The form is out of date or came from elsewhere; go back")
        database = TenantDatabase(self._database, org_id)
        section = request.path[2] if request.path[2] in SECTIONS else FIRST
        scope[_CALL] = ConsoleCall(request, session, database, self._clock, section, form, outlook)
        await self._app(scope, receive, send)


def _query(request: Request) -> dict[str, str]:
    try:
        return request.query()
    except ValueError as error:
        raise Problem(400, "InvalidQuery", "The address cannot be read") from error


def _session_and_outlook(
    unit: Unit, org_id: str, request: Request, clock: Clock
) -> tuple[Session | None, AdminOutlook]:
    session = find_session(unit, org_id, request, clock)
    if session is None:
        return None, AdminOutlook(1, None)
    return session, admin_outlook(unit, org_id, moment_text(clock))


def _pages() -> list[Route]:
    return [
        Route("/sign-out", _sign_out, methods=["POST"]),
        *(Route(f"/{path}", _endpoint(page), methods=[method]) for (method, path), page in PAGES.items()),
    ]


def _endpoint(page: Page) -> Endpoint:
    async def serve(request: WebRequest) -> Response:
        call: ConsoleCall = request.scope[_CALL]
        if call.request.method == "POST" and not call.session.may_write:
            raise Problem(403, "Forbidden", "You are signed in with a read-only token")
        return await page(replace(call, id=unquote(request.path_params.get("id", ""))))

    return serve


async def _sign_out(request: WebRequest) -> Response:
    call: ConsoleCall = request.scope[_CALL]
    await call.database.write(lambda unit: end_session(unit, call.session.secret))
    response = redirect("/console/sign-in")
    set_cookie(response, call.request, call.org.id, "")
    return response


async def _refuse(request: WebRequest, error: Exception) -> Response:
    """A page with the reason; a form that is refused is shown again with it."""
    if isinstance(error, ClientGone):
        return Response(status_code=400)  # nobody is there to read it
    status, detail = status_and_detail(error)
    call: ConsoleCall | None = request.scope.get(_CALL)
    if call is None:
        return render("error.html", status, title="That did not work", detail=detail)
    is_form = call.request.method == "POST" and not isinstance(error, HTTPException)
    if is_form and call.section in RETURNS and status != 404:
        call = replace(call, id=unquote(request.path_params.get("id", "")))
        try:
            return await RETURNS[call.section](call, status, detail)
        except REFUSALS as again:
            status, detail = status_and_detail(again)
    return call.render("refused.html", status, error=detail)


async def _fail(request: WebRequest, error: Exception) -> Response:
    """The page for what nobody expected."""
    request_id = known(request.scope).request_id
    note_bug(error, request_id)
    return render("error.html", 500, title="Something went wrong", detail=public_message(request_id))


def status_and_detail(error: Exception) -> tuple[int, str]:
    """The status and the sentence of a refusal."""
    if isinstance(error, SpecError):
        return 400, f"{error.field}: {error.message}" if error.field else error.message
    if isinstance(error, HTTPException):
        return error.status_code, "There is no such page."
    assert isinstance(error, Problem | SCIMException | Refusal)
    return error.status, error.detail or str(error)


async def read_form(receive: Receive) -> Form:
    """The fields of a form. Raises Problem if it is too large or cannot be read."""
    try:
        body = await read_body(receive, MAX_FORM_BYTES)
    except BodyTooLarge as error:
        raise Problem(413, "BodyTooLarge", "The form is too large") from error
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise Problem(400, "InvalidBody", "The form cannot be read") from error
    if any("\x00" in value for _, value in pairs):
        raise Problem(400, "InvalidBody", "The form cannot be read")
    return Form(pairs)
