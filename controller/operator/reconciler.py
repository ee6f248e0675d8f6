"""One task of the queue from beginning to end: gather, run, store, report.

Called by the queue; the only place where a run meets the API server. Reads what is known, hands it to the
engine, writes the status of the integration and of everything that refers to it, events and metrics, and says
when the next run is due. Level-triggered: it never asks what changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from controller.api.durations import Duration
from controller.api.meta import APPROVED_BY, REQUESTED_AT
from controller.clock import Clock
from controller.errors import ControllerError, RemoteError, SpecError, Waiting
from controller.kube.client import Body
from controller.metrics import Metrics
from controller.model.people import EVERYTHING, OktaId, Refresh
from controller.operator.cluster import Cluster
from controller.operator.finalizers import Finalizers, deprovisioned, has_finalizer, is_undone, released
from controller.operator.okta_lookup import OktaSide
from controller.operator.org_sharing import needs_labels
from controller.operator.resource_metrics import drop_series
from controller.operator.run_inputs import (
    Family,
    Vault,
    build_inputs,
    gather_family,
    rivals_of,
    wanted_secrets,
)
from controller.operator.secret_watches import SecretWatches, place_of_namespace, version_of_labels
from controller.operator.state_cache import Memories
from controller.operator.status_writer import Reporter
from controller.operator.store import INTEGRATION, LIMIT, MAPPING, Place, Store, place_of
from controller.planning.base.inputs import Inputs, Rival
from controller.reconcile.engine import Engine
from controller.reconcile.events import Event
from controller.reconcile.reasons import Reason
from controller.reconcile.report import Report
from controller.reconcile.requeue import Pace
from controller.reconcile.schedule import Next, Task
from controller.reconcile.status import (
    Asked,
    Surroundings,
    integration_status,
    progressing_status,
    unknown_user_status,
)
from controller.reconcile.sync_user import Request, answer, read_request, unknown_user
from controller.settings import Settings

SLOW_SECONDS = 2.0
"""A new generation that takes longer says Reconciling meanwhile."""
CLUSTER_RETRY_SECONDS = 5.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reconciler is made of."""

    store: Store
    cluster: Cluster
    engine: Engine
    memories: Memories
    reporter: Reporter
    watches: SecretWatches
    okta: OktaSide
    finalizers: Finalizers
    clock: Clock
    settings: Settings
    metrics: Metrics

    def rivals(self, uid: str) -> tuple[Rival, ...]:
        """Every integration but the one of `uid`, as it is known now."""
        return rivals_of(self.store, uid, self.clock.now())


