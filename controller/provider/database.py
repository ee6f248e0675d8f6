"""Where units of work run: what the rest of the provider knows of storage.

Called by app, scim and admin as `await database.read(job)` and `await database.write(job)`; a job is a plain
function of a Unit and never awaits. `write` returns only when what the job did is on disk. What the database
cannot do is raised as a Refusal of outages. sqlite_database and postgres_database say how each does it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from controller.errors import SpecError
from controller.provider.outages import Health
from controller.provider.postgres_database import PostgresDatabase
from controller.provider.sqlite_database import SqliteDatabase
from controller.provider.statements import Job

T = TypeVar("T")
SEARCH_SECONDS = 10.0


class Database(Protocol):
    """What the rest of the provider knows of storage. `lane` is whose work it is: lanes take turns."""

    health: Health

    async def read(self, job: Job[T], *, heavy: bool = False, lane: str = "") -> T:
        """What `job` returns; it must only read. A heavy one ends with SearchTooLong in time."""
        ...

    async def write(self, job: Job[T], *, heavy: bool = False, guarded: bool = False, lane: str = "") -> T:
        """What `job` returns, once it is durable; undone as a whole if it raises.

        `guarded`: if that lets more be written at once, the job is given a GuardedUnit first. It may be
        run more than once, so it changes nothing but rows.
        """
        ...

    def run(self, job: Job[T]) -> T:
        """As `write`, for a caller without an event loop; raises SpecError if the database refuses."""
        ...

    async def compute(self, work: Callable[[], T], *, lane: str = "") -> T:
        """What `work`, which reads no rows, returns; done in a thread, since it takes long."""
        ...

    async def close(self) -> None:
        """Finishes what is under way and lets go of every connection."""
        ...


@dataclass(frozen=True, slots=True)
class TenantDatabase:
    """The database as one organization uses it: its work waits in a lane of its own."""

    database: Database
    lane: str

    async def read(self, job: Job[T], *, heavy: bool = False) -> T:
        """As Database.read."""
        return await self.database.read(job, heavy=heavy, lane=self.lane)

    async def write(self, job: Job[T], *, heavy: bool = False, guarded: bool = False) -> T:
        """As Database.write."""
        return await self.database.write(job, heavy=heavy, guarded=guarded, lane=self.lane)

    async def compute(self, work: Callable[[], T]) -> T:
        """As Database.compute."""
        return await self.database.compute(work, lane=self.lane)


def open_database(url: str, search_seconds: float = SEARCH_SECONDS) -> Database:
    """A database at the present schema; creates the SQLite file if there is none.

    `url` is SQLAlchemy's: sqlite:///path or postgresql://user@host/name. A heavy read takes `search_seconds`
    at most. Raises SpecError naming `database`.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SpecError("is not a database URL; write sqlite:///path", field="database") from error
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return SqliteDatabase(parsed, search_seconds)
    if kind == "postgresql":
        return PostgresDatabase(parsed, search_seconds)
    raise SpecError(f"{kind} is not supported; use sqlite or postgresql", field="database")
