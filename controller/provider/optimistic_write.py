"""A write of one person in one statement: the way of PostgreSQL to let many processes write at once.

A writer that locks the row of an organization makes the others wait, and between that lock and the commit
lie five answers, each of which this process has to find the time to read. Here a job locks nothing: it reads,
works out what to write and leaves it to one statement, which locks, checks that what was read is still so,
writes person, addresses, counters and journal, and commits, without waiting for anybody. If something has
changed in the meantime, or the job wants more than this, database runs it again on locked rows.

Called by people, which knows what to write, and database, which runs it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import (
    ARRAY,
    CTE,
    Dialect,
    Integer,
    Select,
    String,
    Text,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.sql import ClauseElement

from controller.provider.organizations import COUNTERS, CounterChange, Organization, added
from controller.provider.statements import (
    Connection,
    Expression,
    Memory,
    Prepared,
    Row,
    Savepoint,
    Unit,
    Values,
)
from controller.provider.tables import journal, organizations, people, person_emails

# PostgreSQL's own version of a row: another after every write to it.
ROW_VERSION = literal_column("people.xmin::text", String)


class NeedsLocks(Exception):
    """The job wants to write what only a transaction can: it is run again on locked rows."""


class GuardedUnit(Unit):
    """Reads, and keeps the one statement that writes. What it reads is not locked."""

    def __init__(
        self, connection: Connection, dialect: Dialect, integrity_error: type[Exception], memory: Memory
    ) -> None:
        super().__init__(connection, dialect, integrity_error, memory)
        self._versions: dict[int, str] = {}
        self._write: tuple[Prepared, Values] | None = None

    def see(self, statement: Prepared, **values: object) -> Row | None:
        """The first row of a statement of people without its last column, ROW_VERSION, which is kept."""
        row = self.one(statement, **values)
        if row is None:
            return None
        self._versions[row[0]] = row[-1]
        return row[:-1]

    def version(self, seq: int) -> str:
        """The version that `see` kept; raises NeedsLocks for somebody who was read in another way."""
        if seq not in self._versions:
            raise NeedsLocks
        return self._versions[seq]

    def finish(self, statement: Prepared, values: Values) -> None:
        """Keeps the statement that is run when the job is done; raises NeedsLocks if there is one."""
        if self._write is not None:
            raise NeedsLocks
        self._write = (statement, values)

    def commit(self) -> None:
        """Runs what is kept. Raises the driver's DivisionByZero if something has changed in the meantime."""
        if self._write is not None:
            statement, values = self._write
            self.one(statement, **values)

    def run(self, statement: Prepared | ClauseElement, **values: object) -> int:
        raise NeedsLocks

    def run_many(self, statement: Prepared, values: Iterable[Values]) -> None:
        raise NeedsLocks

    def savepoint(self) -> Savepoint:
        raise NeedsLocks


def guard_values(org: Organization, change: CounterChange, capacity: int) -> dict[str, str | int]:
    """The parameters of the organization's part: what was read of it, and what to add to its counters.

    `capacity` is the most that `seats_used` may be afterwards, if the write takes a seat.
    """
    return {
        **added(change),
        "seen_profile": org.profile.name,
        "seen_overrides": org.overrides,
        "seen_mapping": org.mapping.text,
        "seen_purchased": org.purchased,
        "most_used": capacity if change.seats_used > 0 else 2**31 - 1,
    }


def _typed(column: Expression) -> Expression:
    """A parameter with the name and the type of `column`: in a SELECT the server cannot infer it."""
    return bindparam(column.name, type_=column.type)


def _organization() -> CTE:
    """Locks and counts, if the organization still is as it was read."""
    table = organizations.c
    used = table.seats_used + bindparam("d_seats_used", type_=Integer)
    return (
        update(organizations)
        .where(
            table.id == bindparam("org_id"),
            table.profile == bindparam("seen_profile"),
            table.overrides == bindparam("seen_overrides"),
            table.mapping == bindparam("seen_mapping"),
            table.purchased == bindparam("seen_purchased"),
            used <= bindparam("most_used", type_=Integer),
        )
        .values({name: table[name] + bindparam(f"d_{name}", type_=Integer) for name in COUNTERS})
        .returning(table.id)
        .cte("org")
    )


def _entry(person: CTE) -> CTE:
    """The journal's entry."""
    columns = [column for column in journal.c if column.name != "seq"]
    values = select(*map(_typed, columns)).select_from(person)
    return insert(journal).from_select(columns, values).returning(journal.c.seq).cte("entry")


def _whole(person: CTE, *others: CTE) -> Prepared:
    """Everything, or an error and nothing: SQL has no other way to fail if no row was written."""
    all_or_none: Select[tuple[int]] = select(literal_column("1 / count(*)")).select_from(person)
    return Prepared(all_or_none.add_cte(_entry(person), *others))


def _create() -> Prepared:
    columns = [column for column in people.c if column.name != "seq"]
    values = select(*map(_typed, columns)).select_from(_organization())
    person = insert(people).from_select(columns, values).returning(people.c.seq).cte("person")
    unnested = func.unnest(bindparam("mails", type_=ARRAY(Text)))
    mails = unnested.table_valued("value", with_ordinality="number").render_derived()
    rows = select(
        person.c.seq,
        mails.c.number - 1,
        _typed(person_emails.c.org_id),
        mails.c.value,
    ).select_from(person.join(mails, literal_column("true")))
    names = ["person_seq", "position", "org_id", "value_key"]
    return _whole(person, insert(person_emails).from_select(names, rows).cte("mails"))


def _change() -> Prepared:
    org = _organization()
    kept = ("seq", "org_id", "id", "created")
    values = {column.name: _typed(column) for column in people.c if column.name not in kept}
    person = (
        update(people)
        .where(
            people.c.seq == bindparam("at_seq"),
            people.c.org_id == org.c.id,
            bindparam("seen_version", type_=String) == ROW_VERSION,
        )
        .values(values)
        .returning(people.c.seq)
        .cte("person")
    )
    return _whole(person)


CREATE_PERSON = _create()
"""Parameters: guard_values, the columns of people and of the journal, `mails` (folded addresses)."""
CHANGE_PERSON = _change()
"""Parameters: guard_values, `at_seq`, `seen_version`, the columns of the journal, and those of people that
change."""
