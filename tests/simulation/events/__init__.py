"""All that can happen in a world, and when it does."""

from __future__ import annotations

from tests.simulation.blueprint import Blueprint
from tests.simulation.entropy import dice
from tests.simulation.events import chaos, directory, git, provider
from tests.simulation.schedule import KINDS, Event

__all__ = ["chaos", "directory", "git", "plan", "provider"]

FIRST_SECONDS = 20.0
EVERY_SECONDS = 300.0
"""One event in so many seconds on the average."""


def plan(blueprint: Blueprint) -> list[Event]:
    """What happens in the world of `blueprint`, in order."""
    chance = dice(blueprint.seed, "plan")
    kinds = sorted(KINDS)
    weights = [KINDS[kind][0] for kind in kinds]
    found: list[Event] = []
    at = chance.uniform(FIRST_SECONDS, 10 * FIRST_SECONDS)
    while at < blueprint.hours * 3600:
        found.append(Event(len(found), at, chance.choices(kinds, weights)[0], blueprint.seed))
        # Often several at once: what comes together is where the difficult cases are.
        at += chance.uniform(0, 8) if chance.random() < 0.3 else chance.expovariate(1 / EVERY_SECONDS)
    return found
