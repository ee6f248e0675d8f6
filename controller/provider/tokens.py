"""Bearer tokens: shown once, kept as SHA-256, two alive per name so that one can be rotated under traffic.

Called by access for every request, and by admin to issue and revoke. A token has 256 bits of
entropy, so a plain hash is enough and the look-up by hash takes the same time for any wrong token. Scopes:
`scim` (the SCIM endpoints), `admin` (the admin API), `read-only` (with another: reading only; alone:
reading SCIM).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import bindparam, insert, or_, select, update

from controller.clock import Clock
from controller.errors import SpecError
from controller.provider.documents import dumps
from controller.provider.journal import Actor, Write, record
from controller.provider.organizations import COLUMNS as ORG_COLUMNS
from controller.provider.organizations import Organization, organization_of
from controller.provider.statements import Prepared, Row, Unit
from controller.provider.tables import organizations, tokens

SCOPES = ("scim", "admin", "read-only")
ALIVE_PER_NAME = 2
PREFIX = "scim_"
USE_RESOLUTION_SECONDS = 5
MAX_NAME = 128
FINGERPRINT_DIGITS = 16
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")

_COLUMNS = (
    tokens.c.id,
    tokens.c.name,
    tokens.c.scopes,
    tokens.c.created,
    tokens.c.created_by,
    tokens.c.expires,
    tokens.c.revoked,
    tokens.c.last_used,
    tokens.c.last_agent,
    tokens.c.hash,
)
_INSERT = Prepared(insert(tokens).values({column.name: bindparam(column.name) for column in tokens.c}))
_BY_HASH = Prepared(
    select(*_COLUMNS, *ORG_COLUMNS)
    .join_from(tokens, organizations, tokens.c.org_id == organizations.c.id)
    .where(tokens.c.hash == bindparam("hash"), tokens.c.org_id == bindparam("org_id"))
)
_LIST = Prepared(
    select(*_COLUMNS).where(tokens.c.org_id == bindparam("org_id")).order_by(tokens.c.created, tokens.c.id)
)
_ALIVE = Prepared(
    select(tokens.c.id).where(
        tokens.c.org_id == bindparam("org_id"),
        tokens.c.name == bindparam("name"),
        tokens.c.revoked.is_(None),
        or_(tokens.c.expires.is_(None), tokens.c.expires > bindparam("now")),
    )
)
_ONE = Prepared(
    select(*_COLUMNS).where(tokens.c.org_id == bindparam("org_id"), tokens.c.id == bindparam("token_id"))
)
_USED = Prepared(
    update(tokens)
    .where(tokens.c.id == bindparam("token_id"))
    .values(last_used=bindparam("now"), last_agent=bindparam("agent"))
)
_REVOKE = Prepared(
    update(tokens)
    .where(
        tokens.c.org_id == bindparam("org_id"),
        tokens.c.id == bindparam("token_id"),
        tokens.c.revoked.is_(None),
    )
    .values(revoked=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Token:
    """One row."""

    id: str
    name: str
    scopes: frozenset[str]
    created: str
    created_by: str
    expires: str | None
    revoked: str | None
    last_used: str | None
    last_agent: str | None
    hash: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Shows which token somebody holds, and is of no use to anyone who does not: 64 of the 256 bits
        of a hash over 256 random bits."""
        return self.hash[:FINGERPRINT_DIGITS]

    def is_alive(self, now: str) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked is None and (self.expires is None or self.expires > now)

    def may(self, area: str, *, writes: bool) -> bool:
        """Whether it opens `area` (scim or admin), for writing too if `writes`."""
        if "read-only" in self.scopes:
            return not writes and (area in self.scopes or (area == "scim" and "admin" not in self.scopes))
        return area in self.scopes


@dataclass(frozen=True, slots=True)
class NewToken:
    """What is asked for. `lifetime` None means that it does not expire."""

    name: str
    scopes: tuple[str, ...] = ("scim",)
    lifetime: timedelta | None = None


class TooManyTokens(Exception):
    """Two tokens of this name are alive already."""


