"""What goes wrong with the embedded API on purpose: refusals, lost connections, a history that is gone.

Asked by app for every request, switched by `/_control/faults` with the token that everything else needs.
`status` answers as kube-apiserver words it; `disconnect` and `hang` are the network's.
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from scim_sandbox.kubernetes.exchange import Answer, Request, json_answer
from scim_sandbox.kubernetes.failures import Refusal, bad_request, method_not_allowed
from scim_sandbox.kubernetes.store import Store

CONTROL = "_control"
LASTING: dict[str, str] = {
    "status": "an error of HTTP `status` in place of the answer; the request has no effect",
    "lost-answer": "the request has its effect, then the connection is closed",
    "disconnect": "the connection is closed without an answer; the request has no effect",
    "hang": "no answer for `seconds`, then the connection is closed; the request has no effect",
}
AT_ONCE: dict[str, str] = {
    "cut-watches": "every watch ends",
    "compact": "every watch ends, and versions given out so far are too old (410)",
}
REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
RETRY_AFTER_SECONDS = 1
FIELDS = {"kind": str, "method": str, "path": str, "status": int, "times": int, "seconds": int | float}


class Severed(ConnectionResetError):
    """The connection is to be closed without an answer."""


@dataclass(slots=True)
class Fault:
    """One fault. `method` WATCH is a GET that watches, which GET is not; `times` None: until it is taken
    away."""

    id: str
    kind: str
    method: str = "*"
    path: str = "*"
    status: int = 500
    times: int | None = None
    seconds: float = 0.0

    def matches(self, request: Request) -> bool:
        """Whether it strikes `request`; a path without a pattern means all below it too."""
        method = "WATCH" if request.method == "GET" and request.is_set("watch") else request.method
        if self.method not in ("*", method):
            return False
        if any(letter in self.path for letter in "*?["):
            return fnmatch.fnmatchcase(request.path, self.path)
        return request.path == self.path or request.path.startswith(self.path.rstrip("/") + "/")


class Faults:
    """The faults that are on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._active: dict[str, Fault] = {}
        self._count = 0

    def control(self, request: Request) -> Answer:
        """`GET|POST|DELETE /_control/faults`; a 400 Refusal names the field that is wrong."""
        if request.segments != [CONTROL, "faults"]:
            raise Refusal(404, "NotFound", "the control side has /_control/faults")
        if request.method == "GET":
            return json_answer({"faults": [asdict(fault) for fault in self._active.values()]})
        if request.method == "DELETE":
            self._active.clear()
            return json_answer({"faults": []})
        if request.method != "POST":
            raise method_not_allowed(request.method)
        return json_answer(self._add(_read(request.body)), 201)

    def _add(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        fault = Fault(f"fault-{self._count}", **asked)
        if fault.kind in AT_ONCE:
            self._store.interrupt(forget=fault.kind == "compact")
        else:
            self._active[fault.id] = fault
        return asdict(fault)

    async def around(self, request: Request, answer: Callable[[Request], Any]) -> Any:
        """What `answer` makes of `request`, or what a fault makes of it. Raises Severed, Refusal."""
        fault = next((one for one in self._active.values() if one.matches(request)), None)
        if fault is None:
            return answer(request)
        self._count_down(fault)
        if fault.kind == "lost-answer":
            answer(request)
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if fault.kind != "status":
            raise Severed(f"the fault {fault.kind!r} is on")
        return _refused(fault)

    def _count_down(self, fault: Fault) -> None:
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                del self._active[fault.id]


def _refused(fault: Fault) -> Answer:
    reason = REASONS.get(fault.status, "")
    refusal = Refusal(fault.status, reason, f"the fault {fault.id} is on: {reason or fault.status}")
    answer = json_answer(refusal.status(), fault.status)
    if fault.status == 429:
        return Answer(answer.body, 429, headers={"retry-after": str(RETRY_AFTER_SECONDS)})
    return answer


def _read(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body or b"null")
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise bad_request("a fault is a JSON object {kind, method, path, status, times, seconds}")
    for name, value in asked.items():
        if name not in FIELDS or not isinstance(value, FIELDS[name]) or isinstance(value, bool):
            raise bad_request(f"{name}: no such field of a fault, or not of its type")
    kinds = {**LASTING, **AT_ONCE}
    if asked.get("kind") not in kinds:
        raise bad_request(f"kind: {asked.get('kind')!r} is none of {', '.join(kinds)}")
    return asked
