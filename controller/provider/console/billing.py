"""The page "Billing": the plan, the seats, and what to do when there are none left."""

from __future__ import annotations

from starlette.responses import Response

from controller.provider.admin.settings import purchase
from controller.provider.console.confirm import Consequences, ask_first, counted
from controller.provider.console.context import ConsoleCall
from controller.provider.organizations import Organization, in_range


async def show(call: ConsoleCall, status: int = 200, error: str = "") -> Response:
    """The page."""
    return call.render("billing.html", status, error=error)


async def buy_seats(call: ConsoleCall) -> Response:
    """Changes the number of seats, more of them by card only; asks before there are fewer than are used."""
    text = call.value("purchased")
    seats = in_range("seats", int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text)
    asked = await ask_first(
        call,
        lambda unit, context: _with_too_few(context.org, seats),
        lambda unit, context: purchase(unit, context, seats),
    )
    return asked or call.back_to("billing", "seats")


def _with_too_few(org: Organization, seats: int) -> Consequences | None:
    """What fewer seats than are used mean."""
    if seats >= org.seats_used or seats == org.purchased:
        return None
    over = org.seats_used - seats
    lines = (
        f"{org.seats_used} seats are used, {over} more than you would have.",
        "Nobody is deactivated, and nobody new gets a seat: the identity provider's requests for new people "
        "are refused.",
        f"That ends when {counted(over + 1, 'person is', 'people are')} deactivated or seats are added.",
    )
    title = f"Reduce the seats from {org.purchased} to {seats}?"
    return Consequences(title, f"Reduce to {counted(seats, 'seat', 'seats')}", lines)