class Reconciler:
    """`work` is what the queue calls."""

    def __init__(self, parts: Parts, dice: random.Random | None = None) -> None:
        self._p = parts
        self._dice = dice or random.Random()  # noqa: S311 - jitter is no secret
        self.on_missing: Callable[[Body], None] = lambda body: None
        """Told of an integration that is still known and does not exist: a watch whose history was gone
        lists anew, and a list does not say what is missing in it."""
        self._left: set[str] = set()
        """Keys of integrations that went to another shard."""

    async def work(self, task: Task) -> Next:
        """Runs `task` and says what follows. An API server that fails is tried again soon."""
        namespace, _, name = task.key.partition("/")
        self._left.discard(task.key)
        try:
            return await self._work(task, namespace, name)
        finally:
            if task.key in self._left:  # it went to another shard while this run was under way
                self.left((INTEGRATION, namespace, name))

    async def _work(self, task: Task, namespace: str, name: str) -> Next:
        body = self._p.store.get(INTEGRATION, namespace, name)
        if body is None:
            return Next(None)
        try:
            if await self._p.cluster.is_gone(body):
                self.on_missing(body)
                return Next(None)
            if body["metadata"].get("deletionTimestamp"):
                return await self._depart(task, body)
            return await self._reconcile(task, body)
        except RemoteError as error:
            if error.system != "Kubernetes":
                raise
            facts = {"resource": task.key, "reason": error.reason}
            logger.warning("%s", error.message, extra={"facts": facts})
            self._p.memories.forget(namespace, name)
            return Next(CLUSTER_RETRY_SECONDS, failed=True)

    async def _reconcile(self, task: Task, body: Body) -> Next:
        try:
            family = await self._gather(body)
        except SpecError as error:
            await self._p.reporter.broken(body, error)
            return Next(None, failed=True)
        self._watch(task.key, body, family)
        await self._p.finalizers.keep(body)
        spec = family.integration.spec
        self._p.metrics.suspended.labels(family.integration.namespace, family.integration.name).set(
            spec.suspend
        )
        if spec.suspend:
            self._p.okta.forget(task.key)
            await self._p.reporter.suspended(family)
            return Next(None)
        try:
            vault = await self._p.cluster.read_vault(wanted_secrets(family))
        except Waiting as error:
            await self._p.reporter.broken(body, error)
            return Next(error.delay_seconds, failed=True)
        self._p.watches.read(task.key, vault.versions)
        inputs = self._inputs(family, vault)
        asked = await self._person(inputs, vault)
        refresh = _refresh_of(task, family, asked)
        if refresh.people == frozenset():
            await self._answer_unknown(body, family, asked)
            return Next(None)
        report = await self._run(body, family, vault, (inputs, refresh))
        pace = self._pace(family)
        following = pace.after(report, task.failures)
        self._p.okta.follow(task.key, family.org, report)
        await self._publish(family, report, (pace, following), asked)
        return following

    async def _depart(self, task: Task, body: Body) -> Next:
        """A run for an integration that is being deleted: undoes what there is to undo, then lets it go."""
        if not has_finalizer(body):
            return Next(None)
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        try:
            why = await self._p.finalizers.why_released(body)
            if why:
                await self._p.finalizers.release(body, released(why))
                return Next(None)
            family = await self._gather(body)
            vault = await self._p.cluster.read_vault(wanted_secrets(family))
        except ControllerError as error:
            if isinstance(error, RemoteError):
                raise
            await self._p.reporter.broken(body, error)
            return Next(getattr(error, "delay_seconds", None), failed=True)
        inputs = self._inputs(family, vault)
        report = await self._run(body, family, vault, (inputs, EVERYTHING))
        pace = self._pace(family)
        following = pace.after(report, task.failures)
        await self._publish(family, report, (pace, following), None)
        if not is_undone(report):
            return following
        await self._p.memories.delete(family.integration)
        fresh = self._p.store.get(INTEGRATION, namespace, name)
        await self._p.finalizers.release(fresh or body, deprovisioned(report))
        return Next(None)

    def _watch(self, key: str, body: Body, family: Family) -> None:
        """From now on `key` hears of its Secrets, and of its namespace's labels if they decide whether it may
        use its org."""
        wanted = wanted_secrets(family)
        if not needs_labels(self._p.store, body):
            self._p.watches.want(key, wanted)
            return
        place = place_of_namespace(family.integration.namespace)
        self._p.watches.want(key, (*wanted, place))
        labels = self._p.store.labels_of(family.integration.namespace) or {}
        self._p.watches.read(key, {place: version_of_labels(labels)})

    async def _gather(self, body: Body) -> Family:
        """The family of `body`, without an org that does not allow its namespace."""
        await self._p.cluster.learn_labels(self._p.store, body)
        return gather_family(self._p.store, body)

    def _inputs(self, family: Family, vault: Vault) -> Inputs:
        """What a run of `family` looks at."""
        integration = family.integration
        labels = self._p.store.labels_of(integration.namespace)
        return build_inputs(family, vault, labels, self._p.rivals(integration.uid))

    async def _person(self, inputs: Inputs, vault: Vault) -> PersonRequest | None:
        """Who is to be looked at by the annotation sync-user, with the Okta id, or what kept it from being
        found."""
        request = read_request(inputs.integration.annotations, inputs.integration.status)
        if request is None:
            return None
        try:
            okta_id = await self._p.okta.find_user(inputs, vault.values, request.login)
        except ControllerError as error:
            failed = Event("Warning", Reason.USER_SYNC_FAILED, f"{request.login}: {error}")
            return PersonRequest(request, "", failed)
        return PersonRequest(request, okta_id, None if okta_id else unknown_user(request))

    async def _answer_unknown(self, body: Body, family: Family, asked: PersonRequest | None) -> None:
        """Nobody is to be looked at: nothing was asked, or it was about nobody whom Okta knows."""
        if asked is None or asked.refusal is None:
            return
        integration = family.integration
        status = unknown_user_status(integration, asked.request.value, self._p.clock.now())
        await self._p.reporter.write(body, status)
        await self._p.reporter.post(body, [asked.refusal])

    async def _run(self, body: Body, family: Family, vault: Vault, what: tuple[Inputs, Refresh]) -> Report:
        (inputs, refresh), integration = what, family.integration
        held = await self._p.memories.load(integration)
        memory = self._p.okta.informed(f"{integration.namespace}/{integration.name}", held.memory)
        with self._p.metrics.reconcile_duration_seconds.labels(INTEGRATION).time():
            async with self._saying_slow(body, family):
                report = await self._p.engine.run(inputs, vault.values, memory, refresh, frozen=held.frozen)
        await self._p.memories.save(integration, report)
        return report

    @contextlib.asynccontextmanager
    async def _saying_slow(self, body: Body, family: Family) -> Any:
        """While a new generation takes long, its status says so."""
        if family.integration.status.get("observedGeneration") == family.integration.generation:
            yield
            return
        saying = asyncio.create_task(self._say_slow(body, family))
        try:
            yield
        finally:
            saying.cancel()
            await asyncio.gather(saying, return_exceptions=True)

    async def _say_slow(self, body: Body, family: Family) -> None:
        await self._p.clock.sleep(SLOW_SECONDS)
        status = progressing_status(family.integration, self._p.clock.now())
        with contextlib.suppress(ControllerError):
            await self._p.reporter.write(body, status)

    async def _publish(
        self, family: Family, report: Report, paced: tuple[Pace, Next], asked: PersonRequest | None
    ) -> None:
        """Status of the family, events and metrics."""
        pace, following = paced
        body = self._p.store.get(INTEGRATION, family.integration.namespace, family.integration.name)
        if body is None:
            return
        status = integration_status(
            body.get("status") or {},
            report,
            asked_of(family, report, asked),
            Surroundings(interval_text(pace.interval_seconds), self._p.memories.home, following),
            self._p.reporter.show,
        )
        self._count(report, family, pace)
        generation = family.integration.generation
        await self._p.reporter.write(body, status, report, generation)
        await self._p.reporter.siblings(family, report)
        if asked is not None:
            shown = self._p.reporter.show(asked.okta_id, asked.request.login)
            event = asked.refusal or answer(asked.request, asked.okta_id, shown, report)
            await self._p.reporter.post(body, [event])

    def _pace(self, family: Family) -> Pace:
        interval = Duration(family.integration.spec.interval).timedelta.total_seconds()
        return Pace(max(60.0, interval), self._p.settings.interval_jitter_percent, self._dice)

    def _count(self, report: Report, family: Family, pace: Pace) -> None:
        metrics, integration = self._p.metrics, family.integration
        place = (integration.namespace, integration.name)
        metrics.interval_seconds.labels(*place).set(pace.interval_seconds)
        result = "error" if report.error is not None else "success"
        metrics.reconcile_total.labels(INTEGRATION, result).inc()
        if report.error is None:
            metrics.last_success_timestamp_seconds.labels(INTEGRATION, *place).set(
                report.finished.timestamp()
            )
        for touch in report.verdict.tripped if report.verdict else ():
            metrics.safety_trips_total.labels(*place, touch.value).inc()

    def left(self, place: Place) -> None:
        """The integration at `place` went to another shard, and with it all that refers to it."""
        self._left.add(f"{place[1]}/{place[2]}")
        self.gone(place)
        for kind in (MAPPING, LIMIT):
            for body in self._p.store.siblings(kind, place[1], place[2]):
                drop_series(self._p.metrics, place_of(body))

    def gone(self, place: Place) -> None:
        """The resource at `place` is gone: its series and what the process kept of it go too."""
        drop_series(self._p.metrics, place)
        if place[0] == INTEGRATION:
            self._p.watches.unwant(f"{place[1]}/{place[2]}")
            self._p.okta.forget(f"{place[1]}/{place[2]}")
            self._p.memories.forget(place[1], place[2])


