"""Go durations: the same texts as the CEL rules accept, with their meaning."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.api.durations import Duration, parse_duration

GOOD = [
    ("10m", 600),
    ("2160h", 7_776_000),
    ("1h30m", 5400),
    ("1.5h", 5400),
    ("250ms", 0.25),
    ("0s", 0),
    ("90s", 90),
]


@pytest.mark.parametrize(("text", "seconds"), GOOD)
def test_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)
    assert Duration(text).timedelta == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "h", "1d", "1h 30m", "-1h", "1h30", "1.h", "1us", "m1", "1h\n"])
def test_what_is_no_duration_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write a Go duration such as 10m or 2160h"):
        parse_duration(text)


@given(st.integers(0, 999), st.integers(0, 59), st.integers(0, 59))
def test_parts_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == timedelta(
        hours=hours, minutes=minutes, seconds=seconds
    )


@pytest.mark.parametrize("text", ["9" * 17 + "h", "9" * 18 + "m", "9" * 300 + "s"])
def test_a_duration_beyond_every_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="longer than any duration"):
        parse_duration(text)
