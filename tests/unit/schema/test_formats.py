"""Formats: examples on both sides of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controller.schema.formats import (
    FORMATS,
    is_of_format,
    is_pattern,
    matches,
    parse_date,
    parse_date_time,
    parse_go_duration,
)

U = "6ba7b810-9dad-{}1d1-{}0b4-00c04fd430c8"
EXAMPLES = [
    ("byte", ["", "aGk="], ["a", "a b=", "é"]),
    ("cidr", ["10.0.0.0/8", "::/0"], ["10.0.0.0", "10.0.0.0/40", "x/8"]),
    ("date", ["2026-02-28"], ["2026-02-30", "2026-2-3", "20260203", "2026-02-28T00:00:00Z"]),
    (
        "date-time",
        ["2026-01-02T03:04:05Z", "2026-01-02t03:04:05.123456789+01:00"],
        ["2026-01-02", "2026-13-02T03:04:05Z"],
    ),
    ("duration", ["1h30m", "-1.5h", "0", "5 days", "22 ns"], ["", "1", "1x", "h", "5 fortnights"]),
    ("email", ["ada@acme.com"], ["ada", "a b@acme.com", "@", "<a@b>"]),
    ("hexcolor", ["#fff", "A1B2C3"], ["#ffff", "red"]),
    ("hostname", ["acme.com", "localhost", "acme.com."], ["-a.com", "a..b", "a b"]),
    ("ipv4", ["10.0.0.1"], ["10.0.0", "::1"]),
    ("ipv6", ["::1"], ["10.0.0.1", ":::"]),
    ("k8s-long-name", ["a.b-c", "a"], ["A", "-a", "a" * 254]),
    ("k8s-short-name", ["a-b"], ["a.b", "a" * 64]),
    ("mac", ["00:1B:44:11:3a:b7", "00-1b-44-11-3a-b7"], ["00:1b:44:11:3a", "00:1b:44:11:3a:zz"]),
    ("password", ["", "x"], []),
    ("uri", ["https://acme.com/x", "/path"], ["acme", "http://[::1"]),
    ("uuid", [U.format("1", "8"), U.format("1", "8").replace("-", "").upper()], ["6ba7b810"]),
    ("uuid3", [U.format("3", "8")], [U.format("4", "8")]),
    ("uuid4", [U.format("4", "9")], [U.format("4", "1"), U.format("3", "9")]),
    ("uuid5", [U.format("5", "a")], [U.format("5", "c")]),
]


@pytest.mark.parametrize(("name", "good", "bad"), EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_format_tells_good_from_bad(name: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not is_of_format(name, text)] == []
    assert [text for text in bad if is_of_format(name, text)] == []


def test_every_format_has_an_example() -> None:
    assert {row[0].replace("-", "") for row in EXAMPLES} == set(FORMATS)


def test_unknown_format_is_no_format() -> None:
    assert is_of_format("okta-id", "anything at all")


def test_pattern_has_the_meaning_of_re2() -> None:
    assert matches("b", "abc") and not matches("^a$", "a\n")
    assert is_pattern("^[a-z]+$") and not is_pattern("(?<=a)b")
    with pytest.raises(ValueError, match="not a regular expression"):
        matches("[", "a")


def test_date_time_keeps_the_zone_and_cuts_to_microseconds() -> None:
    parsed = parse_date_time("2026-01-02T03:04:05.123456789+01:00")
    assert parsed == datetime(2026, 1, 2, 2, 4, 5, 123456, tzinfo=UTC)
    assert parse_date("2026-01-02") == datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("1h30m", 5400), ("-1.5h", -5400), ("+2s", 2), ("250ms", 0.25), (".5m", 30), ("3us", 3e-6)],
)
def test_go_duration_is_read(text: str, seconds: float) -> None:
    assert parse_go_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["9" * 30 + "h", "9" * 400 + "s", "2562048h"])
def test_a_duration_beyond_64_bits_of_nanoseconds_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="longer than Go can say"):
        parse_go_duration(text)
