"""Metrics and probes over HTTP, in a thread of their own, so that a stuck event loop is seen as one.

Started by startup. /healthz holds while the loop's heart beats; /readyz once the resources are known and as
long as they can be read, or while the process stands by for a leader; /metrics is the Prometheus text
format. Serves GET only, takes no body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from controller.clock import Clock
from controller.http_limits import ServerLimits
from controller.metrics import Metrics
from controller.operator.http_listener import Listener, Receive, Scope, Send, answer

BEAT_SECONDS = 1.0
STUCK_SECONDS = 30.0
STALE_SECONDS = 60.0
"""Four times the pause between two looks at the API server."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Answer = tuple[int, bytes]


class Pulse:
    """What the probes look at; written by the event loop, read by the server's threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_beat = clock.monotonic()
        self.state = "starting"
        """starting, standby or ready."""
        self.namespaces = 0
        """How many namespaces are to be watched; 0: the whole cluster."""
        self.lost: Mapping[str, str] = {}
        """Namespaces that are not watched now, with the reason."""
        self._api_seen: float | None = None

    def saw_api(self) -> None:
        """The API server has just let us read every kind: what the watches tell is not old."""
        self._api_seen = self._clock.monotonic()

    async def beat(self) -> None:
        """Beats until it is cancelled."""
        while True:
            self._last_beat = self._clock.monotonic()
            await asyncio.sleep(BEAT_SECONDS)

    def alive(self) -> Answer:
        """Whether the loop beats."""
        age = self._clock.monotonic() - self._last_beat
        if age > STUCK_SECONDS:
            return 503, f"the event loop has been stuck for {age:.0f} s\n".encode()
        return 200, b"ok\n"

    def ready(self) -> Answer:
        """Whether the process does its part: it stands by, or it leads, knows its resources and still reads
        them. Not ready is no reason to restart it: it waits for the API server. A namespace that is not
        watched is named; it is no reason to be not ready, unless no other is watched."""
        lost = self.lost
        told = "".join(f"namespace {name} is not watched: {why}\n" for name, why in sorted(lost.items()))
        if self.state == "ready" and lost and len(lost) == self.namespaces:
            return 503, f"no namespace is watched\n{told}".encode()
        if self.state != "ready" or self._api_seen is None:
            return (503 if self.state == "starting" else 200), f"{self.state}\n{told}".encode()
        age = self._clock.monotonic() - self._api_seen
        told = f"ready, resources read {age:.0f} s ago\n{told}"
        return (503 if age > STALE_SECONDS else 200), told.encode()


LIMITS = ServerLimits(
    connections=64, connections_per_address=16, header_bytes=16 * 1024, body_bytes=0, header_seconds=5.0
)


def health_listener(host: str, port: int, metrics: Metrics, pulse: Pulse) -> Listener:
    """/metrics, /healthz and /readyz on a port of their own."""
    probes: dict[str, Callable[[], Answer]] = {"/healthz": pulse.alive, "/readyz": pulse.ready}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """One probe or scrape."""
        path = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            await answer(send, 501, b"only GET\n", CONTENT_TYPE)
        elif path in probes:
            await answer(send, *probes[path](), CONTENT_TYPE)
        elif path == "/metrics":
            # In a thread: a probe does not wait for a scrape.
            await answer(send, 200, await asyncio.to_thread(metrics.render), CONTENT_TYPE)
        else:
            await answer(send, 404, b"not found\n", CONTENT_TYPE)

    return Listener((host, port), app, "SCIM_OPERATOR_METRICS_PORT", LIMITS)
