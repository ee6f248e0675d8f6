"""Whether the API server serves our kinds and lets us read them: waited for at the start, guarded afterwards.

Called by main. A process that has lost a kind or the permission to read ends with one line; its supervisor
decides what then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from controller.api.kinds import KINDS
from controller.api.meta import API_VERSION
from controller.clock import Clock
from controller.errors import ControllerError, SpecError, Unauthorized
from controller.kube.client import ApiServer, get_or_none
from controller.kube.paths import api_path, object_path

DISCOVERY_SECONDS = 60.0
DISCOVERY_STEP_SECONDS = 1.0
GUARD_SECONDS = 15.0
AGAIN_SECONDS = 3.0
LOSSES = 3
"""So many times in a row, so many seconds apart, are no slip."""
logger = logging.getLogger(__name__)


async def missing_kinds(api: ApiServer) -> list[str]:
    """Kinds of ours that the API server does not serve."""
    found = await get_or_none(api, api_path(API_VERSION))
    if found is None:
        return list(KINDS)
    served = {resource.get("kind") for resource in found.get("resources") or []}
    return [kind for kind in KINDS if kind not in served]


async def wait_for_kinds(api: ApiServer, clock: Clock, stop: asyncio.Event) -> None:
    """Returns when every kind is served. SpecError names those that are missing after a minute."""
    deadline, told = clock.monotonic() + DISCOVERY_SECONDS, ""
    while not stop.is_set():
        missing = await missing_kinds(api)
        if not missing:
            return
        names = ", ".join(f"{KINDS[kind].plural}" for kind in missing)
        message = f"the API server does not know {names}; install the CRDs of {API_VERSION}"
        if clock.monotonic() > deadline:
            raise SpecError(message, field="")
        if message != told:
            told = message
            logger.warning("waiting up to %.0f s: %s", DISCOVERY_SECONDS, message)
        await clock.sleep(DISCOVERY_STEP_SECONDS)


Lost = TypeVar("Lost")
Look = Callable[[ApiServer], Awaitable[None]]
"""Raises if the resources may not be read."""


async def look_everywhere(api: ApiServer, namespace: str | None = None) -> None:
    """Reads one object of each kind in the whole cluster, or in `namespace`: discovery alone is open to
    everybody."""
    for kind in KINDS.values():
        await api.get(object_path(API_VERSION, kind.plural, namespace), {"limit": 1})


async def look_nowhere(api: ApiServer) -> None:
    """For namespaces by name, each of which is looked at for itself."""


def _nothing() -> None:
    return


async def _nothing_goes() -> None:
    return


async def guard(
    api: ApiServer,
    clock: Clock,
    look: Look = look_everywhere,
    saw: Callable[[], None] = _nothing,
    release: Callable[[], Awaitable[None]] = _nothing_goes,
) -> None:
    """Raises when a kind or the permission to read is lost: the process ends, and its supervisor decides.
    `saw` is called after each look that found everything, `release` at each: it lets go of resources whose
    definition is being deleted, of which the watches tell nothing, since kopf ends them with the
    definition."""

    async def looked() -> ControllerError | None:
        await _told(release())
        return await _loss(api, look)

    raise await until_lost(clock, looked, saw, _warn)


async def until_lost(
    clock: Clock,
    look: Callable[[], Awaitable[Lost | None]],
    saw: Callable[[], None],
    tell: Callable[[ControllerError], None],
) -> Lost:
    """What `look` finds lost several times in a row: while an API server is upgraded it may refuse what it
    allows a moment later. One that does not answer is waited for, and `tell` told why; `saw` is called after
    each look that found nothing lost."""
    losses = 0
    while True:
        await clock.sleep(AGAIN_SECONDS if losses else GUARD_SECONDS)
        try:
            loss = await look()
        except ControllerError as error:
            tell(error)
            continue
        losses = losses + 1 if loss is not None else 0
        if loss is None:
            saw()
        elif losses >= LOSSES:
            return loss


async def _told(release: Awaitable[None]) -> None:
    """What keeps `release` from its work is told, and hides no loss."""
    try:
        await release
    except ControllerError as error:
        _warn(error)


def _warn(error: ControllerError) -> None:
    logger.warning("%s", error.message, extra={"facts": {"reason": error.reason}})


async def _loss(api: ApiServer, look: Look) -> ControllerError | None:
    """What is lost, or None. Raises where the API server does not tell."""
    try:
        missing = await missing_kinds(api)
        if not missing:
            await look(api)
            return None
    except Unauthorized as error:
        told = f"the operator may not read its resources any more: {error.message}"
        return Unauthorized(told, system="Kubernetes", status=error.status, reason="PermissionLost")
    return _gone(missing)


def _gone(kinds: list[str]) -> SpecError:
    names = ", ".join(KINDS[kind].plural for kind in kinds)
    return SpecError(f"the CustomResourceDefinitions of {names} are gone", field="")


async def cause_of(end: ControllerError, api: ApiServer) -> ControllerError:
    """Why watches ended: the kinds that are gone, by name; `end` itself where it was something else."""
    try:
        missing = await missing_kinds(api)
    except ControllerError:
        return end
    return _gone(missing) if missing else end
