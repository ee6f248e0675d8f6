"""One world on loopback: the simulated Okta, the provider, the embedded Kubernetes API and the operator.

Used by `scimctl sandbox`, by the demo and by tests of the whole. Everything runs in this process and on one
asyncio loop, which keeps it small and lets one signal end it; the servers speak HTTP to each other all the
same, as they would over a network. folder says what it leaves on disk.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from controller.api.crds import build_crds
from controller.clock import Clock, SystemClock
from controller.errors import ControllerError, NotFound, SpecError, Waiting
from controller.kube.client import JSON, ApiServer, open_api_server
from controller.kube.manifests import Manifest, resource_path
from controller.kube.paths import object_path
from controller.provider.app import build_app as build_provider
from controller.provider.app import create_organization
from controller.provider.organizations import NewOrganization
from controller.scim.connect import open_admin
from controller.settings import Settings
from scim_sandbox.faulty_provider import FaultyProvider
from scim_sandbox.folder import Access, write_env, write_examples, write_kubeconfig
from scim_sandbox.kubernetes.app import build_app as build_kubernetes
from scim_sandbox.kubernetes.app import kubeconfig as kubeconfig_text
from scim_sandbox.okta import directory
from scim_sandbox.okta.app import build_app as build_okta
from scim_sandbox.okta.seed import ASSIGNED_GROUP, seed
from scim_sandbox.okta.store import Org
from scim_sandbox.people import SandboxPerson, generated
from scim_sandbox.serving import Served, serve
from scim_sandbox.watch_cache import Board, condition

START_SECONDS = 60.0
CRDS_ESTABLISHED_SECONDS = 30.0
GENEROSITY = 10
"""How many times Okta's own limits the sandbox allows: who tries things out reconciles more often in a minute
than an org in production does in an hour. `PUT /_control/limits` sets others."""
OPERATOR_NAMESPACE = "scim-system"
"""Where the operator keeps its state, as the chart's documentation has it."""
OKTAS_TOKEN = "Okta"  # noqa: S105 - what the provider calls it
PRIORITY_GROUPS = ("Executives", "Sales")
"""As the quickstart's SeatLimit ranks them."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a world starts with."""

    directory: Path
    people: tuple[SandboxPerson, ...] = field(default_factory=lambda: generated(60))
    assigned: int | None = None
    """How many of the first people have the app; None: those who name its group, or else two in three."""
    seats: int | None = None
    """Seats bought at the provider; None: ten more than are assigned."""
    profile: str = "calendly"
    """How the provider behaves."""
    kubeconfig: str = ""
    """A real cluster in place of the embedded API."""
    operator_kubeconfig: str = ""
    """The operator's own access to it, where that is not to be the one that applies the examples."""
    settings: Settings = field(default_factory=lambda: Settings(allow_http_loopback=True, metrics_port=0))
    with_operator: bool = True

    @property
    def joining(self) -> int:
        """How many of the first people are put into the app's group."""
        if self.assigned is not None:
            return self.assigned
        return 0 if self._members else len(self.people) * 2 // 3

    @property
    def seat_count(self) -> int:
        """Seats bought at the start."""
        return self.seats if self.seats is not None else self._members + self.joining + 10

    @property
    def state_namespace(self) -> str:
        """Where the operator keeps its state: not beside the resources, where those who write them could."""
        return self.settings.state_namespace or OPERATOR_NAMESPACE

    @property
    def _members(self) -> int:
        return sum(ASSIGNED_GROUP in person.groups for person in self.people)


@dataclass(slots=True)
class World:
    """A running world. `operator` ends only when it is stopped, or by an error that `watch_over` raises."""

    setup: Setup
    access: Access
    org: Org
    api: ApiServer
    clock: Clock
    examples: Path
    operator: asyncio.Task[None] | None = None

    @property
    def operator_kubeconfig(self) -> str:
        """How the operator reaches the Kubernetes API."""
        return self.setup.operator_kubeconfig or self.access.kubeconfig

    async def watch_over(self) -> None:
        """Returns never; raises what ended the operator."""
        if self.operator is None:
            await asyncio.Event().wait()
            return
        await asyncio.wait([self.operator])
        raise self.operator.exception() or Waiting("the operator stopped by itself")


@asynccontextmanager
async def open_world(setup: Setup, clock: Clock | None = None) -> AsyncIterator[World]:
    """Starts everything, writes the folder, and stops everything at the end, whatever happened in between."""
    clock = clock or SystemClock()
    setup.directory.mkdir(parents=True, exist_ok=True)
    (setup.directory / "env").unlink(missing_ok=True)
    async with AsyncExitStack() as stack:
        org, okta_url, okta_token = await _start_okta(stack, setup, clock)
        provider = await _start_provider(stack, setup, clock)
        config = setup.kubeconfig or await _start_kubernetes(stack, setup, clock)
        api = await open_api_server(config)
        stack.push_async_callback(api.aclose)
        await install_crds(api)
        await _found_namespace(api, setup.state_namespace)
        port = setup.settings.metrics_port or free_port()
        access = Access(
            kubeconfig=config,
            okta_url=okta_url,
            okta_api_token=okta_token,
            metrics_url=f"http://{setup.settings.metrics_host}:{port}/metrics",
            **provider,
        )
        departments = {person.department for person in setup.people}
        examples = write_examples(setup.directory, access, setup.seat_count, departments)
        world = World(setup, access, org, api, clock, examples)
        if setup.with_operator:
            world.operator = await _start_operator(stack, setup, world.operator_kubeconfig, port)
        write_env(setup.directory, access)
        yield world


