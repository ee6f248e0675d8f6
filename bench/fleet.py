"""Many integrations on one org: the simulated Okta, the provider and the embedded API, all over HTTP.

Used by quiet and resident. Each integration has an app, an Okta group, an organization at the provider, a
mapping and a seat limit of its own, as the quickstart declares them.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from bench.stepped import Busy
from controller.clock import Clock
from controller.handlers.apiserver import ApiServer, open_api_server
from controller.handlers.manifests import read_manifests, resource_path
from controller.provider.app import add_organization
from controller.provider.app import build_app as build_provider
from controller.provider.organizations import NewOrganization
from controller.sandbox.folder import project_file, write_kubeconfig
from controller.sandbox.kubernetes.app import build_app as build_kubernetes
from controller.sandbox.kubernetes.app import kubeconfig as kubeconfig_text
from controller.sandbox.okta.app import build_app as build_okta
from controller.sandbox.okta.seed import seed
from controller.sandbox.okta.store import Org
from controller.sandbox.people import DEPARTMENTS, SandboxPerson
from controller.sandbox.run import PRIORITY_GROUPS, install_crds
from controller.sandbox.serving import Served, serve

JSON = dict[str, Any]
NAMESPACE = "default"


@dataclass(slots=True)
class Fleet:
    """Running servers and the resources of `size` integrations, which are not applied yet."""

    org: Org
    api: ApiServer
    kubeconfig: str
    bodies: list[JSON] = field(default_factory=list)
    busy: Busy = field(default_factory=Busy)

    async def apply(self) -> None:
        """Applies every resource, Secrets first."""
        for body in self.bodies:
            await self.api.apply(resource_path(body, NAMESPACE), body, manager="kubectl")


@asynccontextmanager
async def open_fleet(folder: Path, size: int, people: int, clock: Clock, **spec: Any) -> AsyncIterator[Fleet]:
    """`size` integrations of `people` people each; `spec` are fields of every ScimIntegration's spec."""
    busy, token = Busy(), secrets.token_urlsafe(30)
    async with AsyncExitStack() as stack:
        org = Org(api_token=token, clock=clock)
        okta = await _serve(stack, busy, build_okta(org))
        org.url = okta.url
        provider = build_provider(f"sqlite:///{folder}/provider.sqlite", clock)
        scim = await _serve(stack, busy, provider)
        kubernetes = await _serve(stack, busy, build_kubernetes(clock, SecretStr(token)))
        config = str(write_kubeconfig(folder, kubeconfig_text(kubernetes.url, token)))
        api = await open_api_server(config)
        stack.push_async_callback(api.aclose)
        await install_crds(api)
        fleet = Fleet(org, api, config, busy=busy)
        fleet.bodies += _org_bodies(okta.url, token)
        for number in range(size):
            _seed(org, number, people)
            new = NewOrganization(f"t{number}", profile="calendly", plan="Enterprise", sso=True, seats=50)
            created = add_organization(provider.database, new, clock)
            tokens = {"token": created.scim_token, "admin": created.admin_token}
            urls = scim.url + created.scim_path, scim.url + created.admin_path
            fleet.bodies += _tenant_bodies(number, urls, tokens, spec)
        yield fleet


async def _serve(stack: AsyncExitStack, busy: Busy, app: Any) -> Served:
    counted = busy.serving(app)
    counted.sends_date = getattr(app, "sends_date", False)
    served = await serve(counted)

    async def stop() -> None:
        if hasattr(app, "close") and "kubernetes" in type(app).__module__:
            app.close()
        await served.stop()

    stack.push_async_callback(stop)
    return served


def _seed(org: Org, number: int, people: int) -> None:
    staff = tuple(_person(number, place) for place in range(people))
    seed(org, staff, assigned=people, app_label=f"App {number}", group=f"App {number} users")


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


def _tenant_bodies(number: int, urls: tuple[str, str], tokens: dict[str, str], spec: JSON) -> list[JSON]:
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
    found["SeatLimit"]["spec"]["integrationRefs"] = [{"name": name}]
    kinds = ("ScimIntegration", "GroupMapping", "SeatLimit")
    return [_secret(name, urls[0], tokens), *(found[kind] for kind in kinds)]
