"""The provider under load beside scim2-server 0.8.3 in memory, in one run: `python -m bench --only provider`.

Both under uvicorn, one process, 10,000 users, eight connections that each wait for their answer. The
provider is durable (SQLite, WAL, synchronous=FULL: each answered write is on disk) and checks a token; the
peer keeps everything in memory and checks none. Then the provider alone: 100,000 users, groups of three
sizes, and one and two processes on PostgreSQL where there is one.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.scim_load import Load, Result
from bench.share import limited

USERS = int(os.environ.get("BENCH_USERS", "10000"))
MANY = int(os.environ.get("BENCH_MANY_USERS", "100000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "1.5"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "4"))
SIZES = (10, 500, 10_000)
SHARE = 0.4  # of a core, for each of two processes
PEER = "scim2-server 0.8.3 in memory"
DURABLE = "SQLite, WAL, synchronous=FULL"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
# Phase, title, statuses that are right, least multiple of the peer.
PHASES = (
    ("list", "list 100", {200}, 40.0),
    ("filter", "filter userName eq", {200}, 2.0),
    ("get", "get by id", {200}, 1.5),
    ("patch", "PATCH active", {200, 204}, 1.0),
    ("create", "create", {201}, 0.9),
)
Row = dict[str, Any]
Figures = dict[tuple[str, str], Result]


@dataclass
class Server:
    """A started server."""

    process: subprocess.Popen[bytes]
    base_url: str
    token: str

    def resident_mib(self) -> float:
        """The process's resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def cpu_seconds(self) -> float:
        """Processor time that the process has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(each) for each in fields[11:13]) / os.sysconf("SC_CLK_TCK")

    def load(self, concurrency: int = 8) -> Load:
        """A client of it."""
        return Load(self.base_url, self.token, concurrency)


@contextmanager
def started(which: str, database: str = "", token: str = "") -> Iterator[Server]:
    """A server in a process of its own; `token` is that of an organization that is there already."""
    with socket.socket() as listener, tempfile.TemporaryDirectory() as folder:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.close()
        token_file = Path(folder, "token")
        wants_token = which == "ours" and not token
        command = [sys.executable, "-m", "bench.provider_server", which, database, str(port)]
        process = subprocess.Popen(command + ([str(token_file)] if wants_token else []))
        try:
            _wait_for(port)
            path = "/scim/v2/bench" if which == "ours" else "/v2"
            token = token_file.read_text() if wants_token else token
            yield Server(process, f"http://127.0.0.1:{port}{path}", token)
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the server did not start")


def _row(
    figure: str, value: float, unit: str, bound: str = "", peer: str = "", holds: bool | None = None,
) -> Row:  # fmt: skip
    return {
        "figure": f"provider: {figure}", "value": round(value, 2), "unit": unit, "bound": bound, "peer": peer,
        "holds": holds,
    }  # fmt: skip


async def measure(servers: dict[str, Server], users: int, sizes: tuple[int, ...]) -> Figures:
    """Every phase on every server in turns, so that what else the machine does hits all of them alike.

    A phase's figure is the better of its rounds. Sizes other than 500 are measured on the provider alone.
    """
    loads = {name: server.load() for name, server in servers.items()}
    for load in loads.values():
        await load.fill(users)
    best: Figures = {}
    for _ in range(ROUNDS):
        for phase, _, expected, _ in PHASES[:-1]:
            for name, load in loads.items():
                _keep(best, name, await load.run(phase, getattr(load, phase), expected, SECONDS))
        for size in sizes:
            for name, load in loads.items():
                if name == "ours" or size == 500:
                    _keep(best, name, await _measure_member(load, size))
        for name, load in loads.items():
            _keep(best, name, await load.run("create", load.create, {201}, SECONDS))
    return best


def _keep(best: Figures, name: str, result: Result) -> None:
    if result.errors:
        raise RuntimeError(f"{name}, {result.phase}: {dict(result.errors)}")
    key = (name, result.phase)
    if key not in best or result.per_second > best[key].per_second:
        best[key] = result


async def _measure_member(load: Load, size: int) -> Result:
    await load.make_group(min(size, len(load.ids) - 60))
    result = await load.run(f"member {size}", load.patch_member, {200, 204}, SECONDS)
    await load.drop_group()
    return result


def against_peer(folder: Path) -> list[Row]:
    """Rows of each phase, the peer's figure beside ours."""
    with started("peer") as peer, started("ours", f"sqlite:///{folder}/ours.sqlite") as ours:
        best = asyncio.run(measure({"peer": peer, "ours": ours}, USERS, SIZES))
    rows = []
    for phase, title, _, multiple in (*PHASES, ("member 500", "PATCH one member of 500", set(), 20.0)):
        theirs, mine = best["peer", phase].per_second, best["ours", phase].per_second
        told = f"{PEER}: {theirs:.0f} req/s"
        rows.append(_row(f"{title}, {USERS:,} users", mine, "req/s", peer=DURABLE))
        rows.append(
            _row(
                f"{title} against the peer",
                mine / theirs,
                "x",
                f">= {multiple:g}",
                told,
                mine >= multiple * theirs,
            )
        )
    spread = [best["ours", f"member {size}"].per_second for size in SIZES]
    ratio = max(spread) / min(spread)
    rows.append(_row("PATCH one member, 10 to 10,000 members", ratio, "x", "<= 1.5", DURABLE, ratio <= 1.5))
    return rows


