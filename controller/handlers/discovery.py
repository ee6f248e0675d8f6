"""Whether the API server serves our kinds: waited for at the start, guarded afterwards.

Called by startup. A process that has lost a kind or the permission to read ends with one line; its supervisor
decides what then.
"""

from __future__ import annotations

import asyncio
import logging

from controller.api.kinds import KINDS
from controller.api.meta import API_VERSION
from controller.clock import Clock
from controller.errors import ControllerError, NotFound, SpecError, Unauthorized
from controller.handlers.apiserver import ApiServer

DISCOVERY_SECONDS = 60.0
DISCOVERY_STEP_SECONDS = 1.0
GUARD_SECONDS = 30.0
logger = logging.getLogger(__name__)


async def missing_kinds(api: ApiServer) -> list[str]:
    """Kinds of ours that the API server does not serve."""
    try:
        found = await api.get(f"/apis/{API_VERSION}")
    except NotFound:
        return list(KINDS)
    served = {resource.get("kind") for resource in found.get("resources") or []}
    return [kind for kind in KINDS if kind not in served]


async def wait_for_kinds(api: ApiServer, clock: Clock, stop: asyncio.Event) -> None:
    """Returns when every kind is served. SpecError names those that are missing after a minute."""
    deadline = clock.monotonic() + DISCOVERY_SECONDS
    while not stop.is_set():
        missing = await missing_kinds(api)
        if not missing:
            return
        if clock.monotonic() > deadline:
            names = ", ".join(f"{KINDS[kind].plural}" for kind in missing)
            raise SpecError(
                f"the API server does not know {names}; install the CRDs of {API_VERSION}",
                field="",
            )
        await clock.sleep(DISCOVERY_STEP_SECONDS)


async def guard(api: ApiServer, clock: Clock) -> None:
    """Raises when a kind or the permission to read is lost: the process ends, and its supervisor decides. An
    API server that does not answer is waited for."""
    while True:
        await clock.sleep(GUARD_SECONDS)
        try:
            missing = await missing_kinds(api)
        except Unauthorized:
            raise
        except ControllerError as error:
            logger.warning("%s", error.message, extra={"facts": {"reason": error.reason}})
            continue
        if missing:
            names = ", ".join(KINDS[kind].plural for kind in missing)
            raise SpecError(f"the CustomResourceDefinitions of {names} are gone", field="")
