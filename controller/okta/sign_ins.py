"""Who has signed in to an app, and on which day last: what the System Log tells of it.

Asked by the poller of the operator, for apps whose SeatLimit wants to know who is inactive. Sign-ins
outnumber all else in a log, so they are no part of the filter by which changes are followed: each app is
read by itself, with a position of its own, one app a poll and no app more often than once an hour. Days are
enough to tell who was not there for weeks, and keep what has to be stored small.
Source: developer.okta.com, Event types (user.authentication.sso: the actor is the person, the app a target)
and System Log API (retention, polling requests).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from controller.clock import Clock
from controller.model.actual import DAY_ZERO
from controller.okta.client import OktaClient
from controller.okta.events import SIGN_IN, parse_event, read_log
from controller.okta.shapes import LogEvent
from controller.parsing import as_object, as_text, parse_moment
from controller.transport.calls import Lane

RETENTION = timedelta(days=90)
"""How far back Okta's log goes."""
EVERY_SECONDS = 3600.0
PAGES_A_READ = 1
"""So a poll makes two calls at most, and no change waits for a first reading of many people."""


@dataclass(slots=True)
class _Reading:
    earliest: datetime
    since: datetime
    people: Collection[str] = ()
    days: dict[str, int] = field(default_factory=dict)
    link: str = ""
    due: float = 0.0


class SignIns:
    """The apps of one org that are asked about. Days are those of Memory.sign_ins."""

    def __init__(self) -> None:
        self._by_app: dict[str, _Reading] = {}

    def ask(
        self,
        app_id: str,
        people: Collection[str],
        known: Mapping[str, int],
        inactive_for: timedelta,
        now: datetime,
    ) -> None:
        """From now on sign-ins of `people` to the app are read, `inactive_for` back as far as the log goes,
        or from the newest day that is `known` of an earlier process."""
        earliest = now - min(inactive_for, RETENTION)
        reading = self._by_app.get(app_id)
        if reading is None:
            newest = max(known.values(), default=0)
            reading = _Reading(earliest, max(earliest, DAY_ZERO + timedelta(days=newest)))
        elif earliest < reading.earliest:
            reading = _Reading(earliest, earliest, days=reading.days)
        reading.people = people
        reading.days = {one: day for one, day in _newest(reading.days, known).items() if one in people}
        self._by_app[app_id] = reading

    def drop(self, app_id: str) -> None:
        """Nobody asks about the app any more."""
        self._by_app.pop(app_id, None)

    def told(self, app_id: str) -> Mapping[str, int]:
        """Id of each person who has signed in to the app -> the newest day."""
        reading = self._by_app.get(app_id)
        return dict(reading.days) if reading is not None else {}

    async def read(self, client: OktaClient, clock: Clock) -> None:
        """Reads on for the app that is due the longest, where one is. Raises ControllerError: then it is due
        again after the usual time, and begins where it was."""
        now = clock.monotonic()
        app_id, reading = min(self._by_app.items(), key=lambda item: item[1].due, default=("", None))
        if reading is None or reading.due > now:
            return
        reading.due = now + EVERY_SECONDS
        query = f'eventType eq "{SIGN_IN}" and target.id eq "{app_id}"'
        client, parse = client.in_lane(Lane.FULL), partial(_signed_in, app_id)
        found, reading.link, is_whole = await read_log(
            client, reading.link, reading.since, query, PAGES_A_READ, parse
        )
        today = _day(clock.now())
        for okta_id, day in filter(None, found):
            if okta_id in reading.people and 0 < day <= today + 1:
                reading.days[okta_id] = max(day, reading.days.get(okta_id, 0))
        if not is_whole:
            reading.due = now


def _newest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {**one, **{key: max(day, one.get(key, 0)) for key, day in other.items()}}


def _signed_in(app_id: str, event: LogEvent) -> tuple[str, int] | None:
    """(person, day) if the event is a sign-in to the app that succeeded."""
    change, succeeded = parse_event(event), as_object(event.get("outcome")).get("result") == "SUCCESS"
    published = parse_moment(change.published)
    if not change.is_sign_in or not succeeded or app_id not in change.app_ids or published is None:
        return None
    return as_text(as_object(event.get("actor")).get("id")), _day(published)


def _day(moment: datetime) -> int:
    return (moment - DAY_ZERO).days
