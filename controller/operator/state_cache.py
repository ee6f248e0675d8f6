"""What each integration remembers, cached in the process and stored when it changes.

Called by the reconciler around each run. The process is the only writer while it leads; whoever finds that
somebody else has written forgets the cache and begins again from the API server.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from controller.errors import Conflict
from controller.kube.state_store import About, StateStore, plan_name, state_name
from controller.model.actual import Memory
from controller.model.plan import Frozen
from controller.planning.base.inputs import Resource
from controller.reconcile.report import Report
from controller.reconcile.state_codec import decode_frozen, decode_memory, encode_frozen, encode_memory
from controller.urls import normal_url

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """The memory of a tenant, and the plan of its integration that waits."""

    memory: Memory
    frozen: Frozen | None = None


class Memories:
    """Memory and frozen plan by integration."""

    def __init__(self, store: StateStore) -> None:
        self._store, self.home = store, store.namespace
        self._held: dict[tuple[str, str], tuple[str, Held]] = {}

    async def load(self, integration: Resource[Any]) -> Held:
        """What is remembered of the tenant of `integration`; a new Memory where nothing can be read."""
        place, tenant = (integration.namespace, integration.name), _tenant(integration)
        cached = self._held.get(place)
        if cached is not None and cached[0] == tenant:
            return cached[1]
        held = Held(await self._load_memory(integration, tenant), await self._load_frozen(integration))
        self._held[place] = (tenant, held)
        return held

    async def _load_memory(self, integration: Resource[Any], tenant: str) -> Memory:
        blob = await self._store.load(state_name(integration.namespace, tenant))
        if blob is None:
            return Memory()
        try:
            return decode_memory(blob)
        except (ValueError, KeyError, TypeError):
            logger.warning("state cannot be read and counts as lost", extra={"facts": {"tenant": tenant}})
            return Memory()

    async def _load_frozen(self, integration: Resource[Any]) -> Frozen | None:
        blob = await self._store.load(plan_name(integration.namespace, integration.name))
        if blob is None:
            return None
        try:
            return decode_frozen(blob)
        except (ValueError, KeyError, TypeError):
            return None

    async def keep(self, integration: Resource[Any], memory: Memory) -> None:
        """Stores `memory` in the midst of a run, before its first write. Conflict where somebody else has
        written since: then this run must not."""
        about = _about(integration)
        try:
            await self._save_memory(integration, memory, about)
        except Conflict:
            self.forget(integration.namespace, integration.name)
            raise

    async def save(self, integration: Resource[Any], report: Report) -> None:
        """Stores what `report` leaves behind, where that is not what is stored already."""
        if report.plan is None and not report.outcomes:
            return
        place, tenant = (integration.namespace, integration.name), _tenant(integration)
        before = (await self.load(integration)).frozen
        frozen = report.verdict.frozen if report.verdict is not None else before
        about = _about(integration)
        self._held[place] = (tenant, Held(report.memory, frozen))
        try:
            await self._save_memory(integration, report.memory, about)
            await self._save_frozen(integration, before, frozen, about)
        except Conflict:
            self.forget(*place)
            raise

    async def _save_memory(self, integration: Resource[Any], memory: Memory, about: About) -> None:
        blob = await asyncio.to_thread(encode_memory, memory)
        await self._store.save(state_name(integration.namespace, _tenant(integration)), blob, about)

    async def _save_frozen(
        self, integration: Resource[Any], before: Frozen | None, frozen: Frozen | None, about: About
    ) -> None:
        name = plan_name(integration.namespace, integration.name)
        if frozen is not None:
            await self._store.save(name, encode_frozen(frozen), about)
        elif before is not None:
            await self._store.delete(name)

    async def delete_plan(self, namespace: str, name: str) -> None:
        """The integration is gone: so is its plan. The memory of its tenant stays for its re-creation."""
        await self._store.delete(plan_name(namespace, name))

    def tenant_of(self, namespace: str, name: str) -> str:
        """The tenant whose memory is in use for an integration; "" for none."""
        cached = self._held.get((namespace, name))
        return cached[0] if cached is not None else ""

    async def delete_tenant(self, namespace: str, tenant: str) -> None:
        """A namespace went with all that was in it: one of that name that comes again is somebody else's."""
        await self._store.delete(state_name(namespace, tenant))

    async def delete(self, integration: Resource[Any]) -> None:
        """Everything was undone: nothing is left to remember of the tenant."""
        namespace, tenant = integration.namespace, _tenant(integration)
        await self._store.delete(state_name(namespace, tenant))
        await self.delete_plan(namespace, integration.name)
        self.forget(namespace, integration.name)

    def forget(self, namespace: str, name: str) -> None:
        """The next load reads the API server."""
        cached = self._held.pop((namespace, name), None)
        if cached is not None:
            self._store.forget(state_name(namespace, cached[0]))
        self._store.forget(plan_name(namespace, name))


def _tenant(integration: Resource[Any]) -> str:
    return normal_url(integration.spec.provider.base_url)


def _about(integration: Resource[Any]) -> About:
    return About(integration.namespace, f"{integration.namespace}/{integration.name}")
