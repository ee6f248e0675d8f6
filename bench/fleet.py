"""Many integrations on one org: the simulated Okta, the provider and the embedded API, all over HTTP.

Used by quiet and resident. Each integration has an app, an Okta group, an organization at the provider, a
mapping and a seat limit of its own, as the quickstart declares them.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from bench.stepped import Busy
from controller.api import API_VERSION, KINDS
from controller.clock import Clock
from controller.kube.client import ApiServer, open_api_server
from controller.kube.manifests import read_manifests, resource_path
from controller.kube.paths import object_path
from controller.provider.app import add_organization
from controller.provider.app import build_app as build_provider
from controller.provider.organizations import NewOrganization
from scim_sandbox.folder import project_file, write_kubeconfig
from scim_sandbox.kubernetes.app import build_app as build_kubernetes
from scim_sandbox.kubernetes.app import kubeconfig as kubeconfig_text
from scim_sandbox.okta.app import build_app as build_okta
from scim_sandbox.okta.seed import seed
from scim_sandbox.okta.store import Org
from scim_sandbox.people import DEPARTMENTS, SandboxPerson
from scim_sandbox.run import PRIORITY_GROUPS, install_crds
from scim_sandbox.serving import Served, serve
from scim_sandbox.watch_cache import has_condition

JSON = dict[str, Any]
NAMESPACE = "default"
INTEGRATIONS = object_path(API_VERSION, KINDS["ScimIntegration"].plural, NAMESPACE)


@dataclass(slots=True)
class Fleet:
    """Running servers, and the resources of the org and of each tenant, which are not applied yet."""

    org: Org
    api: ApiServer
    kubeconfig: str
    shared: list[JSON]
    tenants: list[list[JSON]] = field(default_factory=list)
    scim: list[tuple[str, str]] = field(default_factory=list)
    """(SCIM URL, token) of each tenant."""
    people: list[tuple[SandboxPerson, ...]] = field(default_factory=list)
    """Who has each tenant's app."""
    busy: Busy = field(default_factory=Busy)
    okta_token: str = ""

    async def apply(self, bodies: Iterable[JSON]) -> None:
        """Applies `bodies` as `kubectl apply --server-side` does, one after the other."""
        for body in bodies:
            await self.api.apply(resource_path(body, NAMESPACE), body, manager="kubectl")

    async def apply_all(self) -> None:
        """Applies everything, Secrets first."""
        await self.apply([*self.shared, *(body for bodies in self.tenants for body in bodies)])

    async def unready(self) -> int:
        """How many integrations are not Ready."""
        bodies = await self.api.list_all(INTEGRATIONS)
        return sum(not has_condition("Ready")(body) for body in bodies)

    def raise_limits(self, factor: int) -> None:
        """Okta allows `factor` times what it does."""
        self.org.buckets.limits = {name: limit * factor for name, limit in self.org.buckets.limits.items()}


@asynccontextmanager
async def open_fleet(
    folder: Path,
    size: int,
    people: int,
    clock: Clock,
    *,
    delay_seconds: float = 0.0,
    spare: int = 0,
    **spec: Any,
) -> AsyncIterator[Fleet]:
    """`size` integrations of `people` people each, with Okta and a provider that answer `delay_seconds`
    late, and `spare` seats each that nobody has; `spec` are fields of every ScimIntegration's spec. The
    provider is Calendly but for Bulk, by which benches fill it."""
    busy, token = Busy(), secrets.token_urlsafe(30)
    async with AsyncExitStack() as stack:
        org = Org(api_token=token, clock=clock)
        okta = await _serve(stack, busy, build_okta(org), "okta", delay_seconds)
        org.url = okta.url
        provider = build_provider(f"sqlite:///{folder}/provider.sqlite", clock)
        scim = await _serve(stack, busy, provider, "scim", delay_seconds)
        kubernetes = await _serve(stack, busy, build_kubernetes(clock, SecretStr(token)), "kubernetes")
        config = str(write_kubeconfig(folder, kubeconfig_text(kubernetes.url, token)))
        api = await open_api_server(config)
        stack.push_async_callback(api.aclose)
        await install_crds(api)
        fleet = Fleet(org, api, config, _org_bodies(okta.url, token), busy=busy, okta_token=token)
        for number in range(size):
            fleet.people.append(_seed(org, number, people))
            new = NewOrganization(f"t{number}", "calendly", seats=people + spare, overrides={"bulk": True})
            created = add_organization(provider.database, new, clock)
            tokens = {"token": created.scim_token, "admin": created.admin_token}
            urls = scim.url + created.scim_path, scim.url + created.admin_path
            fleet.scim.append((urls[0], created.scim_token))
            fleet.tenants.append(_tenant_bodies(number, urls, tokens, spec, people + spare))
        for group in org.groups.values():
            group.last_membership_updated = "2026-01-01T00:00:00.000Z"  # nobody has just joined
        yield fleet


