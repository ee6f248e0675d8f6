"""One seed from beginning to end: build, let things happen, heal, look twice, and say what is wrong."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
import traceback
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.simulation import blueprint as blueprints
from tests.simulation.court import Court
from tests.simulation.entropy import seed_everything
from tests.simulation.events import plan
from tests.simulation.loop import Stuck
from tests.simulation.model.judge import Finding
from tests.simulation.schedule import Event, perform
from tests.simulation.settle import settle
from tests.simulation.world import Template, World, open_world, remove

BUG = "TheSimulationItself"
SHORT_HOURS = 0.5


@dataclass(slots=True)
class Result:
    """What came of one world."""

    seed: int
    findings: list[Finding] = field(default_factory=list)
    hours: float = 0.0
    events: int = 0
    faults: int = 0
    kills: int = 0
    trace: str = ""
    seconds: float = 0.0
    steps: int = 0
    calls: int = 0
    kinds: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def run_seed(
    seed: int,
    template: Template,
    *,
    keep: frozenset[int] | None = None,
    lines: list[str] | None = None,
    is_short: bool = False,
) -> Result:
    """The world of `seed`; `keep` are the numbers of the events that happen, None for all of them. For a
    process of its own: it leaves the simulated parts in the place of the true ones."""
    begun = time.process_time()
    seed_everything(seed)
    drawn = blueprints.draw(seed)
    drawn.hours = min(drawn.hours, SHORT_HOURS) if is_short else drawn.hours
    world = open_world(drawn, template)
    world.network.lines = lines
    court = Court(world)
    planned = [event for event in plan(drawn) if keep is None or event.number in keep]
    result = Result(seed, kinds=[event.kind for event in planned])
    gc.disable()
    try:
        task = world.loop.spawn(world.hands, _live(world, court, planned, is_short=is_short), "world")
        world.loop.run_until_complete(task)
    except Stuck as stuck:
        court.judge.find(BUG, "", world.loop.time(), f"stuck: {stuck}")
    except Exception:
        court.judge.find(BUG, "", world.loop.time(), traceback.format_exc())
    finally:
        remove(world)
    result.findings = court.judge.findings
    result.hours, result.events = world.loop.time() / 3600, len(planned)
    result.faults, result.kills = world.faults.struck, world.kills
    result.trace, result.steps, result.calls = world.network.trace(), world.loop.steps, world.network.count
    result.seconds = time.process_time() - begun
    return result


async def _live(world: World, court: Court, planned: list[Event], *, is_short: bool) -> None:
    await world.build()
    await court.open()
    for event in planned:
        delay = event.at - world.loop.time()
        if delay > 0:
            await asyncio.sleep(delay)
        world.network.note(f"{world.loop.time():.3f} event {event.number} {event.kind}")
        await perform(world, court, event)
    await asyncio.sleep(max(0.0, world.blueprint.hours * 3600 - world.loop.time()))
    if not is_short:
        await settle(world, court)


def quiet_logs() -> None:
    """What the true code logs is not for the reader of a thousand worlds."""
    logging.getLogger().handlers.clear()
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger().setLevel(logging.WARNING)
