"""Checks each OktaOrg by itself: one call that needs its credential, once in an interval and after a change.

Fed by the event router, by the watches of Secrets and by main. A wrong token is found here, before the first
integration uses it, and an org that nobody uses yet is Ready. An org of which every integration is suspended
is not called.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, field, replace

from controller.api.meta import REQUESTED_AT
from controller.api.okta_org import OktaOrgSpec
from controller.clock import Clock
from controller.errors import ControllerError, RemoteError, SpecError
from controller.metrics import Metrics
from controller.operator.cluster import Cluster
from controller.operator.run_inputs import secrets_of_org, to_resource
from controller.operator.secret_watches import SecretWatches
from controller.operator.status_writer import Reporter
from controller.operator.store import ORG, Place, Store
from controller.planning.base.inputs import Resource
from controller.planning.desired.references import check_org
from controller.reconcile.org_status import Check, checked_status, idle_status, unchecked_status
from controller.reconcile.requeue import Pace
from controller.targets.connect import TargetConnector

FAMILY_SECONDS = 0.4
"""A new org waits so long for the Secret and the integrations that are applied along with it."""
CLUSTER_RETRY_SECONDS = 5.0
BUG_RETRY_SECONDS = 60.0
AT_ONCE = 4
logger = logging.getLogger(__name__)


def watch_key(place: Place) -> str:
    """The key of an org among those who want a Secret to be watched; no integration has such a one."""
    return "/".join(place)


def place_of_key(key: str) -> Place | None:
    """The org of `watch_key`; None for the key of an integration."""
    kind, _, rest = key.partition("/")
    namespace, _, name = rest.partition("/")
    return (ORG, namespace, name) if kind == ORG and name else None


@dataclass(frozen=True, slots=True)
class OrgParts:
    """What an org reconciler is made of."""

    store: Store
    cluster: Cluster
    reporter: Reporter
    watches: SecretWatches
    connector: TargetConnector | None
    """None where there is no client of Okta: then nothing is called."""
    clock: Clock
    metrics: Metrics
    pace: Pace


@dataclass(slots=True)
class _Followed:
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    is_asked: bool = True
    """Whether the next look makes its call even if none is due."""
    due_at: float = -math.inf
    failures: int = 0
    task: asyncio.Task[None] | None = None


class OrgReconciler:
    """One task for each org."""

    def __init__(self, parts: OrgParts) -> None:
        self._p = parts
        self._orgs: dict[Place, _Followed] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    def check(self, place: Place) -> None:
        """The org at `place` is new or was edited, its Secret has changed, or somebody asks: call it."""
        self._followed(place).is_asked = True
        self.look(place)

    def look(self, place: Place) -> None:
        """What uses the org has changed, or it is gone. Calls it only if a call is due."""
        self._followed(place).changed.set()

    def _followed(self, place: Place) -> _Followed:
        one = self._orgs.get(place)
        if one is None:
            one = self._orgs[place] = _Followed()
            one.task = asyncio.create_task(self._follow(place, one), name=f"org {'/'.join(place[1:])}")
        return one

    async def _follow(self, place: Place, one: _Followed) -> None:
        """Until the org is gone."""
        delay: float | None = FAMILY_SECONDS
        await self._p.clock.sleep(FAMILY_SECONDS)
        while delay is not None:
            one.changed.clear()
            delay = await self._guarded(place, one)
            if delay is not None:
                await self._wait(one.changed, delay)
        self._p.watches.unwant(watch_key(place))
        self._orgs.pop(place, None)

    async def _wait(self, changed: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.ensure_future(self._p.clock.sleep(seconds)), asyncio.ensure_future(changed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _guarded(self, place: Place, one: _Followed) -> float | None:
        try:
            return await self._look(place, one)
        except ControllerError as error:
            logger.warning("%s", error.message, extra={"facts": {"resource": "/".join(place[1:])}})
            return CLUSTER_RETRY_SECONDS
        except Exception:
            self._p.metrics.unexpected_errors_total.inc()
            logger.exception("unexpected error", extra={"facts": {"resource": "/".join(place[1:])}})
            return BUG_RETRY_SECONDS

    async def _look(self, place: Place, one: _Followed) -> float | None:
        """Seconds until the next look; None if the org is gone. Raises what the API server raises."""
        body = self._p.store.get(*place)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return None
        try:
            org = to_resource(body, OktaOrgSpec)
        except SpecError as error:
            self._p.watches.unwant(watch_key(place))
            await self._p.reporter.broken_alone(body, error)
            return self._p.pace.interval_seconds
        self._p.watches.want(watch_key(place), secrets_of_org(org))
        facts, now = self._p.reporter.facts_of(org.namespace, org.name), self._p.clock.monotonic()
        if facts.is_idle:
            one.due_at = -math.inf
            await self._p.reporter.write(body, idle_status(org, facts, self._p.clock.now()))
            return self._p.pace.interval_seconds
        is_seen = org.status.get("observedGeneration") == org.generation
        if self._p.connector is None or (is_seen and not one.is_asked and now < one.due_at):
            await self._p.reporter.write(body, unchecked_status(org, facts, self._p.clock.now()))
            return max(0.0, one.due_at - now) if self._p.connector else self._p.pace.interval_seconds
        return await self._call(org, one, self._p.connector)

    async def _call(self, org: Resource[OktaOrgSpec], one: _Followed, connector: TargetConnector) -> float:
        one.is_asked = False
        async with self._slots:
            with self._p.metrics.reconcile_duration_seconds.labels(ORG).time():
                check = await self._checked(org, connector)
        body = self._p.store.get(ORG, org.namespace, org.name)
        if body is None:  # deleted meanwhile: what the check has opened goes too
            await connector.forget_org(org.namespace, org.name)
            return 0.0
        delay = self._delay(check, one)
        self._count(org, check)
        if body["metadata"].get("generation") != org.generation:
            return 0.0
        fresh = replace(org, status=dict(body.get("status") or {}))
        facts = self._p.reporter.facts_of(org.namespace, org.name)
        status = checked_status(fresh, check, facts, self._p.clock.now())
        await self._p.reporter.write(body, status, generation=org.generation)
        return delay

    async def _checked(self, org: Resource[OktaOrgSpec], connector: TargetConnector) -> Check:
        """What the call found out. Raises what the API server raises."""
        asked = org.annotations.get(REQUESTED_AT, "")
        try:
            vault = await self._p.cluster.read_vault(secrets_of_org(org))
            self._p.watches.read(watch_key((ORG, org.namespace, org.name)), vault.versions)
            check_org(org, vault.secrets)
            opened = await connector.open_org(org, vault.values, vault.config_maps)
            await opened.client.verify()
        except ControllerError as error:
            if isinstance(error, RemoteError) and error.system == "Kubernetes":
                raise
            return Check(error=error, requested_at=asked)
        return Check(opened.org_id, requested_at=asked)

    def _delay(self, check: Check, one: _Followed) -> float:
        """Seconds until the next call."""
        pace = self._p.pace
        if check.error is None:
            one.failures, delay = 0, pace.jittered(pace.interval_seconds)
        else:
            delay = pace.until_retry(check.error, one.failures)
            one.failures += 1
        one.due_at = self._p.clock.monotonic() + delay
        return delay

    def _count(self, org: Resource[OktaOrgSpec], check: Check) -> None:
        now, metrics = self._p.clock.now(), self._p.metrics
        metrics.reconcile_total.labels(ORG, "success" if check.error is None else "error").inc()
        if check.error is None:
            place = (ORG, org.namespace, org.name)
            metrics.last_success_timestamp_seconds.labels(*place).set(now.timestamp())

    async def aclose(self) -> None:
        """Ends every task."""
        tasks = [one.task for one in self._orgs.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
