"""Is this text of that format? The formats that kube-apiserver checks in custom resources.

Called by `values` (validation), `node` (is a pattern valid) and `celvalues` (typed values for CEL).
An unknown format is no format, as in Kubernetes. Patterns are matched by the CEL engine, whose
regular expressions have RE2's syntax and meaning (`$` is the end of the text, no look-around).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

import cel

from controller.parsing import split_url

_MATCHES: Final = cel.compile("text.matches(pattern)")
_DATE_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DURATION: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNIT_SECONDS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "m": 60,
    "h": 3600,
}
_LONGEST_SECONDS: Final = 2**63 / 1e9
"""Go counts nanoseconds in 64 bits: 292 years."""
_SCALA: Final = re.compile(
    r"\s*(\d+)\s*(ns|nanos?|us|micros?|ms|millis?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?|w|weeks?)\s*",
    re.ASCII,
)
_UUID: Final = r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?%s[0-9a-f]{3}-?%s[0-9a-f]{3}-?[0-9a-f]{12}$"


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in `text`. Raises ValueError for a pattern that is none."""
    try:
        return bool(_MATCHES.execute({"pattern": pattern, "text": text}))
    except RuntimeError as error:
        raise ValueError(f"{pattern!r} is not a regular expression of RE2's kind") from error


def is_pattern(pattern: str) -> bool:
    try:
        matches(pattern, "")
    except ValueError:
        return False
    return True


def parse_date_time(text: str) -> datetime:
    """An aware time from RFC 3339 text. Raises ValueError."""
    parts = _DATE_TIME.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is no RFC 3339 date-time")
    day, clock, fraction, zone = parts.groups()
    zone = "+00:00" if zone in "Zz" else zone
    return datetime.fromisoformat(f"{day}T{clock}{(fraction or '')[:7]}{zone}")  # noqa: TID251 - a form of its own


def parse_date(text: str) -> datetime:
    """Midnight UTC of an RFC 3339 full-date. Raises ValueError."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(f"{text!r} is no date")
    day = date.fromisoformat(text)  # noqa: TID251 - a form of its own
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def parse_go_duration(text: str) -> timedelta:
    """What Go's time.ParseDuration reads: "1h30m", "-1.5h", "0". Raises ValueError."""
    body = text[1:] if text[:1] in ("-", "+") else text
    pieces = _DURATION.findall(body)
    if body != "0" and (not pieces or "".join(n + u for n, u in pieces) != body):
        raise ValueError(f"{text!r} is no Go duration such as 1h30m")
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in pieces)
    if seconds > _LONGEST_SECONDS:
        raise ValueError(f"{text!r} is longer than Go can say")
    return timedelta(seconds=-seconds if text.startswith("-") else seconds)


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return check


def _pattern(pattern: str) -> Callable[[str], bool]:
    return lambda text: matches(pattern, text)


def _is_duration(text: str) -> bool:
    return _parses(parse_go_duration)(text) or _SCALA.fullmatch(text) is not None


def _is_byte(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _is_uri(text: str) -> bool:
    try:
        parts = split_url(text)
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _is_cidr(text: str) -> bool:
    return "/" in text and _parses(lambda value: ipaddress.ip_network(value, strict=False))(text)


_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
FORMATS: Final[dict[str, Callable[[str], bool]]] = {
    "byte": _is_byte,
    "cidr": _is_cidr,
    "date": _parses(parse_date),
    "datetime": _parses(parse_date_time),
    "duration": _is_duration,
    "email": _pattern(r"^[^@\s<>]+@[^@\s<>]+$"),
    "hexcolor": _pattern(r"^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"),
    "hostname": _pattern(
        r"^([a-zA-Z0-9_]([-a-zA-Z0-9_]{0,61}[a-zA-Z0-9_])?)(\.[a-zA-Z0-9_]([-a-zA-Z0-9_]{0,61}[a-zA-Z0-9_])?)*\.?$"
    ),
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "k8slongname": lambda text: len(text) <= 253 and matches(rf"^{_LABEL}(\.{_LABEL})*$", text),
    "k8sshortname": lambda text: len(text) <= 63 and matches(rf"^{_LABEL}$", text),
    "mac": _pattern(r"^([0-9a-fA-F]{2}[:-]){5}([0-9a-fA-F]{2})$"),
    "password": lambda text: True,
    "uri": _is_uri,
    "uuid": _pattern(_UUID % ("[0-9a-f]", "[0-9a-f]")),
    "uuid3": _pattern(_UUID % ("3", "[0-9a-f]")),
    "uuid4": _pattern(_UUID % ("4", "[89ab]")),
    "uuid5": _pattern(_UUID % ("5", "[89ab]")),
}


def is_of_format(format_name: str, text: str) -> bool:
    """False only for a known format that `text` is not of; dashes in a format's name don't count."""
    check = FORMATS.get(format_name.replace("-", ""))
    return check is None or check(text)
