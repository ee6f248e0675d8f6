"""What every handler of the admin API is given, how it reads what was sent, and how it refuses.

Called by the handlers in people and settings, and by the console's screens, which refuse in the same words.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from controller.clock import Clock
from controller.provider.access import Caller
from controller.provider.admin.problems import Problem
from controller.provider.database import TenantDatabase
from controller.provider.documents import dumps, moment_text
from controller.provider.http import Request, holds_nul
from controller.provider.organizations import Organization, lock_organization
from controller.provider.people import Context
from controller.provider.statements import Unit

MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class AdminCall:
    """One request that was let in."""

    request: Request
    caller: Caller
    database: TenantDatabase
    clock: Clock

    @property
    def org(self) -> Organization:
        """The organization as of the moment the token was checked."""
        return self.caller.org

    def now(self) -> str:
        """The moment, as it is stored."""
        return moment_text(self.clock)

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
        if b"\\ud" in self.request.body.lower():
            _refuse_surrogates(body)
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


def _refuse_surrogates(body: Any) -> None:
    """Raises Problem for half a surrogate pair, which JSON can write and no database stores."""
    try:
        dumps(body).encode()
    except UnicodeEncodeError as error:
        raise Problem(400, "InvalidValue", "A text is not valid Unicode: half a surrogate pair") from error


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


def answer_json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`value` as JSON."""
    return Response(dumps(value).encode("utf-8", "replace"), status, headers, "application/json")


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
