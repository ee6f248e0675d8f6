"""Who has a seat and has not signed in for long."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from controller.model.actual import Actual, Memory
from controller.model.people import OktaId
from controller.planning.seats.inactive import find_inactive, kept_sign_ins
from tests.unit.planning.world import (
    NOW,
    account_of,
    actual,
    desired_seats,
    make_desired,
    person,
    with_provider,
)

ASKS = make_desired(seats=replace(desired_seats(), inactive_for=timedelta(days=90)))
OLD, RECENT = "2025-11-01T08:00:00Z", "2026-02-20T08:00:00Z"
LONG_AGO = "2025-01-01T00:00:00Z"


def world(*last: str, **changes: Any) -> Actual:
    """Person n signed in to Okta at last[n], and was assigned long ago."""
    people = [
        person(number, last_sign_in=text, assigned_at=LONG_AGO, **changes) for number, text in enumerate(last)
    ]
    return actual(people, [account_of(one) for one in people])


def day(text: str) -> int:
    """As the memory of sign-ins counts days."""
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def found(state: Actual, **sign_ins: str) -> list[tuple[str, str]]:
    """(id, last sign-in) of the inactive, where the System Log told of sign-ins to the app on these days."""
    days = {OktaId(f"00u{number[1:]}"): day(text) for number, text in sign_ins.items()}
    inactive = find_inactive(ASKS, state, days, NOW)
    assert inactive is not None
    return [(one.okta_id, one.last_sign_in) for one in inactive]


def test_nobody_is_looked_for_where_nobody_asks() -> None:
    assert find_inactive(make_desired(), world(""), {}, NOW) is None
    assert find_inactive(make_desired(seats=desired_seats()), world(""), {}, NOW) is None


def test_the_longest_inactive_come_first_and_those_who_never_came_before_them() -> None:
    assert found(world(RECENT, OLD, "", "2025-10-01T08:00:00+02:00")) == [
        ("00u2", ""),
        ("00u3", "2025-10-01T08:00:00+02:00"),
        ("00u1", OLD),
    ]


def test_what_the_provider_tells_counts_before_what_okta_does() -> None:
    told = {OktaId("00u0"): OLD, OktaId("00u1"): RECENT}
    assert found(with_provider(world(RECENT, OLD, RECENT), last_active=told)) == [("00u2", ""), ("00u0", OLD)]


def test_whoever_was_assigned_lately_is_not_inactive_yet() -> None:
    state = world("")
    late = replace(state.assignments.people[0], assigned_at=RECENT)
    assert found(replace(state, assignments=replace(state.assignments, people=(late,)))) == []


def test_without_an_active_account_there_is_no_seat_to_give_back() -> None:
    state = world("", "")
    accounts = (replace(state.accounts.accounts[0], active=False),)
    assert found(replace(state, accounts=replace(state.accounts, accounts=accounts))) == []


def test_a_time_that_is_none_counts_as_never_and_one_without_a_zone_as_utc() -> None:
    assert found(world("yesterday", "2025-11-01T08:00:00")) == [
        ("00u0", "yesterday"),
        ("00u1", "2025-11-01T08:00:00"),
    ]


def test_a_sign_in_to_the_app_counts_beside_what_okta_and_the_provider_tell() -> None:
    assert found(world(OLD, OLD, ""), p0="2026-02-20", p2="2025-09-09") == [
        ("00u2", "2025-09-09T00:00:00Z"),
        ("00u1", OLD),
    ]
    told = {OktaId("00u0"): OLD, OktaId("00u1"): OLD}
    assert found(with_provider(world("", ""), last_active=told), p1="2026-02-20") == [("00u0", OLD)]


def test_the_newest_is_shown_and_a_day_counts_until_its_end() -> None:
    border = (NOW - timedelta(days=90)).date()
    assert found(world(""), p0=border.isoformat()) == []
    before = border - timedelta(days=1)
    assert found(world(""), p0=before.isoformat()) == [("00u0", f"{before}T00:00:00Z")]
    assert found(world(OLD), p0="2025-11-01") == [("00u0", OLD)]


def test_sign_ins_are_kept_of_those_who_are_assigned_and_only_where_somebody_asks() -> None:
    days = {OktaId("00u0"): 20_000, OktaId("00u9"): 20_001}
    memory, state = Memory(sign_ins=days), world("", "")
    assert kept_sign_ins(ASKS, state, memory) == {OktaId("00u0"): 20_000}
    assert kept_sign_ins(make_desired(), state, memory) == {}
    assert kept_sign_ins(make_desired(seats=desired_seats()), state, memory) == {}
