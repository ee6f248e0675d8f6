"""What a database's errors mean: it is full, it is away, a search took too long, or it is a bug of ours.

Called by database, which raises these in place of what its driver raised, and by the three sides, which
answer them with their status. Every other error of a driver is a bug and stays what it was.
"""

from __future__ import annotations

import logging
import sqlite3
import time

REMIND_SECONDS = 60.0
CALM_SECONDS = 10.0
logger = logging.getLogger(__name__)


class Refusal(Exception):
    """The storage does not do what was asked, and nothing was changed. `detail` is for anybody to read."""

    status = 503
    detail = "The database does not answer; nothing was changed. Try again later"
    retry_after = 5
    """Seconds; 0 if trying again does not help."""

    def __init__(self, cause: str = "") -> None:
        self.cause = cause
        """What the database said, for the log."""
        super().__init__(self.detail)


class Unreachable(Refusal):
    """The database, or the file that holds it, is away or broken."""


class Full(Refusal):
    """There is no room for a write (RFC 4918 section 11.5: 507)."""

    status = 507
    detail = "The disk of the database is full; nothing was changed. Make room, then try again"
    retry_after = 60


class Busy(Refusal):
    """Too much of one organization is waiting already (RFC 6585 section 4: 429)."""

    status = 429
    detail = "Too many requests of this organization are waiting; send fewer at a time"
    retry_after = 1


class SearchTooLong(Refusal):
    """RFC 7644 section 3.12: tooMany, more than the server is willing to process."""

    status = 400
    detail = "The search took too long; narrow the filter, or look up one value with eq"
    retry_after = 0


_SQLITE: dict[int, type[Refusal]] = {
    sqlite3.SQLITE_FULL: Full,
    sqlite3.SQLITE_INTERRUPT: SearchTooLong,
    sqlite3.SQLITE_BUSY: Unreachable,
    sqlite3.SQLITE_LOCKED: Unreachable,
    sqlite3.SQLITE_READONLY: Unreachable,
    sqlite3.SQLITE_IOERR: Unreachable,
    sqlite3.SQLITE_CORRUPT: Unreachable,
    sqlite3.SQLITE_CANTOPEN: Unreachable,
    sqlite3.SQLITE_PROTOCOL: Unreachable,
    sqlite3.SQLITE_NOTADB: Unreachable,
}


def of_sqlite(error: BaseException) -> Refusal | None:
    """What an error of sqlite3 means (sqlite.org/rescode.html); None for a bug."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    found = _SQLITE.get(code)
    return None if found is None else found(f"{getattr(error, 'sqlite_errorname', '')}: {error}")


_STATES = ("08", "25006", "53", "57P", "58", "XX")
"""SQLSTATEs of a server that cannot work: connection, standby, resources, shutdown, system, corruption."""


def of_postgres(error: Exception) -> Refusal | None:
    """What an error of psycopg means (postgresql.org, appendix A); None for a bug."""
    state: str | None = getattr(error, "sqlstate", None)
    cause = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    if state == "57014":
        return SearchTooLong(cause)
    if state == "53100":
        return Full(cause)
    if state is None:
        is_lost = type(error).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout")
        return Unreachable(cause) if is_lost else None
    return Unreachable(cause) if state.startswith(_STATES) else None


class Health:
    """Whether the storage works, as the last write has found it, and what goes to the log about it.

    On a disk that is nearly full small writes go through and large ones don't: the log has one line for the
    failure, one a minute while it lasts, and one when nothing has failed for a while. Used from several
    threads; a line too many does no harm.
    """

    def __init__(self) -> None:
        self.problem: Refusal | None = None
        self._logged: type[Refusal] | None = None
        self._logged_at = self._failed_at = 0.0
        self._unlogged = 0

    def failed(self, refusal: Refusal) -> Refusal:
        """Notes a refusal, which is returned; those of a client's own making are no news."""
        if not isinstance(refusal, Unreachable | Full):
            return refusal
        now = self._failed_at = time.monotonic()
        self.problem = refusal
        self._unlogged += 1
        if type(refusal) is not self._logged or now - self._logged_at >= REMIND_SECONDS:
            self._logged, self._logged_at = type(refusal), now
            facts = {"cause": refusal.cause, "status": refusal.status, "requests": self._unlogged}
            logger.error("the database refuses requests", extra={"facts": facts})
            self._unlogged = 0
        return refusal

    def worked(self) -> None:
        """Notes that a write is on disk."""
        self.problem = None
        if self._logged is not None and time.monotonic() - self._failed_at >= CALM_SECONDS:
            self._logged = None
            logger.warning("the database works again", extra={"facts": {"requests": self._unlogged}})
            self._unlogged = 0
