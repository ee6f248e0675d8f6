"""When the seats run out: what a slope says, how far it may be off, and when it says nothing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.planning.seats.forecast import HORIZON_DAYS, forecast

FIRST = date(2026, 1, 1)


def history(counts: list[int], every: int = 1) -> tuple[tuple[str, int], ...]:
    return tuple(
        ((FIRST + timedelta(days=every * number)).isoformat(), count) for number, count in enumerate(counts)
    )


def test_one_seat_a_day_is_full_when_the_free_seats_are_divided_by_one() -> None:
    found = forecast(history(list(range(10, 41))), 100)
    assert found is not None
    assert (found.full_on, found.per_month, found.days) == (FIRST + timedelta(days=30 + 60), 30, 30)
    assert found.per_month_error == 0
    assert (found.earliest, found.latest) == (found.full_on, found.full_on), "it never was any different"
    assert found.message == (
        "+30 seats a month, give or take 0, over the last 30 days: "
        "full about 2026-04-01, between 2026-04-01 and 2026-04-01"
    )


def test_an_uneven_slope_names_the_days_between_which_it_will_be() -> None:
    steps = [0, 2, 1, 0, 3, 0, 1] * 6
    counts = [10 + sum(steps[:number]) for number in range(len(steps) + 1)]
    found = forecast(history(counts), 100)
    assert found is not None
    assert found.full_on is not None
    assert found.earliest is not None
    assert found.latest is not None
    assert found.per_month == 30
    assert found.earliest < found.full_on < found.latest
    assert 0 < (found.latest - found.full_on).days < 60


def test_days_without_a_count_spread_their_change() -> None:
    every_day, every_third = (
        forecast(history(list(range(10, 41))), 100),
        forecast(history(list(range(10, 41, 3)), 3), 100),
    )
    assert every_day == every_third


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ([10], "too little history: 1 daily counts over 0 days; a forecast takes 8 counts over 14 days"),
        (list(range(14)), "14 daily counts over 13 days"),
        ([20] * 30, "+0 seats a month, give or take 0, over the last 29 days: the seats do not run out"),
        (list(range(60, 30, -1)), "-30 seats a month"),
        ([10, 30, 10, 30, 10, 30, 12, 32] * 3, "the slope cannot be told from none"),
        ([10] * 29 + [11], "the slope cannot be told from none"),
        ([100] * 3, "100 of 100 seats are used: nothing is left to forecast"),
        ([100] * 20 + [104], "104 of 100 seats are used"),
    ],
)
def test_where_it_cannot_be_told_no_day_is_named(counts: list[int], why: str) -> None:
    found = forecast(history(counts), 100)
    assert found is not None
    assert (found.full_on, found.earliest, found.latest) == (None, None, None)
    assert why in found.message


def test_few_counts_over_many_days_are_too_little_too() -> None:
    found = forecast(history([10, 20, 30], 20), 100)
    assert found is not None
    assert found.full_on is None
    assert "3 daily counts over 40 days" in found.message


def test_without_any_history_there_is_nothing_to_tell() -> None:
    assert forecast((), 100) is None


def test_more_than_two_years_away_is_far_enough() -> None:
    found = forecast(history(list(range(10, 41))), 5000)
    assert found is not None
    assert found.full_on is None
    assert found.message.endswith("enough for more than two years")


def test_a_day_that_may_never_come_has_no_latest() -> None:
    counts = [10 + number // 2 for number in range(61)]
    found = forecast(history(counts), 340)
    assert found is not None
    assert found.full_on is not None
    assert found.latest is None
    assert found.message.endswith("and more than two years from now")


def test_only_the_last_ninety_days_count() -> None:
    flat_then_steep = [10] * 100 + list(range(10, 101))
    found = forecast(history(flat_then_steep), 200)
    assert found is not None
    assert (found.per_month, found.days) == (30, 90)


@given(st.lists(st.integers(0, 300), max_size=120), st.integers(1, 300), st.integers(1, 9))
def test_whatever_the_history_the_day_lies_between_its_bounds(
    counts: list[int], limit: int, every: int
) -> None:
    found = forecast(history(counts, every), limit)
    if found is None or found.full_on is None:
        return
    today = FIRST + timedelta(days=every * (len(counts) - 1))
    assert found.earliest is not None
    assert today < found.earliest <= found.full_on <= today + timedelta(days=HORIZON_DAYS)
    assert found.latest is None or found.full_on <= found.latest
