"""What status says about seats: the counts, when they run out, who may not need theirs. Pure.

Called by status for the integration and by related_status for the SeatLimit, so that both say the same.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from controller.api.seat_limit import PEOPLE_SHOWN, InactivePerson, ReclaimStatus
from controller.api.status import SHORT_MESSAGE, VALUE, Forecast
from controller.api.status import Seats as SeatsStatus
from controller.clock import rfc3339
from controller.errors import clip
from controller.model.actual import Memory
from controller.model.plan import Seats
from controller.parsing import parse_moment
from controller.planning.seats.forecast import forecast
from controller.planning.seats.inactive import find_inactive
from controller.reconcile.report import Report
from controller.reconcile.totals import Show


def seats_status(seats: Seats) -> SeatsStatus:
    """The seats, as counts."""
    return SeatsStatus(
        limit=seats.limit,
        used=seats.used,
        pending=seats.pending,
        available=seats.available,
        reserved=seats.reserved,
        waiting=len(seats.waiting),
        percent_used=seats.percent_used,
    )


def forecast_status(memory: Memory, seats: Seats) -> Forecast | None:
    """When the seats that may be given run out; days are their first moment in UTC, so that the status
    changes once a day at most."""
    found = forecast(memory.seat_history, seats.limit - seats.reserved)
    if found is None:
        return None
    return Forecast(
        full_time=_day(found.full_on),
        earliest_time=_day(found.earliest),
        latest_time=_day(found.latest),
        seats_per_month=found.per_month,
        seats_per_month_error=found.per_month_error,
        days=found.days,
        message=clip(found.message, SHORT_MESSAGE),
    )


def reclaim_status(report: Report, show: Show) -> ReclaimStatus | None:
    """People who may not need their seat, as of a day, so that the status changes once a day at most."""
    if report.desired is None or report.actual is None:
        return None
    found = find_inactive(report.desired, report.actual, report.memory.sign_ins, report.finished)
    if found is None:
        return None
    return ReclaimStatus(
        inactive=len(found),
        people=tuple(
            InactivePerson(
                login=clip(show(one.okta_id, one.login), VALUE), last_sign_in=_time(one.last_sign_in)
            )
            for one in found[:PEOPLE_SHOWN]
        ),
        checked_time=_day(report.finished.astimezone(UTC).date()),
    )


def _time(text: str) -> str | None:
    moment = parse_moment(text)
    return rfc3339(moment) if moment is not None else None


def _day(day: date | None) -> str | None:
    return rfc3339(datetime.combine(day, time(), UTC)) if day is not None else None
