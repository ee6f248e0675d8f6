"""The append-only record of every write: who, what, before, after, in which request.

Called inside the transaction of the write itself, so that there is no write without its entry and no entry
without its write. The database refuses to change entries (tables). No secret is ever part of `before` or
`after`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select

from controller.provider.statements import Prepared, Row, Unit
from controller.provider.tables import journal

PAGE = 500


@dataclass(frozen=True, slots=True)
class Actor:
    """Who writes: a token by name and id, or `bootstrap`; and in which request."""

    name: str
    token_id: str = ""
    request_id: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.token_id})" if self.token_id else self.name


@dataclass(frozen=True, slots=True)
class Write:
    """One write to be recorded. `before` and `after` are JSON text or None; `resource` is a kind."""

    action: str
    resource: str
    resource_id: str
    before: str | None = None
    after: str | None = None


_COLUMNS = (
    journal.c.seq,
    journal.c.at,
    journal.c.actor,
    journal.c.action,
    journal.c.resource,
    journal.c.resource_id,
    journal.c.before,
    journal.c.after,
    journal.c.request_id,
)
_INSERT = Prepared(
    insert(journal).values({
        name: bindparam(name)
        for name in (
            "org_id", "at", "actor", "action", "resource", "resource_id", "before", "after", "request_id",
        )
    })
)  # fmt: skip
_PAGE = Prepared(
    select(*_COLUMNS)
    .where(journal.c.org_id == bindparam("org_id"), journal.c.seq > bindparam("after_seq"))
    .order_by(journal.c.seq)
    .limit(bindparam("count"))
)
_NEWEST = Prepared(
    select(*_COLUMNS)
    .where(journal.c.org_id == bindparam("org_id"), journal.c.seq < bindparam("before_seq"))
    .order_by(journal.c.seq.desc())
    .limit(bindparam("count"))
)
_ABOUT = Prepared(
    select(*_COLUMNS)
    .where(journal.c.org_id == bindparam("org_id"), journal.c.resource_id == bindparam("resource_id"))
    .order_by(journal.c.seq.desc())
    .limit(bindparam("count"))
)
LAST = 1 << 62


def record(unit: Unit, org_id: str, write: Write, actor: Actor, now: str) -> None:
    """Appends `write`."""
    unit.run(_INSERT, **entry_values(org_id, write, actor, now))


def entry_values(org_id: str, write: Write, actor: Actor, now: str) -> dict[str, str | None]:
    """The columns of the entry for `write`."""
    return {
        "org_id": org_id,
        "at": now,
        "actor": str(actor),
        "action": write.action,
        "resource": write.resource,
        "resource_id": write.resource_id,
        "before": write.before,
        "after": write.after,
        "request_id": actor.request_id,
    }


def entry_of(row: Row) -> dict[str, object]:
    """A row as it is shown: seq, at, actor, action, resource, resourceId, before, after, requestId."""
    seq, at, actor, action, resource, resource_id, before, after, request_id = row
    return {
        "seq": seq,
        "at": at,
        "actor": actor,
        "action": action,
        "resource": resource,
        "resourceId": resource_id,
        "before": json.loads(before) if before else None,
        "after": json.loads(after) if after else None,
        "requestId": request_id,
    }


def read_forward(unit: Unit, org_id: str, after_seq: int = 0, count: int = PAGE) -> Sequence[Row]:
    """Rows after `after_seq`, oldest first."""
    return unit.all(_PAGE, org_id=org_id, after_seq=after_seq, count=count)


def read_newest(unit: Unit, org_id: str, before_seq: int = LAST, count: int = PAGE) -> Sequence[Row]:
    """Rows before `before_seq`, newest first."""
    return unit.all(_NEWEST, org_id=org_id, before_seq=before_seq, count=count)


def read_about(unit: Unit, org_id: str, resource_id: str, count: int = PAGE) -> Sequence[Row]:
    """Rows about one resource, newest first."""
    return unit.all(_ABOUT, org_id=org_id, resource_id=resource_id, count=count)


def export_lines(unit: Unit, org_id: str, after_seq: int, count: int) -> bytes:
    """Up to `count` entries after `after_seq` as JSON lines, for a heavy read: this takes a while."""
    parts: list[str] = []
    while count > 0:
        rows = read_forward(unit, org_id, after_seq, min(count, PAGE))
        parts += lines_of(rows)
        if len(rows) < PAGE:
            break
        after_seq, count = rows[-1][0], count - len(rows)
    return "".join(parts).encode()


def lines_of(rows: Sequence[Row]) -> Iterator[str]:
    """JSON lines, one entry each, newline included."""
    for row in rows:
        yield json.dumps(entry_of(row), ensure_ascii=False, separators=(",", ":")) + "\n"
