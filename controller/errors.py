"""One tree of errors; the class says what happens next, so callers never match on text.

    ControllerError          reason (CamelCase) and a message that is safe to publish
    ├── SpecError            a person must edit a resource: Stalled, no retry for this generation
    ├── Waiting              something named is not there yet: tried again after `delay_seconds`
    └── RemoteError          another system: `system`, `status`, `request_id`
        ├── Unavailable      no answer, 5xx, an incomplete read: backoff with jitter
        ├── RateLimited      429: not before `retry_after_seconds`
        ├── Unauthorized     401, 403: slow retry, since credentials may rotate
        └── Rejected         another 4xx: belongs to one action
            ├── NotFound     404
            └── Conflict     409, 412

Anything else that is raised is a bug and is reported as UnexpectedError.
Imports outside_text alone, through which every message goes: none carries a credential or a whole body.
"""

from __future__ import annotations

from controller import outside_text

MESSAGE_LIMIT = outside_text.LIMIT


def clip(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """`text` fit to be shown, on one line of at most `limit` characters, cut ones marked by an ellipsis."""
    return outside_text.shown(text, limit)


class ControllerError(Exception):
    """Base. `reason` is a condition reason (CamelCase), `message` may be shown to anyone."""

    reason = "ControllerError"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        self.message = clip(message)
        if reason is not None:
            self.reason = reason
        super().__init__(self.message)


class SpecError(ControllerError):
    """A resource asks for what cannot be. `field` is its path (`spec.okta.app.label`), `kind` and `name`
    the resource to edit where that is not the integration itself."""

    reason = "InvalidSpec"

    def __init__(
        self, message: str, *, field: str, reason: str | None = None, kind: str = "", name: str = ""
    ) -> None:
        self.field, self.kind, self.name = field, kind, name
        super().__init__(f"{field}: {message}" if field else message, reason=reason)


class Waiting(ControllerError):
    """Something named is missing and may come; look again after `delay_seconds`."""

    reason = "Waiting"

    def __init__(self, message: str, *, delay_seconds: float = 30.0, reason: str | None = None) -> None:
        self.delay_seconds = delay_seconds
        super().__init__(message, reason=reason)


class RemoteError(ControllerError):
    """Another system answered with an error or not at all. `system` is "Okta", "SCIM", "admin" or
    "Kubernetes"; `status` the HTTP status (0 where there was none); `code` that system's own error code."""

    reason = "RemoteError"

    def __init__(
        self,
        message: str,
        *,
        system: str,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        reason: str | None = None,
    ) -> None:
        self.system, self.status, self.code, self.request_id = system, status, code, request_id
        super().__init__(message, reason=reason)


class Unavailable(RemoteError):
    """No answer, a 5xx, an answer that is not what the protocol says, or a listing that is not complete."""

    reason = "Unavailable"


class RateLimited(RemoteError):
    """429. Nothing is sent before `retry_after_seconds` have passed."""

    reason = "RateLimited"

    def __init__(
        self, message: str, *, system: str, retry_after_seconds: float, code: str = "", request_id: str = ""
    ) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message, system=system, status=429, code=code, request_id=request_id)


class Unauthorized(RemoteError):
    """401 or 403: the credential or its role is not enough."""

    reason = "CredentialsRejected"


class Rejected(RemoteError):
    """Another 4xx: what was asked cannot be done; it concerns one action, not the run."""

    reason = "Rejected"


class NotFound(Rejected):
    """404: gone or never there."""

    reason = "NotFound"


class Conflict(Rejected):
    """409 or 412: somebody else was first, or the name is taken."""

    reason = "Conflict"
