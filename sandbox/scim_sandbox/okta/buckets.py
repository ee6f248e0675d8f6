"""Rate limits: per-minute buckets by endpoint, half of one at most for a single client, and a cap on
concurrency.

Called by app before each call. The numbers are those Okta published for workforce orgs until December 2025;
an org's dashboard is the authority, so they are settings (`PUT /_control/limits`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from scim_sandbox.okta.orgclock import OrgClock

WINDOW_SECONDS = 60
WORKFORCE: dict[str, int] = {
    "/api/v1/apps": 100,
    "/api/v1/apps/{id}": 500,
    "/api/v1/groups": 500,
    "/api/v1/groups/{id}": 1000,
    "/api/v1/users": 600,
    "/api/v1/users/{id}": 2000,
    "/api/v1/logs": 120,
    "/api/v1": 1200,
    "/oauth2/v1": 2000,
    "/.well-known": 2000,
}
CONCURRENCY = 75


def bucket_of(path: str) -> str:
    """The bucket that a call of `path` counts against."""
    parts = path.strip("/").split("/")
    if parts[:2] != ["api", "v1"]:
        return "/oauth2/v1" if parts[:1] == ["oauth2"] else "/.well-known"
    if len(parts) < 3 or parts[2] not in ("apps", "groups", "users", "logs"):
        return "/api/v1"
    family = "/api/v1/" + parts[2]
    if parts[2] == "logs" or len(parts) == 3:
        return family
    if parts[2] == "users":
        return family + "/{id}"
    is_single = len(parts) == 4 and parts[3] != "rules"
    return family + "/{id}" if is_single else family


@dataclass(slots=True)
class _Window:
    number: int = -1
    used: int = 0
    by_client: dict[str, int] = field(default_factory=dict)
    is_violated: bool = False


@dataclass(slots=True, frozen=True)
class Verdict:
    """Whether the call may pass, and the headers that say so. `is_first_refusal` is true once a window."""

    allowed: bool
    limit: int
    remaining: int
    reset: int
    is_first_refusal: bool = False

    def headers(self) -> dict[str, str]:
        return {
            "X-Rate-Limit-Limit": str(self.limit),
            "X-Rate-Limit-Remaining": str(self.remaining),
            "X-Rate-Limit-Reset": str(self.reset),
        }


class Buckets:
    """Counts calls in windows of a minute of the org's clock."""

    def __init__(self, clock: OrgClock) -> None:
        self._clock = clock
        self.limits: dict[str, int] = dict(WORKFORCE)
        self.client_percent = 50
        self.concurrency = CONCURRENCY
        self.in_flight = 0
        self._windows: dict[str, _Window] = {}

    def take(self, bucket: str, client: str) -> Verdict:
        """Counts one call of `client`, unless the bucket or the client's part of it is used up."""
        now = self._clock.now().timestamp()
        window = self._window(bucket, int(now // WINDOW_SECONDS))
        limit, reset = self.limits[bucket], (window.number + 1) * WINDOW_SECONDS
        if self.in_flight > self.concurrency:
            return Verdict(False, 0, 0, math.ceil(now) + 1, self._first(window))
        mine = window.by_client.get(client, 0)
        if window.used >= limit or (client and mine >= max(1, limit * self.client_percent // 100)):
            return Verdict(False, limit, 0, reset, self._first(window))
        window.used += 1
        window.by_client[client] = mine + 1
        return Verdict(True, limit, limit - window.used, reset)

    def consume(self, bucket: str, calls: int) -> None:
        """Another client of the org uses `calls` of this window."""
        number = int(self._clock.now().timestamp() // WINDOW_SECONDS)
        self._window(bucket, number).used += calls

    def _window(self, bucket: str, number: int) -> _Window:
        window = self._windows.setdefault(bucket, _Window())
        if window.number != number:
            window = self._windows[bucket] = _Window(number)
        return window

    @staticmethod
    def _first(window: _Window) -> bool:
        first, window.is_violated = not window.is_violated, True
        return first
