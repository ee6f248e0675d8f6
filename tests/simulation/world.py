"""One world: its servers and replicas on one loop, the hands of the people in it, and how it is built."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from contextvars import Context
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from controller.api.crds import build_crds
from controller.kube.manifests import resource_path
from controller.provider.app import Provider, add_organization, build_app
from controller.provider.database import open_database
from controller.provider.organizations import NewOrganization
from controller.settings import Settings
from scim_sandbox.kubernetes.app import KubernetesApi
from scim_sandbox.kubernetes.app import build_app as build_kubernetes
from scim_sandbox.okta import apps, assignments, directory, seed
from scim_sandbox.okta.app import build_app as build_okta
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.workers import running
from scim_sandbox.people import SandboxPerson
from tests.simulation.blueprint import API, OKTA, Blueprint, Tenant
from tests.simulation.clients import KUBERNETES
from tests.simulation.faults import Faults
from tests.simulation.loop import EPOCH, Process, SimClock, SimLoop
from tests.simulation.network import Host, Network, call_app
from tests.simulation.replicas import SLOWER, Replica, prepare

JSON = dict[str, Any]
OKTA_TOKEN = "00simulatedOktaApiToken0123456789abcdef"
JUDGE_TOKEN = "00simulatedJudgeToken0123456789abcdef01"


@dataclass(slots=True)
class Template:
    """What every world has in common, made once before it is forked."""

    kubernetes: KubernetesApi
    database: bytes


def make_template() -> Template:
    """The embedded API with the CRDs, and an empty migrated database."""
    loop = SimLoop()
    try:
        asyncio.set_event_loop(loop)
        kubernetes = build_kubernetes(SimClock(), None)
        loop.run_until_complete(_install(kubernetes))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "empty.sqlite"
            database = open_database(f"sqlite:///{path}")
            loop.run_until_complete(database.close())
            return Template(kubernetes, path.read_bytes())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _install(kubernetes: KubernetesApi) -> None:
    for body in build_crds():
        path = resource_path(body, "") + "?fieldManager=kubectl&force=true"
        headers = [("content-type", "application/apply-patch+yaml")]
        content = json.dumps(body).encode()
        status, _, answer = await call_app(kubernetes, KUBERNETES, "PATCH", path, headers, content)
        assert status < 300, answer
    await asyncio.sleep(5)


class HandsError(Exception):
    """What a person tried was refused."""

    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body
        super().__init__(f"{status} {body}")


@dataclass(slots=True)
class World:
    """Everything of one seed."""

    blueprint: Blueprint
    loop: SimLoop
    network: Network
    faults: Faults
    folder: Path
    org: Org
    kubernetes: KubernetesApi
    replicas: list[Replica] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    """Every credential by "tenant-scim", "tenant-admin", "okta": what must be nowhere but in Secrets."""
    judges: dict[str, str] = field(default_factory=dict)
    """Admin tokens of the judge and of people at the providers, by tenant."""
    provider: Provider | None = None
    kills: int = 0
    on_hands: list[Any] = field(default_factory=list)
    """Told of every call by hand: (host, method, target, status)."""
    hands: Process = field(default_factory=lambda: Process("hands"))
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def tenant(self, name: str) -> Tenant:
        return next(tenant for tenant in self.blueprint.tenants if tenant.name == name)

    # -- the hands of people: at once, without a network between --------------------------------------------

    async def ask(self, host: str, method: str, target: str, headers: Any, body: Any = None) -> Any:
        """The decoded answer."""
        return (await self.asked(host, method, target, headers, body))[0]

    async def asked(
        self, host: str, method: str, target: str, headers: Any, body: Any = None
    ) -> tuple[Any, list[tuple[str, str]]]:
        """The decoded answer of a server, and its headers. Waits while it is down; raises HandsError from 400 on."""
        content = b"" if body is None else json.dumps(body).encode()
        found = self.network.hosts[host]
        while found.process.dead or found.app is None:
            await asyncio.sleep(0.5)
            found = self.network.hosts[host]
        sent = [("host", host), ("content-type", "application/json"), *headers]
        work = self.loop.create_future()
        found.process.in_flight[work] = None
        self.loop.spawn(found.process, _into(work, call_app(found.app, host, method, target, sent, content)))
        await asyncio.wait([work])
        found.process.in_flight.pop(work, None)
        if work.cancelled():
            raise HandsError(0, "the server died")
        status, told, answer = work.result()
        for tap in self.on_hands:
            tap(host, method, target, status)
        decoded = json.loads(answer) if answer else None
        if status >= 400:
            raise HandsError(status, decoded)
        return decoded, told

    async def okta(self, method: str, path: str, body: Any = None) -> Any:
        """What an Okta administrator does."""
        return await self.ask(OKTA, method, path, [("authorization", f"SSWS {JUDGE_TOKEN}")], body)

    async def okta_all(self, path: str) -> list[Any]:
        """Every page of a listing."""
        found: list[Any] = []
        while path:
            page, headers = await self.asked(OKTA, "GET", path, [("authorization", f"SSWS {JUDGE_TOKEN}")])
            found += page
            links = [value for name, value in headers if name == "link" and 'rel="next"' in value]
            path = (
                links[0].partition("<")[2].partition(">")[0].removeprefix(f"https://{OKTA}") if links else ""
            )
        return found

    async def admin(self, tenant: str, method: str, path: str, body: Any = None) -> Any:
        """What an administrator does at the provider."""
        headers = [("authorization", f"Bearer {self.judges[tenant]}")]
        target = f"/admin/v1/{tenant}{path}"
        return await self.ask(self.tenant(tenant).host, method, target, headers, body)

    async def apply(self, body: JSON) -> Any:
        """What `kubectl apply --server-side` does."""
        path = resource_path(body, "default") + "?fieldManager=kubectl&force=true&fieldValidation=Strict"
        headers = [("content-type", "application/apply-patch+yaml")]
        return await self._kubernetes("PATCH", path, headers, body)

    async def patch(self, path: str, body: JSON) -> Any:
        """What `kubectl patch --type merge` or `kubectl annotate` does."""
        headers = [("content-type", "application/merge-patch+json")]
        return await self._kubernetes("PATCH", path + "?fieldManager=kubectl", headers, body)

    async def kube(self, method: str, path: str, body: Any = None) -> Any:
        return await self._kubernetes(method, path, [("content-type", "application/json")], body)

    async def _kubernetes(self, method: str, path: str, headers: Any, body: Any) -> Any:
        return await self.ask(KUBERNETES, method, path, [("host", KUBERNETES), *headers], body)

    # -- processes -------------------------------------------------------------------------------------------

    def start_provider(self) -> None:
        """A new process of the provider, on the same database."""
        process = Process("provider")
        app = build_app(f"sqlite:///{self.folder / 'provider.sqlite'}", SimClock(process))
        self.provider = app
        process.on_killed = lambda: self._provider_died(app)
        for tenant in self.blueprint.tenants:
            self.network.hosts[tenant.host] = Host(tenant.host, app, process)

    def _provider_died(self, app: Provider) -> None:
        """As SIGKILL: what was not committed is gone."""
        self.kills += 1
        database: Any = app.database
        for connection in (database._reader, database._writer, *database._opened):
            connection.close()
        for tenant in self.blueprint.tenants:
            self.network.take_down(tenant.host)
        self.loop.call_later(3.0, self.start_provider, context=Context())

    def kill_at_commit(self, *, before: bool) -> None:
        """The provider dies at its next commit, right before it is durable or right after."""

        def commit(work: Callable[[], Any]) -> Any:
            self.loop.on_commit = lambda again: again()
            process = next(iter(self.network.hosts[tenant.host].process for tenant in self.blueprint.tenants))
            result = None if before else work()
            process.kill()
            return result

        self.loop.on_commit = commit

    async def sleep(self, seconds: float) -> None:
        """Of virtual time."""
        await asyncio.sleep(seconds)

    async def build(self) -> None:
        """Servers, people, resources; the operator's replicas at the end."""
        clock = SimClock()
        await self._found_okta()
        self._found_provider(clock)
        process = Process("kubernetes")
        self.network.hosts[KUBERNETES] = Host(KUBERNETES, self.kubernetes, process)
        await self._apply_everything()
        settings = Settings(
            lease_duration_seconds=10 * SLOWER,
            lease_renew_seconds=7.0 * SLOWER,
            lease_retry_seconds=2.0 * SLOWER,
            metrics_port=0,
            lease_namespace="scim-operator",
            log_poll_seconds=120.0,
        )
        for number in range(self.blueprint.replicas):
            replica = Replica(self.loop, f"operator-{number}", settings, self.blueprint.seed)
            self.replicas.append(replica)
            replica.start()

    async def _found_okta(self) -> None:
        org, blueprint = self.org, self.blueprint
        process = Process("okta")
        self.network.hosts[OKTA] = Host(OKTA, build_okta(org), process)
        org.add_token(OKTA_TOKEN, "operator")
        org.add_token(JUDGE_TOKEN, "administrator")
        self.tokens["okta"] = OKTA_TOKEN
        org.log.muted = True
        people = [
            SandboxPerson(
                one.login, one.first, one.last, one.display, one.department,
                (*one.groups, *(self.tenant(name).group for name in one.assigned)),
            )
            for one in blueprint.people
        ]  # fmt: skip
        for name in ("Executives", *(tenant.group for tenant in blueprint.tenants)):
            directory.create_group(org, {"name": name, "description": ""})
        seed.add_people(org, people)
        for tenant in blueprint.tenants:
            app = apps.create_app(org, tenant.name, apps.saml_body(tenant.label, "${source.login}"))
            assignments.assign_group(org, app, org.group_by_name(tenant.group).id, {"priority": 0})
        org.log.muted = False
        started = asyncio.Event()
        self.loop.spawn(process, _work(org, started))
        await started.wait()

    def _found_provider(self, clock: SimClock) -> None:
        self.start_provider()
        assert self.provider is not None
        for tenant in self.blueprint.tenants:
            profile = "calendly" if tenant.profile == "calendly" else "rfc7643"
            new = NewOrganization(
                tenant.name, profile=profile, plan="Enterprise", sso=True, seats=tenant.purchased
            )
            made = add_organization(self.provider.database, new, clock)
            self.tokens[f"{tenant.name}-scim"] = made.scim_token
            self.tokens[f"{tenant.name}-admin"] = made.admin_token
            self.judges[tenant.name] = made.admin_token

    async def _apply_everything(self) -> None:
        for name in {*self.blueprint.namespaces, "scim-operator"} - {"default"}:
            await self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        await self.apply(secret("okta-api", "default", OKTA, {"apiToken": OKTA_TOKEN}))
        await self.apply(resource("OktaOrg", "acme", "default", {
            "url": f"https://{OKTA}",
            "auth": {"type": "ApiToken", "secretRef": {"name": "okta-api"}},
            "allowedNamespaces": {"from": "All"},
            "budgetPercent": 50,
        }))  # fmt: skip
        for tenant in self.blueprint.tenants:
            await self.apply_tenant(tenant)

    async def apply_tenant(self, tenant: Tenant) -> None:
        """The Secrets and resources of one integration, as git has them."""
        for kind in ("scim", "admin") if tenant.has_admin else ("scim",):
            name = f"{tenant.name}-{kind}"
            await self.apply(secret(name, tenant.namespace, tenant.host, {"token": self.tokens[name]}))
        await self.apply(resource("ScimIntegration", tenant.name, tenant.namespace, tenant.spec))
        for number, rows in enumerate(tenant.mappings):
            spec = {"integrationRef": {"name": tenant.name}, "mappings": rows}
            await self.apply(resource("GroupMapping", f"{tenant.name}-{number}", tenant.namespace, spec))
        if tenant.limit is not None:
            await self.apply(resource("SeatLimit", tenant.name, tenant.namespace, tenant.limit))


