"""What a released version left behind, kept whole: its chart, its objects, the Okta org and the provider.

Used by the test beside it. `python -m tests.flow.upgrades.past VERSION` records the version in this
checkout; a release adds its folder and changes none of the others (docs/upgrading.md). The servers come back
on the ports on which they were recorded, because objects name them.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from controller.api import API_VERSION, KINDS
from controller.clock import SystemClock
from controller.kube.client import ApiServer, open_api_server
from controller.kube.manifests import read_manifests, resource_path
from controller.kube.paths import object_path
from controller.operator.main import run_operator
from controller.provider.app import build_app as build_provider
from controller.provider.app import create_organization
from controller.provider.organizations import NewOrganization
from controller.settings import Settings
from scim_sandbox.actors import Hands, Provider
from scim_sandbox.folder import Access, write_examples, write_kubeconfig
from scim_sandbox.kubernetes.app import build_app as build_kubernetes
from scim_sandbox.kubernetes.app import kubeconfig
from scim_sandbox.okta.app import build_app as build_okta
from scim_sandbox.okta.seed import seed
from scim_sandbox.okta.state import load, save
from scim_sandbox.okta.store import Org
from scim_sandbox.people import generated
from scim_sandbox.run import free_port
from scim_sandbox.serving import Served, serve
from scim_sandbox.watch_cache import Board, Predicate
from tests.conftest import missing

HERE = Path(__file__).parent
CHART = HERE.parents[2] / "charts" / "scim-operator"
OKTA_PORT, PROVIDER_PORT = 24871, 24872
TOKEN = "recorded-okta-token"
NEW_GROUP = "Builders"
"""What the waiting plan would call the first group."""
KUBERNETES_TOKEN = "upgrades"
JSON = dict[str, Any]
STORED = {
    **{("scim-operator.dev", kind.plural): API_VERSION for kind in KINDS.values()},
    ("", "secrets"): "v1",
    ("", "configmaps"): "v1",
}


@dataclass
class Past:
    """A world without an operator, in which a release of the chart is installed by Helm."""

    folder: Path
    org: Org
    kubernetes: Any
    api: ApiServer
    kubeconfig: Path
    helm: Any

    def install(self, chart: Path) -> None:
        """Installs the chart, or upgrades what is installed to it."""
        verb = self.helm.upgrade if self.helm.list() else self.helm.install
        verb(str(chart), "scim-operator", {}, namespace="scim-system")

    async def until(self, kind: str, name: str, holds: Predicate) -> JSON:
        async with Board(self.api, object_path(API_VERSION, KINDS[kind].plural, "default")) as board:
            return await board.until(name, holds, 40, f"{kind} {name}")

    async def patch(self, kind: str, name: str, change: JSON) -> None:
        path = object_path(API_VERSION, KINDS[kind].plural, "default", name)
        await self.api.patch(path, change, manager="kubectl")

    async def objects(self) -> list[JSON]:
        """Every object of the kinds in STORED, as it is stored."""
        found = []
        for (_, plural), version in STORED.items():
            items = await self.api.list_all(object_path(version, plural, "default"))
            kind = next((k.kind for k in KINDS.values() if k.plural == plural), plural[:-1].title())
            kind = {"Configmap": "ConfigMap"}.get(kind, kind)
            found += [{**item, "apiVersion": version, "kind": kind} for item in items]
        return found

    def restore(self, objects: list[JSON]) -> None:
        """Puts them where they were, status and generation included, as a backup of etcd does."""
        plurals = {kind.kind: kind.plural for kind in KINDS.values()}
        plurals |= {"Secret": "secrets", "ConfigMap": "configmaps"}
        for body in objects:
            group = body["apiVersion"].rpartition("/")[0]
            self.kubernetes._store.put((group, plurals[body["kind"]]), body)

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[None]:
        """The operator of this checkout."""
        settings = Settings(allow_http_loopback=True, metrics_port=free_port(), state_namespace="scim-system")
        stop, ready = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(
            run_operator(settings, kubeconfig=str(self.kubeconfig), stop=stop, ready=ready)
        )
        waiter = asyncio.create_task(ready.wait())
        await asyncio.wait([waiter, task], return_when=asyncio.FIRST_COMPLETED)
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, 20)
            waiter.cancel()


@asynccontextmanager
async def past(folder: Path, org: Org, database: str) -> AsyncIterator[Past]:
    """The servers, with everything on disk in `folder`."""
    try:
        import helm_python
    except ImportError:
        missing("helm (requirements/components.txt)")
    kubernetes = build_kubernetes(SystemClock(), SecretStr(KUBERNETES_TOKEN))
    async with AsyncExitStack() as stack:
        org.url = f"http://127.0.0.1:{OKTA_PORT}"
        for app, port in (
            (build_okta(org), OKTA_PORT),
            (build_provider(database, SystemClock()), PROVIDER_PORT),
        ):
            served = await serve_at(app, port)
            stack.push_async_callback(served.stop)
        running = await serve(kubernetes)
        stack.push_async_callback(running.stop)
        text = kubeconfig(running.url, KUBERNETES_TOKEN)
        file = write_kubeconfig(folder, text)
        api = await open_api_server(str(file))
        stack.push_async_callback(api.aclose)
        await api.apply("/api/v1/namespaces/scim-system", namespace("scim-system"))
        helm = helm_python.Config(kubeconfig_content=text, namespace="scim-system", storage_driver="memory")
        yield Past(folder, org, kubernetes, api, file, helm)


async def serve_at(app: Any, port: int) -> Served:
    """The application on that port, as soon as another run of these tests has left it."""
    async with asyncio.timeout(120):
        while True:
            try:
                return await serve(app, port)
            except OSError:
                await asyncio.sleep(0.2)


def namespace(name: str) -> JSON:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def new_org() -> Org:
    org = Org(api_token=TOKEN, clock=SystemClock())
    org.buckets.limits = {name: limit * 10 for name, limit in org.buckets.limits.items()}
    return org


@asynccontextmanager
async def revived(recorded: Path, folder: Path) -> AsyncIterator[tuple[Past, Provider]]:
    """The world as it was when `recorded` was made: its chart installed, its objects stored, no operator."""
    org, file = new_org(), folder / "provider.sqlite"
    load(org, json.loads((recorded / "okta.json").read_text()))
    with sqlite3.connect(file) as database:
        database.executescript((recorded / "provider.sql").read_text())
    about = json.loads((recorded / "about.json").read_text())
    async with past(folder, org, f"sqlite:///{file}") as world:
        await asyncio.to_thread(world.install, recorded / "chart.tgz")
        world.restore(json.loads((recorded / "objects.json").read_text()))
        hands = Hands(about["adminUrl"], "admin", f"Bearer {about['adminToken']}")
        yield world, Provider(hands)
        await hands.aclose()


async def record(target: Path, folder: Path) -> None:
    """Records what this checkout leaves behind: the quickstart in force, and then a change that waits."""
    import helm_python

    org, file = new_org(), folder / "provider.sqlite"
    org.url = f"http://127.0.0.1:{OKTA_PORT}"
    seed(org, generated(9), assigned=6)
    created = await create_organization(
        f"sqlite:///{file}", NewOrganization("acme", profile="calendly", seats=20), SystemClock()
    )
    url = f"http://127.0.0.1:{PROVIDER_PORT}"
    scim, admin = url + created.scim_path, url + created.admin_path
    access = Access("", org.url, TOKEN, scim, created.scim_token, admin, created.admin_token, "")
    chart = helm_python.package(str(CHART), destination=str(folder), version=target.name)
    async with past(folder, org, f"sqlite:///{file}") as world:
        await asyncio.to_thread(world.install, CHART)
        for manifest in read_manifests([write_examples(folder, access, 20, set()) / "quickstart"]):
            await world.api.apply(resource_path(manifest.body, "default"), manifest.body, manager="kubectl")
        async with world.operator():
            await world.until("ScimIntegration", "calendly", has("InSync", "InSync"))
            await world.until("SeatLimit", "calendly", has("Ready", "Succeeded"))
            table = next(one for one in await world.objects() if one["kind"] == "GroupMapping")
            mappings = [
                {**table["spec"]["mappings"][0], "providerGroup": NEW_GROUP},
                *table["spec"]["mappings"][1:],
            ]
            await world.patch("ScimIntegration", "calendly", {"spec": {"mode": "Approve"}})
            await world.patch("GroupMapping", "departments", {"spec": {"mappings": mappings}})
            await world.until("ScimIntegration", "calendly", has("InSync", "AwaitingApproval"))
        write(target, await world.objects(), save(org), file)
    shutil.copy(chart, target / "chart.tgz")
    about = {"adminUrl": admin, "adminToken": created.admin_token}
    (target / "about.json").write_text(json.dumps(about, indent=1) + "\n")


def write(target: Path, objects: list[JSON], org: JSON, database: Path) -> None:
    target.mkdir(parents=True)
    (target / "objects.json").write_text(json.dumps(objects, indent=1) + "\n")
    (target / "okta.json").write_text(json.dumps(org, separators=(",", ":")) + "\n")
    with sqlite3.connect(database) as rows:
        (target / "provider.sql").write_text("\n".join(rows.iterdump()) + "\n")


def has(condition: str, reason: str) -> Predicate:
    """Whether a condition has that reason for the present generation."""

    def holds(body: JSON) -> bool:
        found = {c["type"]: c for c in (body.get("status") or {}).get("conditions") or []}
        one = found.get(condition, {})
        is_now = one.get("observedGeneration") == body["metadata"]["generation"]
        return is_now and one.get("reason") == reason

    return holds


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(record(HERE / sys.argv[1], Path(place)))
