"""The whole org as JSON and back: `GET|PUT /_control/state`, and the undo of a dropped write.

Tokens are kept by their hash only. What is running (faults, rate-limit windows) is not state.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from scim_sandbox.okta.paging import SortedIds
from scim_sandbox.okta.records import (
    JSON,
    AppRecord,
    AppSchema,
    AppUserRecord,
    Connection,
    GroupAssignment,
    GroupRecord,
    HookRecord,
    MappingRecord,
    Principal,
    Quirks,
    RuleRecord,
    TaskRecord,
    UserRecord,
    UserTypeRecord,
)
from scim_sandbox.okta.store import Org

VERSION = 1
_TABLES: dict[str, type] = {
    "users": UserRecord,
    "groups": GroupRecord,
    "types": UserTypeRecord,
    "mappings": MappingRecord,
    "rules": RuleRecord,
    "hooks": HookRecord,
    "tasks": TaskRecord,
    "principals": Principal,
}


class StateError(ValueError):
    """The document is not a saved org; the message names the part."""


def save(org: Org) -> JSON:
    """Everything the org remembers; shares nothing with it."""
    document: JSON = {
        "version": VERSION,
        "id": org.id,
        "name": org.name,
        "counters": dict(org.counters),
        "ahead_seconds": org.clock.ahead_seconds,
        "quirks": asdict(org.quirks),
        "members": {key: list(ids) for key, ids in org.members.items()},
        "log": {"first": org.log.first, "events": [dict(event) for event in org.log.events]},
        "access_tokens": {key: dict(value) for key, value in org.access_tokens.items()},
        "apps": [asdict(record) for record in org.apps.values()],
    }
    for name in _TABLES:
        document[name] = [asdict(record) for record in getattr(org, name).values()]
    return document


def load(org: Org, document: Any) -> None:
    """Replaces everything; StateError leaves the org as it was."""
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise StateError(f"version: must be {VERSION}, as GET /_control/state gave it")
    try:
        tables = {name: _table(kind, document[name]) for name, kind in _TABLES.items()}
        apps = {record["id"]: _app(record) for record in document["apps"]}
        members = {key: SortedIds(ids) for key, ids in document["members"].items()}
        quirks = Quirks(**document["quirks"])
        log, counters = document["log"], dict(document["counters"])
    except (KeyError, TypeError, AttributeError) as error:
        raise StateError(f"not a saved org: {error!r}") from None
    for name, records in tables.items():
        setattr(org, name, records)
    org.apps, org.members, org.quirks = apps, members, quirks
    org.id, org.name, org.counters = document["id"], document["name"], counters
    org.clock.ahead_seconds = float(document.get("ahead_seconds", 0.0))
    org.log.first, org.log.events = int(log["first"]), list(log["events"])
    org.access_tokens = dict(document.get("access_tokens", {}))
    _index(org)


def _table(kind: type, rows: list[JSON]) -> dict[str, Any]:
    return {row["id"]: kind(**row) for row in rows}


def _app(row: JSON) -> AppRecord:
    fields = dict(row)
    fields["schema"] = AppSchema(**row["schema"])
    fields["connection"] = Connection(**row["connection"])
    fields["users"] = {key: AppUserRecord(**each) for key, each in row["users"].items()}
    fields["groups"] = {key: GroupAssignment(**each) for key, each in row["groups"].items()}
    return AppRecord(**fields)


def _index(org: Org) -> None:
    """Rebuilds what follows from the records."""
    org.user_order = SortedIds(org.users)
    org.login_ids = {user.profile["login"].lower(): user.id for user in org.users.values()}
    org.groups_of = {user_id: set() for user_id in org.users}
    for group_id, ids in org.members.items():
        for user_id in ids:
            org.groups_of[user_id].add(group_id)
    org.app_user_order = {app.id: SortedIds(app.users) for app in org.apps.values()}
    org.lagging = {}
