"""`make demo`: a sandbox, the quickstart applied to it, three acts; each shown, each checked.

Called by commands. Exit code 0 is earned: only if every claim held. Ends everything it started, also when
it is interrupted.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from controller.api import KINDS
from controller.errors import ControllerError
from controller.kube.tables import render_columns
from scim_sandbox import demo_scenes as acts
from scim_sandbox.actors import INTEGRATION, LIMIT, Play
from scim_sandbox.console_output import Stage
from scim_sandbox.demo_people import Cast, choose_cast
from scim_sandbox.people import SandboxPerson, generated
from scim_sandbox.run import Setup, World, apply_manifests, open_world
from scim_sandbox.watch_cache import condition, has_condition

PEOPLE = 60
READY_SECONDS = 30.0
READY_BOUND_SECONDS = 5.0
SHOWN_NAMES = 3


async def run_demo(people: Sequence[SandboxPerson] | None = None, stage: Stage | None = None) -> bool:
    """Whether every claim held. SpecError for people with whom the acts cannot be played."""
    chosen = tuple(people) if people is not None else generated(PEOPLE)
    cast, stage, begun = choose_cast(chosen), stage or Stage(), time.monotonic()
    _introduce(stage)
    with tempfile.TemporaryDirectory(prefix="scim-operator-demo-") as folder:
        setup = Setup(Path(folder), cast.people, assigned=len(cast.assigned), seats=cast.seats)
        async with _started(stage, setup) as world, Play(world, stage) as play:
            try:
                await _play(play, cast)
            except ControllerError as error:
                play.checks.that("the demo ran to its end", False, "no error", str(error))
            return _summary(play, time.monotonic() - begun)


def _introduce(stage: Stage) -> None:
    stage.heading("scim-operator: Okta to SaaS provisioning as Kubernetes resources")
    stage.say(
        "A simulated Okta org, a SCIM provider that behaves like Calendly, a Kubernetes API and the operator "
        "start on this machine, on loopback only. Then custom resources are applied, and things happen."
    )


@asynccontextmanager
async def _started(stage: Stage, setup: Setup) -> AsyncIterator[World]:
    """The world, with progress while it starts."""
    stage.say("")
    async with AsyncExitStack() as stack:
        with stage.progress("Starting Okta, provider, Kubernetes API and operator"):
            world = await stack.enter_async_context(open_world(setup))
        yield world


async def _play(play: Play, cast: Cast) -> None:
    await _quickstart(play, cast)
    await acts.edits_by_hand(play, cast)
    await acts.change_of_department(play, cast)
    await acts.full_house(play, cast)
    await acts.people_leave(play, cast)


async def _quickstart(play: Play, cast: Cast) -> None:
    """Applies examples/quickstart, waits for Ready, shows what came of it."""
    stage, world = play.stage, play.world
    play.begin("The quickstart")
    stage.say(
        f"{len(cast.people)} people are in Okta, {len(cast.assigned)} of them assigned to Calendly, "
        f"for which {cast.seats} seats were bought."
    )
    stage.command("kubectl apply --server-side -f examples/quickstart")
    begun = time.monotonic()
    lines: list[str] = []
    await apply_manifests(world.api, play.manifests, lines.append)
    stage.block(lines)
    with stage.progress("Waiting for Ready"):
        await play.until_ready(READY_SECONDS)
    seconds = time.monotonic() - begun
    for kind in KINDS:
        await play.show(kind)
    groups = await play.provider.groups()
    _show_groups(stage, groups)
    checks = play.checks
    stage.say("")
    told = f"from apply to Ready: {seconds:.1f} s, where 5 are allowed"
    checks.that(
        told, seconds < READY_BOUND_SECONDS, f"less than {READY_BOUND_SECONDS:g} s", f"{seconds:.1f} s"
    )
    checks.equal("everybody assigned has an account", len(cast.assigned), sum(map(len, groups.values())))
    checks.equal("nobody is without a group", 0, len(groups.get("", ())))
    integration = await play.integrations.until(INTEGRATION, has_condition("InSync"), READY_SECONDS, "InSync")
    limit = await play.limits.until(LIMIT, has_condition("WithinCapacity"), READY_SECONDS, "WithinCapacity")
    checks.equal("the integration is InSync", "True", condition(integration, "InSync").get("status"))
    checks.equal("the limit is WithinCapacity", "True", condition(limit, "WithinCapacity").get("status"))


def _show_groups(stage: Stage, groups: dict[str, list[str]]) -> None:
    stage.say("")
    stage.say("People at the provider, by group:")
    for group, names in groups.items():
        more = f", and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
        shown = ", ".join(names[:SHOWN_NAMES]) + more
        stage.block([f"  {group or '(none)':<14} {len(names):>3}   {shown}"])


def _summary(play: Play, seconds: float) -> bool:
    """What was checked, part by part; whether all of it held."""
    checks, stage = play.checks, play.stage
    stage.heading("Summary")
    rows = [(part, f"{held} of {made}") for part, (held, made) in checks.by_part().items()]
    stage.table(["  " + line for line in render_columns(("PART", "CHECKS THAT HELD"), rows)])
    if checks.failed:
        stage.say("")
        stage.say("Did not hold:")
    for check in checks.failed:
        stage.check(check)
    held = len(checks.made) - len(checks.failed)
    stage.say("")
    stage.say(f"{held} of {len(checks.made)} checks held, in {seconds:.0f} s.")
    if not checks.failed:
        stage.say(
            "Next: `make sandbox`, or `scimctl sandbox`, leaves the same world running for your own kubectl."
        )
    return not checks.failed
