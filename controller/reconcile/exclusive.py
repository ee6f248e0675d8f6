"""One run at a time for each Okta app, whatever the resources call it.

Called by the engine between reading and planning. The queue already keeps apart what is known to be one app;
two names of it, such as a label and an id or two domains of an org, are known only once both were read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from controller.errors import Waiting
from controller.model.actual import AppState

AGAIN_SECONDS = 5.0


class AppsInWork:
    """The apps that runs of this process write to."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], str] = {}

    @contextmanager
    def alone(self, app: AppState, name: str) -> Iterator[None]:
        """`app` is worked on by the integration `name` and by nobody else. Raises Waiting while another one
        does; it begins anew then, since what it has read may be old."""
        place = (app.org_id, app.app_id)
        other = self._held.setdefault(place, name)
        if other != name:
            told = f"ScimIntegration {other} is working on the same Okta app; only one of them may"
            raise Waiting(told, delay_seconds=AGAIN_SECONDS)
        try:
            yield
        finally:
            del self._held[place]
