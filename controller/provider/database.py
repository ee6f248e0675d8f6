"""Where units of work run: SQLite on the event loop with group commit, PostgreSQL in a pool of threads.

Called by app, scim and admin as `await database.read(job)` and `await database.write(job)`; a job is a plain
function of a Unit and never awaits. `write` returns only when what the job did is on disk.

Why two ways, both measured: on SQLite a read by index takes 2 to 80 microseconds and a hop to a thread
about 60, so jobs run on the loop itself; only the commit, whose fsync takes half a millisecond and more,
runs in a thread, and every write that arrived meanwhile shares the next one. SQLite has one writer whatever
one does, so this loses no parallelism. Durability is journal_mode=WAL with synchronous=FULL: an answered
write survives kill -9 and loss of power. A job that may take long is marked `heavy` and runs in a thread
there too. On PostgreSQL every statement waits for another process, so jobs run in threads, one connection
each.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from controller.errors import SpecError
from controller.provider.folding import fold
from controller.provider.guarded import GuardedUnit, NeedsLocks
from controller.provider.statements import Taken, Unit
from controller.provider.tables import migrate

T = TypeVar("T")
Job = Callable[[Unit], T]
logger = logging.getLogger(__name__)

SHARED_COMMIT = 16  # writes in one commit at most, so that reads are not held up for long
BUSY_SECONDS = 30.0
WAL_ATTEMPTS = 600
PAGE_CACHE_KIB = 2048  # a connection; the rest is the system's, so that memory does not grow with the data
POSTGRES_THREADS = 16


class Database(Protocol):
    """What the rest of the provider knows of storage."""

    async def read(self, job: Job[T], *, heavy: bool = False) -> T:
        """What `job` returns; it must only read."""
        ...

    async def write(self, job: Job[T], *, heavy: bool = False, guarded: bool = False) -> T:
        """What `job` returns, once it is durable; undone as a whole where it raises.

        `guarded`: where that lets more be written at once, the job is given a GuardedUnit first. It may be
        run more than once, so it changes nothing but rows.
        """
        ...

    def run(self, job: Job[T]) -> T:
        """As `write`, for a caller without an event loop."""
        ...

    async def close(self) -> None:
        """Finishes what is under way and lets go of every connection."""
        ...


def open_database(url: str) -> Database:
    """A database at the present schema; creates the SQLite file where there is none.

    `url` is SQLAlchemy's: sqlite:///path or postgresql://user@host/name. Raises SpecError naming `database`.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SpecError("is not a database URL; write sqlite:///path", field="database") from error
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return SqliteDatabase(parsed)
    if kind == "postgresql":
        return PostgresDatabase(parsed)
    raise SpecError(f"{kind} is not supported; use sqlite or postgresql", field="database")


def _enter_wal(connection: Connection) -> None:
    """Write-ahead logging. With this one statement SQLite waits for no lock: of several processes that start
    at once some are told that the database is locked (sqlite.org, PRAGMA journal_mode)."""
    for attempt in range(WAL_ATTEMPTS):
        try:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            return
        except OperationalError as error:
            is_busy = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or attempt == WAL_ATTEMPTS - 1:
                raise
            time.sleep(BUSY_SECONDS / WAL_ATTEMPTS)


