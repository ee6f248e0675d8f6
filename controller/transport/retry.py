"""What may be sent again, how often and after how long. Used by session alone; pure but for the jitter.

A call that may have arrived is repeated only where twice is as good as once; one that never left, or that was
answered 429, always may be.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from controller.errors import RateLimited, RemoteError, Unavailable
from controller.transport.calls import Call
from controller.transport.failures import Unreachable, Unusable


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of one call's repetition."""

    attempts: int = 4
    """Tries in all after failures."""
    rate_limited_attempts: int = 16
    """Tries in all after 429: nothing was done, so they cost only time."""
    base_seconds: float = 0.5
    cap_seconds: float = 15.0
    total_seconds: float = 300.0
    """A wait that would pass this is not begun: the caller's own backoff is better then."""
    rate_limited_seconds: float = 900.0
    """The same after 429. Longer, since giving up would throw away what a listing has read so far."""

    def delay(self, call: Call, error: RemoteError, attempt: int, spent_seconds: float) -> float | None:
        """Seconds before attempt number `attempt` + 1 (the first is 1), or None: give up."""
        wait = self._wait(call, error, attempt)
        longest = self.rate_limited_seconds if isinstance(error, RateLimited) else self.total_seconds
        return wait if wait is not None and spent_seconds + wait <= longest else None

    def _wait(self, call: Call, error: RemoteError, attempt: int) -> float | None:
        if isinstance(error, RateLimited):
            jitter = random.uniform(0, 1)  # noqa: S311 - spreads retries, keeps no secret
            return error.retry_after_seconds + jitter if attempt < self.rate_limited_attempts else None
        if attempt >= self.attempts or not is_repeatable(call, error):
            return None
        return random.uniform(0.5, 1) * min(self.cap_seconds, self.base_seconds * 2.0**attempt)  # noqa: S311


def is_repeatable(call: Call, error: RemoteError) -> bool:
    """Whether sending `call` again after `error` can neither double nor lose anything."""
    if isinstance(error, Unreachable):
        return error.reason not in ("TLSFailed", "HostNotAllowed")
    if isinstance(error, Unusable) or not isinstance(error, Unavailable):
        return False
    return call.may_repeat


NO_RETRY = RetryPolicy(attempts=1, rate_limited_attempts=1)
