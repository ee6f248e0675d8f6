"""What machines do: faults at every connection, kills, pauses, clocks that jump, events that get lost."""

from __future__ import annotations

from datetime import timedelta

from tests.simulation.blueprint import OKTA
from tests.simulation.clients import KUBERNETES
from tests.simulation.entropy import dice
from tests.simulation.events.directory import tenant
from tests.simulation.faults import KINDS, Fault
from tests.simulation.loop import resume
from tests.simulation.replicas import Replica, SimInformer
from tests.simulation.schedule import Scene, happens

PATHS = ("", "", "", "/users", "/Users", "/logs", "/apps", "/organization")
CLUSTER = ("refused", "reset-before", "reset-after", "timeout-before", "timeout-after", "slow", "late", "500", "503",
           "429-seconds", "html-200", "truncated")  # fmt: skip


def _fault(scene: Scene, host: str, kinds: tuple[str, ...]) -> None:
    chance = scene.chance
    seconds = chance.choice((2.0, 20.0, 60.0, 300.0, 600.0))
    fault = Fault(
        chance.choice(kinds),
        host,
        scene.world.loop.time() + seconds,
        chance.choice((1.0, 1.0, 0.5, 0.2)),
        chance.choice((1, 1, 2, 5, 1_000_000)),
        "" if host == KUBERNETES else chance.choice(PATHS),
        dice(scene.world.blueprint.seed, "fault", scene.world.loop.time()),
    )
    scene.world.faults.on.append(fault)
    scene.world.network.note(f"fault {fault.kind} {fault.host} {fault.rate} {fault.times} {fault.path}")


@happens(14)
async def okta_fails(scene: Scene) -> None:
    _fault(scene, OKTA, KINDS)


@happens(14)
async def the_provider_fails(scene: Scene) -> None:
    _fault(scene, tenant(scene).host, KINDS)


@happens(4)
async def the_api_server_fails(scene: Scene) -> None:
    _fault(scene, KUBERNETES, CLUSTER)


def _replica(scene: Scene) -> Replica:
    return scene.chance.choice(scene.world.replicas)


@happens(6)
async def the_operator_is_killed(scene: Scene) -> None:
    """At any await: after so many steps of its own."""
    one = _replica(scene)
    if not one.process.dead and one.process.fuse is None:
        one.process.fuse = scene.chance.choice((1, 10, 100, 1000)) + scene.chance.randrange(100)
        scene.world.kills += 1
        scene.court.trouble(300)


@happens(3)
async def the_provider_is_killed_at_a_commit(scene: Scene) -> None:
    scene.world.kill_at_commit(before=scene.chance.random() < 0.5)
    scene.court.trouble(120)


@happens(2)
async def the_api_server_is_killed(scene: Scene) -> None:
    """Every connection breaks; what it had stored is there when it is back."""
    scene.world.network.take_down(KUBERNETES)
    scene.world.kills += 1
    seconds = scene.chance.choice((1.0, 10.0, 60.0))
    scene.court.trouble(seconds + 600)
    host = scene.world.network.hosts[KUBERNETES]
    scene.world.loop.call_later(seconds, lambda: setattr(host, "is_up", True))


@happens(2)
async def the_operator_is_paused(scene: Scene) -> None:
    """As by SIGSTOP, or a machine that swaps: it wakes up and believes that no time has passed."""
    one, seconds = _replica(scene), scene.chance.choice((5.0, 60.0, 200.0))
    process = one.process
    process.paused = True
    scene.court.trouble(seconds + 300)
    scene.world.loop.call_later(seconds, lambda: resume(scene.world.loop, process))


@happens(1)
async def the_operators_clock_jumps(scene: Scene) -> None:
    """Its wall clock is off by minutes or days for a while."""
    one = _replica(scene)
    one.process.wall_offset = timedelta(minutes=scene.chance.choice((-120, -5, 5, 60, 1440, 4320)))
    scene.court.trouble(1200)

    def back() -> None:
        one.process.wall_offset = timedelta()

    scene.world.loop.call_later(scene.chance.uniform(60, 900), back)


@happens(2)
async def events_come_twice(scene: Scene) -> None:
    _watch(scene, "twice")


@happens(1)
async def events_get_lost(scene: Scene) -> None:
    """Bounded by the interval: what was lost is seen by the next full run."""
    _watch(scene, "lost")
    scene.court.trouble(1.2 * scene.court.longest_interval() + 900)


def _watch(scene: Scene, fate: str) -> None:
    chance, until = scene.chance, scene.world.loop.time() + 120

    def lose(change: str) -> str:
        return fate if change and scene.world.loop.time() < until and chance.random() < 0.5 else ""

    SimInformer.lose = staticmethod(lose)


@happens(1)
async def another_client_uses_up_the_rate_limit(scene: Scene) -> None:
    buckets = scene.world.org.buckets
    bucket = scene.chance.choice(sorted(buckets.limits))
    buckets.consume(bucket, int(buckets.limits[bucket] * 0.9))
    scene.court.trouble(300)
