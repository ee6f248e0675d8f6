"""Many seeds, each in a process of its own that is forked from one with everything imported and prepared.

A fork costs a few milliseconds and leaves nothing behind, so that no world depends on the one before it.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.simulation.entropy import seed_everything
from tests.simulation.model.judge import Finding
from tests.simulation.run import BUG, Result, quiet_logs, run_seed
from tests.simulation.world import Template, make_template

WALL_SECONDS, CPU_SECONDS = 1800.0, 120
"""A world that takes longer is stuck in a way that the loop does not see."""
is_short = False
"""Whether worlds end after half an hour and are not settled: enough to compare traces."""
Job = tuple[int, frozenset[int] | None]
"""A seed, and the numbers of the events that happen; None for all."""


def prepared() -> Template:
    """What is shared by every world of this process; call it once."""
    quiet_logs()
    sys.unraisablehook = lambda _: None
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    state = os.urandom
    # A short world warms what the true code builds once for a process, and loads late.
    run_seed(0, make_template(), is_short=True)
    seed_everything(0)
    template = make_template()
    os.urandom = state
    gc.collect()
    gc.freeze()
    return template


@dataclass(slots=True)
class _Child:
    job: Job
    pid: int
    reader: int
    begun: float
    received: bytes = b""


def run_jobs(template: Template, jobs: Iterable[Job], workers: int) -> Iterator[Result]:
    """The results of `jobs`, as they come."""
    waiting, running = iter(jobs), dict[int, _Child]()
    exhausted = False
    while True:
        while not exhausted and len(running) < workers:
            job = next(waiting, None)
            if job is None:
                exhausted = True
                break
            child = _fork(template, job)
            running[child.reader] = child
        if not running:
            return
        yield from _collect(running)


def _fork(template: Template, job: Job) -> _Child:
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(writer)
        return _Child(job, pid, reader, time.monotonic())
    os.close(reader)
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        result = run_seed(job[0], template, keep=job[1], is_short=is_short)
        _write(writer, json.dumps(result.as_json()).encode())
        code = 0
    finally:
        os._exit(code)


def _write(writer: int, content: bytes) -> None:
    while content:
        content = content[os.write(writer, content) :]


def _collect(running: dict[int, _Child]) -> Iterator[Result]:
    ready, _, _ = select.select(list(running), [], [], 1.0)
    for reader in ready:
        child = running[reader]
        content = os.read(reader, 1 << 20)
        child.received += content
        if not content:
            del running[reader]
            os.close(reader)
            os.waitpid(child.pid, 0)
            yield _result(child)
    for child in running.values():
        if time.monotonic() - child.begun > WALL_SECONDS:
            os.kill(child.pid, signal.SIGKILL)


def _result(child: _Child) -> Result:
    seed = child.job[0]
    if not child.received:
        told = f"the process ended without a result after {time.monotonic() - child.begun:.0f} s"
        return Result(seed, [Finding(BUG, "", 0.0, told)])
    body: dict[str, Any] = json.loads(child.received)
    findings = [Finding(**finding) for finding in body.pop("findings")]
    return Result(**{**body, "findings": findings})


def run_one(template: Template, seed: int, keep: frozenset[int] | None = None) -> Result:
    """One world in a process of its own."""
    return next(run_jobs(template, [(seed, keep)], 1))


Runner = Callable[[frozenset[int]], Result]
