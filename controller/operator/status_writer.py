"""Carries status, events and gauges of one run to the API server and the metrics; writes only what changed.

Called by the reconciler. What status says is decided in reconcile.status and reconcile.related_status; here
it is compared with what is known, written, and remembered at once, so that the echo of the watch changes
nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from controller.clock import Clock
from controller.errors import ControllerError, SpecError
from controller.kube.client import Body
from controller.metrics import Metrics
from controller.operator.cluster import Cluster
from controller.operator.resource_metrics import show_status
from controller.operator.run_inputs import Family
from controller.operator.store import (
    INTEGRATION,
    LIMIT,
    MAPPING,
    ORG,
    Place,
    Store,
    integration_names,
    place_of,
)
from controller.planning.base.inputs import Resource
from controller.reconcile.events import Event, report_events, transition_events
from controller.reconcile.org_status import OrgFacts, org_status
from controller.reconcile.related_status import (
    broken_status,
    dangling_status,
    limit_status,
    mapping_status,
    suspended_status,
    suspended_with_status,
)
from controller.reconcile.report import Report
from controller.reconcile.status_output import in_order
from controller.reconcile.totals import Amount, Show, show_id, show_login
from controller.settings import Settings

logger = logging.getLogger(__name__)

FactsOf = Callable[[str, str], OrgFacts]
"""(namespace, name) of an OktaOrg -> what the process knows of it."""


class Reporter:
    """Writes what is new."""

    def __init__(
        self,
        store: Store,
        cluster: Cluster,
        clock: Clock,
        settings: Settings,
        metrics: Metrics,
        facts_of: FactsOf,
    ) -> None:
        self._store, self._cluster, self._clock, self._metrics = store, cluster, clock, metrics
        self.facts_of = facts_of
        self._turns: WeakValueDictionary[Place, asyncio.Lock] = WeakValueDictionary()
        self.show: Show = show_login if settings.people_in_status == "login" else show_id

    async def write(
        self,
        body: Body,
        status: Mapping[str, Any],
        report: Report | None = None,
        generation: int | None = None,
    ) -> None:
        """Status, gauges and events of one resource; nothing is sent where nothing differs. `generation` is
        the one that the status is about, where that may not be the known one any more."""
        # An org is told of by every run that uses it: two at once would both tell of one transition.
        async with self._turns.setdefault(place_of(body), asyncio.Lock()):
            await self._write(body, status, report, generation)

    async def _write(
        self, body: Body, status: Mapping[str, Any], report: Report | None, generation: int | None
    ) -> None:
        place = place_of(body)
        fresh = self._store.get(*place)
        if fresh is None or fresh["metadata"].get("uid") != body["metadata"].get("uid"):
            return
        before = fresh.get("status") or {}
        show_status(self._metrics, place, status, fresh.get("spec"))
        if in_order(before) != in_order(status):
            written = await self._cluster.write_status(_about(fresh, body, generation), status)
            if written is None:
                return
            self._store.renew(written)
        events = transition_events(before, status)
        if report is not None:
            events += report_events(report)
            self._count_corrections(report, place)
        await self.post(fresh, events)

    def _count_corrections(self, report: Report, place: tuple[str, str, str]) -> None:
        if report.plan is not None:
            for item in Amount(report).corrected:
                self._metrics.drift_corrected_total.labels(place[1], place[2], item.kind.value).inc()

    async def post(self, body: Body, events: list[Event]) -> None:
        """Records events; one that cannot be recorded is logged, since status tells the same."""
        for event in events:
            try:
                await self._cluster.post_event(body, event)
            except ControllerError as error:
                logger.warning("event not recorded: %s", error.message)

    async def siblings(self, family: Family, report: Report) -> None:
        """Status of the mappings, limits and the org of a run."""
        now = self._clock.now()
        for mapping in family.mappings:
            await self._write_resource(mapping, mapping_status(mapping, report, now, self.show))
        for limit in family.limits:
            await self._write_resource(limit, limit_status(limit, report, now, self.show))
        if family.org is not None:
            facts = self.facts_of(family.org.namespace, family.org.name)
            await self._write_resource(family.org, org_status(family.org, report, facts, now))

    async def suspended(self, family: Family) -> None:
        """Status of an integration with spec.suspend and of what refers to it."""
        now, integration = self._clock.now(), family.integration
        await self._write_resource(integration, suspended_status(integration, now))
        related: tuple[Resource[Any], ...] = (*family.mappings, *family.limits)
        for one in related:
            await self._write_resource(one, suspended_with_status(one, integration.name, now))

    async def _write_resource(self, resource: Resource[Any], status: Mapping[str, Any]) -> None:
        body = self._store.get(resource.kind, resource.namespace, resource.name)
        if body is not None:
            await self.write(body, status)

    async def broken(self, integration: Body, error: ControllerError) -> None:
        """A spec that cannot be parsed: the resource at fault and its integration say so."""
        _, namespace, name = place_of(integration)
        family = [
            *self._store.siblings(MAPPING, namespace, name),
            *self._store.siblings(LIMIT, namespace, name),
        ]
        at_fault = [
            one
            for one in family
            if isinstance(error, SpecError)
            and (one["kind"], one["metadata"]["name"]) == (error.kind, error.name)
        ]
        for body in (integration, *at_fault):
            await self.write(body, self._broken(body, error))

    async def broken_alone(self, body: Body, error: ControllerError) -> None:
        """A resource that cannot be parsed and has no integration to report it."""
        await self.write(body, self._broken(body, error))

    def _broken(self, body: Body, error: Exception) -> Mapping[str, Any]:
        status, generation = body.get("status") or {}, int(body["metadata"].get("generation", 1))
        return broken_status(status, generation, error, self._clock.now(), str(body["kind"]))

    async def lonely(self, body: Body) -> None:
        """Status of a resource that no integration speaks for: a reference that leads nowhere."""
        try:
            status = self._lonely(body)
        except SpecError as error:
            status = self._broken(body, error)
        if status is not None:
            await self.write(body, status)

    def _lonely(self, body: Body) -> Mapping[str, Any] | None:
        kind, namespace, name = place_of(body)
        now = self._clock.now()
        names = integration_names(body)
        missing = [one for one in names if self._store.get(INTEGRATION, namespace, one) is None]
        if kind in (INTEGRATION, ORG) or not missing:
            return None
        bare = Resource(
            kind,
            namespace,
            name,
            str(body["metadata"].get("uid")),
            int(body["metadata"].get("generation", 1)),
            "",
            None,
            status=dict(body.get("status") or {}),
        )
        return dangling_status(bare, missing[0], now)


def _about(fresh: Body, body: Body, generation: int | None) -> Body:
    """`fresh` with the generation that the status is about: a spec edited meanwhile must not be overwritten
    by a status that has not seen it."""
    seen = generation if generation is not None else body["metadata"].get("generation")
    return {**fresh, "metadata": {**fresh["metadata"], "generation": seen}}
