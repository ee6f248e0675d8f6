"""The admin API of one organization: what its administrators do in the SaaS's admin center.

Called by app for /admin/v1/{organization}/...; the operator's targets and outside checks rely on its paths
and bodies. Errors are RFC 9457 problem details. The OpenAPI document at /admin/v1/openapi.json describes
it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from scim2_models import SCIMException

from controller.clock import Clock
from controller.errors import SpecError
from controller.provider.access import Caller, Denied, Gate
from controller.provider.database import Database
from controller.provider.documents import dumps, moment_text
from controller.provider.openapi import document_bytes
from controller.provider.organizations import Organization, lock_organization
from controller.provider.people import Context
from controller.provider.statements import Unit
from controller.provider.wire import BodyTooLarge, Receive, Request, Response, holds_nul, read_body

MAX_BODY_BYTES = 1 << 20
MAX_DEPTH = 32
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
}
logger = logging.getLogger(__name__)


class Problem(Exception):
    """An RFC 9457 problem. `reason` is CamelCase, for programs, `detail` for people, `field` at fault."""

    def __init__(self, status: int, reason: str, detail: str, field: str = "", **more: Any) -> None:
        self.status, self.reason, self.detail, self.field, self.more = status, reason, detail, field, more
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class AdminCall:
    """One request that was let in."""

    request: Request
    caller: Caller
    side: AdminSide

    @property
    def org(self) -> Organization:
        """The organization as of the moment the token was checked."""
        return self.caller.org

    def now(self) -> str:
        """The moment, as it is stored."""
        return moment_text(self.side.clock)

    def context(self, unit: Unit) -> Context:
        """The organization locked, for writes."""
        return Context(lock_organization(unit, self.org.id), self.caller.actor, self.now())

    def query(self) -> dict[str, str]:
        """The query parameters."""
        try:
            return self.request.query()
        except ValueError as error:
            raise Problem(
                400, "InvalidQuery", "The query string is not valid UTF-8, or has NUL in it"
            ) from error

    def body(self, *known: str) -> dict[str, Any]:
        """The JSON object that was sent; only `known` members, where any are named."""
        content_type = (self.request.header("content-type") or "application/json").partition(";")[0].strip()
        if content_type.lower() not in ("application/json", "application/merge-patch+json"):
            raise Problem(415, "UnsupportedMediaType", "Send application/json")
        try:
            body = json.loads(self.request.body.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise Problem(400, "InvalidBody", "The body is not JSON in UTF-8") from error
        if not isinstance(body, dict):
            raise Problem(400, "InvalidBody", "The body must be a JSON object")
        if holds_nul(self.request.body, body):
            raise Problem(400, "InvalidValue", "A text must not contain the character NUL")
        if depth(body) > MAX_DEPTH:
            raise Problem(400, "InvalidBody", f"The body is nested more than {MAX_DEPTH} deep")
        unknown = sorted(set(body) - set(known)) if known else []
        if unknown:
            raise Problem(
                400, "UnknownField", f"{unknown[0]!r} is not one of {', '.join(known)}", field=unknown[0]
            )
        return body


def depth(value: Any) -> int:
    """How deep objects and arrays are nested in `value`."""
    deepest, level = 0, [value]
    while level:
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
        deepest += 1
    return deepest


Handler = Callable[[AdminCall, tuple[str, ...]], Awaitable[Response]]


def answer_json(value: Any, status: int = 200, headers: list[tuple[str, str]] | None = None) -> Response:
    """`value` as JSON."""
    return Response(status, dumps(value).encode("utf-8", "replace"), "application/json", headers or [])


def text_field(body: dict[str, Any], name: str, longest: int = 256) -> str | None:
    """The text in a member of a body, or None where it is absent; raises Problem."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > longest or "\x00" in value:
        raise Problem(400, "InvalidValue", f"{name} must be text of 1 to {longest} characters", field=name)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Problem(400, "InvalidValue", f"{name} is not valid Unicode", field=name) from error
    return value


def bool_field(body: dict[str, Any], name: str) -> bool | None:
    """The boolean in a member of a body, or None where it is absent; raises Problem."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise Problem(400, "InvalidValue", f"{name} must be true or false", field=name)
    return value


def number_parameter(query: dict[str, str], name: str, default: int, largest: int) -> int:
    """A whole number from 0 to `largest` in the query; raises Problem."""
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) > largest:
        raise Problem(400, "InvalidParameter", f"{name} must be a number from 0 to {largest}", field=name)
    return int(text)


class AdminSide:
    """Serves the admin API of every organization of one database."""

    def __init__(self, database: Database, gate: Gate, clock: Clock) -> None:
        self.database, self.gate, self.clock = database, gate, clock

    async def serve(self, request: Request, receive: Receive) -> Response:
        """The answer to a request on /admin/v1/..., errors included."""
        try:
            return await self._serve(request, receive)
        except Exception as error:
            return problem_answer(error)

    async def _serve(self, request: Request, receive: Receive) -> Response:
        if request.path == ("openapi.json",):
            return Response(200, document_bytes(), "application/json")
        if len(request.path) < 2:
            raise Problem(404, "NotFound", "Name an organization: /admin/v1/{organization}/...")
        org_id, *rest = request.path
        writes = request.method not in ("GET", "HEAD")
        caller = await self.gate.admit(request, org_id, "admin", writes=writes)
        handler, identifiers = find_route(request.method, tuple(rest))
        if request.method in ("POST", "PUT", "PATCH"):
            try:
                request.body = await read_body(receive, MAX_BODY_BYTES)
            except BodyTooLarge as error:
                raise Problem(413, "BodyTooLarge", f"A body has at most {MAX_BODY_BYTES} bytes") from error
        return await handler(AdminCall(request, caller, self), identifiers)


def find_route(method: str, path: tuple[str, ...]) -> tuple[Handler, tuple[str, ...]]:
    """The handler of a path below the organization, and the identifiers in it; raises Problem 404 or 405."""
    from controller.provider.routes import ROUTES

    allowed = []
    for (route_method, pattern), handler in ROUTES.items():
        parts = pattern.split("/")
        if len(parts) != len(path):
            continue
        if all(part.startswith("{") or part == each for part, each in zip(parts, path, strict=True)):
            if route_method == method:
                pairs = zip(parts, path, strict=True)
                return handler, tuple(each for part, each in pairs if part.startswith("{"))
            allowed.append(route_method)
    if allowed:
        raise Problem(405, "MethodNotAllowed", f"Use {' or '.join(sorted(allowed))}", allow=sorted(allowed))
    raise Problem(404, "NotFound", f"There is no /{'/'.join(path)} here")


def problem_answer(error: Exception) -> Response:
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
    logger.error("unexpected error", exc_info=error)
    return _problem(500, "UnexpectedError", "Internal server error", "", [], {})


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
