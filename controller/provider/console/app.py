"""The console over HTTP: signing in and out, who may see what, and forms that are checked before they act.

Called by app for /console/...; screens says which page is where.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from scim2_models import SCIMException

from controller.clock import Clock
from controller.errors import SpecError
from controller.provider.access import Denied, Gate, lane_of
from controller.provider.admin.calls import Problem
from controller.provider.bugs import note_bug, told_to_caller
from controller.provider.console.context import HERE, SECTIONS, Visit, home, redirect, render
from controller.provider.console.routes import RETURNS, SCREENS
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
from controller.provider.http import BodyTooLarge, ClientGone, Receive, Request, Response, read_body
from controller.provider.lockout import AdminOutlook, admin_outlook
from controller.provider.organizations import is_slug
from controller.provider.outages import Refusal
from controller.provider.routing import NoRoute, find_route
from controller.provider.statements import Unit

MAX_FORM_BYTES = 1 << 20
MAX_FIELDS = 25_000
ASSETS = {
    "console.css": "text/css; charset=utf-8",
    "copy.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
FIRST = "single-sign-on"
Refused = (Problem, SpecError, SCIMException, Refusal)


class Pages:
    """Serves the pages of every organization of one database."""

    def __init__(self, database: Database, gate: Gate, clock: Clock) -> None:
        self.database, self.gate, self.clock = database, gate, clock

    async def serve(self, request: Request, receive: Receive) -> Response:
        """The answer to a request on /console/..., errors included."""
        try:
            return await self._serve(request, receive)
        except Refused as error:
            status, detail = told(error)
            return render("error.html", status, title="That did not work", detail=detail)
        except ClientGone:
            raise
        except Exception as error:
            note_bug(error, request.request_id)
            detail = told_to_caller(request.request_id)
            return render("error.html", 500, title="Something went wrong", detail=detail)

    async def _serve(self, request: Request, receive: Receive) -> Response:
        try:
            request.query()
        except ValueError as error:
            raise Problem(400, "InvalidQuery", "The address cannot be read") from error
        method = request.method
        match request.path:
            case () | ("",):
                return redirect("/console/sign-in")
            case ("assets", name) if name in ASSETS:
                return self._asset(name)
            case ("sign-in",):
                return await self._sign_in(request, method, receive)
            case (org_id,) | (org_id, "") if is_slug(org_id):
                return redirect(f"{home(org_id)}/{FIRST}")
            case (org_id, *page) if is_slug(org_id):
                return await self._page(request, org_id, (method, tuple(page)), receive)
        raise Problem(404, "NotFound", "There is no such page")

    @staticmethod
    def _asset(name: str) -> Response:
        headers = [("cache-control", "max-age=300"), ("x-content-type-options", "nosniff")]
        return Response(200, (HERE / "assets" / name).read_bytes(), ASSETS[name], headers)

    async def _sign_in(self, request: Request, method: str, receive: Receive) -> Response:
        if method == "GET":
            return _sign_in_page(request.query().get("organization", ""))
        if method != "POST" or not is_same_site(request):
            raise Problem(403, "Forbidden", "Sign in from the page of this provider")
        form = await read_form(receive)
        org_id, token = (form.get(name, [""])[0].strip() for name in ("organization", "token"))
        request.headers[b"authorization"] = f"Bearer {token}".encode("latin-1", "replace")
        try:
            caller = await self.gate.admit(request, org_id, "admin", writes=False)
        except Denied as error:
            detail = error.detail
            if error.status == 401:
                detail = "This organization has no such admin token, or it has expired or was revoked"
            return _sign_in_page(org_id, error.status, detail)
        secret = await TenantDatabase(self.database, org_id).write(
            lambda unit: open_session(unit, org_id, caller.token, self.clock)
        )
        return redirect(f"{home(org_id)}/{FIRST}", [set_cookie(request, org_id, secret)])

    async def _page(
        self, request: Request, org_id: str, route: tuple[str, tuple[str, ...]], receive: Receive
    ) -> Response:
        session, outlook = await self.database.read(
            lambda unit: _session_and_outlook(unit, org_id, request, self.clock), lane=lane_of(request)
        )
        if session is None:
            return redirect(f"/console/sign-in?organization={org_id}")
        method, path = route
        form: dict[str, list[str]] = {}
        if method == "POST":
            form = await read_form(receive)
            if not is_own_form(request, session.csrf, form.get("csrf", [""])[0]):
                raise Problem(403, "Forbidden", "The form is out of date or came from elsewhere; go back")
        if route == ("POST", ("sign-out",)):
            return await self._sign_out(request, session)
        section = path[0] if path[0] in SECTIONS else FIRST
        database = TenantDatabase(self.database, org_id)
        visit = Visit(request, session, database, self.clock, section, (), form, outlook)
        return await self._visit(visit, method, path)

    async def _visit(self, visit: Visit, method: str, path: tuple[str, ...]) -> Response:
        """The screen's answer; a form that is refused is shown again with the reason."""
        try:
            screen, identifiers = find_route(SCREENS, method, path)
        except NoRoute as error:
            status = 405 if error.allowed else 404
            return visit.render("refused.html", status, error="There is no such page.")
        visit = replace(visit, identifiers=identifiers)
        try:
            if method == "POST" and not visit.session.may_write:
                raise Problem(403, "Forbidden", "You are signed in with a read-only token")
            return await screen(visit)
        except Refused as error:
            status, detail = told(error)
            if method == "POST" and visit.section in RETURNS and status != 404:
                return await RETURNS[visit.section](visit, status, detail)
            return visit.render("refused.html", status, error=detail)

    async def _sign_out(self, request: Request, session: Session) -> Response:
        database = TenantDatabase(self.database, session.org.id)
        await database.write(lambda unit: end_session(unit, session.secret))
        return redirect("/console/sign-in", [set_cookie(request, session.org.id, "")])


def _session_and_outlook(
    unit: Unit, org_id: str, request: Request, clock: Clock
) -> tuple[Session | None, AdminOutlook]:
    session = find_session(unit, org_id, request, clock)
    if session is None:
        return None, AdminOutlook(1, None)
    return session, admin_outlook(unit, org_id, moment_text(clock))


def _sign_in_page(organization: str, status: int = 200, error: str = "") -> Response:
    return render("sign_in.html", status, organization=organization[:64], error=error)


def told(error: Any) -> tuple[int, str]:
    """The status and the sentence of a refusal."""
    if isinstance(error, SpecError):
        return 400, f"{error.field}: {error.message}" if error.field else error.message
    return error.status, getattr(error, "detail", None) or str(error)


async def read_form(receive: Receive) -> dict[str, list[str]]:
    """The fields of a form by name. Raises Problem where it is too large or cannot be read."""
    try:
        body = await read_body(receive, MAX_FORM_BYTES)
    except BodyTooLarge as error:
        raise Problem(413, "BodyTooLarge", "The form is too large") from error
    try:
        form = parse_qs(
            body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise Problem(400, "InvalidBody", "The form cannot be read") from error
    if any("\x00" in value for values in form.values() for value in values):
        raise Problem(400, "InvalidBody", "The form cannot be read")
    return form
