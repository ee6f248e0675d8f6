"""What happened in an org, as far as integrations care: System Log events and event hook bodies.

Used by the log poller and by the hook receiver of the operator. An event is a trigger and a source of error
texts, never the truth: what it names is read anew. Pure but for `follow`, which makes the calls of one poll.
Sources: developer.okta.com, System Log API ("Polling requests"), Event hooks ("One-time verification
request").
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from controller.errors import Rejected, Unavailable, clip
from controller.okta.client import PAGE_LOG, OktaClient
from controller.okta.shapes import LogEvent
from controller.parsing import as_object, as_objects, as_text, parse_json
from controller.transport.failures import redact
from controller.transport.listing import Tally
from controller.transport.typed import misfit

Parsed = TypeVar("Parsed")

PREFIXES = (
    "application.user_membership",
    "application.provision.user",
    "application.lifecycle",
    "application.configuration",
    "application.integration",
    "application.appuser.mapping",
    "app.app_instance.provision_sync_job",
    "group.user_membership",
    "group.application_assignment",
    "group.lifecycle",
    "group.profile",
    "user.lifecycle",
    "user.account.update_profile",
    "directory.mapping.update",
    "directory.app_user_profile.update",
    "system.api_token.revoke",
)
"""Beginnings of the event types that are asked for."""
LOG_FILTER = " or ".join(f'eventType sw "{prefix}"' for prefix in PREFIXES)
SIGN_IN = "user.authentication.sso"
"""Changes nothing that is declared, and there are more of it than of all else: sign_ins reads it apart."""
PAGES_A_POLL = 20
LARGEST_HOOK = 1 << 20
CHALLENGE_HEADER = "x-okta-verification-challenge"
_REMEMBERED = 5000
LONGEST_ID = 100


@dataclass(frozen=True, slots=True)
class Change:
    """One event: what it names, by id, and why it failed where it did."""

    uuid: str
    published: str
    event_type: str
    app_ids: frozenset[str] = frozenset()
    user_ids: frozenset[str] = frozenset()
    group_ids: frozenset[str] = frozenset()
    failure: str = ""
    """outcome.reason of a FAILURE, clipped."""

    @property
    def is_deactivation(self) -> bool:
        """Whether Okta's provisioning agent deactivated somebody at the provider."""
        return self.event_type == "application.provision.user.deactivate" and not self.failure

    @property
    def is_sign_in(self) -> bool:
        """Whether somebody opened an app; only a hook brings it, and nothing is to be done about it."""
        return self.event_type == SIGN_IN

    @property
    def is_push(self) -> bool:
        """Whether Okta's provisioning agent did it, or tried to."""
        return self.event_type.startswith("application.provision.user")


def parse_event(event: LogEvent | Mapping[str, Any]) -> Change:
    """The Change of an event. Targets are told by their type; their order is Okta's own affair."""
    ids: dict[str, set[str]] = {"AppInstance": set(), "User": set(), "UserGroup": set()}
    for target in as_objects(event.get("target")):
        kind, target_id = _short(target.get("type")), _short(target.get("id"))
        if kind in ids and target_id:
            ids[kind].add(target_id)
    outcome = as_object(event.get("outcome"))
    failed = outcome.get("result") == "FAILURE"
    return Change(
        _short(event.get("uuid")),
        _short(event.get("published")),
        _short(event.get("eventType")),
        frozenset(ids["AppInstance"]),
        frozenset(ids["User"]),
        frozenset(ids["UserGroup"]),
        clip(redact(_reason(event, outcome)), 200) if failed else "",
    )


def _short(value: object) -> str:
    """An id, a time or a type: Okta's are shorter, and what is kept must not grow with what is sent."""
    return as_text(value)[:LONGEST_ID]


