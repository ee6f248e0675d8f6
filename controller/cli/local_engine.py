"""Runs of the engine for `scimctl plan`: resources from files, from a cluster or from both; no writes.

The same engine as the operator's, with write=False. What files don't hold (Secrets, siblings, what the
operator remembers) comes from the cluster, where one is given; a file stands in for the object of its name.
"""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from controller.api import KINDS
from controller.api.integration_status import PLAN_ACTIONS
from controller.api.scim_integration import ScimIntegrationSpec
from controller.cli.terminal import emit
from controller.clock import SystemClock
from controller.errors import ControllerError, SpecError, Unauthorized
from controller.kube.client import ApiServer, Body, get_or_none, open_api_server
from controller.kube.manifests import Manifest
from controller.kube.state_store import StateStore
from controller.metrics import Metrics
from controller.model.actual import Memory
from controller.model.plan import Frozen
from controller.operator.cluster import Cluster, path_of
from controller.operator.run_inputs import (
    Vault,
    Wanted,
    build_inputs,
    gather_family,
    rivals_of,
    wanted_secrets,
)
from controller.operator.state_cache import Held, Memories
from controller.operator.store import INTEGRATION, Store, org_place
from controller.planning.base.inputs import Resource
from controller.reconcile.engine import Engine
from controller.reconcile.report import Report
from controller.settings import Settings, parse_settings
from controller.targets.connect import TargetConnector


def own_settings() -> Settings:
    """Settings for a run from a terminal: the person there names the URLs, so loopback is theirs to reach."""
    return parse_settings(os.environ).model_copy(update={"allow_http_loopback": True})


@dataclass(frozen=True, slots=True)
class Where:
    """Which cluster, and which part of it. `offline`: none at all."""

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    offline: bool = False


@dataclass(slots=True)
class Source:
    """What runs are made from."""

    api: ApiServer | None
    namespace: str
    store: Store = field(default_factory=Store)
    files: dict[Wanted, Body] = field(default_factory=dict)
    """Secrets and ConfigMaps of the files."""

    async def vault(self, wanted: Iterable[Wanted]) -> Vault:
        """What the named Secrets hold; files come first."""
        places = list(wanted)
        absent = [place for place in places if place not in self.files]
        vault = Vault()
        if self.api is not None:
            vault = await Cluster(self.api, SystemClock()).read_vault(absent)
        for place in places:
            if place in self.files:
                vault.add(place, self.files[place])
        return vault


@asynccontextmanager
async def open_source(where: Where, manifests: Iterable[Manifest]) -> AsyncIterator[Source]:
    """The resources of the cluster with those of `manifests` in their place."""
    given = list(manifests)
    api = None if where.offline else await open_api_server(where.kubeconfig, where.context)
    try:
        source = Source(api, where.namespace or (api.namespace if api else "default"))
        if api is not None:
            for body in await Cluster(api, SystemClock()).list_all_kinds([source.namespace]):
                source.store.put(body)
        for manifest in given:
            _take(source, manifest)
        yield source
    finally:
        if api is not None:
            await api.aclose()


def _take(source: Source, manifest: Manifest) -> None:
    namespace = manifest.namespace or source.namespace
    if manifest.kind in ("Secret", "ConfigMap"):
        source.files[manifest.kind, namespace, manifest.name] = _with_data(manifest.body)
    elif manifest.kind in KINDS:
        source.store.put(_as_applied(source, manifest, namespace))


def _as_applied(source: Source, manifest: Manifest, namespace: str) -> Body:
    """The object as it would be in the cluster: what the API server adds is kept from the present one."""
    if not manifest.name:
        raise SpecError("metadata.name is required", field=manifest.where())
    present = source.store.get(manifest.kind, namespace, manifest.name) or {}
    metadata: dict[str, Any] = dict(
        present.get("metadata") or {"uid": f"file:{manifest.where()}", "generation": 1}
    )
    own = manifest.body.get("metadata") or {}
    metadata.update(name=manifest.name, namespace=namespace, resourceVersion=f"file:{manifest.where()}")
    for part in ("annotations", "labels"):
        metadata[part] = {**(metadata.get(part) or {}), **(own.get(part) or {})}
    return {**manifest.body, "metadata": metadata, "status": dict(present.get("status") or {})}


