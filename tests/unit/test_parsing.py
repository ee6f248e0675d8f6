"""Numbers, times, URLs and JSON from outside: a usable value, or one kind of refusal."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.parsing import (
    MAX_DEPTH,
    as_object,
    as_objects,
    as_text,
    as_texts,
    check_depth,
    finite_number,
    parse_day,
    parse_http_date,
    parse_json,
    parse_moment,
    split_url,
    whole_number,
    without_surrogates,
)

NOT_JSON = (
    b"",
    b"[",
    b"NaN",
    b'{"a": Infinity}',
    b"[-Infinity]",
    b"1e999",
    b"9" * 301,
    b"9" * 5000,
    b"[" * 200_000,
    b"[" * 200_000 + b"]" * 200_000,
    b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    b'"\xff"',
    b'"\xed\xa0\x80"',
    '{"a": 1}'.encode("utf-16"),
    "١".encode(),
)


@pytest.mark.parametrize("content", NOT_JSON, ids=[str(row[:12]) for row in NOT_JSON])
def test_what_is_no_json_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(content)


def test_the_deepest_json_that_is_taken() -> None:
    value = parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    check_depth(value)
    assert json.dumps(value) == "[" * MAX_DEPTH + "]" * MAX_DEPTH


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]


@pytest.mark.parametrize("text", [r'{"a\ud800": ["\udfff", 1]}', '{"a\ud800": ["\udfff", 1]}'])
def test_a_lone_surrogate_becomes_a_character_that_can_be_sent(text: str) -> None:
    assert parse_json(text) == {"a�": ["�", 1]}


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse_json(rb'"\ud83d\ude00"') == "😀"
    assert without_surrogates({"😀": None}) == {"😀": None}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_ordinary_json_is_what_the_standard_library_says(value: Any) -> None:
    assert parse_json(json.dumps(value)) == without_surrogates(value)
    assert parse_json(json.dumps(without_surrogates(value), ensure_ascii=False).encode()) is not ...


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_nothing_but_a_value_error_comes_of_any_bytes(content: bytes | str) -> None:
    try:
        value = parse_json(content)
    except ValueError:
        return
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def test_whole_numbers() -> None:
    assert [whole_number(text) for text in ("0", "15", "007")] == [0, 15, 7]
    wrong: tuple[object, ...] = (
        "²",
        "١",
        "-1",
        "1.0",
        "1e3",
        "",
        " 1",
        "1_0",
        "9" * 16,
        True,
        -1,
        2**53,
        1.0,
        None,
    )
    assert [whole_number(value) for value in wrong] == [None] * len(wrong)
    assert whole_number(2**53 - 1) == 2**53 - 1


def test_finite_numbers() -> None:
    assert [finite_number(value) for value in ("1.5", "-2", 3, 4.5)] == [1.5, -2.0, 3.0, 4.5]
    wrong: tuple[object, ...] = (
        "nan",
        "inf",
        "1e9",
        "²",
        "1_0",
        "",
        True,
        math.nan,
        math.inf,
        10**400,
        None,
        [],
    )
    assert [finite_number(value) for value in wrong] == [None] * len(wrong)


def test_parts_of_json_by_their_type() -> None:
    assert as_object({"a": 1}) == {"a": 1} and as_object([1]) == {} and as_object(None) == {}
    assert as_objects([{"a": 1}, 2, None]) == [{"a": 1}] and as_objects("ab") == []
    assert as_texts(["a", 1, None]) == ["a"] and as_texts({"a": 1}) == []
    assert [as_text(value) for value in ("a", 7, 1.5, None, True, {})] == ["a", "7", "", "", "", ""]


def test_moments() -> None:
    assert parse_moment("2026-05-01T02:00:00+02:00") == datetime(2026, 5, 1, tzinfo=UTC)
    assert parse_moment("2026-05-01T00:00:00Z") == datetime(2026, 5, 1, tzinfo=UTC)
    assert parse_moment("2026-05-01T00:00:00", UTC) == datetime(2026, 5, 1, tzinfo=UTC)
    wrong: tuple[object, ...] = (
        "2026-02-31T00:00:00Z", "2026-05-01T00:00:00", "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00", "99999-01-01T00:00:00Z", "²", "", None, 5, [],
    )  # fmt: skip
    assert [parse_moment(value) for value in wrong] == [None] * len(wrong)


def test_days() -> None:
    assert str(parse_day("2026-01-31")) == "2026-01-31"
    assert [parse_day(value) for value in ("2026-02-31", "x", None, 1)] == [None] * 4


@given(
    st.text(max_size=40)
    | st.just("Fri, 31 Feb 2026 00:00:00 GMT")
    | st.just("Mon, 01 Jan 0001 00:00:00 +1400")
)
def test_http_dates(text: str) -> None:
    assert parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
    assert parse_http_date("Sun, 06 Nov 1994 08:49:37") is not None
    moment = parse_http_date(text)
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize("url", ["https://a:99999/", "https://a:x/", "https://[::1/", "https://a:²/"])
def test_what_is_no_url_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError):
        split_url(url)


def test_urls() -> None:
    assert split_url("https://a.example:8443/x").port == 8443
