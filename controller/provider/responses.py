"""SCIM answers: bodies, headers and errors as bytes.

Called by scim and app. Errors are scim2-models' exceptions and what the database refuses; anything else is a
bug, logged under the request's id and answered with a bare 500.
"""

from __future__ import annotations

import json
from datetime import timedelta
from email.utils import format_datetime

from pydantic import ValidationError
from scim2_models import SCIMException
from scim2_server.errors import MethodNotAllowedException
from scim2_server.responses import ScimResponse
from scim2_server.service import scim_exception_of

from controller.clock import Clock
from controller.provider.access import Denied
from controller.provider.bugs import note_bug, public_message
from controller.provider.documents import Projection, dumps, etag
from controller.provider.http import Response
from controller.provider.outages import Refusal, SearchTooLong
from controller.provider.seats import OverCapacityError

SCIM_TYPE = "application/scim+json"
ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


def resource_answer(
    text: str, location: str, version: int, status: int = 200, projection: Projection | None = None
) -> Response:
    """The answer that carries a resource, with its ETag and Location."""
    if projection:
        text = dumps(projection.apply(json.loads(text)))
    headers = [("etag", etag(version)), ("content-location", location), ("location", location)]
    return Response(status, text.encode(), SCIM_TYPE, headers)


def empty_answer(version: int | None = None, status: int = 204) -> Response:
    """An answer without a body."""
    return Response(status, b"", SCIM_TYPE, [("etag", etag(version))] if version else [])


def of_core(response: ScimResponse) -> Response:
    """An answer that scim2-server built."""
    body = b"" if response.body is None else dumps(response.body).encode()
    kept = [(name.lower(), value) for name, value in response.headers.items() if name != "Content-Type"]
    at = dict(kept).get("content-location")
    if at and "location" not in dict(kept):
        kept.append(("location", at))
    return Response(int(response.status), body, SCIM_TYPE, kept)


def error_answer(error: Exception, clock: Clock, request_id: str = "") -> Response:
    """The SCIM Error of `error` (RFC 7644 section 3.12)."""
    if isinstance(error, OverCapacityError):
        return _over_capacity(error, clock)
    if isinstance(error, Denied):
        headers = [("www-authenticate", 'Bearer realm="SCIM"')] if error.status == 401 else []
        if error.retry_after:
            headers.append(("retry-after", str(error.retry_after)))
        return scim_error(error.status, error.detail, headers=headers)
    if isinstance(error, SCIMException):
        headers = []
        if isinstance(error, MethodNotAllowedException):
            headers.append(("allow", ", ".join(sorted(set(error.allowed)))))
        return scim_error(error.status, _detail_of(error), error.scim_type, headers)
    if isinstance(error, Refusal):
        scim_type = "tooMany" if isinstance(error, SearchTooLong) else ""
        return scim_error(error.status, error.detail, scim_type, retry_after(error))
    note_bug(error, request_id)
    return scim_error(500, public_message(request_id))


def retry_after(error: Refusal) -> list[tuple[str, str]]:
    """The header that says when to try again."""
    return [("retry-after", str(error.retry_after))] if error.retry_after else []


def _detail_of(error: SCIMException) -> str:
    """What is wrong, in one line: what a model says of itself is for its programmers."""
    cause = error.__cause__
    if isinstance(cause, ValidationError):
        return scim_exception_of(cause).detail or str(error)
    return (error.to_error().detail or str(error)).partition("\n")[0]


def scim_error(
    status: int, detail: str, scim_type: str = "", headers: list[tuple[str, str]] | None = None
) -> Response:
    """A SCIM Error; `status` in the body is text, as the RFC has it."""
    body = {"schemas": [ERROR_SCHEMA], "status": str(status)}
    if scim_type:
        body["scimType"] = scim_type
    body["detail"] = detail[:2000]
    return Response(status, dumps(body).encode("utf-8", "replace"), SCIM_TYPE, headers or [])


def _over_capacity(error: OverCapacityError, clock: Clock) -> Response:
    settings = error.settings
    headers = []
    if settings.retry_after == "seconds":
        headers.append(("retry-after", str(settings.retry_after_seconds)))
    elif settings.retry_after == "http-date":
        then = clock.now() + timedelta(seconds=settings.retry_after_seconds)
        headers.append(("retry-after", format_datetime(then, usegmt=True)))
    detail = error.detail or ""
    if settings.body == "json":
        body = {"error": detail, "status": settings.status}
        return Response(settings.status, dumps(body).encode(), "application/json", headers)
    answer = scim_error(settings.status, detail, error.scim_type, headers)
    if settings.status_as == "number":
        answer.body = dumps(json.loads(answer.body) | {"status": settings.status}).encode()
    return answer
