"""Wires the operator together and runs it until it is told to stop or has to.

Called by scimctl operator and by the sandbox, which runs it in its own process. Ends with an error that says
in one line why: a permission or a kind of resource is lost, the API server was never reached. Everything else
is retried inside.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import socket
from collections.abc import AsyncIterator, Coroutine
from functools import partial
from typing import Any

from controller import __version__
from controller.api.okta_org import BucketStatus
from controller.clock import Clock, SystemClock
from controller.errors import ControllerError, SpecError, Unavailable
from controller.kube.client import ApiServer, Body, open_api_server
from controller.kube.discovery import (
    cause_of,
    guard,
    look_everywhere,
    look_nowhere,
    wait_for_kinds,
)
from controller.kube.leader_election import LeaderThread, Place, Timing
from controller.kube.state_store import StateStore
from controller.kube.token_secrets import TokenSecrets
from controller.metrics import Metrics
from controller.model.people import Refresh
from controller.okta.events import Change
from controller.operator.cluster import Cluster
from controller.operator.event_hooks import hook_listener, read_secret
from controller.operator.event_router import Intake
from controller.operator.finalizers import Finalizers
from controller.operator.foundation import Ground
from controller.operator.health import Pulse, health_listener
from controller.operator.http_listener import Listener
from controller.operator.informer import WATCH_ENDED
from controller.operator.log_poller import Orgs
from controller.operator.log_position import LogLinks
from controller.operator.namespaces import ClusterWatch, NamespaceWatches, release
from controller.operator.okta_lookup import OktaSide
from controller.operator.org_reconciler import OrgParts, OrgReconciler, place_of_key
from controller.operator.org_sharing import may_use, users_of
from controller.operator.reconciler import Parts, Reconciler
from controller.operator.run_inputs import names_of_app, rivals_of
from controller.operator.secret_watches import SecretWatches
from controller.operator.state_cache import Memories
from controller.operator.state_migration import Mover
from controller.operator.status_writer import Reporter
from controller.operator.store import INTEGRATION, ORG, Store, org_place
from controller.operator.store import Place as ResourcePlace
from controller.planning.base.inputs import Inputs, Rival
from controller.reconcile.engine import Engine
from controller.reconcile.fairness import Place as Whose
from controller.reconcile.org_status import OrgFacts
from controller.reconcile.queue import WorkQueue
from controller.reconcile.requeue import Pace
from controller.reconcile.schedule import Schedule
from controller.reconcile.slots import Heard
from controller.settings import Settings
from controller.targets.base import Connector
from controller.targets.connect import TargetConnector
from controller.targets.telemetry import MetricsSink
from controller.transport.calls import Lane
from controller.transport.session import Wiring
from controller.urls import host_of_url, normal_url

THROTTLED_SECONDS = 3600.0
"""How long a bucket that held calls back is shown."""
logger = logging.getLogger(__name__)


async def run_operator(
    settings: Settings,
    *,
    kubeconfig: str | None = None,
    stop: asyncio.Event,
    ready: asyncio.Event | None = None,
    metrics: Metrics | None = None,
    connector: Connector | None = None,
) -> None:
    """Reconciles until `stop` is set; `ready` is set once every resource is known and watched. Raises a
    ControllerError whose message is the one line to end with (exit code 1)."""
    clock, counted = SystemClock(), metrics or Metrics()
    counted.build_info.labels(__version__).set(1)
    pulse = Pulse(clock)
    health = health_listener(settings.metrics_host, settings.metrics_port, counted, pulse)
    health.start()
    beating = asyncio.create_task(pulse.beat())
    try:
        async with _api(kubeconfig or "") as api, _leading(settings, kubeconfig or "", api, clock) as leader:
            ground = Ground(kubeconfig or "", api, clock, counted)
            operator = Operator(settings, ground, connector, leader)
            await operator.run(stop, ready or asyncio.Event(), pulse)
    finally:
        beating.cancel()
        await asyncio.to_thread(health.stop)


@contextlib.asynccontextmanager
async def _api(kubeconfig: str) -> AsyncIterator[ApiServer]:
    api = await open_api_server(kubeconfig, connections=0)
    try:
        yield api
    finally:
        await api.aclose()


@contextlib.asynccontextmanager
async def _leading(
    settings: Settings, kubeconfig: str, api: ApiServer, clock: Clock
) -> AsyncIterator[LeaderThread]:
    """The stand for election; the Lease is given back at the end."""
    name = f"{settings.lease_name}-{settings.shard}" if settings.shard else settings.lease_name
    identity = f"{socket.gethostname()}_{secrets.token_hex(4)}"
    place = Place(settings.lease_namespace or api.namespace, name, identity)
    timing = Timing(
        settings.lease_duration_seconds, settings.lease_renew_seconds, settings.lease_retry_seconds
    )
    leader = LeaderThread(kubeconfig, place, clock, timing)
    api.fence = leader.leadership.fence
    leader.start()
    try:
        yield leader
    finally:
        await leader.stop()


def _own_connector(settings: Settings, ground: Ground, leader: LeaderThread | None) -> TargetConnector:
    """The connector to the real Okta and providers; its writes ask the Lease first, where there is one."""
    fence = leader.leadership.fence if leader is not None else None
    wiring = Wiring(clock=ground.clock, sink=Heard(MetricsSink(ground.metrics)), fence=fence)
    return TargetConnector(settings, wiring, TokenSecrets(ground.api))


class Operator:
    """The parts of one process, and their life."""

    def __init__(
        self,
        settings: Settings,
        ground: Ground,
        connector: Connector | None = None,
        leader: LeaderThread | None = None,
    ) -> None:
        self._leader, self._settings, self._ground = leader, settings, ground
        self._own = None if connector else _own_connector(settings, ground, leader)
        used = connector or self._own
        assert used is not None
        api, clock, metrics = ground.api, ground.clock, ground.metrics
        self.store, self._cluster = Store(), Cluster(api, clock)
        schedule = Schedule(self._orgs_of, self._tenants_of, self._whose)
        self.queue = WorkQueue(self._work, schedule, clock, settings.concurrency, metrics)
        self._reporter = Reporter(self.store, self._cluster, clock, settings, metrics, self._facts_of)
        self._watches = SecretWatches(api, clock, metrics, self._enqueue_for_secret)
        home = settings.state_namespace or api.namespace
        self._memories = Memories(StateStore(api, home))
        self._mover = Mover(api, home, clock, settings.lease_name, settings.shard)
        links = LogLinks(api, home, clock, settings.shard)
        self._orgs = Orgs(
            clock, settings.log_poll_seconds, self._enqueue_for_log, links, self._count_deactivations
        )
        self._finalizers = Finalizers(self.store, self._cluster, self._reporter)
        self._reconciler = Reconciler(self._parts(used))
        self._org_reconciler = OrgReconciler(self._org_parts())
        self.intake = self._intake()

    def _parts(self, connector: Connector) -> Parts:
        """What a run is made of."""
        settings, clock, metrics = self._settings, self._ground.clock, self._ground.metrics
        return Parts(
            self.store,
            self._cluster,
            Engine(connector, clock, settings, metrics, self._memories.keep, self._rivals),
            self._memories,
            self._reporter,
            self._watches,
            OktaSide(self._own, self._orgs),
            self._finalizers,
            clock,
            settings,
            metrics,
        )

    def _org_parts(self) -> OrgParts:
        """What the check of an OktaOrg is made of."""
        settings = self._settings
        dice = random.Random()  # noqa: S311 - jitter is no secret
        return OrgParts(
            store=self.store,
            cluster=self._cluster,
            reporter=self._reporter,
            watches=self._watches,
            connector=self._own,
            clock=self._ground.clock,
            metrics=self._ground.metrics,
            pace=Pace(settings.org_check_seconds, settings.interval_jitter_percent, dice),
        )

    def _intake(self) -> Intake:
        """Where events of the watches go, and whom it tells of what is gone."""
        ground, shard = self._ground, self._settings.shard
        intake = Intake(self.store, self.queue, self._reporter, ground.clock, ground.metrics, shard)
        intake.on_gone, intake.on_leaving_org = self._gone, self._finalizers.release_org
        intake.on_left = self._reconciler.left
        intake.on_org = self._look_at_org
        self._watches.on_labels = intake.labels_changed
        self._reconciler.on_missing = partial(intake.event, "DELETED")
        return intake

    async def run(self, stop: asyncio.Event, ready: asyncio.Event, pulse: Pulse) -> None:
        """From the first listing to the last run."""
        try:
            await wait_for_kinds(self._ground.api, self._ground.clock, stop)
        except SpecError:
            await self._let_go()
            raise
        await self._until_led(stop, pulse)
        if stop.is_set():
            return
        watching = self._watching(pulse)
        listed = await watching.first()
        await self._mover.move(listed)
        self.intake.first(listed)
        hooks = self._hooks()
        pulse.state = "ready"
        self._ground.metrics.leader.set_function(self._leads)
        ready.set()
        logger.info("operator is ready", extra={"facts": {"version": __version__, "resources": len(listed)}})
        try:
            guarding = self._guard(pulse)
            await first_to_end(stop, self.queue.run(stop), watching.run(), guarding, self._until_lost())
        except Unavailable as end:
            if end.reason != WATCH_ENDED:
                raise
            await self._let_go()
            raise await cause_of(end, self._ground.api) from None
        finally:
            await self._close(hooks)

    def _watching(self, pulse: Pulse) -> ClusterWatch | NamespaceWatches:
        """What tells of the resources: of the whole cluster, or of each namespace that is named."""
        namespaces, ground = self._settings.watched_namespaces(), self._ground
        if not namespaces:
            return ClusterWatch(ground.kubeconfig, self._cluster, self.intake)
        return NamespaceWatches(namespaces, ground, self._cluster, self.intake, pulse)

    def _guard(self, pulse: Pulse) -> Coroutine[Any, Any, None]:
        """Ends the process for a lost kind or account; for a lost permission only if it is the whole
        cluster's. A namespace by name is looked at by its own watch, which says when the API was seen."""
        namespaces, ground = self._settings.watched_namespaces(), self._ground
        letting_go = partial(release, self._cluster, namespaces)
        if namespaces:
            return guard(ground.api, ground.clock, look_nowhere, release=letting_go)
        return guard(ground.api, ground.clock, look_everywhere, pulse.saw_api, letting_go)

    async def _let_go(self) -> None:
        """The last act of a process that has lost a kind: definitions that wait for our finalizers may go."""
        with contextlib.suppress(ControllerError):
            await release(self._cluster, self._settings.watched_namespaces())

    async def _until_led(self, stop: asyncio.Event, pulse: Pulse) -> None:
        """Returns when this process leads, or is to stop."""
        if self._leader is None:
            return
        pulse.state = "standby"
        logger.info("standing by for the Lease")
        events = [asyncio.create_task(each.wait()) for each in (stop, self._leader.led, self._leader.lost)]
        await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
        for event in events:
            event.cancel()
        await asyncio.gather(*events, return_exceptions=True)
        if self._leader.lost.is_set() and not stop.is_set():
            self._raise_lost()

    async def _until_lost(self) -> None:
        """Never returns; raises when this process does not lead any more."""
        if self._leader is None:
            await asyncio.Event().wait()
            return
        await self._leader.lost.wait()
        self._raise_lost()

    def _leads(self) -> float:
        """1 while this process may write."""
        return float(self._leader is None or self._leader.leadership.holds())

    def _raise_lost(self) -> None:
        assert self._leader is not None
        words = "not leading any more" if self._leader.led.is_set() else "not leading"
        raise Unavailable(f"{words}: {self._leader.reason}", system="Kubernetes", reason="NotLeading")

    def _hooks(self) -> Listener | None:
        """The receiver of event hooks, where one is configured."""
        if not self._settings.hook_port:
            return None
        loop = asyncio.get_running_loop()

        def take(changes: list[Change]) -> None:
            loop.call_soon_threadsafe(self._orgs.take, changes)

        listener = hook_listener(self._settings, read_secret(self._settings), take)
        listener.start()
        return listener

    async def _close(self, hooks: Listener | None) -> None:
        if hooks is not None:
            await asyncio.to_thread(hooks.stop)
        self._ground.metrics.leader.set_function(lambda: 0.0)
        await self._orgs.aclose()
        await self._org_reconciler.aclose()
        await self._watches.aclose()
        await self.intake.aclose()
        if self._own is not None:
            await self._own.aclose()

    def _facts_of(self, namespace: str, name: str) -> OrgFacts:
        """What the process knows of an OktaOrg beside any run."""
        users = users_of(self.store, namespace, name)
        suspended = sum(bool((user.get("spec") or {}).get("suspend")) for user in users)
        opened = self._own.opened_org(namespace, name) if self._own else None
        budget = self._own.budget_of(namespace, name) if self._own else None
        if opened is None or budget is None:
            return OrgFacts(len(users), suspended)
        buckets = tuple(
            BucketStatus(name=bucket.name, limit=bucket.limit, remaining=max(0, bucket.remaining))
            for bucket in budget.throttled(THROTTLED_SECONDS)
        )
        last_event = self._orgs.last_event(opened.key)
        return OrgFacts(len(users), suspended, budget.is_throttled, buckets, last_event)

    def _look_at_org(self, place: ResourcePlace, is_edited: bool) -> None:
        self._org_reconciler.check(place) if is_edited else self._org_reconciler.look(place)

    async def _work(self, task: Any) -> Any:
        return await self._reconciler.work(task)

    def _enqueue_for_secret(self, key: str, why: str) -> None:
        org = place_of_key(key)
        if org is not None:
            self._org_reconciler.check(org)
            return
        self.intake.enqueue(key, Lane.CHANGE, why)

    def _enqueue_for_log(self, key: str, refresh: Refresh, why: str) -> None:
        if self._own is not None and why.startswith("group."):
            self._own.forget_members()
        self.intake.enqueue(key, Lane.CHANGE, why, refresh=refresh)

    def _count_deactivations(self, key: str, people: int) -> None:
        namespace, _, name = key.partition("/")
        self._ground.metrics.okta_deactivations_total.labels(namespace, name).inc(people)

    def _integration(self, key: str) -> Any:
        namespace, _, name = key.partition("/")
        return self.store.get(INTEGRATION, namespace, name)

    def _rivals(self, inputs: Inputs) -> tuple[Rival, ...]:
        return rivals_of(self.store, inputs.integration.uid, self._ground.clock.now())

    def _orgs_of(self, key: str) -> tuple[str, ...]:
        """What gates an integration: its org."""
        body = self._integration(key)
        return self._org_of(body) if body is not None else ()

    def _tenants_of(self, key: str) -> tuple[str, ...]:
        """What no two integrations may work on at once: the tenant, the app."""
        body = self._integration(key)
        if body is None:
            return ()
        base_url = str(((body.get("spec") or {}).get("provider") or {}).get("baseUrl", ""))
        apps = (f"app {key}" for key in names_of_app(self.store, body).as_texts())
        return f"tenant {normal_url(base_url)}", *apps

    def _whose(self, key: str) -> Whose:
        """The tenant of an integration, the host of its provider and its org: they share slots in turns."""
        body, namespace = self._integration(key), key.partition("/")[0]
        if body is None:
            return Whose(namespace)
        base_url = str(((body.get("spec") or {}).get("provider") or {}).get("baseUrl", ""))
        return Whose(namespace, host_of_url(base_url), *self._org_of(body))

    def _org_of(self, integration: Body) -> tuple[str, ...]:
        """The org as a label, () if the integration may not use it: it must not hold up those who may."""
        return ("/".join(org_place(integration)),) if may_use(self.store, integration) else ()

    async def _gone(self, place: ResourcePlace) -> None:
        kind, namespace, name = place
        tenant = self._memories.tenant_of(namespace, name) if kind == INTEGRATION else ""
        self._reconciler.gone(place)
        if kind == ORG:
            self._org_reconciler.look(place)
        if self._own is not None and kind == ORG:
            await self._own.forget_org(namespace, name)
            await self._orgs.drop(namespace, name)
        if kind == INTEGRATION:
            if self._own is not None:
                await self._own.forget_integration(namespace, name)
            await self._memories.delete_plan(namespace, name)
            await self._finalizers.release_orgs()
        if tenant and await self._finalizers.namespace_goes(namespace):
            await self._memories.delete_tenant(namespace, tenant)


async def first_to_end(stop: asyncio.Event, *works: Coroutine[Any, Any, None]) -> None:
    """Runs `works` until `stop` is set or one of them ends; the error of whichever failed is raised. The
    first of `works` is the queue, which ends by itself after `stop` and is waited for."""
    stopping = asyncio.create_task(stop.wait())
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await asyncio.wait([tasks[0]])
        for task in done:
            if task is not stopping:
                task.result()
    finally:
        for task in (stopping, *tasks):
            task.cancel()
        await asyncio.gather(stopping, *tasks, return_exceptions=True)
