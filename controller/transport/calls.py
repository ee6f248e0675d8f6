"""What goes through a Session: Call, Answer, and the Protocols of what a Session is given.

Used by okta, scim and the simulator's agent. Holds no behaviour beyond reading headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol
from urllib.parse import quote

from pydantic import SecretStr

from controller.errors import Rejected, RemoteError


class Lane(IntEnum):
    """Who goes first: of runs if more is due than may run, of calls if they wait for their share of a budget.
    A lower lane goes first."""

    PERSON = 0
    """Somebody waits for it: one person, an annotation, an edited resource."""
    CHANGE = 1
    """A Secret, a sibling, the System Log, a hook; the write of a declared change."""
    DRIFT = 2
    """A correction, or a run that is tried again after an error."""
    FULL = 3
    """A full read: the interval has passed."""


def fill(system: str, route: str, ids: Mapping[str, str]) -> str:
    """`route` with each `{id}` filled in, quoted as one segment of a path (RFC 3986 s3.3). Rejected for an id
    that is empty or a dot segment, which HTTP clients resolve: it would lead to another resource."""
    for value in ids.values():
        if value in ("", ".", ".."):
            message = f"{value!r} is not an id that {system} can have given; it is not put into {route}"
            raise Rejected(message, system=system)
    return route.format(
        **{name: quote(value, safe="", errors="surrogatepass") for name, value in ids.items()}
    )


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `path` is relative to the session's base, or an absolute URL of the same origin."""

    method: str
    path: str
    route: str
    """The path as a template, `/api/v1/apps/{id}/users`: a metric label, so never with an id."""
    params: Mapping[str, str | int] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    lane: Lane = Lane.CHANGE
    is_idempotent: bool | None = None
    """Whether sending it twice is as good as once; None: as the method says (RFC 9110 section 9.2.2)."""
    timeout_seconds: float | None = None
    """None: the session's own."""
    is_listing: bool = False
    """Whether it asks for a page of many, which may be larger than another answer."""

    @property
    def may_repeat(self) -> bool:
        """Whether it may be sent again though it may have arrived."""
        if self.is_idempotent is not None:
            return self.is_idempotent
        return self.method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. `body` is the decoded JSON, None where there was none; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: Any
    url: str
    next_url: str = ""
    """Target of the Link header with rel="next" (RFC 8288); empty at the end."""
    seconds: float = 0.0
    text: str = ""
    """Of an error only: the body as text, clipped and with secrets masked."""
    size: int = 0
    """Bytes of the body, after decompression."""

    @property
    def request_id(self) -> str:
        """What the other side's support asks for; empty where it gave none."""
        for name in ("x-okta-request-id", "x-request-id", "x-correlation-id", "request-id"):
            if self.headers.get(name):
                return self.headers[name]
        return ""


class Auth(Protocol):
    """How requests are signed."""

    async def headers(self, method: str, url: str) -> Mapping[str, str]:
        """Headers that authenticate one request. Raises Unauthorized where no token is to be had."""
        ...

    def secrets(self) -> tuple[SecretStr, ...]:
        """Whatever must never appear in a message."""
        ...

    async def renew(self, answer: Answer, sent: Mapping[str, str]) -> bool:
        """Whether one more attempt with fresh headers may help after `answer` (401, or a nonce challenge) to
        a request that was signed with `sent`."""
        ...


class Gate(Protocol):
    """What holds requests back: an org's Budget, a provider's Throttle."""

    def admit(self, method: str, path: str, lane: Lane) -> AbstractAsyncContextManager[None]:
        """Entered when the request may be sent, left when it was answered."""
        ...

    def learn(self, method: str, path: str, status: int, headers: Mapping[str, str]) -> None:
        """Takes note of what an answer says about limits."""
        ...


class Sink(Protocol):
    """Where figures go; None of transport knows Prometheus."""

    def requested(self, api: str, method: str, route: str, code: str, seconds: float) -> None:
        """One request was answered with `code`, or failed (`code` names how: timeout, tls, dns ...)."""
        ...

    def waited(self, api: str, lane: str, seconds: float) -> None:
        """A request waited for its share of a rate limit: ours or, after a 429, the other side's."""
        ...

    def remaining(self, bucket: str, calls: int) -> None:
        """What a rate-limit bucket has left in its window."""
        ...


class Silent:
    """A Sink that drops everything."""

    def requested(self, api: str, method: str, route: str, code: str, seconds: float) -> None: ...

    def waited(self, api: str, lane: str, seconds: float) -> None: ...

    def remaining(self, bucket: str, calls: int) -> None: ...


class ReadError(Protocol):
    """How an API's error answers become errors of ours."""

    def __call__(self, call: Call, answer: Answer) -> RemoteError | None:
        """The error for a status of 400 and above. None leaves it to the session: 429 is RateLimited, the
        rest goes by status."""
        ...