@dataclass(frozen=True, slots=True)
class PersonRequest:
    """A request for one person, who that is in Okta, or why it cannot be answered."""

    request: Request
    okta_id: str
    refusal: Event | None = None


def _refresh_of(task: Task, family: Family, asked: PersonRequest | None) -> Refresh:
    """What the run reads anew: everything where a spec is new, else whom events and annotations named."""
    if task.refresh.people is None or not family.is_observed():
        return EVERYTHING
    people = {OktaId(asked.okta_id)} if asked is not None and asked.okta_id else set()
    return Refresh(task.refresh.people | people)


def asked_of(family: Family, report: Report, asked: PersonRequest | None) -> Asked:
    """Which annotations this run has answered. One that ended before anything was read answered none that a
    person waits for, except that it was seen."""
    annotations = family.integration.annotations
    verdict = report.verdict
    return Asked(
        reconcile_at=annotations.get(REQUESTED_AT, "") if report.is_complete else "",
        approval=verdict.handled_approval if verdict is not None else "",
        approved_by=annotations.get(APPROVED_BY, ""),
        sync_user=asked.request.value if asked is not None else "",
    )


def interval_text(seconds: float) -> str:
    """`1h0m0s` as Go writes durations, in whole seconds."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "")
    return f"{text}{left}s"
