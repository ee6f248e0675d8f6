"""How the admin API refuses: RFC 9457 problem details.

Raised by its handlers and by the console for the same acts; `problem_answer` makes an answer of what api
catches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from scim2_models import SCIMException
from starlette.responses import Response

from controller.errors import SpecError
from controller.provider.access import Denied
from controller.provider.bugs import note_bug, public_message
from controller.provider.documents import dumps
from controller.provider.outages import Refusal
from controller.provider.responses import retry_after

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


class ProblemAnswer(BaseModel):
    """An RFC 9457 problem. `reason` is CamelCase, for programs, `detail` for people, `field` at fault."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    reason: str
    field: Annotated[str, Field(exclude_if=lambda value: not value)] = ""


class Problem(Exception):
    """Ends a request. `reason`, `detail`, `field` and `more` are members of the answer."""

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        field: str = "",
        *,
        more: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.reason, self.detail, self.field = status, reason, detail, field
        self.more, self.headers = more or {}, headers or {}
        super().__init__(detail)


def problem_answer(error: Exception, request_id: str = "") -> Response:
    """The problem details of `error`; what nobody expected is logged under `request_id`."""
    problem = _problem_of(error)
    if problem is None:
        note_bug(error, request_id)
        problem = Problem(500, "UnexpectedError", public_message(request_id), more={"requestId": request_id})
    answer = ProblemAnswer(
        title=TITLES.get(problem.status, "Error"),
        status=problem.status,
        detail=problem.detail[:2000],
        reason=problem.reason,
        field=problem.field,
    )
    content = dumps(answer.model_dump(mode="json") | dict(problem.more)).encode("utf-8", "replace")
    return Response(content, problem.status, problem.headers, PROBLEM_TYPE)


def _problem_of(error: Exception) -> Problem | None:
    """`error` as a problem; None for what nobody expected."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Denied):
        headers = {"www-authenticate": 'Bearer realm="admin"'} if error.status == 401 else {}
        if error.retry_after:
            headers["retry-after"] = str(error.retry_after)
        return Problem(error.status, TITLES[error.status].replace(" ", ""), error.detail, headers=headers)
    if isinstance(error, SpecError):
        return Problem(422, error.reason, error.message, error.field)
    if isinstance(error, SCIMException):
        reason = (error.scim_type[:1].upper() + error.scim_type[1:]) or "Refused"
        return Problem(error.status, reason, error.detail or str(error))
    if isinstance(error, Refusal):
        return Problem(error.status, type(error).__name__, error.detail, headers=dict(retry_after(error)))
    return None
