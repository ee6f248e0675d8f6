"""`scimctl sandbox` and `scimctl demo`: a world on loopback, left running or played with.

`controller.cli.sandbox` loads this module by its name, since the operator is installed without it too. Ctrl-C
and SIGTERM end both commands cleanly: every server is stopped before the process ends.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from controller.cli.options import EXIT_INTERRUPTED
from controller.cli.terminal import emit
from controller.errors import SpecError
from controller.logs import configure_logs
from scim_sandbox.console_output import Stage
from scim_sandbox.demo import PEOPLE, run_demo
from scim_sandbox.people import SandboxPerson, generated, read_csv
from scim_sandbox.run import Setup, World, open_world

Value = TypeVar("Value")
MOST_GENERATED = 100_000


def people_of(text: str) -> tuple[SandboxPerson, ...]:
    """`text` people generated where it is a number, else the people of the CSV file of that name."""
    if not text.isdecimal():
        return read_csv(text)
    count = int(text)
    if not 1 <= count <= MOST_GENERATED:
        raise SpecError(f"give a number from 1 to {MOST_GENERATED}, or a CSV file", field="--people")
    return generated(count)


def until_interrupted(work: Coroutine[Any, Any, Value]) -> Value:
    """What `work` returns; SIGINT and SIGTERM cancel it, let it clean up, and end with SystemExit(130)."""
    return asyncio.run(_cancellable(work))


async def _cancellable(work: Coroutine[Any, Any, Value]) -> Value:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise SystemExit(EXIT_INTERRUPTED) from None


def demo(people: str) -> bool:
    """Whether everything that the demo claims held."""
    chosen = people_of(people) if people else generated(PEOPLE)
    return until_interrupted(run_demo(chosen))


def sandbox(people: str, kubeconfig: str, directory: Path) -> None:
    """Runs a sandbox until it is interrupted."""
    config = str(Path(kubeconfig).resolve()) if kubeconfig else ""  # env is sourced from anywhere
    setup = Setup(directory, people_of(people), kubeconfig=config)
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "operator.log").open("w", encoding="utf-8") as log:
        configure_logs("text", "info", log)
        try:
            until_interrupted(_run(setup))
        except SystemExit:
            emit("Stopped.")


async def _run(setup: Setup) -> None:
    stage = Stage()
    async with AsyncExitStack() as stack:
        parts = "Okta, provider" + ("" if setup.kubeconfig else ", Kubernetes API") + " and operator"
        with stage.progress(f"Starting {parts}"):
            world = await stack.enter_async_context(open_world(setup))
        _tell(stage, world)
        await world.watch_over()


def _tell(stage: Stage, world: World) -> None:
    access, setup = world.access, world.setup
    rows = {
        "Kubernetes": access.kubeconfig,
        "Okta": access.okta_url,
        "SCIM": access.scim_base_url,
        "Admin API": access.scim_admin_url,
        "Console": f"{access.console_url} (token: $SCIM_ADMIN_TOKEN)",
        "Metrics": access.metrics_url,
        "Log": str(setup.directory / "operator.log"),
    }
    stage.say("")
    stage.block([f"  {name:<11} {value}" for name, value in rows.items()])
    stage.say("")
    stage.say("In another terminal:")
    stage.command(f"source {setup.directory / 'env'}")
    stage.command(f"kubectl apply --server-side -f {world.examples / 'quickstart'}")
    stage.command("kubectl get scim -w")
    stage.say("")
    stage.say(
        "Ctrl-C ends the servers and the operator; what you applied stays in the cluster, and so do the CRDs."
        if setup.kubeconfig
        else "Ctrl-C ends everything; nothing is kept."
    )
