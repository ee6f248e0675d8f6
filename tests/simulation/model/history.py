"""How long something has been so: the past of a value, as far back as the judge has to look."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")
KEPT_SECONDS = 4 * 3600.0


class Past(Generic[T]):
    """The values of something, each with the time since when it holds."""

    def __init__(self) -> None:
        self._steps: deque[tuple[float, T]] = deque()

    def note(self, at: float, value: T) -> None:
        """From `at` on it is `value`."""
        if self._steps and self._steps[-1][1] == value:
            return
        self._steps.append((at, value))
        while len(self._steps) > 2 and self._steps[1][0] < at - KEPT_SECONDS:
            self._steps.popleft()

    def since(self, at: float) -> list[T]:
        """Every value that held at some moment from `at` on."""
        found: list[T] = []
        for begun, value in reversed(self._steps):
            found.append(value)
            if begun <= at:
                break
        return found

    def begun(self) -> float:
        """Since when the present value holds; 0 where nothing is known."""
        return self._steps[-1][0] if self._steps else 0.0

    def covers(self, at: float) -> bool:
        """Whether anything is known of the time `at`."""
        return bool(self._steps) and self._steps[0][0] <= at

    def now(self, default: T) -> T:
        return self._steps[-1][1] if self._steps else default