async def _into(future: asyncio.Future[Any], work: Coroutine[Any, Any, Any]) -> None:
    try:
        result = await work
    except ConnectionResetError:
        future.cancel()
        return
    if not future.done():
        future.set_result(result)


async def _work(org: Org, started: asyncio.Event) -> None:
    async with running(org):
        started.set()
        await asyncio.Event().wait()


def resource(kind: str, name: str, namespace: str, spec: JSON) -> JSON:
    """One of our resources."""
    return {
        "apiVersion": API, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    }  # fmt: skip


def secret(name: str, namespace: str, host: str, values: dict[str, str]) -> JSON:
    """A Secret for `host`."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name, "namespace": namespace, "annotations": {"scim-operator.dev/allowed-hosts": host},
        },
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }  # fmt: skip


def open_world(blueprint: Blueprint, template: Template) -> World:
    """The world of `blueprint`, not built yet. Puts the simulated parts into this process for good."""
    loop = SimLoop()
    asyncio.set_event_loop(loop)
    faults = Faults()
    faults.moment = loop.time
    faults.date = lambda seconds: format_datetime(
        EPOCH + timedelta(seconds=loop.time() + seconds), usegmt=True
    )
    network = Network(loop, blueprint.seed, faults)
    prepare(network)
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="world-", dir=base))
    (folder / "provider.sqlite").write_bytes(template.database)
    org = Org(f"https://{OKTA}", clock=SimClock())
    org.buckets.limits = {name: limit * 10 for name, limit in org.buckets.limits.items()}
    return World(blueprint, loop, network, faults, folder, org, template.kubernetes)


def remove(world: World) -> None:
    """Gives back what the world has on disk."""
    shutil.rmtree(world.folder, ignore_errors=True)
