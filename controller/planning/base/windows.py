"""When writing is allowed: inside some Allow window, if there is any, and outside every Deny.

Called by policy with the time of the run, and by desired to check schedules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from controller.planning.base.desired import Window

_FIELDS = re.compile(r"([0-9*/,-]+ +){3}[0-9A-Za-z*/,-]+ +[0-9A-Za-z*/,-]+", re.ASCII)
"""The same as the rule of the schema; croniter takes more: six fields, random times, @daily."""
_A_LEAP_YEAR = datetime(2028, 1, 1, tzinfo=UTC)
_STEPS = 1000
"""How many edges of windows are looked at for the next opening: far more than a year of nightly ones."""


def flaw_of(window: Window) -> str:
    """Why `window` cannot be used and what to write, or ""."""
    if not _FIELDS.fullmatch(window.schedule) or not croniter.is_valid(window.schedule):
        return f"{window.schedule!r} is no schedule: write five cron fields such as 0 8 * * 1-5"
    if not _ever_comes(window.schedule):
        return f"{window.schedule!r} never comes: no month of it has that day"
    try:
        ZoneInfo(window.time_zone)
    except (KeyError, ValueError, OSError):
        return f"{window.time_zone!r} is no time zone: write an IANA name such as Europe/Berlin"
    return ""


def _ever_comes(schedule: str) -> bool:
    """Whether a day exists on which `schedule` opens: February 31 does not, and its search gives up."""
    try:
        croniter(schedule, _A_LEAP_YEAR).get_next(datetime)
        croniter(schedule, _A_LEAP_YEAR).get_prev(datetime)
    except ValueError:
        return False
    return True


def is_open(windows: Sequence[Window], now: datetime) -> bool:
    """Whether writing is allowed at `now`."""
    allows = [window for window in windows if window.allow]
    inside = not allows or any(_ends(window, now) is not None for window in allows)
    return inside and all(_ends(window, now) is None for window in windows if not window.allow)


def opens_at(windows: Sequence[Window], now: datetime) -> datetime | None:
    """The first time from `now` on at which writing is allowed; None where there is none for a long time."""
    moment = now
    for _ in range(_STEPS):
        if is_open(windows, moment):
            return moment
        moment = min(_edges(windows, moment))
    return None


def _edges(windows: Iterable[Window], moment: datetime) -> Iterable[datetime]:
    """The next openings of Allow windows, and the ends of the Deny windows that are open."""
    for window in windows:
        edge = _next_start(window, moment) if window.allow else _ends(window, moment)
        if edge is not None:
            yield edge


def _ends(window: Window, moment: datetime) -> datetime | None:
    """When the window that is open at `moment` closes; None where it is closed."""
    local = moment.astimezone(ZoneInfo(window.time_zone)) + timedelta(seconds=1)
    start: datetime = croniter(window.schedule, local).get_prev(datetime)
    end = start.astimezone(UTC) + window.duration
    return end if end > moment else None


def _next_start(window: Window, moment: datetime) -> datetime:
    local = moment.astimezone(ZoneInfo(window.time_zone))
    start: datetime = croniter(window.schedule, local).get_next(datetime)
    return start.astimezone(UTC)
