"""Clocks: the manual one stands still, texts of times round-trip."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from controller.clock import ManualClock, SystemClock, parse_rfc3339, rfc3339


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.advance(90)
    assert clock.now() == datetime(2026, 5, 1, 0, 1, 30, tzinfo=UTC)
    assert clock.monotonic() == 90.0


async def test_sleeping_on_a_manual_clock_takes_no_time() -> None:
    clock = ManualClock()
    await clock.sleep(3600)
    assert clock.monotonic() == 3600.0


async def test_the_system_clock_is_aware_and_goes_forward() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0)
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() >= before


def test_times_are_written_in_utc() -> None:
    berlin = timezone(timedelta(hours=2))
    assert rfc3339(datetime(2026, 5, 1, 2, tzinfo=berlin)) == "2026-05-01T00:00:00Z"
    assert parse_rfc3339("2026-05-01T02:00:00+02:00") == datetime(2026, 5, 1, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time with a zone"):
        parse_rfc3339("2026-05-01T00:00:00")
