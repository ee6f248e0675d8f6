"""The org's own time: another clock, moved ahead by POST /_control/clock. Durations are written as Go writes
them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from controller.clock import Clock

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class OrgClock:
    """A Clock that runs with `base` plus what was advanced."""

    def __init__(self, base: Clock) -> None:
        self.base = base
        self.ahead_seconds = 0.0

    def now(self) -> datetime:
        return self.base.now() + timedelta(seconds=self.ahead_seconds)

    def monotonic(self) -> float:
        return self.base.monotonic() + self.ahead_seconds

    async def sleep(self, seconds: float) -> None:
        await self.base.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Moves this clock alone."""
        self.ahead_seconds += seconds


def okta_time(moment: datetime) -> str:
    """`moment` as Okta writes times: 2026-01-01T00:00:00.000Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_duration(text: object) -> float:
    """Seconds of `10m`, `1h30m`, `250ms` or a bare number; ValueError says what was wrong."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    if not isinstance(text, str) or not text:
        raise ValueError(f"{text!r} is not a duration; write one like 10m or 2h30m")
    parts = _PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration; write one like 10m or 2h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
