"""Faults on demand: what goes wrong, on which calls, how often and for how long. Switched by
/_control/faults.

Asked by app for every call. Chance is drawn from a seeded generator, so that a run can be repeated.
"""

from __future__ import annotations

import fnmatch
import random
from dataclasses import asdict, dataclass
from typing import Any

from scim_sandbox.okta.orgclock import OrgClock, parse_duration
from scim_sandbox.okta.records import JSON

KINDS: dict[str, str] = {
    "latency": "the answer comes `seconds` later",
    "status": "an error of HTTP `status` in place of the answer; the call has no effect",
    "empty": "HTTP `status` (default 502) with no body",
    "edge": "HTTP `status` (default 404) of Okta's edge: JSON without an errorCode or a request id",
    "html": "HTTP `status` (default 200) with an HTML page",
    "redirect": "HTTP `status` (default 302) to another host",
    "cut": "the answer's body ends in the middle",
    "truncate": "a listing loses the second half of a page and its next link",
    "drop": "a write is answered as done and is not done",
    "lost-answer": "a write is done and answered by HTTP `status` (default 503)",
    "disconnect": "the connection is closed without an answer",
    "expire-token": "the token of the call is refused: 401 E0000011",
    "clock-skew": "the answer's Date is `seconds` off (negative: behind)",
    "stuck-deletion": "attribute deletions never finish while this fault lasts",
}
_LENGTH_IS_THE_FAULT = ("latency", "clock-skew")


class FaultError(ValueError):
    """The description of a fault is wrong; the message names the field."""


@dataclass(slots=True)
class Fault:
    """One fault. `times` None: no limit; `rate` 0..1; `until` on the org's monotonic clock."""

    id: str
    kind: str
    method: str = "*"
    path: str = "*"
    status: int = 0
    rate: float = 1.0
    times: int | None = None
    seconds: float = 0.0
    until: float | None = None
    struck: int = 0

    def matches(self, method: str, path: str) -> bool:
        if self.method not in ("*", method):
            return False
        if any(letter in self.path for letter in "*?["):
            return fnmatch.fnmatchcase(path, self.path)
        return path == self.path or path.startswith(self.path.rstrip("/") + "/")


class Faults:
    """The faults that are on."""

    def __init__(self, clock: OrgClock, seed: int = 1) -> None:
        self._clock, self._random = clock, random.Random(seed)
        self._active: dict[str, Fault] = {}
        self._count = 0

    def add(self, asked: Any) -> Fault:
        """Switches a fault on; FaultError names the field that is wrong."""
        fields = _checked(asked)
        self._count += 1
        fault = Fault(id=f"fault-{self._count}", kind=fields["kind"])
        for key in ("method", "path", "status", "rate", "times"):
            if fields.get(key) is not None:
                setattr(fault, key, fields[key])
        fault.method = fault.method.upper()
        seconds = fields.get("seconds")
        if seconds is not None and fault.kind in _LENGTH_IS_THE_FAULT:
            fault.seconds = seconds
        elif seconds is not None:
            fault.until = self._clock.monotonic() + seconds
        if fields.get("duration") is not None:
            fault.until = self._clock.monotonic() + fields["duration"]
        self._active[fault.id] = fault
        return fault

    def strike(self, method: str, path: str) -> list[Fault]:
        """The faults that hit this call; each one's count goes down."""
        return [fault for fault in self.active() if fault.matches(method, path) and self._draw(fault)]

    def _draw(self, fault: Fault) -> bool:
        if fault.kind == "stuck-deletion" or (fault.rate < 1.0 and self._random.random() >= fault.rate):
            return False
        fault.struck += 1
        if fault.times is not None and fault.struck >= fault.times:
            self._active.pop(fault.id, None)
        return True

    def is_on(self, kind: str) -> bool:
        """Whether a fault that is a state rather than a stroke lasts."""
        return any(fault.kind == kind for fault in self.active())

    def active(self) -> list[Fault]:
        """Those on now; what has run out is forgotten."""
        now = self._clock.monotonic()
        self._active = {key: f for key, f in self._active.items() if f.until is None or now < f.until}
        return list(self._active.values())

    def clear(self, fault_id: str = "") -> int:
        """Switches one off, or all; how many were."""
        gone = [key for key in self._active if fault_id in ("", key)]
        for key in gone:
            del self._active[key]
        return len(gone)

    def listing(self) -> list[JSON]:
        return [asdict(fault) for fault in self.active()]


def _checked(asked: Any) -> JSON:
    if not isinstance(asked, dict):
        raise FaultError("a fault is a JSON object {kind, method, path, status, rate | times, seconds}")
    unknown = sorted(
        set(asked) - {"kind", "method", "path", "status", "rate", "times", "seconds", "duration"}
    )
    if unknown:
        raise FaultError(f"{unknown[0]}: no such field of a fault")
    fields = {"kind": _implied(asked), **asked}
    if fields["kind"] not in KINDS:
        raise FaultError(f"kind: {fields['kind']!r} is none of {', '.join(KINDS)}")
    if fields["kind"] == "status":
        fields["status"] = fields.get("status", 500)
    _check_numbers(fields)
    return fields


def _implied(asked: JSON) -> str | None:
    """The kind that is meant where none is given: an error of that status, or that much latency."""
    if "status" in asked:
        return "status"
    return "latency" if "seconds" in asked else None


def _check_numbers(fields: JSON) -> None:
    status, rate, times = fields.get("status"), fields.get("rate"), fields.get("times")
    if status is not None and not (isinstance(status, int) and 200 <= status <= 599):
        raise FaultError("status: must be an HTTP status from 200 to 599")
    if rate is not None and not (isinstance(rate, int | float) and 0 < rate <= 1):
        raise FaultError("rate: must be above 0 and at most 1")
    if times is not None and not (isinstance(times, int) and times >= 1):
        raise FaultError("times: must be a whole number from 1")
    for key in ("seconds", "duration"):
        if fields.get(key) is None:
            continue
        try:
            fields[key] = parse_duration(fields[key])
        except ValueError as error:
            raise FaultError(f"{key}: {error}") from None
