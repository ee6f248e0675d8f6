"""What nobody expected: one line in the log with the request's id, and nothing of it to the caller.

Called when a request ends, by app, responses, admin and console, and by what runs in the background.
"""

from __future__ import annotations

import logging
import time

WHOLE_EVERY_SECONDS = 60.0
PLACES = 1000
logger = logging.getLogger(__name__)
_logged: dict[tuple[str, str, int], float] = {}


def note_bug(error: BaseException, request_id: str) -> None:
    """Logs `error` under `request_id`; with its traceback only once a minute for one place in the code."""
    place = _place_of(error)
    now = time.monotonic()
    is_news = now - _logged.get(place, -WHOLE_EVERY_SECONDS) >= WHOLE_EVERY_SECONDS
    if is_news:
        if len(_logged) >= PLACES:
            _logged.clear()
        _logged[place] = now
    facts = {"request": request_id, "error": place[0], "at": f"{place[1]}:{place[2]}"}
    logger.error("unexpected error", exc_info=error if is_news else None, extra={"facts": facts})


def public_message(request_id: str) -> str:
    """What the caller learns of it."""
    return f"Internal server error. The log of the provider has more, under the request id {request_id}"


def _place_of(error: BaseException) -> tuple[str, str, int]:
    """The error's type, and the line of code that raised it."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is None:
        return type(error).__name__, "", 0
    return type(error).__name__, step.tb_frame.f_code.co_filename.rpartition("controller/")[2], step.tb_lineno
