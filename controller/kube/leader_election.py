"""Leadership by a Lease of coordination.k8s.io, kept in a thread of its own.

Started by startup, with one replica too: `kubectl scale` and a rollout make two of it. Of several processes
the one whose name stands in the Lease acts; the others wait. Renewal does not depend on the main event loop,
and expiry is judged by how long the Lease has not changed on this machine's monotonic clock, so that clocks
of replicas may differ. Who cannot renew in time stops writing before anybody else may begin: `fence` is asked
before every write. It goes on when it can renew again and nobody else has held the Lease since; if somebody
has, the process ends.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from controller.clock import Clock
from controller.errors import Conflict, ControllerError, Rejected, Unauthorized, Unavailable
from controller.kube.client import JSON, MANAGER, ApiServer, get_or_none, open_api_server
from controller.kube.paths import ApiPath, object_path
from controller.parsing import finite_number, whole_number

REFUSALS = 5
"""Who was refused the Lease so many times in a row, without ever having had it, ends instead of standing by
for ever."""
API_VERSION = "coordination.k8s.io/v1"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; see the settings of the same names."""

    duration: int = 10
    """How long a Lease that is not renewed stands."""
    renew: float = 7.0
    """Who has not renewed for this long leads no more."""
    retry: float = 2.0
    """Between two looks at the Lease."""


USUAL = Timing()


@dataclass(slots=True)
class Elector:
    """What to write into the Lease, from what was read; no I/O."""

    identity: str
    timing: Timing = USUAL
    _seen: tuple[str, str] = ("", "")
    """(holder, renewTime) as last read."""
    _since: float = 0.0

    def step(self, spec: dict[str, Any] | None, monotonic: float, now: datetime) -> dict[str, Any] | None:
        """The spec to write: to renew, to take a free or expired Lease; None to stand by."""
        if spec is None:
            return self._spec(None, now)
        holder, renewed = str(spec.get("holderIdentity") or ""), str(spec.get("renewTime") or "")
        if (holder, renewed) != self._seen:
            self._seen, self._since = (holder, renewed), monotonic
        lasts = finite_number(spec.get("leaseDurationSeconds")) or self.timing.duration
        if holder in ("", self.identity) or monotonic - self._since > lasts:
            return self._spec(spec, now)
        return None

    def _spec(self, old: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
        old = old or {}
        is_mine = old.get("holderIdentity") == self.identity
        moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self.timing.duration,
            "acquireTime": old.get("acquireTime", moment) if is_mine else moment,
            "renewTime": moment,
            "leaseTransitions": (whole_number(old.get("leaseTransitions")) or 0)
            + (0 if is_mine or not old else 1),
        }


@dataclass(slots=True)
class Leadership:
    """Whether this process leads; read from any thread."""

    clock: Clock
    timing: Timing = USUAL
    renewed_at: float | None = None
    is_over: bool = False
    """Whether somebody else has held the Lease since this process had it."""

    def holds(self) -> bool:
        """Whether it may write now."""
        return self.renewed_at is not None and self.clock.monotonic() - self.renewed_at < self.timing.renew

    def fence(self) -> None:
        """Raises Unavailable where it may not."""
        if not self.holds():
            raise Unavailable(
                "this process does not lead any more and writes nothing",
                system="Kubernetes",
                reason="NotLeading",
            )


@dataclass(slots=True)
class Place:
    """Which Lease, and by what name."""

    namespace: str
    name: str
    identity: str


