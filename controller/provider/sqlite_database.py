"""Units of work on SQLite: on the event loop with group commit, heavy reads in threads.

Called by database. On SQLite a read by index takes 2 to 80 microseconds and a hop to a thread about 60, both
measured, so jobs run on the loop itself; only the commit, whose fsync takes half a millisecond and more, runs
in a thread, and every write that arrived in the meantime shares the next one. SQLite has one writer in any
case, so this loses no parallelism. Durability is journal_mode=WAL with synchronous=FULL: an answered write
survives kill -9 and loss of power. A job that may take long is marked `heavy` and runs in a thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, OperationalError

from controller.errors import SpecError
from controller.provider.casefold import fold
from controller.provider.outages import Health, Refusal, Unreachable, of_sqlite
from controller.provider.private_files import make_private
from controller.provider.statements import Job, Memory, TimedUnit, Unit
from controller.provider.tables import migrate
from controller.provider.turns import SharedThreads, Turns

T = TypeVar("T")
SHARED_COMMIT = 16  # writes in one commit at most, so that reads are not held up for long
BUSY_SECONDS = 30.0
WAL_ATTEMPTS = 600
PAGE_CACHE_KIB = 2048  # a connection; the rest is the system's, so that memory does not grow with the data
HEAVY_THREADS = 4
LANE_SHARE = 0.5
LOOK_EVERY = 5_000
"""Instructions of SQLite's machine between two looks at the clock: 0.1 to 1 ms."""
FILE_SECONDS = 1.0
"""Between two looks whether the file is still there, by reads; writes look each time."""


def _enter_wal(connection: Connection) -> None:
    """Write-ahead logging. With this one statement SQLite waits for no lock: of several processes that start
    at once some hear that the database is locked (sqlite.org, PRAGMA journal_mode)."""
    for attempt in range(WAL_ATTEMPTS):
        try:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            return
        except OperationalError as error:
            is_busy = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or attempt == WAL_ATTEMPTS - 1:
                raise
            time.sleep(BUSY_SECONDS / WAL_ATTEMPTS)


@dataclass(slots=True)
class _Write:
    """One queued write."""

    job: Job[object]
    future: asyncio.Future[Any]
    is_heavy: bool


