"""Events of a world: what can happen, and the list of what does, each with a source of chance of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.entropy import dice

if TYPE_CHECKING:
    from tests.simulation.court import Court
    from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens."""

    number: int
    at: float
    kind: str
    seed: int


@dataclass(slots=True)
class Scene:
    """What an event works with."""

    world: World
    court: Court
    chance: Random


Handler = Callable[[Scene], Awaitable[None]]
KINDS: dict[str, tuple[float, Handler]] = {}
"""Kind -> how likely it is beside the others, and what it does."""


def happens(weight: float) -> Callable[[Handler], Handler]:
    """Registers an event under the name of its function."""

    def register(handler: Handler) -> Handler:
        KINDS[handler.__name__] = (weight, handler)
        return handler

    return register


async def perform(world: World, court: Court, event: Event) -> None:
    """Lets `event` happen; what a server refuses a person does not happen."""
    from tests.simulation.world import HandsError

    scene = Scene(world, court, dice(event.seed, "event", event.number))
    try:
        await KINDS[event.kind][1](scene)
    except HandsError as refused:
        world.network.note(f"refused {refused.status}")
