"""Deleting an integration: what is undone before it goes, and when it simply goes.

Called by the reconciler for a ScimIntegration with a deletionTimestamp, and to keep finalizers as the spec
wants them. Only deletionPolicy: Deprovision needs a finalizer. A namespace or a CustomResourceDefinition that
is being deleted never deprovisions anybody, nor does a suspended integration.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from controller.api.kinds import KINDS
from controller.api.meta import API_VERSION, FINALIZER
from controller.errors import Unauthorized, Waiting
from controller.kube.client import Body, get_or_none
from controller.kube.paths import api_path, object_path
from controller.model.actions import TOOK_EFFECT, ActionKind
from controller.model.words import many
from controller.operator.cluster import Cluster
from controller.operator.org_sharing import may_use, usable_org
from controller.operator.status_writer import Reporter
from controller.operator.store import INTEGRATION, ORG, Store
from controller.reconcile.events import Event
from controller.reconcile.reasons import Reason
from controller.reconcile.report import Report

logger = logging.getLogger(__name__)


def has_finalizer(body: Body) -> bool:
    """Whether ours is on it."""
    return FINALIZER in (body["metadata"].get("finalizers") or ())


def wants_deprovisioning(integration: Body) -> bool:
    """Whether its spec says so."""
    return bool((integration.get("spec") or {}).get("deletionPolicy") == "Deprovision")


@dataclass(frozen=True, slots=True)
class Finalizers:
    """Finalizers, and the question whether anything is to be undone."""

    store: Store
    cluster: Cluster
    reporter: Reporter

    async def keep(self, integration: Body) -> None:
        """Puts the finalizer on where the spec asks for it, on the org as well; takes it off where not."""
        wanted = wants_deprovisioning(integration)
        await self._set(integration, wanted)
        org = usable_org(self.store, integration)
        if org is not None and wanted and not org["metadata"].get("deletionTimestamp"):
            await self._set(org, True)

    async def _set(self, body: Body, wanted: bool) -> None:
        if has_finalizer(body) == wanted:
            return
        written = await self.cluster.set_finalizer(body, wanted)
        if written is not None:
            self.store.renew(written)

    async def why_released(self, integration: Body) -> str:
        """Why nothing is to be undone, in words, or "" where something is. Waiting where that cannot be
        told."""
        if not wants_deprovisioning(integration):
            return "spec.deletionPolicy is Orphan"
        if (integration.get("spec") or {}).get("suspend"):
            return "spec.suspend is true"
        if await self._kind_goes():
            return "its CustomResourceDefinition is being deleted"
        if await self.namespace_goes(str(integration["metadata"]["namespace"])):
            return "its namespace is being deleted"
        return ""

    async def _kind_goes(self) -> bool:
        return "create" not in await _verbs(self.cluster, INTEGRATION)

    async def namespace_goes(self, namespace: str) -> bool:
        """Whether it is being deleted, or gone. Waiting where that cannot be told."""
        try:
            body = await get_or_none(self.cluster.api, object_path("v1", "namespaces", name=namespace))
        except Unauthorized:
            raise Waiting(
                f"whether namespace {namespace} is being deleted cannot be read, so nothing is undone: "
                "grant get on namespaces, or set spec.deletionPolicy to Orphan",
                reason="AccessDenied",
            ) from None
        return body is None or bool(body["metadata"].get("deletionTimestamp"))

    async def release(self, integration: Body, event: Event) -> None:
        """Lets the integration go, with an event."""
        await self.reporter.post(integration, [event])
        await self._set(integration, False)

    async def release_org(self, org: Body) -> None:
        """Lets an org go that is being deleted, once no integration that may use it needs it to
        deprovision."""
        if not org["metadata"].get("deletionTimestamp") or not has_finalizer(org):
            return
        users = self.store.users_of_org(org["metadata"]["namespace"], org["metadata"]["name"])
        for user in filter(wants_deprovisioning, users):
            await self.cluster.learn_labels(self.store, user)
            if may_use(self.store, user):
                return
        await self._set(org, False)

    async def release_orgs(self) -> None:
        """The same for every org: an integration has gone."""
        for org in self.store.of_kind(ORG):
            await self.release_org(org)


async def _verbs(cluster: Cluster, kind: str) -> tuple[str, ...]:
    """What may be done with `kind`, () where it is not served. A definition that is being deleted takes no
    new objects: discovery drops the verb `create`."""
    found = await get_or_none(cluster.api, api_path(API_VERSION))
    if found is None:
        return ()
    plural = KINDS[kind].plural
    served = [one.get("verbs") or () for one in found.get("resources") or () if one.get("name") == plural]
    return tuple(served[0]) if served else ()


async def let_go(cluster: Cluster, namespaces: tuple[str, ...]) -> None:
    """Takes our finalizer off everything whose definition is being deleted: else the definition would
    wait for us for ever. Nothing is undone."""
    for kind in (INTEGRATION, ORG):
        verbs = await _verbs(cluster, kind)
        for body in await cluster.list_kind(kind, namespaces) if verbs and "create" not in verbs else ():
            if has_finalizer(body):
                await cluster.set_finalizer(body, False)


def is_undone(report: Report) -> bool:
    """Whether nothing is left to undo."""
    if report.error is not None or report.plan is None or report.verdict is None:
        return False
    return not report.verdict.held and all(one.result in TOOK_EFFECT for one in report.outcomes)


def released(why: str) -> Event:
    """The event of an integration that goes without anything being undone."""
    return Event("Normal", Reason.RELEASED, f"nothing was undone at Okta or the provider: {why}")


def deprovisioned(report: Report) -> Event:
    """The event of an integration that goes with everything undone."""
    kinds = [outcome.action.kind for outcome in report.outcomes]
    accounts = kinds.count(ActionKind.DEACTIVATE_ACCOUNT)
    others = len(kinds) - accounts
    told = many(accounts, "account was deactivated", "accounts were deactivated")
    if others:
        undone = ("assignment or setting in Okta was undone", "assignments and settings in Okta were undone")
        told += "; " + many(others, *undone)
    return Event("Normal", Reason.DEPROVISIONED, told)