def token_hash(secret: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _token_of(row: Row) -> Token:
    token_id, name, scopes, *rest = row
    return Token(token_id, name, frozenset(scopes.split(",")), *rest)


def find_token(unit: Unit, org_id: str, secret: str) -> tuple[Token, Organization] | None:
    """The token and its organization if `secret` is one of `org_id`, alive or not; else None."""
    wanted = token_hash(secret)
    row = unit.one(_BY_HASH, hash=wanted, org_id=org_id)
    if row is None:
        return None
    token = _token_of(row[: len(_COLUMNS)])
    if not hmac.compare_digest(token.hash, wanted):
        return None
    return token, organization_of(row[len(_COLUMNS) :])


def list_tokens(unit: Unit, org_id: str) -> list[Token]:
    """Every token of the organization, dead ones too, oldest first."""
    return [_token_of(row) for row in unit.all(_LIST, org_id=org_id)]


def find_by_id(unit: Unit, org_id: str, token_id: str) -> Token | None:
    """The token of this organization with this id, alive or not; else None."""
    row = unit.one(_ONE, org_id=org_id, token_id=token_id)
    return _token_of(row) if row else None


def issue_token(unit: Unit, org_id: str, new: NewToken, actor: Actor, clock: Clock) -> tuple[str, str]:
    """(id, secret) of a new token; the secret is never to be had again. Raises TooManyTokens, SpecError."""
    check_new(new)
    now = clock.now()
    stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if len(unit.all(_ALIVE, org_id=org_id, name=new.name, now=stamp)) >= ALIVE_PER_NAME:
        raise TooManyTokens
    token_id, secret = uuid.uuid4().hex, PREFIX + secrets.token_urlsafe(32)
    expires = (now + new.lifetime).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if new.lifetime else None
    scopes = ",".join(sorted(new.scopes))
    unit.run(
        _INSERT, id=token_id, org_id=org_id, name=new.name, hash=token_hash(secret), scopes=scopes,
        created=stamp, created_by=str(actor), expires=expires, revoked=None, last_used=None, last_agent=None,
    )  # fmt: skip
    after = dumps({"name": new.name, "scopes": scopes.split(","), "expires": expires})
    record(unit, org_id, Write("token.issue", "Token", token_id, after=after), actor, stamp)
    return token_id, secret


def check_new(new: NewToken) -> None:
    """Raises SpecError naming the field at fault."""
    if not new.name.strip() or len(new.name) > MAX_NAME:
        raise SpecError(f"must have 1 to {MAX_NAME} characters", field="name")
    if not new.scopes or any(scope not in SCOPES for scope in new.scopes):
        raise SpecError(f"must be some of {', '.join(SCOPES)}", field="scopes")


def revoke_token(unit: Unit, org_id: str, token_id: str, actor: Actor, now: str) -> bool:
    """Whether a living token of this organization was revoked; it is refused from now on."""
    if not unit.run(_REVOKE, org_id=org_id, token_id=token_id, now=now):
        return False
    record(unit, org_id, Write("token.revoke", "Token", token_id), actor, now)
    return True


def note_use(unit: Unit, token: Token, agent: str, now: str) -> None:
    """Remembers when and by which user agent the token was used."""
    unit.run(_USED, token_id=token.id, now=now, agent=agent[:256])


def is_worth_noting(token: Token, agent: str, now: str, earlier: str) -> bool:
    """Whether a use at `now` is news; `earlier` is `now` minus the resolution."""
    return token.last_used is None or token.last_used < earlier or token.last_agent != agent[:256]


def parse_lifetime(value: object) -> timedelta | None:
    """None, a number of seconds, or a Go duration such as 2160h; raises SpecError on `expiresIn`."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        lifetime = timedelta(seconds=min(value, 10**10))
    else:
        match = _DURATION.fullmatch(value) if isinstance(value, str) and len(value) < 32 else None
        if match is None:
            raise SpecError("must be a duration such as 2160h or a number of seconds", field="expiresIn")
        hours, minutes, seconds = (min(int(part or 0), 10**8) for part in match.groups())
        lifetime = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not timedelta(0) < lifetime <= timedelta(days=3650):
        raise SpecError("must be more than nothing and at most ten years", field="expiresIn")
    return lifetime


class Throttle:
    """Slows down who guesses: after some wrong tokens a minute from one address, 429 with a growing wait.

    A right token is never refused, so that nobody can lock a client out by guessing from its address.
    Remembers a bounded number of addresses.
    """

    FREE, ADDRESSES, WINDOW_SECONDS, LONGEST_SECONDS = 10, 4096, 60.0, 300

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def failed(self, address: str) -> int:
        """Seconds that `address` should wait after one more wrong token; 0 for none."""
        now = self._clock.monotonic()
        count, last = self._failures.pop(address, (0, now))
        count = 1 if now - last > self.WINDOW_SECONDS else count + 1
        self._failures[address] = (count, now)
        if len(self._failures) > self.ADDRESSES:
            self._failures.popitem(last=False)
        over = count - self.FREE
        return 0 if over <= 0 else min(self.LONGEST_SECONDS, 2 ** min(over // 5, 9))
