"""Functions that Kubernetes' CEL has and the engine lacks, or counts otherwise.

Called by the programs of `expressions`. A receiver (`list.sum()`) is the first argument. Raising means an
evaluation error. Sources: Kubernetes' CEL library (k8s.io/apiserver/pkg/cel/library: lists, regex),
cel-go's string extension, the CEL specification (timestamps, durations). Left out: url, ip, cidr,
quantity, semver, format, sets and authorizer; a rule that calls one is refused when it is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

SIZE: Final = "__size"
"""What `size` is renamed to before compiling: the engine counts the bytes of a string, CEL its characters."""


def _zone(name: str) -> tzinfo:
    offset = re.fullmatch(r"([+-]?)(\d\d):(\d\d)", name)
    if offset:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span)
    if name == "Local" or name.startswith("/") or ".." in name:
        raise ValueError(f"unknown time zone {name}")
    try:
        return UTC if name in ("", "UTC") else ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name}") from error


def _of_time(pick: Callable[[datetime], int]) -> Callable[..., int]:
    def get(moment: datetime, zone: str = "UTC") -> int:
        return pick(moment.astimezone(_zone(zone)))

    return get


def _of_time_or_span(
    pick: Callable[[datetime], int], total: Callable[[timedelta], int]
) -> Callable[..., int]:
    of_time = _of_time(pick)

    def get(value: datetime | timedelta, *zone: str) -> int:
        return total(value) if isinstance(value, timedelta) else of_time(value, *zone)

    return get


def _sum(items: list[Any]) -> Any:
    if any(isinstance(item, timedelta) for item in items):
        return sum(items, timedelta())
    return sum(items)


def _non_empty(pick: Callable[[list[Any]], Any], name: str) -> Callable[[list[Any]], Any]:
    def get(items: list[Any]) -> Any:
        if not items:
            raise ValueError(f"{name} called on empty list")
        return pick(items)

    return get


def _index_of(within: str | list[Any], wanted: Any, start: int = 0) -> int:
    if isinstance(within, str):
        return within.find(wanted, start)
    return next((index for index, item in enumerate(within) if item == wanted), -1)


def _last_index_of(within: str | list[Any], wanted: Any, last: int | None = None) -> int:
    if isinstance(within, str):
        return within.rfind(wanted, 0, None if last is None else last + len(wanted))
    return next((index for index in reversed(range(len(within))) if within[index] == wanted), -1)


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise ValueError(f"index out of range: {index}")
    return text[index : index + 1]


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= stop <= len(text):
        raise ValueError(f"invalid substring range. start: {start}, end: {stop}")
    return text[start:stop]


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if separator:
        return text.split(separator, limit - 1 if limit > 0 else -1)
    head = list(text) if limit < 0 else [*text[: limit - 1], text[limit - 1 :]]
    return [part for part in head if part]


def _find(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found[0] if found else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match[0] for match in re.finditer(pattern, text)]
    return found if limit < 0 else found[:limit]


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    SIZE: len,
    "sum": _sum,
    "min": _non_empty(min, "min"),
    "max": _non_empty(max, "max"),
    "isSorted": lambda items: all(a <= b for a, b in pairwise(items)),
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "find": _find,
    "findAll": _find_all,
    "charAt": _char_at,
    "lowerAscii": lambda text: re.sub("[A-Z]+", lambda m: m[0].lower(), text),
    "upperAscii": lambda text: re.sub("[a-z]+", lambda m: m[0].upper(), text),
    "replace": lambda text, old, new, limit=-1: text.replace(old, new, limit),
    "split": _split,
    "join": lambda items, separator="": separator.join(items),
    "substring": _substring,
    "trim": lambda text: text.strip(),
    "reverse": lambda items: items[::-1],
    "getFullYear": _of_time(lambda t: t.year),
    "getMonth": _of_time(lambda t: t.month - 1),
    "getDate": _of_time(lambda t: t.day),
    "getDayOfMonth": _of_time(lambda t: t.day - 1),
    "getDayOfWeek": _of_time(lambda t: t.isoweekday() % 7),
    "getDayOfYear": _of_time(lambda t: t.timetuple().tm_yday - 1),
    "getHours": _of_time_or_span(lambda t: t.hour, lambda d: int(d / timedelta(hours=1))),
    "getMinutes": _of_time_or_span(lambda t: t.minute, lambda d: int(d / timedelta(minutes=1))),
    "getSeconds": _of_time_or_span(lambda t: t.second, lambda d: int(d.total_seconds())),
    "getMilliseconds": _of_time_or_span(
        lambda t: t.microsecond // 1000, lambda d: int(d / timedelta(milliseconds=1))
    ),
}
