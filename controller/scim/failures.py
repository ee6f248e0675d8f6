"""A service provider's error answers as errors of ours; a lack of seats is recognised in its many dialects.

Used by the sessions of scim.connect. Pure. Sources: RFC 7644 section 3.12; the words in which public services
refuse a person for want of a seat, since the RFC has no scimType for it.
"""

from __future__ import annotations

import re
from typing import Any

from controller.errors import Conflict, NotFound, Rejected, RemoteError, Unauthorized, clip
from controller.transport.calls import Answer, Call
from controller.transport.failures import error_of_status

_SEATS = re.compile(
    r"over[ _-]?capacity|out of (seats|licen[cs]es)|no[ _](more |free |available )?(seat|licen[cs]e)s?\b"
    r"|(seat|licen[cs]e|user)s?[ _-]?(count |quota )?limit|(seat|licen[cs]e)s?[ _]?(are |is )?exceeded"
    r"|limit_exceeded|licen[cs]eexceeded|userlimitreached|increase_seats|(seats|licen[cs]es) are used"
    r"|(insufficient|not enough|maximum number of) (seat|licen[cs]e|user)s?",
    re.IGNORECASE,
)
_SEAT_STATUSES = frozenset({400, 403, 409, 422, 429})


class SeatsExhausted(Rejected):
    """The SaaS has no seat for this person; it concerns the person, not the run."""

    reason = "SeatsExhausted"


ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


class ForeignNotFound(NotFound):
    """A 404 that is not a SCIM error: of a proxy, a router or another service. It proves no absence."""


def read_error(call: Call, answer: Answer) -> RemoteError | None:
    """The error for an answer of a SCIM service provider; None for a plain 429.

    A 403 to a write belongs to that action (a protected account, a state); to a read it means the credential.
    """
    body = answer.body if isinstance(answer.body, dict) else {}
    kind_of_error = str(body.get("scimType") or "")
    says = clip(_words(body) or answer.text or "no explanation", 400)
    is_write = call.method in ("POST", "PUT", "PATCH", "DELETE")
    kind, reason = _kind(answer.status, kind_of_error, f"{kind_of_error} {says}", is_write)
    if kind is None:
        return None
    if kind is NotFound and not _is_scim_error(body, answer.status):
        kind = ForeignNotFound
    named = f"{answer.status} {kind_of_error}".strip()
    return kind(
        f"the provider answered {named} to {call.method} {call.route}: {says}",
        system="SCIM",
        status=answer.status,
        code=kind_of_error,
        request_id=answer.request_id,
        reason=reason,
    )


def _is_scim_error(body: dict[str, Any], status: int) -> bool:
    """Whether `body` is an Error of RFC 7644 section 3.12 for this status, which is told as text there."""
    schemas = body.get("schemas")
    is_error = isinstance(schemas, list) and any(str(one).lower() == ERROR_SCHEMA.lower() for one in schemas)
    return is_error and str(body.get("status", status)) == str(status)


def is_about_seats(status: int, words: str) -> bool:
    """Whether an error of `status` that says `words` means that no seat is free; 402 always does."""
    return status == 402 or (status in _SEAT_STATUSES and _SEATS.search(words) is not None)


def _kind(
    status: int, scim_type: str, words: str, is_write: bool
) -> tuple[type[RemoteError] | None, str | None]:
    if is_write and is_about_seats(status, words):
        return SeatsExhausted, None
    if status == 429:
        return None, None
    if status == 403 and is_write:
        return Rejected, "Forbidden"
    if status == 409 or scim_type == "uniqueness":
        return Conflict, "AlreadyExists"
    if status in (401, 403):
        return Unauthorized, None
    return error_of_status(status), None


def _words(body: dict[str, Any]) -> str:
    """The explanation, wherever this service puts it."""
    for name in ("detail", "message", "error_description", "title", "error", "errorMessage"):
        value = body.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, dict) and isinstance(value.get("message"), str):
            return str(value["message"])
    return ""
