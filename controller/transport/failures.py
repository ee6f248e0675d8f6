"""What went wrong, in words: connection failures by cause, statuses by class, bodies clipped and masked.

Called by session; pure apart from looking at httpx's exceptions. Nothing here lets a secret through.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from datetime import datetime

import httpx
from pydantic import SecretStr

from controller.errors import Conflict, NotFound, Rejected, RemoteError, Unauthorized, Unavailable, clip
from controller.outside_text import MASK, SHORTEST, remember
from controller.parsing import parse_http_date, whole_number
from controller.transport.calls import Answer, Call

BODY_LIMIT = 256
_CREDENTIAL = re.compile(r"(?i)\b(bearer|ssws|basic|dpop)\s+[A-Za-z0-9._~+/=-]{8,}")
_SECRET_FIELD = re.compile(
    r'(?i)("(?:[a-z_]*(?:token|password|secret|assertion|private_?key)|apikey)"\s*:\s*)"[^"]*"'
)


class Unreachable(Unavailable):
    """No connection was made, so nothing was sent: any call may be repeated."""

    reason = "Unreachable"


class Unusable(Unavailable):
    """The same question would get the same answer: it is not repeated by the session."""


class Oversized(Unusable):
    """The answer is larger than a session reads."""

    reason = "AnswerTooLarge"


class Encoded(Unusable):
    """The answer is encoded in a way that was not asked for."""

    reason = "EncodingRefused"


class PauseTooLong(Unusable):
    """A 429 asks for a longer pause than anybody may ask for."""

    reason = "PauseTooLong"


def redact(text: str, secrets: Iterable[SecretStr] = ()) -> str:
    """`text` clipped to 256 characters, with secrets and whatever looks like a credential masked."""
    for secret in secrets:
        value = secret.get_secret_value()
        remember(value)
        if 4 <= len(value) < SHORTEST:
            text = text.replace(value, MASK)
    masked = _SECRET_FIELD.sub(rf'\1"{MASK}"', _CREDENTIAL.sub(rf"\1 {MASK}", text))
    return clip(masked, BODY_LIMIT)


def connection_failure(
    system: str, host: str, error: httpx.TransportError | TimeoutError
) -> tuple[Unavailable, str]:
    """The error to raise, with the cause in words, and a short code for metrics."""
    code, words, reason = _cause(error)
    unsent = isinstance(
        error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
    )
    kind = Unreachable if unsent else Unavailable
    return kind(f"{system} at {host}: {words}", system=system, reason=reason), code


def _cause(error: BaseException) -> tuple[str, str, str]:
    """(metric code, words, reason) of the innermost cause that we can name."""
    for link in _chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            words = f"its TLS certificate is not trusted ({getattr(link, 'verify_message', 'not verified')})"
            return "tls", f"{words}; set caBundleRef for a private CA", "TLSFailed"
        if isinstance(link, ssl.SSLError):
            return "tls", f"the TLS handshake failed ({link.reason or 'closed'})", "TLSFailed"
        if isinstance(link, socket.gaierror):
            return "dns", "its name does not resolve (DNS)", "HostNotFound"
        if isinstance(link, ConnectionRefusedError):
            return "refused", "the connection was refused; nothing listens there", "ConnectionRefused"
        if isinstance(link, ForbiddenAddress):
            return "forbidden", str(link), "HostNotAllowed"
    return _cause_by_kind(error)


def _cause_by_kind(error: BaseException) -> tuple[str, str, str]:
    if isinstance(error, httpx.ConnectTimeout):
        return "timeout", "no connection within the time allowed", "Timeout"
    if isinstance(error, httpx.PoolTimeout):
        return "timeout", "no free connection within the time allowed", "Timeout"
    if isinstance(error, httpx.TimeoutException):
        return "timeout", "no answer within the time allowed", "Timeout"
    if isinstance(error, TimeoutError):
        return "timeout", "the answer was not whole within the time allowed", "Timeout"
    if isinstance(error, httpx.ProxyError):
        return "proxy", "the proxy of HTTPS_PROXY refused the connection", "ProxyFailed"
    if isinstance(error, httpx.ConnectError):
        return _cause_by_text(str(error))
    return "closed", "the connection broke before the answer was complete", "ConnectionClosed"


def _cause_by_text(text: str) -> tuple[str, str, str]:
    """asyncio joins several addresses' failures into one OSError, of which only the text tells the cause."""
    lowered = text.lower()
    if "certificate" in lowered or "ssl" in lowered:
        return "tls", f"the TLS handshake failed ({clip(text, 120)})", "TLSFailed"
    if "name or service not known" in lowered or "nodename" in lowered or "getaddrinfo" in lowered:
        return "dns", "its name does not resolve (DNS)", "HostNotFound"
    if "all connection attempts failed" in lowered or "refused" in lowered:
        return "refused", "the connection was refused; nothing listens there", "ConnectionRefused"
    return "connect", "no connection could be made", "Unreachable"


def _chain(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class ForbiddenAddress(OSError):
    """A name resolved to an address that is never called."""


def plain_error(system: str, call: Call, answer: Answer) -> RemoteError:
    """The error by status alone, for APIs without errors of their own."""
    return error_of_status(answer.status)(
        f"{system} answered {answer.status} to {call.method} {call.route}: {answer.text or 'without a word'}",
        system=system,
        status=answer.status,
        request_id=answer.request_id,
    )


def error_of_status(status: int) -> type[RemoteError]:
    """The class of error for an HTTP status that is no success and not 429."""
    if status in (401, 403):
        return Unauthorized
    if status in (409, 412):
        return Conflict
    if status in (404, 410):
        return NotFound
    return Rejected if 400 <= status < 500 and status != 408 else Unavailable


def retry_after_seconds(headers: Mapping[str, str], now: datetime, default: float) -> float:
    """Seconds to wait after a 429, at least 1: Retry-After (seconds or a date, RFC 9110 section 10.2.3), else
    Okta's X-Rate-Limit-Reset against the answer's own Date, else `default`."""
    text = headers.get("retry-after", "").strip()
    seconds = whole_number(text)
    if seconds is not None:
        return max(1.0, float(seconds))
    moment = parse_http_date(text)
    if moment is not None:
        return max(1.0, (moment - (server_time(headers) or now)).total_seconds())
    reset = whole_number(headers.get("x-rate-limit-reset", ""))
    if reset is not None:
        return max(1.0, reset - (server_time(headers) or now).timestamp())
    return default


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """The answer's Date as aware UTC, or None."""
    return parse_http_date(headers.get("date", ""))