class SqliteDatabase:
    """One connection that writes, one that reads, both used on the loop; more in threads for heavy reads."""

    def __init__(self, url: URL) -> None:
        if not url.database or ":memory:" in url.database:
            raise SpecError("an in-memory database cannot be durable; name a file", field="database")
        self._path = Path(url.database)
        if not self._path.parent.is_dir():
            raise SpecError(f"the folder {self._path.parent} does not exist", field="database")
        self.dialect = SQLiteDialect_pysqlite(paramstyle="named")
        self._memory: dict[Any, Any] = {}
        self._migrate(url)
        self._writer = self._connect()
        self._reader = self._connect()
        self._reader.execute("PRAGMA query_only = ON")
        self._write_unit = Unit(self._writer, self.dialect, sqlite3.IntegrityError, self._memory)
        self._read_unit = Unit(self._reader, self.dialect, sqlite3.IntegrityError, self._memory)
        self._queue: deque[tuple[Job[Any], asyncio.Future[Any], bool]] = deque()
        self._drainer: asyncio.Task[None] | None = None
        self._committer = ThreadPoolExecutor(1, "provider-commit")
        self._heavy = ThreadPoolExecutor(4, "provider-read")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    def _migrate(self, url: URL) -> None:
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None})
        try:
            with engine.connect() as connection:
                _enter_wal(connection)
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    migrate(connection)
                except BaseException:
                    connection.exec_driver_sql("ROLLBACK")
                    raise
                connection.exec_driver_sql("COMMIT")
        except OperationalError as error:
            raise SpecError(f"cannot open {self._path}: {error.orig}", field="database") from error
        finally:
            engine.dispose()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")
        connection.create_function("scim_fold", 1, fold, deterministic=True)
        return connection

    async def read(self, job: Job[T], *, heavy: bool = False) -> T:
        if not heavy:
            return job(self._read_unit)
        return await asyncio.get_running_loop().run_in_executor(self._heavy, self._read_in_thread, job)

    def _read_in_thread(self, job: Job[T]) -> T:
        unit: Unit | None = getattr(self._local, "unit", None)
        if unit is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            self._opened.append(connection)
            unit = self._local.unit = Unit(connection, self.dialect, sqlite3.IntegrityError, self._memory)
        return job(unit)

    async def write(self, job: Job[T], *, heavy: bool = False, guarded: bool = False) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.append((job, future, heavy))
        if self._drainer is None or self._drainer.done():
            self._drainer = loop.create_task(self._drain())
        return await future

    def run(self, job: Job[T]) -> T:
        self._begin()
        try:
            result = job(self._write_unit)
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise
        self._writer.execute("COMMIT")
        return result

    async def _drain(self) -> None:
        """Runs queued writes, one commit for all that wait, until none is left."""
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(SHARED_COMMIT, len(self._queue)))]
            try:
                outcomes = await self._run_batch(batch)
            except Exception as error:
                logger.exception("a commit failed")
                outcomes = [error for _ in batch]
            for (_, future, _), outcome in zip(batch, outcomes, strict=True):
                if future.cancelled():
                    continue
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    async def _run_batch(self, batch: list[tuple[Job[Any], asyncio.Future[Any], bool]]) -> list[Any]:
        loop = asyncio.get_running_loop()
        jobs = [job for job, _, _ in batch]
        if any(heavy for _, _, heavy in batch):
            return await loop.run_in_executor(self._committer, self._run_jobs_and_commit, jobs)
        await self._begin_on_loop(loop)
        try:
            outcomes = self._run_jobs(jobs)
            await loop.run_in_executor(self._committer, self._writer.execute, "COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        return outcomes

    async def _begin_on_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins at once where no other process writes, else waits for it in the thread."""
        self._writer.execute("PRAGMA busy_timeout = 0")
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            await loop.run_in_executor(self._committer, self._begin)

    def _begin(self) -> None:
        self._writer.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        self._writer.execute("BEGIN IMMEDIATE")

    def _run_jobs_and_commit(self, jobs: list[Job[Any]]) -> list[Any]:
        self._begin()
        try:
            outcomes = self._run_jobs(jobs)
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        return outcomes

    def _run_jobs(self, jobs: list[Job[Any]]) -> list[Any]:
        """What each job returned or raised; one that raised has written nothing."""
        outcomes: list[Any] = []
        for job in jobs:
            try:
                with self._write_unit.savepoint():
                    outcomes.append(job(self._write_unit))
            except Exception as error:
                outcomes.append(error)
        return outcomes

    async def close(self) -> None:
        if self._drainer is not None:
            await self._drainer
        self._committer.shutdown()
        self._heavy.shutdown()
        for connection in (self._reader, self._writer, *self._opened):
            connection.close()


class PostgresDatabase:
    """Jobs in threads, a pooled connection each. READ COMMITTED: what must not race locks its row,
    or is written by one statement that finds it as it was read."""

    def __init__(self, url: URL) -> None:
        import psycopg

        self._errors = psycopg.errors
        self._contention = (self._errors.DeadlockDetected, self._errors.SerializationFailure)
        self._memory: dict[Any, Any] = {}
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        self._engine: Engine = create_engine(
            url, pool_size=POSTGRES_THREADS, max_overflow=2, pool_pre_ping=False, pool_use_lifo=True
        )
        event.listen(self._engine, "connect", _prepare_early)
        try:
            with self._engine.begin() as connection:
                migrate(connection)
        except BaseException as error:
            self._engine.dispose()
            if isinstance(error, OperationalError):
                raise SpecError(f"cannot reach the database: {error.orig}", field="database") from error
            raise
        self.dialect = self._engine.dialect
        self._threads = ThreadPoolExecutor(POSTGRES_THREADS, "provider-db")

    async def read(self, job: Job[T], *, heavy: bool = False) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._attempts, job, True)

    async def write(self, job: Job[T], *, heavy: bool = False, guarded: bool = False) -> T:
        attempts = self._guarded if guarded else self._locked
        return await asyncio.get_running_loop().run_in_executor(self._threads, attempts, job)

    def run(self, job: Job[T]) -> T:
        return self._locked(job)

    def _locked(self, job: Job[T]) -> T:
        return self._attempts(job, False)

    def _guarded(self, job: Job[T]) -> T:
        """Runs `job` without locks, and again on locked rows where that does not do: where it asks for them,
        and where the one statement wrote nothing because something had changed or a name was taken."""
        try:
            with self._connected(autocommit=True) as raw:
                unit = GuardedUnit(raw, self.dialect, self._errors.IntegrityError, self._memory)
                result = job(unit)
                unit.commit()
                return result
        except (NeedsLocks, Taken, self._errors.DivisionByZero, *self._contention):
            return self._locked(job)

    def _attempts(self, job: Job[T], reads: bool) -> T:
        """Runs `job`, again after a deadlock, and a read again after the server hung up."""
        for attempt in range(5):
            try:
                return self._once(job, reads)
            except self._contention:
                if attempt == 4:
                    raise
            except self._errors.OperationalError:
                if not reads or attempt:
                    raise
        raise AssertionError("unreachable")

    def _once(self, job: Job[T], reads: bool) -> T:
        with self._connected(autocommit=reads) as raw:
            result = job(Unit(raw, self.dialect, self._errors.IntegrityError, self._memory))
            if not reads:
                raw.commit()
            return result

    @contextmanager
    def _connected(self, *, autocommit: bool) -> Iterator[Any]:
        """A connection of the driver; an exception undoes what it has not committed."""
        connection = self._engine.raw_connection()
        raw: Any = connection.driver_connection
        raw.autocommit = autocommit
        try:
            yield raw
        except BaseException:
            if raw.closed or raw.broken:
                connection.invalidate()
            else:
                raw.rollback()
            raise
        finally:
            connection.close()

    async def close(self) -> None:
        self._threads.shutdown()
        self._engine.dispose()


def _prepare_early(connection: Any, _record: object) -> None:
    connection.prepare_threshold = 1
