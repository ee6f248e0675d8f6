"""The last step of a status: small enough for an API server, and written only if it says something new. Pure.

Called by status and by the status writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from controller.api.status_document import Document, pruned
from controller.parsing import parse_moment
from controller.reconcile.conditions import STATUS_LIMIT, size_of

REFRESH = timedelta(hours=6)
"""Times that only say "still so" are written along with another change, or after this."""
TIMES = ("lastSyncTime", "nextSyncTime", "lastEventTime")
FRESHNESS = (*TIMES, "probe")
SAMPLES = (
    ("plan", "actions"),
    ("drift", "items"),
    ("unconfirmed", "items"),
    ("peopleByValue",),
    ("unmatchedValues",),
    ("unusedValues",),
    ("moves",),
    ("conflicts",),
    ("waiting",),
    ("reclaim", "people"),
)
"""Lists of examples, of which fewer are shown where a status grows too large."""


def fitted(status: Document) -> Document:
    """`status` below 64 KiB: where texts of many bytes make it larger, fewer samples are shown, and last no
    instructions. Counts stay."""
    while size_of(status) > STATUS_LIMIT - 1024:
        samples = [place for place in SAMPLES if len(_sample(status, place)) > 1]
        if not samples:
            steps = [{**step, "instructions": ""} for step in status.get("manualSteps") or []]
            return pruned({**status, "manualSteps": steps})
        longest = max(samples, key=lambda place: size_of({"": _sample(status, place)}))
        status = _halved(status, longest)
    return status


def _sample(status: Mapping[str, Any], place: tuple[str, ...]) -> list[Any]:
    for name in place:
        status = status.get(name) or {}
    return list(status)


def _halved(status: Mapping[str, Any], place: tuple[str, ...]) -> Document:
    name, rest = place[0], place[1:]
    return {**status, name: _halved(status[name], rest) if rest else status[name][: len(status[name]) // 2]}


def without_churn(previous: Mapping[str, Any], made: Document) -> Document:
    """`made`, or the previous status where nothing but freshness differs and that is recent enough."""
    is_old = any(_has_moved(previous.get(name), made.get(name)) for name in TIMES)
    return made if is_old or _core(previous) != _core(made) else dict(previous)


def _has_moved(previous: object, made: object) -> bool:
    """Whether a time says so much more than before that it is worth a write of its own."""
    before, after = parse_moment(previous), parse_moment(made)
    return after is not None and (before is None or after - before >= REFRESH)


def _core(status: Mapping[str, Any]) -> Document:
    """`status` without what changes all the time: times, and how full each bucket is."""
    kept = {key: value for key, value in in_order(status).items() if key not in FRESHNESS}
    names = sorted(str(bucket.get("name")) for bucket in status.get("buckets") or ())
    return {**kept, "buckets": names}


def in_order(status: Mapping[str, Any]) -> Document:
    """The status with its conditions by type: an API server keeps a map list in the order of its own."""
    conditions = status.get("conditions")
    if not conditions:
        return dict(status)
    return {**status, "conditions": sorted(conditions, key=lambda condition: str(condition.get("type")))}
