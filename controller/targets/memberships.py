"""Members of Okta groups, kept as long as Okta says that nobody joined or left; shared within one org.

Used by okta_people for the groups that rank seats: many integrations name the same large ones, and each would
page through them anew. Every group row tells lastMembershipUpdated and, with expand=stats, the count of users
(developer.okta.com, Groups API); what was read under the same two is what would be read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from controller.clock import Clock
from controller.model.people import OktaId
from controller.okta.shapes import Group
from controller.parsing import parse_moment

Members = Mapping[OktaId, str]
"""Okta id -> login."""
SETTLED = timedelta(minutes=5)
"""A membership that changed later than this before it was read may not have been whole: Okta's own views lag,
and its clock is not ours."""
LONGEST = timedelta(hours=6)
"""Logins are kept along with the members, and nobody tells when one of them changes."""


NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a group's row says of its members."""

    changed: str
    count: int

    def is_settled(self, now: datetime) -> bool:
        """Whether the last change is so old that what is read now is what it led to."""
        changed = parse_moment(self.changed)
        return changed is not None and changed < now - SETTLED


@dataclass(slots=True)
class _Kept:
    mark: Mark | None = None
    read_at: datetime = NEVER
    members: Members = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Who comes while it is read waits for that, instead of reading it too."""


class Memberships:
    """The groups of one org, as one credential sees them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._groups: dict[str, _Kept] = {}

    async def of(self, group_id: str, mark: Mark | None, read: Callable[[], Awaitable[Members]]) -> Members:
        """The members of a group: those kept under `mark`, or what `read` gives."""
        now = self._clock.now()
        if mark is None or not mark.is_settled(now):
            return await read()
        kept = self._groups.setdefault(group_id, _Kept())
        async with kept.turn:
            if kept.mark != mark or now - kept.read_at > LONGEST:
                kept.members = await read()
                kept.mark, kept.read_at = mark, now
            return kept.members

    def forget(self) -> None:
        """Something happened to a group: everything is read anew."""
        self._groups.clear()


def mark_of(row: Group) -> Mark | None:
    """The mark of a group's row; None where it does not tell enough."""
    changed, stats = row.get("lastMembershipUpdated"), (row.get("_embedded") or {}).get("stats") or {}
    count = stats.get("usersCount")
    return Mark(changed, count) if isinstance(changed, str) and isinstance(count, int) else None
