"""When the seats run out at the present slope, from one count a day, with how far that may be off.

Called by reconcile for status. Seats in use are taken as a random walk with a drift: the slope is the mean
change a day, its error the spread of the changes, and the day on which the seats are gone is as uncertain as
both make it. Where the slope cannot be told from none, no day is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import sqrt

from controller.parsing import parse_day

LEAST_DAYS = 14
LEAST_COUNTS = 8
WINDOW_DAYS = 90
HORIZON_DAYS = 730
MONTH_DAYS = 30
SURE = 2.0
"""Standard errors that make an interval of about 95 %."""

History = Sequence[tuple[str, int]]
"""(day as 2026-03-02, seats in use), once a day, oldest first."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the history says; every field but `message` is None where it says nothing of the kind."""

    message: str
    per_month: int | None = None
    """Seats taken in thirty days; negative where they come free."""
    per_month_error: int | None = None
    """Half of the interval that holds the true slope 19 times of 20."""
    full_on: date | None = None
    earliest: date | None = None
    latest: date | None = None
    """`earliest` and `latest` enclose `full_on` 19 times of 20; no `latest` where it may never come to it."""
    days: int = 0
    """Days from the first to the last count that was used."""


_DAY_ZERO = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class _Slope:
    """Seats a day."""

    rate: float
    error: float
    spread: float
    """Standard deviation of one day's change."""


def forecast(history: History, limit: int) -> Forecast | None:
    """When `limit` seats are taken; None where there is no history. The counts of the last 90 days count."""
    if not history:
        return None
    days_of = [(parse_day(text) or _DAY_ZERO, count) for text, count in history]
    today, used = days_of[-1]
    since = today - timedelta(days=WINDOW_DAYS)
    recent = [(day, count) for day, count in days_of if day >= since]
    days = (today - recent[0][0]).days
    if used >= limit:
        return Forecast(f"{used} of {limit} seats are used: nothing is left to forecast", days=days)
    if days < LEAST_DAYS or len(recent) < LEAST_COUNTS:
        return Forecast(_too_little(days, len(recent)), days=days)
    slope = _slope(recent)
    per_month, error = round(slope.rate * MONTH_DAYS), round(SURE * slope.error * MONTH_DAYS)
    made = Forecast(_told(per_month, error, days), per_month, error, days=days)
    if slope.rate <= 0 or slope.rate < SURE * slope.error:
        return _without_day(made, slope)
    return _with_day(made, slope, limit - used, today)


def _too_little(days: int, counts: int) -> str:
    return (
        f"too little history: {counts} daily counts over {days} days; "
        f"a forecast takes {LEAST_COUNTS} counts over {LEAST_DAYS} days"
    )


def _slope(recent: Sequence[tuple[date, int]]) -> _Slope:
    """The mean change a day and its standard error; days without a count spread their change evenly."""
    steps = [((later[0] - earlier[0]).days, later[1] - earlier[1]) for earlier, later in pairwise(recent)]
    total = sum(days for days, _ in steps)
    rate = sum(change for _, change in steps) / total
    spread = sqrt(sum((change - rate * days) ** 2 / days for days, change in steps) / (len(steps) - 1))
    return _Slope(rate, spread / sqrt(total), spread)


def _told(per_month: int, error: int, days: int) -> str:
    return f"{per_month:+d} seats a month, give or take {error}, over the last {days} days"


def _without_day(made: Forecast, slope: _Slope) -> Forecast:
    why = "the slope cannot be told from none" if slope.rate > 0 else "the seats do not run out"
    return Forecast(f"{made.message}: {why}", made.per_month, made.per_month_error, days=made.days)


def _with_day(made: Forecast, slope: _Slope, free: int, today: date) -> Forecast:
    """The mean and the spread of the time at which a random walk with drift first takes `free` seats."""
    wait = free / slope.rate
    if wait > HORIZON_DAYS:
        told = f"{made.message}: enough for more than two years"
        return Forecast(told, made.per_month, made.per_month_error, days=made.days)
    off = SURE * sqrt(free * slope.spread**2 / slope.rate**3 + (wait * slope.error / slope.rate) ** 2)
    full_on = today + timedelta(days=round(wait))
    earliest = today + timedelta(days=max(1, round(wait - off)))
    latest = today + timedelta(days=round(wait + off)) if wait + off <= HORIZON_DAYS else None
    upper = f"and {latest}" if latest else "and more than two years from now"
    told = f"{made.message}: full about {full_on}, between {earliest} {upper}"
    return Forecast(told, made.per_month, made.per_month_error, full_on, earliest, latest, made.days)
