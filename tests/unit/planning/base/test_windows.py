"""Maintenance windows: inside some Allow, outside every Deny, in the time of the place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controller.planning.base.desired import Window
from controller.planning.base.windows import flaw_of, is_open, opens_at


def window(schedule: str, hours: float, *, allow: bool = True, zone: str = "Europe/Berlin") -> Window:
    return Window(allow, schedule, timedelta(hours=hours), zone)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


OFFICE = window("0 8 * * 1-5", 10)
LUNCH = window("0 12 * * *", 1, allow=False)
NIGHT = window("0 22 * * *", 12, zone="Etc/UTC")

CASES = (
    ("no window", (), "2026-03-02T03:00", True, "2026-03-02T03:00"),
    ("inside", (OFFICE,), "2026-03-02T09:00", True, "2026-03-02T09:00"),
    ("at the opening", (OFFICE,), "2026-03-02T07:00", True, "2026-03-02T07:00"),
    ("a second before", (OFFICE,), "2026-03-02T06:59:59", False, "2026-03-02T07:00"),
    ("at the end", (OFFICE,), "2026-03-02T17:00", False, "2026-03-03T07:00"),
    ("on Friday night", (OFFICE,), "2026-03-06T20:00", False, "2026-03-09T07:00"),
    ("at lunch", (OFFICE, LUNCH), "2026-03-02T11:30", False, "2026-03-02T12:00"),
    ("a denial alone", (LUNCH,), "2026-03-02T11:00", False, "2026-03-02T12:00"),
    ("outside a denial", (LUNCH,), "2026-03-02T12:00", True, "2026-03-02T12:00"),
    ("over midnight", (NIGHT,), "2026-03-02T03:00", True, "2026-03-02T03:00"),
    ("one of two", (OFFICE, NIGHT), "2026-03-02T23:00", True, "2026-03-02T23:00"),
    ("the clock goes forward", (OFFICE,), "2026-03-30T06:00", True, "2026-03-30T06:00"),
    ("the clock goes back", (OFFICE,), "2026-10-26T06:30", False, "2026-10-26T07:00"),
    (
        "a denial that opens when the other ends",
        (
            window("0 8 * * *", 4, allow=False, zone="Etc/UTC"),
            window("0 12 * * *", 1, allow=False, zone="Etc/UTC"),
        ),
        "2026-03-02T09:00",
        False,
        "2026-03-02T13:00",
    ),
)


@pytest.mark.parametrize(
    ("name", "windows", "now", "is_allowed", "opens"), CASES, ids=[row[0] for row in CASES]
)
def test_writing_is_allowed(
    name: str, windows: tuple[Window, ...], now: str, is_allowed: bool, opens: str
) -> None:
    assert is_open(windows, at(now)) is is_allowed, name
    assert opens_at(windows, at(now)) == at(opens)


def test_windows_that_leave_no_time_never_open() -> None:
    always = window("0 * * * *", 168, allow=False)
    assert opens_at((always,), at("2026-03-02T09:00")) is None


def test_an_allowance_within_a_denial_never_opens() -> None:
    allowed = window("0 12 1 1 *", 1, zone="Etc/UTC")
    denied = window("0 0 1 1 *", 168, allow=False, zone="Etc/UTC")
    assert opens_at((allowed, denied), at("2026-03-02T09:00")) is None


FLAWS = (
    ("fine", window("*/5 8-17 * * 1-5", 1), ""),
    ("four fields", window("0 8 * *", 1), "five cron fields"),
    ("a wrong minute", window("61 8 * * *", 1), "five cron fields"),
    ("February 31", window("0 8 31 2 *", 1), "never comes"),
    ("the 31st of short months", window("0 8 31 4,6,9,11 *", 1), "never comes"),
    ("a leap day", window("0 8 29 2 *", 1), ""),
    ("seconds", window("* * * * * *", 1), "five cron fields"),
    ("a nickname", window("@daily", 1), "five cron fields"),
    ("no zone of ours", window("0 8 * * *", 1, zone="Mars/Base"), "IANA name"),
    ("a path for a zone", window("0 8 * * *", 1, zone="../etc/passwd"), "IANA name"),
)


@pytest.mark.parametrize(("name", "one", "told"), FLAWS, ids=[row[0] for row in FLAWS])
def test_a_window_that_cannot_be_used_is_told(name: str, one: Window, told: str) -> None:
    assert told in flaw_of(one), name
    assert bool(flaw_of(one)) is bool(told)
