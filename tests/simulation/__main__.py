"""`make simulate [SEEDS=n] [FROM=seed] [SEED=n]`: worlds one after the other, and what was wrong in them.

The last line is `simulated: worlds=N failed=N hours=N events=N faults=N kills=N trace=HASH`. Exits 0 only if
nothing failed; what is known and waits for an issue is counted as known, see known.py.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.simulation import fleet
from tests.simulation.known import issue_of
from tests.simulation.model.judge import ALWAYS, Finding
from tests.simulation.regressions import REGRESSIONS
from tests.simulation.run import Result
from tests.simulation.schedule import Event
from tests.simulation.shrink import breaks, shrink
from tests.simulation.world import Template

SHRUNK = 3
"""So many failures are made short; the others are only told."""


@dataclass(slots=True)
class Total:
    """What all worlds came to."""

    worlds: int = 0
    failed: int = 0
    hours: float = 0.0
    events: int = 0
    faults: int = 0
    kills: int = 0
    seconds: float = 0.0
    traces: dict[int, str] = field(default_factory=dict)
    known: Counter[str] = field(default_factory=Counter)
    seen: dict[str, set[int]] = field(default_factory=dict)
    """Seeds by what `make simulate` fails for and the gate only reports."""

    def add(self, result: Result, *, is_gate: bool = False) -> list[Finding]:
        """Counts a world; the findings that no issue knows. With `is_gate` only what must hold at all times."""
        self.worlds += 1
        self.hours += result.hours
        self.events += result.events
        self.faults += result.faults
        self.kills += result.kills
        self.seconds += result.seconds
        self.traces[result.seed] = result.trace
        new = []
        for finding in result.findings:
            issue = issue_of(finding)
            if issue:
                self.known[f"{finding.invariant}: {issue}"] += 1
            elif is_gate and finding.invariant not in ALWAYS:
                self.seen.setdefault(finding.invariant, set()).add(result.seed)
            else:
                new.append(finding)
        self.failed += bool(new)
        return new

    def line(self) -> str:
        """The last line. The trace is that of all worlds in the order of their seeds."""
        whole = hashlib.sha256("".join(self.traces[seed] for seed in sorted(self.traces)).encode())
        return (
            f"simulated: worlds={self.worlds} failed={self.failed} hours={self.hours:.0f} events={self.events} "
            f"faults={self.faults} kills={self.kills} trace={whole.hexdigest()[:16]}"
        )


def main(arguments: list[str] | None = None) -> int:
    """0 only if every world was as it must be."""
    asked = _parser().parse_args(arguments)
    _fix_hashes()
    template = fleet.prepared()
    if asked.regressions:
        return _regressions(template)
    if asked.seed is not None:
        return _replay(template, asked.seed, asked.events)
    total, begun, shrunk = Total(), time.monotonic(), 0
    start = _of_today() if asked.today else asked.start
    seeds = range(start, start + asked.seeds)
    print(f"seeds {start} to {start + asked.seeds - 1}", flush=True)
    fleet.is_short = asked.short
    jobs = ((seed, None) for seed in seeds if not asked.minutes or _in_time(begun, asked.minutes))
    for result in fleet.run_jobs(template, jobs, asked.workers):
        new = total.add(result, is_gate=asked.gate)
        if asked.verbose:
            told = ", ".join(finding.invariant for finding in result.findings) or "nothing wrong"
            cost = f"{result.hours:.1f} h, {result.seconds:.1f} s, {result.calls} calls"
            print(f"seed {result.seed}: {cost}: {told}", flush=True)
        if new:
            shrunk += 1
            _tell(template, result, new, is_shrunk=shrunk <= SHRUNK and not asked.quick)
    for told, seen in sorted(total.seen.items()):
        print(f"not yet a failure here: {told} in seeds {', '.join(map(str, sorted(seen)))}")
    for told, count in sorted(total.known.items()):
        print(f"known: {count} x {told}")
    minutes = max(total.seconds / 60, 1e-9)
    print(
        f"per minute of one core: {total.worlds / minutes:.1f} worlds, {total.hours / minutes:.0f} hours, "
        f"{total.events / minutes:.0f} events, {total.faults / minutes:.0f} faults, {total.kills / minutes:.1f} kills"
    )
    print(total.line(), flush=True)
    return 1 if total.failed else 0


def _of_today() -> int:
    """The first seed of today: others each day, the same for everybody."""
    return int(datetime.now(UTC).strftime("%y%j")) * 1000


def _regressions(template: Template) -> int:
    """A line for each regression: whether its world breaks its invariant."""
    results: dict[tuple[int, str], Result] = {}
    for one in REGRESSIONS:
        key = (one.seed, one.events)
        if key not in results:
            results[key] = fleet.run_one(template, one.seed, _numbers(one.events) if one.events else None)
        is_broken = breaks(results[key].findings, one.invariant)
        print(f"{one.name}: {'broken' if is_broken else 'holds'}", flush=True)
    return 0


def _numbers(events: str) -> frozenset[int]:
    return frozenset(int(one) for one in events.split(",") if one)


def _fix_hashes() -> None:
    """Sets of strings have the same order in every run."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        os.execve(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]], environment)


