"""The admin API of one organization: what its administrators do in the SaaS's admin center.

Called by app for /admin/v1/{organization}/...; the operator's targets and outside checks rely on its paths
and bodies. Errors are RFC 9457 problem details. The OpenAPI document at /admin/v1/openapi.json describes
it.
"""

from __future__ import annotations

from typing import Any

from scim2_models import SCIMException

from controller.clock import Clock
from controller.errors import SpecError
from controller.provider.access import Denied, Gate
from controller.provider.admin.calls import AdminCall, Handler, Problem
from controller.provider.admin.openapi import document_bytes
from controller.provider.admin.routes import ROUTES
from controller.provider.bugs import note_bug, told_to_caller
from controller.provider.database import Database, TenantDatabase
from controller.provider.documents import dumps
from controller.provider.http import BodyTooLarge, ClientGone, Receive, Request, Response, read_body
from controller.provider.outages import Refusal
from controller.provider.responses import retry_after
from controller.provider.routing import NoRoute, find_route

MAX_BODY_BYTES = 1 << 20
PROBLEM_TYPE = "application/problem+json"
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    428: "Precondition Required",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    507: "Insufficient Storage",
}


class AdminSide:
    """Serves the admin API of every organization of one database."""

    def __init__(self, database: Database, gate: Gate, clock: Clock) -> None:
        self.database, self.gate, self.clock = database, gate, clock

    async def serve(self, request: Request, receive: Receive) -> Response:
        """The answer to a request on /admin/v1/..., errors included."""
        try:
            return await self._serve(request, receive)
        except ClientGone:
            raise
        except Exception as error:
            return problem_answer(error, request.request_id)

    async def _serve(self, request: Request, receive: Receive) -> Response:
        if request.path == ("openapi.json",):
            return Response(200, document_bytes(), "application/json")
        if len(request.path) < 2:
            raise Problem(404, "NotFound", "Name an organization: /admin/v1/{organization}/...")
        org_id, *rest = request.path
        writes = request.method != "GET"
        caller = await self.gate.admit(request, org_id, "admin", writes=writes)
        handler, identifiers = find_handler(request.method, tuple(rest))
        if request.method in ("POST", "PUT", "PATCH"):
            try:
                request.body = await read_body(receive, MAX_BODY_BYTES)
            except BodyTooLarge as error:
                raise Problem(413, "BodyTooLarge", f"A body has at most {MAX_BODY_BYTES} bytes") from error
        database = TenantDatabase(self.database, org_id)
        return await handler(AdminCall(request, caller, database, self.clock), identifiers)


def find_handler(method: str, path: tuple[str, ...]) -> tuple[Handler, tuple[str, ...]]:
    """The handler of a path below the organization, and the identifiers in it; raises Problem 404 or 405."""
    try:
        return find_route(ROUTES, method, path)
    except NoRoute as error:
        if error.allowed:
            told = f"Use {' or '.join(error.allowed)}"
            raise Problem(405, "MethodNotAllowed", told, allow=error.allowed) from error
        raise Problem(404, "NotFound", f"There is no /{'/'.join(path)} here") from error


def problem_answer(error: Exception, request_id: str = "") -> Response:
    """The problem details of `error`."""
    if isinstance(error, Problem):
        more = dict(error.more)
        headers = [("allow", ", ".join(more.pop("allow")))] if "allow" in more else []
        return _problem(error.status, error.reason, error.detail, error.field, headers, more)
    if isinstance(error, Denied):
        headers = [("www-authenticate", 'Bearer realm="admin"')] if error.status == 401 else []
        if error.retry_after:
            headers.append(("retry-after", str(error.retry_after)))
        return _problem(error.status, TITLES[error.status].replace(" ", ""), error.detail, "", headers, {})
    if isinstance(error, SpecError):
        return _problem(422, error.reason, error.message, error.field, [], {})
    if isinstance(error, SCIMException):
        reason = (error.scim_type[:1].upper() + error.scim_type[1:]) or "Refused"
        return _problem(error.status, reason, error.detail or str(error), "", [], {})
    if isinstance(error, Refusal):
        return _problem(error.status, type(error).__name__, error.detail, "", retry_after(error), {})
    note_bug(error, request_id)
    return _problem(500, "UnexpectedError", told_to_caller(request_id), "", [], {"requestId": request_id})


def _problem(
    status: int, reason: str, detail: str, field: str, headers: list[tuple[str, str]], more: dict[str, Any]
) -> Response:
    body = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail[:2000],
        "reason": reason,
    }
    if field:
        body["field"] = field
    return Response(status, dumps(body | more).encode("utf-8", "replace"), PROBLEM_TYPE, headers)