async def seed(server: Server, users: int) -> None:
    """Creates users by Bulk until there are `users`."""
    load = server.load()
    _, page = await load.one("GET", "/Users?count=0")
    for start in range(page["totalResults"], users, 1000):
        operations = [
            {"method": "POST", "path": "/Users", "bulkId": str(n), "data": load.user(f"seed{n}@example.com")}
            for n in range(start, min(start + 1000, users))
        ]
        status, body = await load.one("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})
        if status != 200 or any(each["status"] != "201" for each in body["Operations"]):
            raise RuntimeError(f"seeding failed: {status} {json.dumps(body)[:300]}")


def at_size(folder: Path) -> list[Row]:
    """Rows of the slowest percent at 100,000 users, and of memory against 10,000."""
    database = f"sqlite:///{folder}/many.sqlite"
    memory: list[float] = []
    results: Figures = {}
    token = ""
    for users in (min(USERS, MANY), MANY):
        with started("ours", database, token) as server:
            token = server.token
            asyncio.run(seed(server, users))
        with started("ours", database, token) as server:
            results = asyncio.run(measure({"ours": server}, users, (500,)))
            memory.append(server.resident_mib())
    rows = []
    for phase, title, _, _ in (*PHASES, ("member 500", "PATCH one member of 500", set(), 0.0)):
        slowest = results["ours", phase].at(0.99)
        rows.append(
            _row(f"p99 of {title}, {MANY:,} users", slowest, "ms", "< 50", "8 at a time", slowest < 50)
        )
    growth = memory[1] / memory[0]
    told = f"{memory[0]:.0f} MiB at {min(USERS, MANY):,} users"
    rows.append(_row(f"memory at {MANY:,} users", memory[1], "MiB"))
    rows.append(_row("growth of memory", growth, "x", "<= 1.1", told, growth <= 1.1))
    return rows


@dataclass(frozen=True)
class Throughput:
    """Requests a second over all processes, and the milliseconds of processor time that each cost them."""

    per_second: float
    cost: float

    @staticmethod
    def best(rounds: list[Throughput]) -> Throughput:
        """The best of each."""
        return Throughput(max(each.per_second for each in rounds), min(each.cost for each in rounds))


async def _together(servers: list[Server], phase: str) -> Throughput:
    """What all servers do at once, with eight connections each."""
    loads = [server.load() for server in servers]
    await loads[0].fill(2000)
    for load in loads:
        load.ids, load.names = loads[0].ids, loads[0].names
    spent = sum(server.cpu_seconds() for server in servers)
    results = await asyncio.gather(
        *(load.run(phase, getattr(load, phase), {200, 201}, SECONDS) for load in loads)
    )
    if any(result.errors for result in results):
        raise RuntimeError(f"{phase}: {[dict(result.errors) for result in results]}")
    spent = sum(server.cpu_seconds() for server in servers) - spent
    per_second = sum(result.per_second for result in results)
    return Throughput(per_second, 1000 * spent / sum(result.requests for result in results))


def on_postgresql() -> list[Row]:
    """Rows of one and of two processes on one PostgreSQL; none where there is no PostgreSQL.

    Throughput can only double where there are processors to spare: each process is held to SHARE of a core,
    as a container with that limit is, and client and database have the rest. Without limits it is told too.
    """
    from tests.contract.provider.postgres import binaries, cluster, new_database

    folder = binaries()
    if folder is None:
        return []
    rows = []
    with cluster(folder) as url, ExitStack() as stack:
        database = new_database(url)
        first = stack.enter_context(started("ours", database))
        second = stack.enter_context(started("ours", database, first.token))
        for phase, title, _, _ in PHASES:
            rows += _scaling(first, second, phase, title)
    return rows


def _scaling(first: Server, second: Server, phase: str, title: str) -> list[Row]:
    """How two processes compare with one: by requests a second, and by processor time a request."""
    with limited([first.process.pid, second.process.pid], SHARE) as is_limited:
        one, two = _one_and_two(first, second, phase)
    free_one, free_two = _one_and_two(first, second, phase)
    share = f"{SHARE:g} of a core each" if is_limited else "cores shared with client and database"
    told = f"one: {one.per_second:.0f} req/s; {share}"
    cores = f"one: {free_one.per_second:.0f} req/s; {os.cpu_count()} cores for client, database and processes"
    figure = f"two processes on PostgreSQL against one, {title}"
    times, cost = two.per_second / one.per_second, free_two.cost / free_one.cost
    return [
        _row(figure, times, "x", ">= 1.6", told, times >= 1.6),
        _row(f"{figure}, without limits", free_two.per_second / free_one.per_second, "x", "", cores),
        _row(
            f"processor time a request, {figure}", cost, "x", "<= 1.25",
            f"one: {free_one.cost:.2f} ms a request", cost <= 1.25,
        ),
    ]  # fmt: skip


def _one_and_two(first: Server, second: Server, phase: str) -> tuple[Throughput, Throughput]:
    """The best of the rounds of one process, and of two: what else the machine does only takes."""
    ones, twos = [], []
    for _ in range(ROUNDS):
        ones.append(asyncio.run(_together([first], phase)))
        twos.append(asyncio.run(_together([first, second], phase)))
    return Throughput.best(ones), Throughput.best(twos)


def run() -> list[Row]:
    """One row for each figure."""
    with tempfile.TemporaryDirectory() as folder:
        return [*against_peer(Path(folder)), *at_size(Path(folder)), *on_postgresql()]


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
