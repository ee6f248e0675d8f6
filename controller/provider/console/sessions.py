"""Sign-in of the admin pages: an admin token is exchanged for a session cookie, and forms carry a CSRF token.

Called by console.app. The cookie's secret is kept as a hash; a session ends after eight hours, when it is
signed out, or when the token it was opened with is revoked or expires. Cookies are HttpOnly and
SameSite=Strict, so another site cannot send one along; the CSRF token and the Origin header guard every
form besides. Starlette's own sessions live in a signed cookie, so that nobody could end one.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import bindparam, delete, insert, or_, select
from starlette.requests import cookie_parser
from starlette.responses import Response

from controller.clock import Clock
from controller.provider.documents import moment_text
from controller.provider.http import Request
from controller.provider.journal import Actor, Write, record
from controller.provider.organizations import COLUMNS as ORG_COLUMNS
from controller.provider.organizations import Organization, organization_of
from controller.provider.statements import Prepared, Unit
from controller.provider.tables import organizations, sessions, tokens
from controller.provider.tokens import Token, token_hash

COOKIE = "provider_session"
LIFETIME = timedelta(hours=8)
_INSERT = Prepared(insert(sessions).values({column.name: bindparam(column.name) for column in sessions.c}))
_FIND = Prepared(
    select(sessions.c.csrf, tokens.c.id, tokens.c.name, tokens.c.scopes, *ORG_COLUMNS)
    .join_from(sessions, tokens, sessions.c.token_id == tokens.c.id)
    .join(organizations, organizations.c.id == sessions.c.org_id)
    .where(
        sessions.c.hash == bindparam("hash"),
        sessions.c.org_id == bindparam("org_id"),
        sessions.c.expires > bindparam("now"),
        tokens.c.revoked.is_(None),
        or_(tokens.c.expires.is_(None), tokens.c.expires > bindparam("now")),
    )
)
_END = Prepared(delete(sessions).where(sessions.c.hash == bindparam("hash")))
_EXPIRED = Prepared(delete(sessions).where(sessions.c.expires <= bindparam("now")))


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in administrator. `may_write` is False for a read-only token."""

    secret: str
    csrf: str
    org: Organization
    actor: Actor
    may_write: bool


def open_session(unit: Unit, org_id: str, token: Token, clock: Clock) -> str:
    """The secret for the cookie of a new session."""
    secret, now = secrets.token_urlsafe(32), moment_text(clock)
    unit.run(_EXPIRED, now=now)
    expires = (clock.now() + LIFETIME).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    unit.run(
        _INSERT,
        hash=token_hash(secret),
        org_id=org_id,
        token_id=token.id,
        csrf=secrets.token_urlsafe(32),
        expires=expires,
    )
    record(unit, org_id, Write("session.open", "Session", token.id), Actor(token.name, token.id), now)
    return secret


def find_session(unit: Unit, org_id: str, request: Request, clock: Clock) -> Session | None:
    """The session of the request's cookie, or None."""
    secret = cookie_of(request)
    if secret is None:
        return None
    row = unit.one(_FIND, hash=token_hash(secret), org_id=org_id, now=moment_text(clock))
    if row is None:
        return None
    csrf, token_id, name, scopes, *org = row
    actor = Actor(name, token_id, request.request_id)
    return Session(secret, csrf, organization_of(tuple(org)), actor, "read-only" not in scopes.split(","))


def end_session(unit: Unit, secret: str) -> None:
    """The cookie opens nothing any more."""
    unit.run(_END, hash=token_hash(secret))


def cookie_of(request: Request) -> str | None:
    """The secret in the request's cookie, or None."""
    found = cookie_parser(request.header("cookie") or "").get(COOKIE)
    return found if found and len(found) <= 128 else None


def set_cookie(response: Response, request: Request, org_id: str, secret: str) -> None:
    """Gives the browser the cookie; an empty `secret` takes it away."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(LIFETIME.total_seconds()) if secret else 0,
        path=f"/console/{org_id}",
        secure=request.origin.startswith("https:"),
        httponly=True,
        samesite="strict",
    )


def is_same_site(request: Request) -> bool:
    """Whether the browser says that a form came from a page of this very host; without a word it may have.

    Hosts are compared, not schemes: behind a proxy that ends TLS the provider itself is asked by http. Both
    the public host and the one that was asked count, since a port-forward leads past the former.
    """
    origin = request.header("origin")
    if origin is not None:
        try:
            host = urlsplit(origin).netloc
        except ValueError:
            return False
        if host not in (urlsplit(request.origin).netloc, request.header("host")):
            return False
    return request.header("sec-fetch-site") in (None, "same-origin", "none")


def is_own_form(request: Request, session_csrf: str, given: str) -> bool:
    """Whether a form was sent by one of our own pages of this session."""
    return is_same_site(request) and hmac.compare_digest(
        session_csrf.encode(), given.encode("utf-8", "replace")
    )
