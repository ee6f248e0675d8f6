"""What status says about seats: the counts, when they run out, who may not need theirs. Pure.

Called by status for the integration and by siblings for the SeatLimit, so that both say the same.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from controller.api.seat_limit import PEOPLE_SHOWN
from controller.api.status import SHORT_MESSAGE, VALUE
from controller.clock import rfc3339
from controller.errors import clip
from controller.model.actual import Memory
from controller.model.plan import Seats
from controller.parsing import parse_moment
from controller.planning.seats.forecast import forecast
from controller.planning.seats.inactive import find_inactive
from controller.reconcile.report import Report
from controller.reconcile.totals import Show

Status = dict[str, Any]


def seats_status(seats: Seats) -> Status:
    """The seats, as counts."""
    return {
        "limit": seats.limit,
        "used": seats.used,
        "pending": seats.pending,
        "available": seats.available,
        "reserved": seats.reserved,
        "waiting": len(seats.waiting),
        "percentUsed": seats.percent_used,
    }


def forecast_status(memory: Memory, seats: Seats) -> Status:
    """When the seats that may be given run out; days are their first moment in UTC, so that the status
    changes once a day at most."""
    found = forecast(memory.seat_history, seats.limit - seats.reserved)
    if found is None:
        return {}
    return {
        "fullTime": _day(found.full_on),
        "earliestTime": _day(found.earliest),
        "latestTime": _day(found.latest),
        "seatsPerMonth": found.per_month,
        "seatsPerMonthError": found.per_month_error,
        "days": found.days,
        "message": clip(found.message, SHORT_MESSAGE),
    }


def reclaim_status(report: Report, show: Show) -> Status:
    """People who may not need their seat, as of a day, so that the status changes once a day at most."""
    if report.desired is None or report.actual is None:
        return {}
    found = find_inactive(report.desired, report.actual, report.memory.sign_ins, report.finished)
    if found is None:
        return {}
    return {
        "inactive": len(found),
        "people": [
            {"login": clip(show(one.okta_id, one.login), VALUE), "lastSignIn": _time(one.last_sign_in)}
            for one in found[:PEOPLE_SHOWN]
        ],
        "checkedTime": _day(report.finished.astimezone(UTC).date()),
    }


def _time(text: str) -> str | None:
    moment = parse_moment(text)
    return rfc3339(moment) if moment is not None else None


def _day(day: date | None) -> str | None:
    return rfc3339(datetime.combine(day, time(), UTC)) if day is not None else None