async def _start_okta(stack: AsyncExitStack, setup: Setup, clock: Clock) -> tuple[Org, str, str]:
    token = secrets.token_urlsafe(30)
    org = Org(api_token=token, clock=clock)
    served = await _serve(stack, build_okta(org))
    org.url = served.url
    org.buckets.limits = {name: limit * GENEROSITY for name, limit in org.buckets.limits.items()}
    _found_groups(org)
    seed(org, setup.people, assigned=setup.joining)
    return org, served.url, token


def _found_groups(org: Org) -> None:
    """The groups that the quickstart's SeatLimit ranks exist, whoever the people are."""
    org.log.muted = True
    for name in PRIORITY_GROUPS:
        directory.create_group(org, {"name": name, "description": ""})
    org.log.muted = False


async def _start_provider(stack: AsyncExitStack, setup: Setup, clock: Clock) -> dict[str, str]:
    """The provider on a fresh database, with one organization that is ready for SCIM."""
    for old in setup.directory.glob("provider.sqlite*"):
        old.unlink()
    url = f"sqlite:///{(setup.directory / 'provider.sqlite').resolve()}"
    new = NewOrganization("acme", profile=setup.profile, plan="Enterprise", sso=True, seats=setup.seat_count)
    created = await create_organization(url, new, clock)
    served = await _serve(stack, FaultyProvider(build_provider(url, clock)))
    admin, session = open_admin(served.url + created.admin_path, SecretStr(created.admin_token))
    try:
        issued = await admin.issue_token(OKTAS_TOKEN, ["scim"])
    finally:
        await session.aclose()
    return {
        "okta_scim_token": issued["token"],
        "scim_base_url": served.url + created.scim_path,
        "scim_token": created.scim_token,
        "scim_admin_url": served.url + created.admin_path,
        "scim_admin_token": created.admin_token,
    }


async def _start_kubernetes(stack: AsyncExitStack, setup: Setup, clock: Clock) -> str:
    """The embedded API; the path of the kubeconfig that reaches it."""
    token = secrets.token_urlsafe(30)
    served = await _serve(stack, build_kubernetes(clock, SecretStr(token)))
    return str(write_kubeconfig(setup.directory, kubeconfig_text(served.url, token)).resolve())


async def _serve(stack: AsyncExitStack, app: Any) -> Served:
    served = await serve(app)
    stack.push_async_callback(served.stop)
    return served


async def _found_namespace(api: ApiServer, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    try:
        await api.get(resource_path(body, ""))
    except NotFound:
        await api.apply(resource_path(body, ""), body)


async def install_crds(api: ApiServer) -> None:
    """Applies the CRDs and returns when each is established: before, its kind has no URL."""
    for body in build_crds():
        await api.apply(resource_path(body, ""), body)
    async with Board(api, object_path("apiextensions.k8s.io/v1", "customresourcedefinitions")) as board:
        for body in build_crds():
            name = body["metadata"]["name"]
            await board.until(name, _is_established, CRDS_ESTABLISHED_SECONDS, f"{name} Established")


def _is_established(crd: JSON) -> bool:
    return condition(crd, "Established").get("status") == "True"


async def _start_operator(stack: AsyncExitStack, setup: Setup, config: str, port: int) -> asyncio.Task[None]:
    """The operator as a task; returns when it is ready to reconcile."""
    update = {"metrics_port": port, "state_namespace": setup.state_namespace}
    settings = setup.settings.model_copy(update=update)
    from controller.operator.main import run_operator  # kopf takes a second to import

    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run_operator(settings, kubeconfig=config, stop=stop, ready=ready))

    async def end() -> None:
        stop.set()
        await asyncio.wait([task], timeout=10)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
    waiter = asyncio.create_task(ready.wait())
    await asyncio.wait([waiter, task], timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if waiter.done():
        return task
    waiter.cancel()
    if task.done() and (error := task.exception()):
        raise error
    raise Waiting(f"the operator was not ready within {START_SECONDS:g} s")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def apply_manifests(
    api: ApiServer, manifests: Iterable[Manifest], tell: Callable[[str], None], namespace: str = "default"
) -> None:
    """Applies each document as `kubectl apply --server-side` does, and tells it in kubectl's words.

    SpecError names file, line and the API server's reason.
    """
    for manifest in manifests:
        try:
            await api.apply(resource_path(manifest.body, namespace), manifest.body, manager="kubectl")
        except ControllerError as error:
            raise SpecError(error.message, field=manifest.where()) from None
        group = str(manifest.body["apiVersion"]).rpartition("/")[0]
        tell(f"{manifest.kind.lower()}{'.' if group else ''}{group}/{manifest.name} serverside-applied")
