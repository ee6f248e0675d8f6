"""How soon a person who is assigned in Okta has an account at the provider: by the System Log, by an event
hook.

The true operator in a process of its own, with its default settings, over HTTP. People are assigned one after
the other at odd moments, as they are in a company, and not all at the moment of a poll.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from pathlib import Path

import httpx

from bench.fleet import INTEGRATIONS, Fleet, open_fleet
from bench.process import Replica, replica
from bench.rows import Row, at_most, percentile, told
from bench.scim_load import Load
from controller.clock import SystemClock
from scim_sandbox.okta import directory
from scim_sandbox.okta.records import UserRecord
from scim_sandbox.run import free_port
from scim_sandbox.watch_cache import Board, has_condition

PEOPLE = 40
COMING = 20
APART_SECONDS = 3.7
LONGEST_SECONDS = 120.0
EVENTS = ["group.user_membership.add", "application.user_membership.add"]


def run() -> list[Row]:
    """p50 and p95 of both ways."""
    rows = []
    for way, bound in (("the event hook", 5.0), ("the System Log", 60.0)):
        with tempfile.TemporaryDirectory() as folder:
            seconds = asyncio.run(_measure(Path(folder), with_hook="hook" in way))
        what, peer = f"assigned in Okta to account, by {way}", f"{COMING} people, {APART_SECONDS} s apart"
        rows.append(told(f"{what}, p50", percentile(seconds, 0.5), "s", peer))
        rows.append(at_most(f"{what}, p95", percentile(seconds, 0.95), "s", bound, peer))
    return rows


async def _measure(folder: Path, *, with_hook: bool) -> list[float]:
    port, secret = free_port(), secrets.token_urlsafe(20)
    (folder / "hook-secret").write_text(secret)
    hook = {"hook_port": str(port), "hook_secret_file": str(folder / "hook-secret")} if with_hook else {}
    async with open_fleet(folder, 1, PEOPLE, SystemClock(), spare=COMING) as fleet:
        fleet.raise_limits(10)
        with replica(fleet.kubeconfig, folder, **hook) as process:
            await _settle(fleet, process)
            if with_hook:
                await _register(fleet, f"http://127.0.0.1:{port}/", secret)
            return await _assign(fleet)


async def _settle(fleet: Fleet, process: Replica) -> None:
    await process.until("/readyz", "ready", 60)
    await fleet.apply_all()
    async with Board(fleet.api, INTEGRATIONS) as board:
        await board.until("t0", has_condition("InSync"), LONGEST_SECONDS, "InSync")


async def _register(fleet: Fleet, uri: str, secret: str) -> None:
    """An event hook, verified, as an administrator makes it."""
    auth = {"type": "HEADER", "key": "Authorization", "value": secret}
    channel = {"type": "HTTP", "version": "1.0.0", "config": {"uri": uri, "authScheme": auth}}
    body = {"name": "operator", "events": {"type": "EVENT_TYPE", "items": EVENTS}, "channel": channel}
    headers = {"authorization": f"SSWS {fleet.okta_token}"}
    async with httpx.AsyncClient(base_url=fleet.org.url, headers=headers, trust_env=False) as client:
        made = (await client.post("/api/v1/eventHooks", json=body)).raise_for_status().json()
        path = f"/api/v1/eventHooks/{made['id']}/lifecycle/verify"
        (await client.post(path)).raise_for_status()


async def _assign(fleet: Fleet) -> list[float]:
    """Seconds for each of the people who come."""
    group = next(one for one in fleet.org.groups.values() if one.profile["name"] == "App 0 users")
    arrivals = []
    for number in range(COMING):
        login = f"new{number}@example.com"
        names = {"firstName": f"New{number}", "lastName": "Comer", "displayName": f"New{number} Comer"}
        user = directory.create_user(fleet.org, {"login": login, "email": login, **names})
        directory.add_member(fleet.org, group, user)
        arrivals.append(asyncio.create_task(_arrival(fleet, user)))
        await asyncio.sleep(APART_SECONDS)
    return list(await asyncio.gather(*arrivals))


async def _arrival(fleet: Fleet, user: UserRecord) -> float:
    begun, load = time.monotonic(), Load(*fleet.scim[0])
    path = f'/Users?filter=userName eq "{user.profile["login"]}"'.replace(" ", "%20").replace('"', "%22")
    while time.monotonic() - begun < LONGEST_SECONDS:
        _, found = await load.one("GET", path)
        if found.get("totalResults"):
            return time.monotonic() - begun
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{user.profile['login']} has no account after {LONGEST_SECONDS:g} s")
