"""Nobody is locked out of an organization: the last admin token stays, and its end is announced.

Called by the admin API and the console before they revoke, by the console's pages, by metrics and by the
watch that app starts. Who has the database can always issue one: `scimctl provider token`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select

from controller.clock import Clock, parse_rfc3339
from controller.provider.documents import moment_text
from controller.provider.journal import Actor
from controller.provider.organizations import lock_organization
from controller.provider.statements import Job, Prepared, Row, Unit
from controller.provider.tables import organizations, tokens
from controller.provider.tokens import find_by_id, revoke_token

LIVES_ON = timedelta(minutes=30)
"""A token that ends sooner is nobody to rely on."""
ANNOUNCED = timedelta(days=14)
AGAIN = timedelta(days=1)
REMEDY = "issue another one, in the console or with `scimctl provider token`"
logger = logging.getLogger(__name__)


class LastAdminToken(Exception):
    """Without this token nobody could issue one any more."""

    detail = (
        "This is the last admin token: no other one is valid for the next 30 minutes, and without one nobody "
        "can issue tokens. Generate another admin token first, then revoke this one"
    )

    def __init__(self) -> None:
        super().__init__(self.detail)


@dataclass(frozen=True, slots=True)
class AdminOutlook:
    """How an organization stands: its living admin tokens, and when the last of them ends (None: never)."""

    alive: int
    ends: str | None

    def days_left(self, clock: Clock) -> int | None:
        """Whole days until the last admin token ends; None if one never does, or if there is none."""
        if self.ends is None:
            return None
        return max(0, (_moment(self.ends) - clock.now()).days)

    def is_near(self, clock: Clock) -> bool:
        """Whether the end is near enough to be announced."""
        return self.ends is not None and _moment(self.ends) - clock.now() <= ANNOUNCED


def _moment(text: str) -> datetime:
    return parse_rfc3339(text)


def _can_issue(*more: ColumnElement[bool]) -> ColumnElement[bool]:
    """The tokens that may issue others: of the scope admin, not read-only."""
    return and_(
        or_(tokens.c.scopes == "admin", tokens.c.scopes == "admin,scim"),
        tokens.c.revoked.is_(None),
        or_(tokens.c.expires.is_(None), tokens.c.expires > bindparam("now")),
        *more,
    )


_OUTLOOK = Prepared(
    select(func.count(), func.count(tokens.c.expires), func.max(tokens.c.expires)).where(
        _can_issue(tokens.c.org_id == bindparam("org_id"))
    )
)
_OTHERS = Prepared(
    select(func.count()).where(
        _can_issue(tokens.c.org_id == bindparam("org_id"), tokens.c.id != bindparam("token_id"))
    )
)
_ALL = Prepared(
    select(
        organizations.c.id, func.count(tokens.c.id), func.count(tokens.c.expires), func.max(tokens.c.expires)
    )
    .select_from(
        organizations.outerjoin(tokens, _can_issue(tokens.c.org_id == organizations.c.id)),
    )
    .group_by(organizations.c.id)
    .order_by(organizations.c.id)
)


def _outlook_of(row: Row) -> AdminOutlook:
    alive, with_an_end, last = row
    return AdminOutlook(alive, last if with_an_end == alive else None)


def admin_outlook(unit: Unit, org_id: str, now: str) -> AdminOutlook:
    """How one organization stands."""
    (row,) = unit.all(_OUTLOOK, org_id=org_id, now=now)
    return _outlook_of(row)


def admin_outlooks(unit: Unit, now: str) -> dict[str, AdminOutlook]:
    """How each organization stands, by id."""
    return {row[0]: _outlook_of(row[1:]) for row in unit.all(_ALL, now=now)}


def is_last_admin_token(unit: Unit, org_id: str, token_id: str, now: str) -> bool:
    """Whether a living token is an admin token and no other one lives on."""
    token = find_by_id(unit, org_id, token_id)
    if token is None or not token.is_alive(now) or not token.may("admin", writes=True):
        return False
    then = (_moment(now) + LIVES_ON).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    row = unit.one(_OTHERS, org_id=org_id, token_id=token_id, now=then)
    return not row or not row[0]


def revoke_safely(unit: Unit, org_id: str, token_id: str, actor: Actor, now: str) -> bool:
    """As revoke_token; raises LastAdminToken if nobody could issue a token afterwards.

    On the locked organization, so that of two who revoke the last two at once one is refused.
    """
    lock_organization(unit, org_id)
    if is_last_admin_token(unit, org_id, token_id, now):
        raise LastAdminToken
    return revoke_token(unit, org_id, token_id, actor, now)


class Announcer:
    """Says in the log which organization will have no admin token any more, once a day."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._announced: dict[str, datetime] = {}

    def announce(self, outlooks: Iterable[tuple[str, AdminOutlook]]) -> None:
        """Logs what is news."""
        now = self._clock.now()
        for org_id, outlook in outlooks:
            is_locked = outlook.alive == 0
            if not is_locked and not outlook.is_near(self._clock):
                self._announced.pop(org_id, None)
                continue
            last = self._announced.get(org_id)
            if last is not None and now - last < AGAIN:
                continue
            self._announced[org_id] = now
            facts = {"organization": org_id, "remedy": REMEDY}
            if is_locked:
                logger.error("no admin token of an organization is alive", extra={"facts": facts})
            else:
                facts |= {"ends": str(outlook.ends), "days": str(outlook.days_left(self._clock))}
                logger.warning("the last admin token of an organization expires", extra={"facts": facts})


def read_outlooks(clock: Clock) -> Job[dict[str, AdminOutlook]]:
    """A job that reads how each organization stands."""
    return lambda unit: admin_outlooks(unit, moment_text(clock))
