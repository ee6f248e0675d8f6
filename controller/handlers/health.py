"""Metrics and probes over HTTP, in a thread of their own, so that a stuck event loop is seen as one.

Started by startup. /healthz holds while the loop's heart beats, /readyz once the resources are known or while
the process stands by for a leader, /metrics is the Prometheus text format. Serves GET only, takes no body.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from controller.clock import Clock
from controller.errors import SpecError
from controller.metrics import Metrics

BEAT_SECONDS = 1.0
STUCK_SECONDS = 30.0
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Answer = tuple[int, bytes]


class Pulse:
    """What the probes look at; written by the event loop, read by the server's threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_beat = clock.monotonic()
        self.state = "starting"
        """starting, standby or ready."""

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
        """Whether the process does its part."""
        return (503 if self.state == "starting" else 200), f"{self.state}\n".encode()


class HealthServer:
    """/metrics, /healthz and /readyz on a port of their own."""

    def __init__(self, host: str, port: int, metrics: Metrics, pulse: Pulse) -> None:
        routes: dict[str, Callable[[], Answer]] = {
            "/healthz": pulse.alive,
            "/readyz": pulse.ready,
            "/metrics": lambda: (200, metrics.render()),
        }
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(routes))
        except OSError as error:
            where = "SCIM_OPERATOR_METRICS_PORT"
            raise SpecError(f"cannot listen on {host}:{port}: {error.strerror}", field=where) from None
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serves from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Serves no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def _handler(routes: dict[str, Callable[[], Answer]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers one request."""

        timeout = 10

        def do_GET(self) -> None:
            route = routes.get(self.path.partition("?")[0])
            status, body = route() if route is not None else (404, b"not found\n")
            self.send_response(status)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes are no news."""

    return Handler
