"""Processes held to a part of a core, as a container with a CPU limit is: used by bench.provider.

On a machine with few cores two processes cannot do twice the work of one that has a core to itself; two of
half a core can, if they do not get in each other's way. Works by control groups, where this user may make
one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PERIOD_MICROSECONDS = 20_000


@contextmanager
def limited(pids: list[int], cores: float) -> Iterator[bool]:
    """Holds each of `pids` to `cores` of a core while inside; False where this machine does not let us."""
    with ExitStack() as stack:
        try:
            for pid in pids:
                stack.enter_context(_group(pid, int(cores * PERIOD_MICROSECONDS)))
        except OSError:
            stack.close()
            yield False
        else:
            yield True


@contextmanager
def _group(pid: int, quota: int) -> Iterator[None]:
    """A control group with `pid` in it, gone afterwards. Raises OSError where there can be none."""
    parent = ROOT / "cpu" if (ROOT / "cpu").is_dir() else ROOT
    folder = parent / f"bench-{os.getpid()}-{pid}"
    folder.mkdir()
    try:
        if parent == ROOT:
            (folder / "cpu.max").write_text(f"{quota} {PERIOD_MICROSECONDS}")
        else:
            (folder / "cpu.cfs_period_us").write_text(str(PERIOD_MICROSECONDS))
            (folder / "cpu.cfs_quota_us").write_text(str(quota))
        (folder / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        with suppress(OSError):
            (parent / "cgroup.procs").write_text(str(pid))
        folder.rmdir()
