"""Where the judge sits: it hears what goes over the wire, is told when to look, and keeps the time of faults."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from tests.simulation.blueprint import OKTA
from tests.simulation.clients import KUBERNETES
from tests.simulation.loop import Process
from tests.simulation.model.judge import Judge, Write
from tests.simulation.model.lags import Lags, seconds_of
from tests.simulation.model.told import Told
from tests.simulation.network import Exchange
from tests.simulation.world import World

LOOK_SECONDS = 2.0
"""Looks are at least this far apart."""
CHECK_SECONDS = 60.0
PAGE = 50
"""Whoever lists people asks for pages of more."""


class Court:
    """The judge at work in a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        secrets = [*world.tokens.values()]
        self.judge = Judge(world, [tenant.name for tenant in world.blueprint.tenants], secrets)
        self.lags, self.told = Lags(self.judge), Told(self.judge)
        self._dirty: set[str] = set()
        self._is_org_dirty = True
        self._wake = asyncio.Event()
        self.process = Process("judge")
        self.trouble_until = 0.0
        """Until when the whole world is troubled: by a kill, a pause, a clock, a lost event."""
        self.troubled: dict[str, float] = {tenant.name: 0.0 for tenant in world.blueprint.tenants}
        """The same by tenant: a credential that is broken on purpose."""
        self.mending: list[Callable[[], Awaitable[None]]] = []
        """What puts right, at the end, what was broken on purpose."""
        self.lease: dict[str, Any] = {}

    async def open(self) -> None:
        """Begins to hear and to look."""
        self.judge.secrets = tuple(self.world.tokens.values())
        await self._look(all_of_it=True)
        self.world.network.on_served.append(self._served)
        self.world.network.on_send.append(self._sent)
        self.world.network.on_done.append(self._done)
        self.world.on_hands.append(self._by_hand)
        self.world.loop.spawn(self.process, self._watch(), "judge")
        self.world.loop.spawn(self.process, self._check(), "judge")

    def trouble(self, seconds: float, tenant: str = "") -> None:
        """For so long from now on, what takes long is not the operator's fault."""
        until = self.world.loop.time() + seconds
        if tenant:
            self.troubled[tenant] = max(self.troubled[tenant], until)
        else:
            self.trouble_until = max(self.trouble_until, until)

    def quiet_since(self) -> dict[str, float]:
        """By tenant, when the last thing was over that excuses slowness."""
        found = {}
        for tenant in self.world.blueprint.tenants:
            struck = self.world.faults.last_struck
            hosts = max(struck.get(host, 0.0) for host in (tenant.host, OKTA, KUBERNETES))
            found[tenant.name] = max(self.trouble_until, self.troubled[tenant.name], hosts)
            self.judge.faulty_at[tenant.name] = max(found[tenant.name], self.judge.faulty_at[tenant.name])
        return found

    async def look(self) -> None:
        """Reads everything now."""
        await self._look(all_of_it=True)

    async def _look(self, *, all_of_it: bool = False) -> None:
        names = list(self.judge.tenants) if all_of_it else sorted(self._dirty)
        org = self._is_org_dirty or all_of_it
        self._dirty.clear()
        self._is_org_dirty = False
        await self.judge.look(self.world.loop.time(), tenants=names, org=org)

    async def _watch(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._look()
            await asyncio.sleep(max(LOOK_SECONDS, len(self.judge.okta.users) / 10))

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.lags.check(self.world.loop.time(), self.quiet_since())

    def _by_hand(self, host: str, method: str, target: str, status: int) -> None:
        if method == "GET":
            return
        if host.endswith(".scim.test"):
            self.judge.by_hand_at[host.partition(".")[0]] = self.world.loop.time()
        if host == KUBERNETES:
            self.limits_changed(target)
        self._touch(host)

    def limits_changed(self, target: str) -> None:
        """Somebody edits a SeatLimit: for a while the judge and the operator may know different ones."""
        if "/seatlimits/" in target:
            for name in self.judge.tenants:
                self.judge.by_hand_at[name] = self.world.loop.time()

    def _touch(self, host: str) -> None:
        if host == OKTA:
            self._is_org_dirty = True
        elif host.endswith(".scim.test"):
            self._dirty.add(host.partition(".")[0])
        self._wake.set()

    def _served(self, exchange: Exchange) -> None:
        if exchange.method == "GET":
            return
        if exchange.host == KUBERNETES:
            self._cluster(exchange)
            return
        self._touch(exchange.host)
        write = Write(
            self.world.loop.time(), exchange.source, exchange.host, exchange.method, exchange.path,
            exchange.json(), exchange.status, exchange.answer_json(),
        )  # fmt: skip
        if write.is_operators:
            self.judge.wrote(write)

    def _done(self, exchange: Exchange) -> None:
        """A client has its answer: has the operator now seen every account of a tenant?"""
        path, _, query = exchange.path.partition("?")
        # A row or two are asked for to see whether the service answers at all.
        count = re.search(r"\bcount=(\d+)", query)
        is_part = "filter=" in query or (count is not None and int(count[1]) < PAGE)
        is_listing = exchange.method == "GET" and path.endswith("/Users") and not is_part
        if is_listing and exchange.told == 200 and exchange.host.endswith(".scim.test"):
            self.judge.listed(exchange.host.partition(".")[0], self.world.loop.time())

    def _cluster(self, exchange: Exchange) -> None:
        """A write into the cluster: the picture of it is brought up to date at once."""
        body = exchange.answer_json()
        if not exchange.source.startswith("operator") or exchange.status >= 300 or not isinstance(body, dict):
            return
        if "/leases" in exchange.path:
            self.lease = body.get("spec") or {}
            return
        self.quiet_since()
        self.told.wrote(self.world.loop.time(), exchange.path, exchange.body, body)
        kind, metadata = body.get("kind", ""), body.get("metadata") or {}
        known = self.judge.resources.kinds.get(kind)
        place = (metadata.get("namespace", ""), metadata.get("name", ""))
        if known is not None and place in known:
            known[place] = body
            if kind == "ScimIntegration" and place[1] in self.judge.cases:
                self.judge.cases[place[1]].status = body.get("status") or {}

    def _sent(self, exchange: Exchange) -> None:
        """Before a write leaves: whoever sends it must hold the Lease."""
        if exchange.method in ("GET", "HEAD") or not exchange.source.startswith("operator"):
            return
        if exchange.host == KUBERNETES or len(self.world.replicas) < 2:
            return
        holder = str(self.lease.get("holderIdentity") or "")
        if holder and not holder.startswith(exchange.source + "_"):
            self.judge.find(
                "NeverTwoWriters", exchange.host.partition(".")[0], exchange.at,
                f"{exchange.source} sends {exchange.method} {exchange.path} while {holder} holds the Lease",
            )  # fmt: skip

    def longest_interval(self) -> float:
        """Seconds of the longest interval of the world."""
        found = [seconds_of(case.spec["interval"]) for case in self.judge.cases.values()]
        return max(found, default=3600.0)


def dump(value: Any) -> str:
    """One line of JSON, for messages."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)[:500]
