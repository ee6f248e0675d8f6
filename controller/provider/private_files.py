"""Files that only their owner reads: the database's, with the people and the hashes of tokens in it.

Called by sqlite_database. SQLite gives -wal and -shm the mode of the database itself when it makes them.
"""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from controller.errors import SpecError

PRIVATE = 0o600
COMPANIONS = ("-wal", "-shm", "-journal")
logger = logging.getLogger(__name__)


def make_private(path: Path) -> None:
    """Makes `path` if it is missing, and it and its companions readable by nobody else.

    Raises SpecError naming `database` if it cannot be made. A file of another owner stays as it is: that
    is logged.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE))
    except OSError as error:
        raise SpecError(f"cannot open {path}: {error.strerror}", field="database") from error
    for each in (path, *(path.with_name(path.name + ending) for ending in COMPANIONS)):
        _restrict(each)


def _restrict(path: Path) -> None:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(PRIVATE)
    except FileNotFoundError:
        return
    except OSError as error:
        facts = {"file": str(path), "cause": str(error.strerror)}
        logger.warning("others may read a file of the database", extra={"facts": facts})
