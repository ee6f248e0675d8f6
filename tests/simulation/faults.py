"""What can go wrong with a call, and when it does: faults are on for a while, for some calls, by chance.

Each fault is an event of the plan, so that it can be dropped when a failure is made short. `KINDS` lists what
the issue asks for; `Outcome` says what becomes of one call.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.network import Exchange, Headers

HTML = b"<!DOCTYPE html><html><body><h1>Bad gateway</h1></body></html>"
KINDS = (
    "refused", "reset-before", "reset-during", "reset-after", "timeout-before", "timeout-after", "slow", "late",
    "401", "403", "404-plain", "404-html", "429-seconds", "429-date", "429-reset", "429-bare", "429-zero", "500",
    "502-empty", "503", "html-200", "truncated", "did-nothing", "half", "stale",
)  # fmt: skip
READS_ONLY = frozenset({"half", "stale", "html-200", "truncated"})
WRITES_ONLY = frozenset({"did-nothing"})
TRUNCATES = ("Resources", "people", "groups", "items")
MESSAGE = {"scim": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "500"}}


@dataclass(slots=True)
class Fault:
    """One fault that is on: for calls to `host`, by `rate`, until it ends."""

    kind: str
    host: str
    until: float
    rate: float = 1.0
    times: int = 1_000_000
    path: str = ""
    """Only calls whose path has this in it."""
    dice: Random = field(default_factory=Random)
    struck: int = 0


@dataclass(slots=True)
class Outcome:
    """What becomes of one call; `kind` "" is nothing at all."""

    kind: str = ""
    delay: float = 0.0
    """Seconds before the server sees it."""
    late: float = 0.0
    """Seconds that the answer is late."""
    stale: tuple[int, Any, bytes] | None = None
    date: str = ""

    def instead(self, exchange: Exchange) -> tuple[int, Headers, bytes] | None:
        """An answer that somebody between gives, so that the server never sees the call."""
        if self.kind in ("401", "403", "500", "503"):
            status = int(self.kind)
            return _json(status, _error_body(exchange.host, status))
        if self.kind == "404-plain":
            return _json(404, {"status": 404, "error": "Not Found"})
        if self.kind == "404-html":
            return 404, [("content-type", "text/html")], HTML
        if self.kind == "502-empty":
            return 502, [], b""
        if self.kind == "html-200":
            return 200, [("content-type", "text/html")], HTML
        if self.kind == "did-nothing":
            return _json(200 if exchange.method != "POST" else 201, exchange.json() or {})
        if self.kind.startswith("429"):
            return self._limited(exchange)
        return self.stale if self.kind == "stale" else None

    def _limited(self, exchange: Exchange) -> tuple[int, Headers, bytes]:
        form = self.kind.removeprefix("429-")
        status, headers, body = _json(429, _error_body(exchange.host, 429))
        if form == "seconds":
            headers.append(("retry-after", "20"))
        elif form == "date":
            headers.append(("retry-after", self.date))
        elif form == "zero":
            headers += [("x-rate-limit-limit", "0"), ("x-rate-limit-remaining", "0")]
        elif form == "reset":
            headers += [("x-rate-limit-limit", "50"), ("x-rate-limit-remaining", "0"),
                        ("x-rate-limit-reset", self.date or "0")]  # fmt: skip
        return status, headers, body

    def spoilt(
        self, exchange: Exchange, status: int, headers: Headers, content: bytes
    ) -> tuple[int, Headers, bytes]:
        """The server's answer as it arrives."""
        if self.kind == "truncated" and len(content) > 2:
            return status, _without_length(headers), content[: len(content) // 2]
        if self.kind == "half" and status == 200:
            return status, _halved_headers(headers), halved(content)
        return status, headers, content


class Faults:
    """The faults of a world that are on, and what was answered before."""

    def __init__(self) -> None:
        self.on: list[Fault] = []
        self.struck = 0
        self._before: dict[tuple[str, str], tuple[int, Any, bytes]] = {}
        self.moment: Callable[[], float] = lambda: 0.0
        self.date: Callable[[float], str] = lambda seconds: ""
        self.last_struck: dict[str, float] = {}

    def draw(self, exchange: Exchange) -> Outcome:
        """What becomes of this call."""
        now = self.moment()
        self.on = [fault for fault in self.on if fault.until > now and fault.times > 0]
        for fault in self.on:
            if self._strikes(fault, exchange):
                outcome = self._outcome(fault, exchange)
                if outcome.kind:
                    fault.times -= 1
                    self.struck += 1
                    self.last_struck[exchange.host] = now
                    return outcome
        return Outcome()

    def _strikes(self, fault: Fault, exchange: Exchange) -> bool:
        if fault.host not in ("*", exchange.host) or fault.path not in exchange.path:
            return False
        reads = exchange.method in ("GET", "HEAD")
        if (fault.kind in READS_ONLY and not reads) or (fault.kind in WRITES_ONLY and reads):
            return False
        return fault.dice.random() < fault.rate

    def _outcome(self, fault: Fault, exchange: Exchange) -> Outcome:
        if fault.kind == "slow":
            return Outcome("slow", late=fault.dice.uniform(5, 50))
        if fault.kind == "late":
            return Outcome("late", delay=fault.dice.uniform(0, 3), late=fault.dice.uniform(0, 3))
        if fault.kind == "stale":
            known = self._before.get((exchange.host, exchange.path))
            return Outcome("stale", stale=known) if known is not None else Outcome()
        if fault.kind == "429-date":
            return Outcome(fault.kind, date=self.date(20.0))
        return Outcome(fault.kind)

    def remember(self, exchange: Exchange, headers: Any) -> None:
        """An answer that may come again, stale."""
        if exchange.method == "GET" and exchange.status == 200 and exchange.reached:
            self._before[exchange.host, exchange.path] = (200, headers, exchange.answer)


def _json(status: int, body: Any) -> tuple[int, Headers, bytes]:
    return status, [("content-type", "application/json")], json.dumps(body).encode()


def _error_body(host: str, status: int) -> Any:
    if "okta" in host:
        code = {401: "E0000011", 403: "E0000006", 429: "E0000047"}.get(status, "E0000009")
        return {
            "errorCode": code,
            "errorSummary": "from the simulation",
            "errorId": "oaeSim",
            "errorCauses": [],
        }
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(status),
        "detail": "from the simulation",
    }


def halved(content: bytes) -> bytes:
    """A listing with the second half of its people missing, and nothing that says so."""
    try:
        body = json.loads(content)
    except ValueError:
        return content
    if isinstance(body, list):
        return json.dumps(body[: (len(body) + 1) // 2]).encode()
    for name in TRUNCATES:
        if isinstance(body, dict) and isinstance(body.get(name), list):
            body[name] = body[name][: (len(body[name]) + 1) // 2]
            for total in ("totalResults", "itemsPerPage", "total"):
                if total in body:
                    body[total] = len(body[name])
            body.pop("next", None)
            return json.dumps(body).encode()
    return content


def _without_length(headers: Headers) -> Headers:
    return [(name, value) for name, value in headers if name != "content-length"]


def _halved_headers(headers: Headers) -> Headers:
    kept = _without_length(headers)
    return [(name, value) for name, value in kept if name != "link" or 'rel="next"' not in value]
