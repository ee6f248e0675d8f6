"""Asking before something is taken from people: what will happen, and a button that says so.

Called by the pages for whatever turns off, revokes, deactivates, deletes or takes away. Works without
JavaScript: a page with the form in hidden fields. What was shown is named by a digest, as the preview of a
mapping is; if something else would happen by now, that is shown instead of done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from starlette.responses import Response

from controller.provider.console.context import ConsoleCall
from controller.provider.mapping import digest
from controller.provider.people import Context
from controller.provider.statements import Unit

T = TypeVar("T")
FIELD = "confirmed"
CHANGED = "Something has changed since. This is what would happen now."


@dataclass(frozen=True, slots=True)
class Consequences:
    """What an action does. `notes` may change while somebody reads: they are shown, but not agreed to."""

    title: str
    button: str
    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Stands for what somebody agrees to."""
        return digest(self.title, self.button, self.lines)


class _Unconfirmed(Exception):
    def __init__(self, consequences: Consequences) -> None:
        self.consequences = consequences
        super().__init__(consequences.title)


async def ask_first(
    call: ConsoleCall,
    consequences: Callable[[Unit, Context], Consequences | None],
    act: Callable[[Unit, Context], T],
) -> Response | None:
    """Does `act` and answers None, if what it does was agreed to or takes nothing; or asks, with a page."""
    agreed = call.value(FIELD)

    def job(unit: Unit, context: Context) -> T:
        found = consequences(unit, context)
        if found is not None and found.digest != agreed:
            raise _Unconfirmed(found)
        return act(unit, context)

    try:
        await call.change(job)
    except _Unconfirmed as unconfirmed:
        return _page(call, unconfirmed.consequences, CHANGED if agreed else "")
    return None


def _page(call: ConsoleCall, found: Consequences, error: str) -> Response:
    fields = [(name, value) for name, value in call.form.multi_items() if name not in ("csrf", FIELD)]
    return call.render(
        "confirm.html", 409 if error else 200, asked=found, fields=fields, error=error,
        action="/" + "/".join(quote(part, safe="") for part in call.request.path), field=FIELD,
    )  # fmt: skip


def counted(number: int, one: str, many: str) -> str:
    """`1 person`, `2 people`."""
    return f"{number} {one if number == 1 else many}"
