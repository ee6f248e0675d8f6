"""GET /api/v1/logs: bounded queries and polling. Called by app through ROUTES.

Polling is a call without `until` in ascending order: it goes by order of persistence and always bears a
`next` link, also where nothing new is there. Source: developer.okta.com, System Log, polling requests.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from scim_sandbox.okta.calls import Answer, Call, Route
from scim_sandbox.okta.filters import Test, compile_filter
from scim_sandbox.okta.orgclock import okta_time
from scim_sandbox.okta.paging import decode_cursor, encode_cursor, read_limit
from scim_sandbox.okta.problems import OktaProblem, invalid
from scim_sandbox.okta.records import JSON
from scim_sandbox.okta.store import Org

OLDEST = timedelta(days=180)
DEFAULT_SINCE = timedelta(days=7)


def list_logs(org: Org, call: Call) -> Answer:
    query = call.query
    if query.get("since") and query.get("after"):
        raise invalid("after", "'since' and 'after' cannot both be given.")
    limit = read_limit(query.get("limit"), 100, 1000, 0)
    descending = query.get("sortOrder", "ASCENDING").upper() == "DESCENDING"
    if "until" in query or descending:
        return _bounded(org, call, limit, descending)
    return _polled(org, call, limit)


def _polled(org: Org, call: Call, limit: int) -> Answer:
    position = decode_cursor(call.query.get("after", ""))
    number = _number(position) if position else _before(org, _since(org, call))
    found, last = _scan(org, call, number, limit)
    return _answer(call, found, encode_cursor(f"n{last}"))


def _bounded(org: Org, call: Call, limit: int, descending: bool) -> Answer:
    start, since = _bounded_position(call) or (0, _since(org, call))
    until = _time(call.query["until"], "until") if call.query.get("until") else okta_time(org.clock.now())
    test = _test(call)
    events = [e for e in org.log.after(0) if since <= e["published"] < until and test(e)]
    if descending:
        events.reverse()
    is_last = len(events) <= start + limit
    return _answer(
        call, events[start : start + limit], "" if is_last else encode_cursor(f"b{start + limit} {since}")
    )


def _bounded_position(call: Call) -> tuple[int, str] | None:
    """(how many were given, since) of a cursor of ours; None at the beginning."""
    position = decode_cursor(call.query.get("after", ""))
    if not position:
        return None
    number, _, since = position.partition(" ")
    if not number.startswith("b") or not number[1:].isdigit():
        raise invalid("after", "Invalid cursor.")
    return int(number[1:]), since


def _scan(org: Org, call: Call, number: int, limit: int) -> tuple[list[JSON], int]:
    """Matching events behind `number`, and the number that was read up to."""
    test = _test(call)
    found: list[JSON] = []
    events = org.log.after(number)
    last = max(number, org.log.first - 1)
    for event in events:
        if len(found) >= limit:
            return found, last
        last += 1
        if test(event):
            found.append(event)
    return found, last


def _test(call: Call) -> Test:
    matches = compile_filter(call.query["filter"]) if call.query.get("filter") else None
    words = call.query.get("q", "").lower().split()

    def test(event: JSON) -> bool:
        if matches is not None and not matches(event):
            return False
        return not words or all(word in json.dumps(event).lower() for word in words)

    return test


def _answer(call: Call, events: list[JSON], after: str) -> Answer:
    headers = [("link", call.link("self"))]
    if after:
        following = Call(call.method, call.path, call.base, dict(call.query), {})
        following.query.pop("since", None)
        headers.append(("link", following.link("next", after=after)))
    return Answer(events, headers=headers)


def _since(org: Org, call: Call) -> str:
    now = org.clock.now()
    if not call.query.get("since"):
        return okta_time(now - DEFAULT_SINCE)
    since = _time(call.query["since"], "since")
    if since < okta_time(now - OLDEST):
        raise OktaProblem("E0000053", "Invalid filter: since is more than 180 days ago", status=400)
    return since


def _time(text: str, name: str) -> str:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
    except ValueError:
        raise invalid(name, "must be an ISO 8601 time") from None
    if moment.tzinfo is None:
        raise invalid(name, "must bear a time zone")
    return okta_time(moment)


def _before(org: Org, since: str) -> int:
    """The number of the last event older than `since`."""
    events = org.log.after(0)
    low, high = 0, len(events)
    while low < high:
        middle = (low + high) // 2
        if events[middle]["published"] < since:
            low = middle + 1
        else:
            high = middle
    return org.log.first + low - 1


def _number(position: str) -> int:
    if not position.startswith("n") or not position[1:].isdigit():
        raise invalid("after", "Invalid cursor.")
    return int(position[1:])


ROUTES = (Route("GET", "/api/v1/logs", "okta.logs.read", list_logs),)
