"""What every handler of the admin API is given, and how it reads what was sent.

Called by the handlers in people, groups and settings.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel
from starlette.responses import Response

from controller.clock import Clock
from controller.provider.access import Caller
from controller.provider.admin.bodies import checked_body, checked_parameters
from controller.provider.admin.problems import Problem
from controller.provider.database import TenantDatabase
from controller.provider.documents import dumps, moment_text
from controller.provider.http import Request, holds_nul
from controller.provider.organizations import Organization, lock_organization
from controller.provider.people import Context
from controller.provider.statements import Unit

MAX_DEPTH = 32
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class AdminCall:
    """One request that was let in. `id` is what `{id}` of the path stands for, "" for none."""

    request: Request
    caller: Caller
    database: TenantDatabase
    clock: Clock
    id: str = ""

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

    def parameters(self, model: type[M]) -> M:
        """The query parameters; raises Problem naming the one that is not as it must be."""
        try:
            query = self.request.query()
        except ValueError as error:
            raise Problem(
                400, "InvalidQuery", "The query string is not valid UTF-8, or has NUL in it"
            ) from error
        return checked_parameters(model, query)

    def body(self, model: type[M]) -> M:
        """What was sent; raises Problem or SpecError naming the member that is not as it must be."""
        return checked_body(model, self.json_object())

    def json_object(self) -> dict[str, object]:
        """The JSON object that was sent."""
        content_type = (self.request.header("content-type") or "application/json").partition(";")[0].strip()
        if content_type.lower() not in ("application/json", "application/merge-patch+json"):
            raise Problem(415, "UnsupportedMediaType", "Send application/json")
        try:
            body: object = json.loads(self.request.body.decode("utf-8"))
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
        return body


def _refuse_surrogates(body: object) -> None:
    """Raises Problem for half a surrogate pair, which JSON can write and no database stores."""
    try:
        dumps(body).encode()
    except UnicodeEncodeError as error:
        raise Problem(400, "InvalidValue", "A text is not valid Unicode: half a surrogate pair") from error


def depth(value: object) -> int:
    """How deep objects and arrays are nested in `value`."""
    deepest = 0
    level: list[object] = [value]
    while level:
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
        deepest += 1
    return deepest


Handler = Callable[[AdminCall], Awaitable[Response]]


def answer_json(value: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`value` as JSON."""
    return Response(value.model_dump_json(), status, headers, "application/json")
