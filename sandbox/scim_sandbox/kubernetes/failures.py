"""Refusals of the API server: one exception that is a metav1.Status, and a constructor per usual case.

Raised everywhere in this folder, turned into an HTTP answer by app only. Wording, reasons, codes and details
are those of kube-apiserver (apimachinery `api/errors`), because clients match on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from controller.schema.findings import Finding

PROTOBUF = "application/vnd.kubernetes.protobuf"


class Refusal(Exception):
    """A Status with status=Failure. `reason` may be empty, as it is in a few answers of the real server."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details

    def status(self) -> dict[str, Any]:
        """The Status object to answer with."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


def qualified(group: str, name: str) -> str:
    """`widgets.example.com`, or the bare name in the core group."""
    return f"{name}.{group}" if group else name


def _details(group: str, kind: str, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    details["kind"] = kind
    return details


def not_found(group: str, plural: str, name: str) -> Refusal:
    """404: no object of that name."""
    message = f'{qualified(group, plural)} "{name}" not found'
    return Refusal(404, "NotFound", message, _details(group, plural, name))


def already_exists(group: str, plural: str, name: str) -> Refusal:
    """409 on create."""
    message = f'{qualified(group, plural)} "{name}" already exists'
    return Refusal(409, "AlreadyExists", message, _details(group, plural, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(group: str, kind: str, name: str, why: str = MODIFIED) -> Refusal:
    """409 on a write that rests on another version or identity of the object."""
    message = f'Operation cannot be fulfilled on {qualified(group, kind)} "{name}": {why}'
    return Refusal(409, "Conflict", message, _details(group, kind, name))


def forbidden(group: str, plural: str, name: str, why: str) -> Refusal:
    """403: allowed to nobody."""
    message = f'{qualified(group, plural)} "{name}" is forbidden: {why}'
    return Refusal(403, "Forbidden", message, _details(group, plural, name))


def invalid(group: str, kind: str, name: str, causes: Sequence[Finding]) -> Refusal:
    """422 with a cause per fault, in the order given."""
    parts = [f"{cause.field}: {cause.message}" for cause in causes]
    text = parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
    details = _details(group, kind, name)
    details["causes"] = [
        {"reason": cause.type, "message": cause.message, "field": cause.field} for cause in causes
    ]
    return Refusal(422, "Invalid", f'{qualified(group, kind)} "{name}" is invalid: {text}', details)


def bad_request(message: str) -> Refusal:
    """400."""
    return Refusal(400, "BadRequest", message)


def unauthorized() -> Refusal:
    """401: the bearer token is missing or wrong."""
    return Refusal(401, "Unauthorized", "Unauthorized")


def method_not_allowed(method: str) -> Refusal:
    """405: the resource has no such verb."""
    return Refusal(
        405, "MethodNotAllowed", f"the server does not allow this method on the requested resource: {method}"
    )


def unsupported_media(content_type: str, accepted: Iterable[str]) -> Refusal:
    """415: a body of this content type cannot be read; `accepted` are those that can."""
    listed = ", ".join(accepted)
    message = f"the body of the request was in an unknown format - accepted media types include: {listed}"
    if content_type == PROTOBUF:
        message += (
            " (this server reads no protobuf: send JSON, as `kubectl apply -f` does; "
            "`kubectl create ... --dry-run=client -o yaml` writes what to apply)"
        )
    return Refusal(415, "UnsupportedMediaType", message)


def not_acceptable(offered: Iterable[str]) -> Refusal:
    """406: nothing that the client accepts can be produced."""
    message = "only the following media types are accepted: " + ", ".join(offered)
    return Refusal(406, "NotAcceptable", message)


def expired(message: str) -> Refusal:
    """410: the version asked for has left the history; list again."""
    return Refusal(410, "Expired", message)