def _reason(event: LogEvent | Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return as_text(outcome.get("reason")) or as_text(event.get("displayMessage")) or "failed"


class Seen:
    """The uuids of the last events, so that what the hook brought is not taken up again from the log."""

    def __init__(self, size: int = _REMEMBERED) -> None:
        self._order: deque[str] = deque()
        self._uuids: set[str] = set()
        self._size = size

    def fresh(self, changes: Iterable[Change]) -> list[Change]:
        """Those that were not there before, in order; they are there from now on."""
        found = []
        for change in changes:
            if change.uuid and change.uuid in self._uuids:
                continue
            found.append(change)
            self._note(change.uuid)
        return found

    def _note(self, uuid: str) -> None:
        self._uuids.add(uuid)
        self._order.append(uuid)
        if len(self._order) > self._size:
            self._uuids.discard(self._order.popleft())


async def follow(client: OktaClient, link: str, since: datetime) -> tuple[list[Change], str]:
    """(what happened since `link`, the link to store). One call where little happened; without a link the
    log is read from `since`. A link that Okta no longer takes, or that leads to a domain which the org had
    before, is given up for `since`.

    Store the link only when the changes are taken up: then a crash repeats events and loses none.
    """
    changes, link, _ = await read_log(client, link, since, LOG_FILTER, PAGES_A_POLL, parse_event)
    return changes, link


async def read_log(
    client: OktaClient,
    link: str,
    since: datetime,
    query: str,
    pages: int,
    parse: Callable[[LogEvent], Parsed],
) -> tuple[list[Parsed], str, bool]:
    """(the parsed events behind `link` that `query` filters, the link to go on with, whether these were all).
    Reads at most so many pages. A link has its filter in it: `query` and `since` count only without one."""
    found: list[Parsed] = []
    tally = Tally("Okta", "events of the System Log")
    for _ in range(pages):
        try:
            events, link = await client.log_page(link, since, query)
        except (Rejected, Unavailable) as error:
            if not link or (isinstance(error, Unavailable) and error.reason != "ForeignLink"):
                raise
            link = ""
            continue
        found += [tally.keep(parse(event)) for event in events]
        if len(events) < PAGE_LOG:
            return found, link, True
    return found, link, False


class HookRefused(ValueError):
    """An event hook that is not taken; `status` is what to answer."""

    def __init__(self, status: int, words: str) -> None:
        self.status = status
        super().__init__(words)


def check_hook_secret(given: str, secret: str) -> None:
    """Raises HookRefused 401 unless the Authorization header `given` is the shared secret."""
    if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
        raise HookRefused(401, "the Authorization header is not the shared secret of this hook")


def parse_hook(body: bytes) -> list[Change]:
    """The changes of an event hook's body. Raises HookRefused: 413 oversized, 400 malformed."""
    if len(body) > LARGEST_HOOK:
        raise HookRefused(413, f"an event hook has at most {LARGEST_HOOK} bytes")
    try:
        whole = parse_json(body)
    except ValueError:
        raise HookRefused(400, "the body is not JSON") from None
    data = whole.get("data") if isinstance(whole, dict) else None
    events = data.get("events") if isinstance(data, dict) else None
    if not isinstance(events, list):
        raise HookRefused(400, "the body has no data.events")
    for event in events:
        if fault := misfit(LogEvent, event):
            raise HookRefused(400, f"an event of the body is malformed: {fault}")
    return [parse_event(event) for event in events]


@dataclass(slots=True)
class _Interest:
    app_id: str
    users: frozenset[str]
    groups: frozenset[str]


@dataclass(slots=True)
class Interests:
    """Which integrations care for which app, people and groups of one org: many events name only the person
    or the group. Keys are the caller's own."""

    _by_key: dict[str, _Interest] = field(default_factory=dict)

    def set(self, key: str, app_id: str, users: Iterable[str], groups: Iterable[str]) -> None:
        """What a full run of `key` read: its app, everybody assigned, every group that is assigned or
        named."""
        self._by_key[key] = _Interest(app_id, frozenset(users), frozenset(groups))

    def forget(self, key: str) -> None:
        """An integration is gone."""
        self._by_key.pop(key, None)

    def app_of(self, key: str) -> str:
        """The app id of `key`, "" where it is not known."""
        return self._by_key[key].app_id if key in self._by_key else ""

    def concerned(self, change: Change) -> dict[str, frozenset[str] | None]:
        """Key -> the people whom `change` may concern there, or None: everything may have changed."""
        found: dict[str, frozenset[str] | None] = {}
        for key, interest in self._by_key.items():
            if change.app_ids and interest.app_id not in change.app_ids:
                continue
            through_app, through_group = (
                bool(change.app_ids),
                not interest.groups.isdisjoint(change.group_ids),
            )
            people = change.user_ids if through_app or through_group else change.user_ids & interest.users
            if people:
                found[key] = people
            elif through_app or through_group:
                found[key] = None
        return found
