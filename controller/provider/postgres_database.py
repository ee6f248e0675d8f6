"""Units of work on PostgreSQL, in pools of threads: there every statement waits for another process.

Called by database. Jobs have a pooled connection each, READ COMMITTED: what must not race locks its row, or
is written by one statement that finds it as it was read. Heavy reads have threads and connections of their
own, on which the server itself ends a statement in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from controller.errors import SpecError
from controller.provider.optimistic_write import GuardedUnit, NeedsLocks
from controller.provider.outages import Health, Refusal, Unreachable, of_postgres
from controller.provider.statements import Job, Memory, Taken, TimedUnit, Unit
from controller.provider.tables import migrate
from controller.provider.turns import SharedThreads

T = TypeVar("T")
THREADS = 16
LANE_SHARE = 0.75
HEAVY_THREADS = 4
HEAVY_SHARE = 0.5
# A server that is away is noticed in seconds, not after the two hours that a system waits by itself.
PATIENCE = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}


class PostgresDatabase:
    """Jobs in threads, a pooled connection each."""

    def __init__(self, url: URL, search_seconds: float) -> None:
        import psycopg

        self._errors = psycopg.errors
        self._error = psycopg.Error
        self._contention = (self._errors.DeadlockDetected, self._errors.SerializationFailure)
        self._memory: Memory = {}
        self._search_seconds = search_seconds
        self.health = Health()
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        url = url.update_query_dict(
            {name: value for name, value in PATIENCE.items() if name not in url.query}
        )
        self._engine = _engine(url, THREADS, 0.0)
        self._heavy_engine = _engine(url, HEAVY_THREADS, search_seconds)
        try:
            with self._engine.begin() as connection:
                migrate(connection)
        except BaseException as error:
            self._engine.dispose()
            if isinstance(error, OperationalError):
                raise SpecError(f"cannot reach the database: {error.orig}", field="database") from error
            raise
        self.dialect = self._engine.dialect
        self._threads = SharedThreads("provider-db", THREADS, LANE_SHARE)
        self._heavy = SharedThreads("provider-read", HEAVY_THREADS, HEAVY_SHARE)

    async def read(self, job: Job[T], *, heavy: bool = False, lane: str = "") -> T:
        if heavy:
            return await self._heavy.run(
                lane, lambda: self._translating(lambda: self._attempts(job, self._search))
            )
        return await self._threads.run(
            lane, lambda: self._translating(lambda: self._attempts(job, self._look))
        )

    async def write(self, job: Job[T], *, heavy: bool = False, guarded: bool = False, lane: str = "") -> T:
        attempts = self._guarded if guarded else self._locked
        return await self._threads.run(lane, lambda: self._written(lambda: attempts(job)))

    def run(self, job: Job[T]) -> T:
        try:
            return self._translating(lambda: self._locked(job))
        except Refusal as error:
            raise SpecError(error.cause, field="database") from error

    def _written(self, work: Callable[[], T]) -> T:
        result = self._translating(work)
        self.health.worked()
        return result

    def _translating(self, work: Callable[[], T]) -> T:
        """What `work` returns; what the server cannot do is raised as a Refusal."""
        try:
            return work()
        except PoolTimeout as error:
            raise self.health.failed(Unreachable("no connection was free in time")) from error
        except self._error as error:
            refusal = of_postgres(error)
            if refusal is None:
                raise
            if isinstance(refusal, Unreachable):
                self._forget_connections()
            raise self.health.failed(refusal) from error

    def _locked(self, job: Job[T]) -> T:
        return self._attempts(job, self._once)

    def _guarded(self, job: Job[T]) -> T:
        """Runs `job` without locks, and again on locked rows if that does not do: if it asks for them,
        and if the one statement wrote nothing because something had changed or a name was taken."""
        try:
            with self._connected(autocommit=True) as raw:
                unit = GuardedUnit(raw, self.dialect, self._errors.IntegrityError, self._memory)
                result = job(unit)
                unit.commit()
                return result
        except (NeedsLocks, Taken, self._errors.DivisionByZero, *self._contention):
            return self._locked(job)

    def _attempts(self, job: Job[T], once: Callable[[Job[T]], T]) -> T:
        """Runs `job`, again after a deadlock, and a read again after the server hung up."""
        for attempt in range(5):
            try:
                return once(job)
            except self._contention:
                if attempt == 4:
                    raise
            except self._errors.QueryCanceled:
                raise
            except self._errors.OperationalError:
                self._forget_connections()
                if once == self._once or attempt:
                    raise
        raise AssertionError("unreachable")

    def _forget_connections(self) -> None:
        """After the server hung up, the other idle connections are as dead as this one."""
        for engine in (self._engine, self._heavy_engine):
            engine.dispose()

    def _once(self, job: Job[T]) -> T:
        with self._connected(autocommit=False) as raw:
            result = job(Unit(raw, self.dialect, self._errors.IntegrityError, self._memory))
            raw.commit()
            return result

    def _look(self, job: Job[T]) -> T:
        with self._connected(autocommit=True) as raw:
            return job(Unit(raw, self.dialect, self._errors.IntegrityError, self._memory))

    def _search(self, job: Job[T]) -> T:
        with self._connected(autocommit=True, is_heavy=True) as raw:
            unit = TimedUnit(raw, self.dialect, self._errors.IntegrityError, self._memory)
            unit.deadline = time.monotonic() + self._search_seconds
            return job(unit)

    @contextmanager
    def _connected(self, *, autocommit: bool, is_heavy: bool = False) -> Iterator[Any]:
        """A connection of the driver; an exception undoes what it has not committed."""
        connection = (self._heavy_engine if is_heavy else self._engine).raw_connection()
        raw: Any = connection.driver_connection
        try:
            raw.autocommit = autocommit
            yield raw
        except BaseException:
            if raw.closed or raw.broken:
                connection.invalidate()
            else:
                raw.rollback()
            raise
        finally:
            connection.close()

    async def compute(self, work: Callable[[], T], *, lane: str = "") -> T:
        return await self._heavy.run(lane, work)

    async def close(self) -> None:
        self._threads.shutdown()
        self._heavy.shutdown()
        self._engine.dispose()
        self._heavy_engine.dispose()


def _engine(url: URL, size: int, statement_seconds: float) -> Engine:
    """Connections whose statements end after so many seconds; 0 for never."""
    engine = create_engine(url, pool_size=size, max_overflow=2, pool_pre_ping=False, pool_use_lifo=True)

    def prepare(connection: Any, _record: object) -> None:
        connection.prepare_threshold = 1
        if statement_seconds:
            connection.execute(f"SET statement_timeout = {max(1, int(statement_seconds * 1000))}")
            connection.commit()

    event.listen(engine, "connect", prepare)
    return engine
