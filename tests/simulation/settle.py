"""The end of a world: everything is mended, what waits is approved, and after two quiet intervals it must fit."""

from __future__ import annotations

import asyncio
import contextlib

from tests.simulation.court import Court
from tests.simulation.model.quiet import check_quiet
from tests.simulation.model.view import GROUP, condition
from tests.simulation.world import HandsError, World

APPROVE = "scim-operator.dev/approve"
ROUNDS = 6
"""So often is what waits approved: what is new after an approval is cut as the next plan."""
CALM_SECONDS = 3600.0


async def settle(world: World, court: Court) -> None:
    """Heals, waits, and judges."""
    await heal(world, court)
    interval = court.longest_interval()
    await asyncio.sleep(interval / 2 + 60)
    for _ in range(ROUNDS):
        if not await approve_what_waits(world, court):
            break
        await asyncio.sleep(interval / 4 + 60)
    await asyncio.sleep(interval * 2.2)
    await court.look()
    unknown = frozenset(name for name, until in court.troubled.items() if until > world.loop.time())
    check_quiet(court.judge, world.loop.time(), unknown)
    await _calm(world, court, unknown)


async def heal(world: World, court: Court) -> None:
    """No faults any more, every process runs, and what was broken on purpose is as git has it."""
    world.faults.on.clear()
    for mend in court.mending:
        with contextlib.suppress(HandsError):
            await mend()
    court.mending.clear()
    await court.look()


async def approve_what_waits(world: World, court: Court) -> int:
    """A person approves every plan that waits; how many that were."""
    count = 0
    for case in court.judge.cases.values():
        path = f"{GROUP}/namespaces/{case.namespace}/scimintegrations/{case.name}"
        body = await world.kube("GET", path)
        plan = (body.get("status") or {}).get("plan") or {}
        waits = condition(body, "InSync").get("reason") in (
            "AwaitingApproval", "SafetyThresholdExceeded", "ReadIncomplete",
        )  # fmt: skip
        if waits and plan.get("digest") and plan.get("state") != "Applied":
            court.judge.approved_at[case.name] = world.loop.time()
            value = f"{plan['digest']}#{int(world.loop.time())}"
            await world.patch(path, {"metadata": {"annotations": {APPROVE: value}}})
            count += 1
    return count


async def _calm(world: World, court: Court, unknown: frozenset[str]) -> None:
    """An hour passes without a write."""
    begun = world.loop.time()
    await asyncio.sleep(CALM_SECONDS)
    for name in court.judge.tenants:
        if name not in unknown and court.judge.last_write[name] > begun:
            court.judge.find(
                "AQuietHourHasNoWrite", name, court.judge.last_write[name], "something was written again"
            )
