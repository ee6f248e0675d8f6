"""One integration by the size of its org: a full reconcile with nothing to change, and the first push.

The true operator in a process of its own; Okta and the provider share the process of the bench. That nothing
is to be changed is arranged by filling the provider with what Okta says before the operator looks.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from statistics import median

from bench.fleet import INTEGRATIONS, JSON, Fleet, open_fleet
from bench.process import Replica, replica
from bench.provider import BULK
from bench.rows import Row, at_least, at_most, exactly, told
from bench.scim_load import USER, Load
from controller.api import REQUESTED_AT, SYNC_USER
from controller.api.meta import APPROVE
from controller.clock import SystemClock
from scim_sandbox.people import SandboxPerson
from scim_sandbox.watch_cache import Board, has_condition

SIZES = tuple(int(size) for size in os.environ.get("BENCH_SIZES", "1000,10000,100000").split(","))
PUSHES = ((10_000, 100), (500, 25))
"""(people, requests a second): the size that is asked for at a rate that ends soon, and the default rate."""
ROUNDS = 3
LONGEST_SECONDS = 600.0
APP_USERS_PAGE, MEMBERS_PAGE, ACCOUNTS_PAGE = 500, 200, 200
BULK_SIZE = 1000
CALENDLY = "urn:calendly:scim:schemas:2.0:User"
AROUND = 20
"""Calls of a full run beside the pages: app, types, schema, groups and their names, probe, admin API."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """A reconcile with nothing to change."""

    seconds: float
    calls: int
    pages: int
    first_mib: float
    last_mib: float
    writes: int
    small: Small


@dataclass(frozen=True, slots=True)
class Small:
    """A run for one person, who is up to date."""

    seconds: float
    processor_seconds: float
    okta_calls: int
    """The fewest: in others the System Log was polled meanwhile."""


def run() -> list[Row]:
    """Rows of each size, and of each push."""
    rows = []
    for people in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            rows += _rows_of_quiet(people, asyncio.run(_quiet(Path(folder), people)))
    for people, rate in PUSHES:
        with tempfile.TemporaryDirectory() as folder:
            rows += asyncio.run(_push(Path(folder), people, rate))
    return rows


def _rows_of_quiet(people: int, found: Quiet) -> list[Row]:
    what = f"full reconcile of {people:,} people, nothing to change"
    peer = f"median of {ROUNDS}; {found.seconds / people * 1e6:.0f} us a person"
    is_bound = people == 10_000
    each = (found.last_mib - found.first_mib) * 1024 / people
    return [
        at_most(what, found.seconds, "s", 10, peer) if is_bound else told(what, found.seconds, "s", peer),
        at_most(f"{what}: calls", found.calls, "calls", found.pages + AROUND, f"{found.pages} pages"),
        at_most(f"{what}: writes", found.writes, "writes", 0),
        told(f"{what}: operator", found.last_mib, "MiB", f"{each:.1f} KiB a person over an empty operator"),
        *_rows_of_small(people, found.small),
    ]


def _rows_of_small(people: int, found: Small) -> list[Row]:
    what = f"small run (one person) at {people:,} people"
    return [
        told(what, found.seconds, "s", f"from the annotation to the status; median of {ROUNDS}"),
        at_most(f"{what}: of one core", found.processor_seconds, "s", 1, "system time included"),
        at_most(f"{what}: calls of Okta", found.okta_calls, "calls", 8),
    ]


async def _quiet(folder: Path, people: int) -> Quiet:
    async with open_fleet(folder, 1, people, SystemClock()) as fleet:
        fleet.raise_limits(600)
        await _fill(fleet)
        with replica(fleet.kubeconfig, folder) as process:
            await process.until("/readyz", "ready", 60)
            first = process.resident_mib()
            await fleet.apply_all()
            async with Board(fleet.api, INTEGRATIONS) as board:
                await _approve(fleet, board)
                await _asked(fleet, board, "warm")
                calls, writes = _calls(fleet), _writes(fleet)
                seconds = [await _asked(fleet, board, f"round {number}") for number in range(ROUNDS)]
                small = await _small(fleet, board, process)
            last = process.peak_mib()
        made = (_calls(fleet) - calls) // ROUNDS
        wrote = _writes(fleet) - writes
        return Quiet(median(seconds), made, _pages(people), first, last, wrote, small)


async def _small(fleet: Fleet, board: Board, process: Replica) -> Small:
    """One person after the other, each when nothing else is under way."""
    seconds, processor, calls = list[float](), list[float](), list[int]()
    for number, person in enumerate(fleet.people[0][:ROUNDS]):
        asked, used, begun = fleet.busy.calls["okta"], process.cpu_seconds(), time.monotonic()
        value = f"{person.login}#{number}"
        await fleet.api.patch(INTEGRATIONS.below("t0"), {"metadata": {"annotations": {SYNC_USER: value}}})
        await board.until("t0", partial(_synced, value), LONGEST_SECONDS, "one person")
        seconds.append(time.monotonic() - begun)
        processor.append(process.cpu_seconds() - used)
        calls.append(fleet.busy.calls["okta"] - asked)
    return Small(median(seconds), median(processor), min(calls))


def _synced(value: str, body: JSON) -> bool:
    return (body.get("status") or {}).get("lastHandledSyncUser") == value


async def _approve(fleet: Fleet, board: Board) -> None:
    """A yes to the first table from values to groups, which touches everybody who is there and so is held."""
    body = await board.until("t0", lambda body: bool(_digest(body)), LONGEST_SECONDS, "the held plan")
    change = {"metadata": {"annotations": {APPROVE: _digest(body)}}}
    await fleet.api.patch(INTEGRATIONS.below("t0"), change)
    await board.until("t0", has_condition("InSync"), LONGEST_SECONDS, "InSync")


def _digest(body: JSON) -> str:
    return str(((body.get("status") or {}).get("plan") or {}).get("digest", ""))


def _pages(people: int) -> int:
    """Pages of app users, of the members of the two groups that rank seats, and of accounts, each page of
    which begins with the last of the page before."""
    ranked = 2 * ceil(people / 2 / MEMBERS_PAGE)
    return ceil(people / APP_USERS_PAGE) + ranked + ceil(people / (ACCOUNTS_PAGE - 1))


def _calls(fleet: Fleet) -> int:
    """Of Okta and the provider."""
    return fleet.busy.calls["okta"] + fleet.busy.calls["scim"]


def _writes(fleet: Fleet) -> int:
    return fleet.busy.writes["okta"] + fleet.busy.writes["scim"]


async def _asked(fleet: Fleet, board: Board, token: str) -> float:
    """Seconds from a request for a reconcile to the answer in the status."""
    begun = time.monotonic()
    change = {"metadata": {"annotations": {REQUESTED_AT: token}}}
    await fleet.api.patch(INTEGRATIONS.below("t0"), change)
    await board.until("t0", lambda body: _handled(body) == token, LONGEST_SECONDS, "the requested reconcile")
    return time.monotonic() - begun


def _handled(body: JSON) -> str:
    return str((body.get("status") or {}).get("lastHandledReconcileAt", ""))


async def _fill(fleet: Fleet) -> None:
    """Gives the provider every account as the operator would make it, and the groups of its mapping."""
    url, token = fleet.scim[0]
    load = Load(url, token)
    staff = fleet.people[0]
    for start in range(0, len(staff), BULK_SIZE):
        operations = [
            {"method": "POST", "path": "/Users", "bulkId": str(number), "data": _account(fleet, person)}
            for number, person in enumerate(staff[start : start + BULK_SIZE])
        ]
        status, body = await load.one("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})
        if status != 200 or any(each["status"] != "201" for each in body["Operations"]):
            raise RuntimeError(f"the provider was not filled: {status} {str(body)[:300]}")


def _account(fleet: Fleet, person: SandboxPerson) -> JSON:
    return {
        "schemas": [USER, CALENDLY],
        "userName": person.login,
        "externalId": fleet.org.login_ids[person.login],
        "name": {"givenName": person.first, "familyName": person.last},
        "displayName": person.display_name,
        "emails": [{"primary": True, "value": person.email, "type": "work"}],
        "active": True,
        CALENDLY: {"group": person.department},
    }


async def _push(folder: Path, people: int, rate: int) -> list[Row]:
    """Rows of the first push to an empty provider."""
    async with open_fleet(folder, 1, people, SystemClock()) as fleet:
        fleet.raise_limits(600)
        fleet.tenants[0][1]["spec"]["provider"]["requestsPerSecond"] = rate
        with replica(fleet.kubeconfig, folder) as process:
            await process.until("/readyz", "ready", 60)
            await fleet.apply_all()
            async with Board(fleet.api, INTEGRATIONS) as board:
                await board.until("t0", has_condition("InSync"), LONGEST_SECONDS, "InSync")
        times = fleet.busy.posts
    sustained = (len(times) - 1) / (times[-1] - times[0])
    what = f"first push of {people:,} people at {rate} requests a second"
    peer = f"{sustained:.1f} writes a second"
    listings = 2 * ceil(people / (ACCOUNTS_PAGE - 1))
    reads = fleet.busy.calls["scim"] - len(times)
    return [
        at_least(f"{what}: rate sustained", sustained / rate, "of the setting", 0.8, peer),
        exactly(f"{what}: creates", len(times), "writes", people),
        at_most(
            f"{what}: other calls of the provider",
            reads,
            "calls",
            listings + AROUND,
            f"two listings: {listings} pages",
        ),
    ]