class SqliteDatabase:
    """One connection that writes, one that reads, both used on the loop; more in threads for heavy reads."""

    def __init__(self, url: URL, search_seconds: float) -> None:
        if not url.database or ":memory:" in url.database:
            raise SpecError("an in-memory database cannot be durable; name a file", field="database")
        self._path = Path(url.database)
        if not self._path.parent.is_dir():
            raise SpecError(f"the folder {self._path.parent} does not exist", field="database")
        self.health = Health()
        self.dialect = SQLiteDialect_pysqlite(paramstyle="named")
        self._search_seconds = search_seconds
        self._memory: Memory = {}
        make_private(self._path)
        self._migrate(url)
        self._file = self._identity()
        self._looked_at = 0.0
        self._writer = self._connect()
        self._reader = self._connect()
        self._reader.execute("PRAGMA query_only = ON")
        self._write_unit = Unit(self._writer, self.dialect, sqlite3.IntegrityError, self._memory)
        self._read_unit = Unit(self._reader, self.dialect, sqlite3.IntegrityError, self._memory)
        self._queue: Turns[_Write] = Turns()
        self._next: _Write | None = None
        self._drainer: asyncio.Task[None] | None = None
        self._committer = ThreadPoolExecutor(1, "provider-commit")
        self._heavy = SharedThreads("provider-read", HEAVY_THREADS, LANE_SHARE)
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
        except DatabaseError as error:
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

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _check_file(self) -> None:
        """Raises Unreachable if the file was taken away: SQLite would write on where nobody finds it."""
        if self._identity() != self._file:
            cause = f"{self._path} is gone or was replaced; put it back and restart"
            raise self.health.failed(Unreachable(cause))

    def _translated(self, error: sqlite3.Error) -> Refusal | sqlite3.Error:
        refusal = of_sqlite(error)
        return error if refusal is None else self.health.failed(refusal)

    # Reading

    async def read(self, job: Job[T], *, heavy: bool = False, lane: str = "") -> T:
        now = time.monotonic()
        if now - self._looked_at > FILE_SECONDS:
            self._check_file()
            self._looked_at = now
        if heavy:
            return await self._heavy.run(lane, lambda: self._read_in_thread(job))
        try:
            return job(self._read_unit)
        except sqlite3.Error as error:
            raise self._translated(error) from error.__cause__

    def _read_in_thread(self, job: Job[T]) -> T:
        unit: TimedUnit | None = getattr(self._local, "unit", None)
        try:
            if unit is None:
                unit = self._local.unit = self._timed_unit()
            unit.deadline = time.monotonic() + self._search_seconds
            return job(unit)
        except sqlite3.Error as error:
            raise self._translated(error) from error.__cause__

    def _timed_unit(self) -> TimedUnit:
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        self._opened.append(connection)
        unit = TimedUnit(connection, self.dialect, sqlite3.IntegrityError, self._memory)
        connection.set_progress_handler(unit.is_over, LOOK_EVERY)
        return unit

    async def compute(self, work: Callable[[], T], *, lane: str = "") -> T:
        return await self._heavy.run(lane, work)

    # Writing

    async def write(self, job: Job[T], *, heavy: bool = False, guarded: bool = False, lane: str = "") -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(lane, _Write(job, future, heavy))
        if self._drainer is None or self._drainer.done():
            self._drainer = loop.create_task(self._drain())
        return await future

    def run(self, job: Job[T]) -> T:
        try:
            (outcome,) = self._run_jobs_and_commit([job])
        except sqlite3.Error as error:
            refusal = of_sqlite(error)
            if refusal is None:
                raise
            raise SpecError(refusal.cause, field="database") from error
        if isinstance(outcome, Exception):
            raise outcome
        return outcome  # type: ignore[return-value]  # what the one job returned

    async def _drain(self) -> None:
        """Runs queued writes, one commit for all that wait, until none is left."""
        while batch := self._take_batch():
            try:
                outcomes = await self._run_batch(batch)
            except Exception as error:
                outcomes = [error] * len(batch)
            self._settle(batch, outcomes)

    def _take_batch(self) -> list[_Write]:
        """The next writes that share a commit; a heavy one has it for itself."""
        batch: list[_Write] = []
        while len(batch) < SHARED_COMMIT:
            write, self._next = self._next, None
            if write is None:
                taken = self._queue.take()
                if taken is None:
                    break
                write = taken[1]
            if write.is_heavy and batch:
                self._next = write
                break
            batch.append(write)
            if write.is_heavy:
                break
        return batch

    def _settle(self, batch: list[_Write], outcomes: list[object]) -> None:
        translated = [
            self._translated(outcome) if isinstance(outcome, sqlite3.Error) else outcome
            for outcome in outcomes
        ]
        if not all(isinstance(outcome, Exception) for outcome in translated):
            self.health.worked()
        for write, outcome in zip(batch, translated, strict=True):
            if write.future.done():
                continue
            if isinstance(outcome, Exception):
                write.future.set_exception(outcome)
            else:
                write.future.set_result(outcome)

    async def _run_batch(self, batch: list[_Write]) -> list[object]:
        self._check_file()
        loop = asyncio.get_running_loop()
        jobs = [write.job for write in batch]
        if batch[0].is_heavy:
            return await loop.run_in_executor(self._committer, self._run_jobs_and_commit, jobs)
        await self._begin_on_loop(loop)
        try:
            outcomes = self._run_jobs(jobs)
            await loop.run_in_executor(self._committer, self._writer.execute, "COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return outcomes

    async def _begin_on_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins at once if no other process writes, else waits for it in the thread."""
        self._writer.execute("PRAGMA busy_timeout = 0")
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            await loop.run_in_executor(self._committer, self._begin)

    def _begin(self) -> None:
        self._writer.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        self._writer.execute("BEGIN IMMEDIATE")

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def _run_jobs_and_commit(self, jobs: list[Job[object]]) -> list[object]:
        self._begin()
        try:
            outcomes = self._run_jobs(jobs)
            self._writer.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return outcomes

    def _run_jobs(self, jobs: list[Job[object]]) -> list[object]:
        """What each job returned or raised; one that raised has written nothing.

        Raises if SQLite has undone the whole transaction, as it may for want of room: what the jobs before
        did is lost, and what comes after would be committed by itself.
        """
        outcomes: list[object] = []
        for job in jobs:
            try:
                with self._write_unit.savepoint():
                    outcomes.append(job(self._write_unit))
            except Exception as error:
                if not self._writer.in_transaction:
                    raise
                outcomes.append(error)
        return outcomes

    async def close(self) -> None:
        if self._drainer is not None:
            await self._drainer
        self._committer.shutdown()
        self._heavy.shutdown()
        for connection in (self._reader, self._writer, *self._opened):
            connection.close()