def _with_data(body: Mapping[str, Any]) -> Body:
    """A Secret with `stringData` where the API server would have put it."""
    plain = {
        key: base64.b64encode(str(value).encode()).decode()
        for key, value in (body.get("stringData") or {}).items()
    }
    return {**body, "data": {**(body.get("data") or {}), **plain}}


async def plan_all(source: Source, names: Iterable[str], settings: Settings) -> list[Report]:
    """A report for each named integration, or for all; nothing is written anywhere.

    SpecError where a name is not there, or where there is none at all.
    """
    bodies = _chosen(source, list(names))
    connector = TargetConnector(settings)
    try:
        engine = Engine(connector, SystemClock(), settings, Metrics())
        return [await _plan_one(source, engine, body) for body in bodies]
    finally:
        await connector.aclose()


async def plans_that_wait(
    source: Source, names: Iterable[str]
) -> list[tuple[Resource[ScimIntegrationSpec], Frozen]]:
    """The stored plan of each named integration, or of all, where one waits for an approval."""
    if source.api is None:
        raise SpecError("a plan that waits is stored in the cluster", field="--offline")
    found = []
    for body in _chosen(source, list(names)):
        integration = gather_family(source.store, body).integration
        try:
            frozen = (await _memories(source.api, integration).load(integration)).frozen
        except Unauthorized as error:
            raise SpecError(
                f"you may not read the whole plan in namespace {_home(source.api, integration)} "
                f"({error.message}); scimctl status and status.plan show its first {PLAN_ACTIONS} actions",
                field=f"ScimIntegration {integration.name}",
            ) from None
        if frozen is not None:
            found.append((integration, frozen))
    return found


def _memories(api: ApiServer, integration: Resource[Any]) -> Memories:
    return Memories(StateStore(api, _home(api, integration)))


def _home(api: ApiServer, integration: Resource[Any]) -> str:
    """Where the operator keeps its state, as it says itself."""
    return str(integration.status.get("stateNamespace") or api.namespace)


async def _held(api: ApiServer, integration: Resource[Any]) -> Held:
    """What the operator remembers; nothing, with a note, if we may not read it."""
    try:
        return await _memories(api, integration).load(integration)
    except Unauthorized as error:
        emit(
            f"ScimIntegration {integration.name}: planned as if nothing was remembered, since the operator's "
            f"state in namespace {_home(api, integration)} may not be read: {error.message}",
            to_errors=True,
        )
        return Held(Memory())


def _chosen(source: Source, names: list[str]) -> list[Body]:
    present = {str(body["metadata"]["name"]): body for body in source.store.of_kind(INTEGRATION)}
    absent = sorted(set(names) - set(present))
    if absent:
        raise SpecError(f"there is no ScimIntegration {absent[0]}", field=f"namespace {source.namespace}")
    if not present:
        raise SpecError("there is no ScimIntegration to plan for", field=f"namespace {source.namespace}")
    return [present[name] for name in (names or sorted(present))]


async def _learn_org(source: Source, cluster: Cluster, integration: Body) -> None:
    """Notes the org that `integration` refers to, if it is another namespace's and we may read it."""
    place = org_place(integration)
    if source.store.get(*place) is None and place[1] != integration["metadata"]["namespace"]:
        try:
            org = await get_or_none(cluster.api, path_of(place))
        except Unauthorized as error:
            name = integration["metadata"]["name"]
            what = f"OktaOrg {place[2]} of namespace {place[1]}"
            emit(f"ScimIntegration {name}: {what} may not be read: {error.message}", to_errors=True)
            return
        if org is not None:
            source.store.put(org)


async def _plan_one(source: Source, engine: Engine, body: Body) -> Report:
    if source.api is not None:
        cluster = Cluster(source.api, SystemClock())
        await _learn_org(source, cluster, body)
        await cluster.learn_labels(source.store, body)
    family = gather_family(source.store, body)
    vault = await source.vault(wanted_secrets(family))
    rivals = rivals_of(source.store, family.integration.uid, SystemClock().now())
    inputs = build_inputs(family, vault, source.store.labels_of(family.integration.namespace), rivals)
    held = await _held(source.api, family.integration) if source.api else Held(Memory())
    report = await engine.run(inputs, vault.values, held.memory, frozen=held.frozen, write=False)
    if report.error is not None and not isinstance(report.error, ControllerError):
        raise report.error
    return report
