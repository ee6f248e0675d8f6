"""Numbers, times, URLs and JSON that somebody else wrote: one place that parses them.

Used by every room. Python's own parsers accept more than the formats allow, and fail in many ways: `int`
refuses "²" though `isdigit` says yes, `json.loads` returns NaN and lone surrogates and ends deep nesting by
a RecursionError, `urlsplit` finds a wrong port only when it is asked for it. Here each function returns a
usable value or fails in one way: None, or ValueError if there has to be a value. Pure; imports nothing of
the package.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

MAX_DEPTH: Final = 100
"""Levels of objects and lists in one JSON value. SCIM and Okta's API need fewer than 15."""
MAX_DIGITS: Final = 300
"""Digits of a JSON number; any such number is a finite float."""
LARGEST_WHOLE: Final = 2**53 - 1
"""The largest whole number that every JSON parser keeps exact (RFC 8259 section 6)."""

_WHOLE: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(content: bytes | bytearray | str) -> Any:
    """The JSON value in `content`: UTF-8, at most MAX_DEPTH levels, finite numbers. A lone surrogate, which
    UTF-8 cannot carry, becomes U+FFFD. Raises ValueError for everything else (RFC 8259)."""
    text = content.decode("utf-8-sig") if isinstance(content, bytes | bytearray) else content
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_bounded)
    except RecursionError:
        raise ValueError(f"JSON of more than {MAX_DEPTH} levels") from None
    check_depth(value)
    if _SURROGATE_ESCAPE.search(text) or (text is content and _SURROGATE.search(text)):
        value = without_surrogates(value)
    return value


def check_depth(value: Any, deepest: int = MAX_DEPTH) -> None:
    """Raises ValueError if the lists and objects of `value` are nested deeper than `deepest` levels."""
    level = [value]
    for _ in range(deepest):
        # By exact type: a listing has millions of values, and isinstance takes five times as long.
        level = [
            part for whole in level for part in _parts(whole) if type(part) is dict or type(part) is list
        ]
        if not level:
            return
    raise ValueError(f"JSON of more than {deepest} levels")


def without_surrogates(value: Any) -> Any:
    """`value` with U+FFFD for each lone surrogate, in keys too. The nesting is bounded by `check_depth`."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [without_surrogates(part) for part in value]
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(part) for key, part in value.items()}
    return value


def whole_number(value: object) -> int | None:
    """`value` as a whole number from 0 to LARGEST_WHOLE: an int, or a text of ASCII digits as in a header.
    None for everything else, booleans and "²" included."""
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= LARGEST_WHOLE else None
    return None


def finite_number(value: object) -> float | None:
    """`value` as a finite number: an int, a float, or a text of ASCII digits with at most one point. None for
    everything else: "nan", "inf", "1e9", "1_000", booleans."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def as_object(value: object) -> Mapping[str, Any]:
    """`value` if it is a JSON object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def as_objects(value: object) -> list[Mapping[str, Any]]:
    """The objects among the items of `value`; [] if it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_texts(value: object) -> list[str]:
    """The texts among the items of `value`; [] if it is no list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def as_text(value: object) -> str:
    """`value` if it is a text, a whole number as its digits, otherwise ""."""
    if isinstance(value, str):
        return value
    number = whole_number(value)
    return "" if number is None else str(number)


def parse_moment(text: object, zone: tzinfo | None = None) -> datetime | None:
    """The time in `text`, RFC 3339 or ISO 8601, as aware UTC; one without a zone is in `zone`. None for
    everything else, and for times that are outside the years 1 to 9999 in UTC."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def parse_day(text: object) -> date | None:
    """The day in `text`, as in 2026-01-31; None for everything else."""
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def parse_http_date(text: str) -> datetime | None:
    """An HTTP date (RFC 9110 section 5.6.7) as aware UTC; None where `text` is none."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def split_url(url: str) -> SplitResult:
    """The parts of `url`, the port among them checked. Raises ValueError where it is no URL."""
    parts = urlsplit(url)
    _ = parts.port
    return parts


def _parts(whole: Any) -> Iterable[Any]:
    if isinstance(whole, dict):
        return whole.values()
    return whole if isinstance(whole, list) else ()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _bounded(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of more than {MAX_DIGITS} digits")
    return int(text)
