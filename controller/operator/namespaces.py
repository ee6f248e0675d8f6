"""The namespaces that the operator is given by name, each with a watch of its own: a lost one stops no other.

Called by main. A namespace is lost if it does not exist or if its resources may not be read: its
RoleBinding goes with it. The loss is logged, shown by a metric and by /readyz, and waited for. Nothing in the
namespace is reconciled until it is back, and then everything is. Without names there is one watch of the
whole cluster, and a lost permission ends the process (discovery).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from controller.errors import ControllerError, Unauthorized
from controller.kube.client import JSON, ApiServer, get_or_none
from controller.kube.discovery import look_everywhere, missing_kinds, until_lost
from controller.kube.paths import object_path
from controller.operator.cluster import FORBIDDEN, Cluster
from controller.operator.event_router import Intake
from controller.operator.finalizers import let_go
from controller.operator.foundation import Ground
from controller.operator.health import Pulse
from controller.operator.informer import Informer

BACK_SECONDS = 5.0
"""Between two looks for a namespace that is lost."""
MISSING, NOT_READABLE, WATCH_FAILED = "NamespaceMissing", "NamespaceForbidden", "WatchFailed"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loss:
    """Why a namespace is not watched."""

    reason: str
    message: str


async def look(api: ApiServer, namespace: str) -> Loss | None:
    """Why the resources of `namespace` can't be read; None if they can. Raises if the API server does not
    say: away, too busy, or the whole account is refused (401)."""
    try:
        if await _is_missing(api, namespace):
            return Loss(MISSING, f"namespace {namespace} does not exist")
        await look_everywhere(api, namespace)
    except Unauthorized as error:
        if error.status != FORBIDDEN:
            raise
        told = f"{error.message}; the namespace or the operator's RoleBinding in it is missing"
        return Loss(NOT_READABLE, told)
    return None


async def _is_missing(api: ApiServer, namespace: str) -> bool:
    """Whether there is no such namespace. Who may not ask finds out by what it holds."""
    try:
        return await get_or_none(api, object_path("v1", "namespaces", name=namespace)) is None
    except Unauthorized as error:
        if error.status != FORBIDDEN:
            raise
    return False


async def release(cluster: Cluster, namespaces: tuple[str, ...]) -> None:
    """Lets go of what waits for our finalizers under a definition that is being deleted, in each namespace
    that can be read; () means the whole cluster."""
    if not namespaces:
        await let_go(cluster, ())
    for namespace in namespaces:
        try:
            await let_go(cluster, (namespace,))
        except Unauthorized as error:
            if error.status != FORBIDDEN:
                raise


class ClusterWatch:
    """One watch for all namespaces."""

    def __init__(self, kubeconfig: str, cluster: Cluster, intake: Intake) -> None:
        self._kubeconfig, self._cluster, self._intake = kubeconfig, cluster, intake

    async def first(self) -> list[JSON]:
        """Every resource."""
        return await self._cluster.list_all_kinds(())

    async def run(self) -> None:
        """Watches; raises what ended it."""
        informer = Informer(self._kubeconfig, (), self._intake.event)
        informer.start()
        try:
            await informer.ended()
        finally:
            await informer.stop()


class NamespaceWatches:
    """A watch for each of `namespaces`."""

    def __init__(
        self, namespaces: Iterable[str], ground: Ground, cluster: Cluster, intake: Intake, pulse: Pulse
    ) -> None:
        self._namespaces = tuple(dict.fromkeys(namespaces))
        self._ground, self._cluster, self._intake, self._pulse = ground, cluster, intake, pulse
        pulse.namespaces = len(self._namespaces)

    async def first(self) -> list[JSON]:
        """Every resource of those namespaces that can be read."""
        found = await asyncio.gather(*(self._first(namespace) for namespace in self._namespaces))
        return [body for bodies in found for body in bodies]

    async def _first(self, namespace: str) -> list[JSON]:
        loss = await look(self._ground.api, namespace)
        if loss is not None:
            self._lose(namespace, loss)
            return []
        self._pulse.saw_api()
        self._ground.metrics.namespace_watched.labels(namespace).set(1)
        return await self._cluster.list_all_kinds((namespace,))

    async def run(self) -> None:
        """Watches for good; raises if a kind is gone."""
        tasks = [asyncio.create_task(self._follow(namespace)) for namespace in self._namespaces]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                if not task.cancelling():  # a second time would break off what the first one began
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, namespace: str) -> None:
        while True:
            if namespace in self._pulse.lost:
                await self._wait_for(namespace)
            self._lose(namespace, await self._watch(namespace))

    async def _watch(self, namespace: str) -> Loss:
        """Watches until `namespace` is lost; gives why. Raises if a kind is gone."""
        informer = Informer(self._ground.kubeconfig, (namespace,), self._intake.event)
        informer.start()
        ended = asyncio.create_task(informer.ended())
        guarding = asyncio.create_task(self._until_lost(namespace))
        try:
            await asyncio.wait([ended, guarding], return_when=asyncio.FIRST_COMPLETED)
            return guarding.result() if guarding.done() else await self._why(namespace, ended)
        finally:
            for task in (ended, guarding):
                task.cancel()
            try:
                await asyncio.gather(ended, guarding, return_exceptions=True)
            finally:
                await informer.stop()

    async def _why(self, namespace: str, ended: asyncio.Task[None]) -> Loss:
        """Why the watch has ended, if not by the loss of a kind: that ends the process."""
        error = ended.exception()
        loss = Loss(WATCH_FAILED, str(error) if error else "the watch ended")
        try:
            is_kind_gone = bool(await missing_kinds(self._ground.api))
            found = None if is_kind_gone else await look(self._ground.api, namespace)
        except ControllerError:  # the API server is away
            return loss
        if error is not None and is_kind_gone:
            raise error
        return found or loss

    async def _until_lost(self, namespace: str) -> Loss:
        return await until_lost(
            self._ground.clock,
            lambda: look(self._ground.api, namespace),
            self._pulse.saw_api,
            lambda error: _no_answer(namespace, error),
        )

    async def _wait_for(self, namespace: str) -> None:
        """Returns when `namespace` is back and all that is in it is known."""
        while True:
            await self._ground.clock.sleep(BACK_SECONDS)
            try:
                if await look(self._ground.api, namespace) is None:
                    self._found(namespace, await self._cluster.list_all_kinds((namespace,)))
                    return
            except ControllerError as error:
                _no_answer(namespace, error)

    def _lose(self, namespace: str, loss: Loss) -> None:
        self._pulse.lost = {**self._pulse.lost, namespace: loss.reason}
        self._ground.metrics.namespace_watched.labels(namespace).set(0)
        logger.warning(
            "namespace %s is not watched until it is back: %s",
            namespace,
            loss.message,
            extra={"facts": {"namespace": namespace, "reason": loss.reason}},
        )
        self._intake.pause(namespace, is_gone=loss.reason == MISSING)

    def _found(self, namespace: str, bodies: list[JSON]) -> None:
        self._pulse.lost = {name: why for name, why in self._pulse.lost.items() if name != namespace}
        self._pulse.saw_api()
        self._ground.metrics.namespace_watched.labels(namespace).set(1)
        facts = {"namespace": namespace, "resources": len(bodies)}
        logger.info("namespace %s is watched again", namespace, extra={"facts": facts})
        self._intake.resume(namespace, bodies)


def _no_answer(namespace: str, error: ControllerError) -> None:
    logger.debug("namespace %s: %s", namespace, error.message)