async def _serve(
    stack: AsyncExitStack, busy: Busy, app: Any, name: str, delay_seconds: float = 0.0
) -> Served:
    counted = busy.serving(app, name, delay_seconds)
    counted.sends_date = getattr(app, "sends_date", False)
    served = await serve(counted)

    async def stop() -> None:
        if hasattr(app, "close") and "kubernetes" in type(app).__module__:
            app.close()
        await served.stop()

    stack.push_async_callback(stop)
    return served


def _seed(org: Org, number: int, people: int) -> tuple[SandboxPerson, ...]:
    staff = tuple(_person(number, place) for place in range(people))
    seed(org, staff, assigned=people, app_label=f"App {number}", group=f"App {number} users")
    return staff


def _person(number: int, place: int) -> SandboxPerson:
    first, last = f"First{place}", f"Last{number}"
    department = DEPARTMENTS[(number + place) % len(DEPARTMENTS)]
    groups = (PRIORITY_GROUPS[place % len(PRIORITY_GROUPS)],)
    return SandboxPerson(f"p{place}.{number}@example.com", first, last, f"{first} {last}", department, groups)


def _quickstart() -> Iterator[JSON]:
    return (manifest.body for manifest in read_manifests([project_file("examples", "quickstart")]))


def _secret(name: str, url: str, values: dict[str, str]) -> JSON:
    annotations = {"scim-operator.dev/allowed-hosts": urlsplit(url).netloc}
    metadata = {"name": name, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}


def _org_bodies(url: str, token: str) -> list[JSON]:
    org = next(copy.deepcopy(body) for body in _quickstart() if body["kind"] == "OktaOrg")
    org["spec"] |= {"url": url, "budgetPercent": 50}
    return [_secret("okta-api", url, {"apiToken": token}), org]


def _tenant_bodies(
    number: int, urls: tuple[str, str], tokens: dict[str, str], spec: JSON, seats: int
) -> list[JSON]:
    """The quickstart's integration, mapping and limit, for the tenant of that number."""
    name = f"t{number}"
    found = {body["kind"]: copy.deepcopy(body) for body in _quickstart()}
    for kind in ("ScimIntegration", "GroupMapping", "SeatLimit"):
        found[kind]["metadata"]["name"] = name
    integration = found["ScimIntegration"]["spec"]
    integration["okta"]["app"] = {"label": f"App {number}"}
    integration["assignments"]["oktaGroups"] = [{"name": f"App {number} users"}]
    integration["provider"] |= {
        "baseUrl": urls[0],
        "auth": {"type": "Bearer", "secretRef": {"name": name, "key": "token"}},
        "admin": {"baseUrl": urls[1], "secretRef": {"name": name, "key": "admin"}},
    }
    integration |= spec
    found["GroupMapping"]["spec"]["integrationRef"] = {"name": name}
    found["SeatLimit"]["spec"] |= {"integrationRefs": [{"name": name}], "seats": seats}
    kinds = ("ScimIntegration", "GroupMapping", "SeatLimit")
    return [_secret(name, urls[0], tokens), *(found[kind] for kind in kinds)]