def _in_time(begun: float, minutes: float) -> bool:
    return time.monotonic() - begun < minutes * 60


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--from", dest="start", type=int, default=1)
    parser.add_argument("--seed", type=int, help="one world, with all that happens in it")
    parser.add_argument("--events", help="with --seed: only these events, by number, separated by commas")
    parser.add_argument("--minutes", type=float, default=0.0, help="begin no world after this time")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--short", action="store_true", help="end each world after half an hour, unsettled")
    parser.add_argument("--today", action="store_true", help="begin with the seed of today")
    parser.add_argument("--gate", action="store_true", help="fail only for what must hold at all times")
    parser.add_argument("--regressions", action="store_true", help="the worlds of regressions.py")
    parser.add_argument("--verbose", action="store_true", help="say what each world cost")
    parser.add_argument("--quick", action="store_true", help="make no failure short")
    return parser


def _tell(template: Template, result: Result, new: list[Finding], *, is_shrunk: bool) -> None:
    for finding in new:
        print(f"FAILED seed {result.seed}: {_shown(finding)}", flush=True)
    if not is_shrunk or not result.kinds:
        print(f"  replay: make simulate SEED={result.seed}", flush=True)
        return
    invariant = new[0].invariant
    kept, _ = shrink(
        lambda keep: fleet.run_one(template, result.seed, keep), range(len(result.kinds)), invariant
    )
    numbers = ",".join(map(str, sorted(kept)))
    told = ", ".join(f"{number} {result.kinds[number]}" for number in sorted(kept)) or "no event at all"
    print(f"  shortest: {told}")
    print(f'  replay: make simulate SEED={result.seed} EVENTS="{numbers}"', flush=True)


def _shown(finding: Finding) -> str:
    where = f" of {finding.tenant}" if finding.tenant else ""
    return f"{finding.invariant}{where} at {finding.at:.0f} s: {finding.message}"


def _replay(template: Template, seed: int, events: str | None) -> int:
    from tests.simulation import blueprint
    from tests.simulation.events import plan

    keep = None if events is None else _numbers(events)
    total = Total()
    result = fleet.run_one(template, seed, keep)
    new = total.add(result)
    for event in _planned(plan(blueprint.draw(seed)), keep):
        print(f"{event.at:9.1f} s  {event.number:3} {event.kind}")
    for finding in result.findings:
        print(f"{'FAILED' if finding in new else 'known'} {_shown(finding)}")
    print(total.line(), flush=True)
    return 1 if new else 0


def _planned(events: list[Event], keep: frozenset[int] | None) -> list[Event]:
    return [event for event in events if keep is None or event.number in keep]


if __name__ == "__main__":
    sys.exit(main())