class LeaderThread:
    """Acquires and renews. `led` and `lost` are set on the loop that made it."""

    def __init__(self, kubeconfig: str, place: Place, clock: Clock, timing: Timing = USUAL) -> None:
        self._kubeconfig, self._place, self._clock, self._timing = kubeconfig, place, clock, timing
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leader", daemon=True)
        self.leadership = Leadership(clock, timing)
        self.led, self.lost = asyncio.Event(), asyncio.Event()
        self.reason = ""

    def start(self) -> None:
        """Stands for election."""
        self._thread.start()

    async def stop(self) -> None:
        """Gives the Lease back, so that the next one need not wait for it to expire."""
        self._stop.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, 5)

    def _tell(self, event: asyncio.Event) -> None:
        self._loop.call_soon_threadsafe(event.set)

    def _run(self) -> None:
        try:
            asyncio.run(self._elect())
        except Exception as error:
            self.reason = str(error)
            logger.exception("unexpected error")
        finally:
            self.leadership.renewed_at = None
            self._tell(self.lost)

    async def _elect(self) -> None:
        api = await open_api_server(self._kubeconfig)
        elector = Elector(self._place.identity, self._timing)
        term = Term(api, self._place, elector, self.leadership, self._clock)
        try:
            while not self._stop.is_set():
                await term.step()
                if self.leadership.is_over:
                    self.reason = "somebody else holds the Lease"
                    return
                if self.leadership.holds():
                    self._tell(self.led)
                elif self.leadership.renewed_at is None and term.refused >= REFUSALS:
                    self.reason = (
                        f"the Lease {self._place.namespace}/{self._place.name} was refused: {term.why}"
                    )
                    return
                await asyncio.to_thread(self._stop.wait, self._timing.retry)
            await term.release()
        finally:
            await api.aclose()


@dataclass(slots=True)
class Term:
    """One process's dealings with the Lease."""

    api: ApiServer
    place: Place
    elector: Elector
    leadership: Leadership
    clock: Clock
    refused: int = 0
    """How many times in a row the API server has said no."""
    why: str = ""

    @property
    def _path(self) -> ApiPath:
        return object_path(API_VERSION, "leases", self.place.namespace, self.place.name)

    async def step(self) -> None:
        """Reads the Lease and writes it where it is ours to write. An API server that fails changes nothing:
        time runs on."""
        begun = self.clock.monotonic()
        try:
            body = await self._read()
            if self._was_taken(body):
                self.leadership.is_over = True
                return
            spec = self.elector.step(body.get("spec") if body else None, begun, self.clock.now())
            if spec is not None:
                await self._write(body, spec)
                self.leadership.renewed_at = begun
            self.refused = 0
        except Conflict:
            self.refused = 0
            logger.debug("somebody else was first")
        except ControllerError as error:
            self.refused = self.refused + 1 if isinstance(error, Unauthorized | Rejected) else 0
            self.why = error.message
            logger.warning("the Lease was not renewed: %s", error.message)

    def _was_taken(self, body: JSON | None) -> bool:
        """Whether this process led and the Lease is not its own any more. One that somebody has deleted is
        made anew."""
        holder = (body.get("spec") or {}).get("holderIdentity") if body else self.place.identity
        return self.leadership.renewed_at is not None and holder != self.place.identity

    async def release(self) -> None:
        """Leaves the Lease to whoever comes next."""
        if self.leadership.renewed_at is None:
            return
        self.leadership.renewed_at = None
        try:
            body = await self._read()
            if body and body["spec"].get("holderIdentity") == self.place.identity:
                await self._write(body, {**body["spec"], "holderIdentity": "", "leaseDurationSeconds": 1})
        except ControllerError as error:
            logger.warning("the Lease was not given back: %s", error.message)

    async def _read(self) -> JSON | None:
        return await get_or_none(self.api, self._path)

    async def _write(self, body: JSON | None, spec: dict[str, Any]) -> None:
        if body is not None:
            await self.api.replace(self._path, {**body, "spec": spec}, manager=MANAGER)
            return
        metadata = {"name": self.place.name, "namespace": self.place.namespace}
        lease = {"apiVersion": API_VERSION, "kind": "Lease", "metadata": metadata, "spec": spec}
        await self.api.create(object_path(API_VERSION, "leases", self.place.namespace), lease)
