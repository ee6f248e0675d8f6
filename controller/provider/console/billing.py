"""The screen "Billing": the plan, the seats, and what to do when there are none left."""

from __future__ import annotations

from controller.provider.admin.settings import purchase
from controller.provider.console.visits import Visit
from controller.provider.organizations import in_range
from controller.provider.wire import Response


async def show(visit: Visit, status: int = 200, error: str = "") -> Response:
    """The page."""
    return visit.render("billing.html", status, error=error)


async def buy_seats(visit: Visit) -> Response:
    """Changes the number of seats; more of them by card only."""
    text = visit.value("purchased")
    seats = in_range("seats", int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text)
    await visit.change(lambda unit, context: purchase(unit, context, seats))
    return visit.back_to("billing", "seats")
