"""One unit of work on one database connection, and statements that are compiled once.

Used by every module that touches rows. Statements are written with SQLAlchemy, so that both databases get
their own dialect, and then handed to the driver as text: compiling costs more than most of these statements
take to run. Nothing here commits; database does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, Dialect
from sqlalchemy.sql import ClauseElement

from controller.provider.outages import SearchTooLong

T = TypeVar("T")
Row = tuple[Any, ...]
"""What the columns of a statement hold, which it is known by."""
Values = Mapping[str, object]
Expression = ColumnElement[Any]
"""SQL for a value; which type that has is the database's to know."""
Memory = dict[tuple[str, str], Any]


class Taken(Exception):
    """A unique value belongs to another row."""


class Prepared:
    """A statement whose text is kept per dialect. Its parameters are the names of its bindparams."""

    __slots__ = ("_texts", "statement")

    def __init__(self, statement: ClauseElement) -> None:
        self.statement = statement
        self._texts: dict[str, tuple[str, Values]] = {}

    def text(self, dialect: Dialect) -> tuple[str, Values]:
        """The SQL for `dialect`, and the parameters that are constants of the statement."""
        found = self._texts.get(dialect.name)
        if found is None:
            compiled = self.statement.compile(dialect=dialect)
            constants = {name: value for name, value in (compiled.params or {}).items() if value is not None}
            found = self._texts[dialect.name] = (str(compiled), constants)
        return found


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    @property
    def rowcount(self) -> int: ...

    def execute(self, statement: str, parameters: Values = ..., /) -> object: ...
    def executemany(self, statement: str, parameters: Sequence[Values], /) -> object: ...
    def fetchone(self) -> Row | None: ...
    def fetchall(self) -> Sequence[Row]: ...


class Connection(Protocol):
    """What is used of a DB-API connection."""

    def cursor(self) -> Cursor: ...


class Unit:
    """Runs statements on one connection, inside the transaction that its owner began."""

    def __init__(
        self, connection: Connection, dialect: Dialect, integrity_error: type[Exception], memory: Memory
    ) -> None:
        self._cursor: Cursor = connection.cursor()
        self.memory = memory  # what this process remembers about this database, such as page positions
        self._integrity_error = integrity_error
        self._savepoints = 0
        self.dialect = dialect

    def _execute(self, statement: Prepared | ClauseElement, values: Values) -> Cursor:
        if isinstance(statement, Prepared):
            text, constants = statement.text(self.dialect)
            parameters = {**constants, **values} if constants else values
        else:
            compiled = statement.compile(dialect=self.dialect, compile_kwargs={"render_postcompile": True})
            text, parameters = str(compiled), {**(compiled.params or {}), **values}
        try:
            self._cursor.execute(text, parameters)
        except self._integrity_error as error:
            raise Taken(str(error)) from error
        return self._cursor

    def one(self, statement: Prepared | ClauseElement, **values: object) -> Row | None:
        """The first row, or None."""
        return self._execute(statement, values).fetchone()

    def all(self, statement: Prepared | ClauseElement, **values: object) -> Sequence[Row]:
        """Every row."""
        return self._execute(statement, values).fetchall()

    def run(self, statement: Prepared | ClauseElement, **values: object) -> int:
        """How many rows were written. Raises Taken if a unique value is another row's."""
        return self._execute(statement, values).rowcount

    def run_many(self, statement: Prepared, values: Iterable[Values]) -> None:
        """Runs `statement` for each of `values`; raises Taken as `run` does."""
        rows = list(values)
        if not rows:
            return
        try:
            self._cursor.executemany(statement.text(self.dialect)[0], rows)
        except self._integrity_error as error:
            raise Taken(str(error)) from error

    def savepoint(self) -> Savepoint:
        """A context inside which an exception undoes only what was done inside it."""
        self._savepoints += 1
        return Savepoint(self._cursor, f"s{self._savepoints}")


Job = Callable[[Unit], T]


class TimedUnit(Unit):
    """Reads for at most so long: each statement asks before it begins, and the database while it runs."""

    deadline = 0.0
    """In seconds of the monotonic clock; its owner sets it for each job."""

    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.deadline

    def _execute(self, statement: Prepared | ClauseElement, values: Values) -> Cursor:
        if self.is_over():
            raise SearchTooLong
        return super()._execute(statement, values)


class Savepoint:
    """Undoes its block if the block raises; the transaction around it goes on."""

    def __init__(self, cursor: Cursor, name: str) -> None:
        self._cursor, self._name = cursor, name

    def __enter__(self) -> Savepoint:
        self._cursor.execute(f"SAVEPOINT {self._name}")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._cursor.execute(f"RELEASE SAVEPOINT {self._name}")
            return
        # A database that cannot go on has undone everything already: the error says why, not that.
        with suppress(Exception):
            self._cursor.execute(f"ROLLBACK TO SAVEPOINT {self._name}")
            self._cursor.execute(f"RELEASE SAVEPOINT {self._name}")
