"""A small HTTP server in a thread of its own, for what must answer while the event loop is busy.

Base of health and hooks. Bounded: a connection may idle for ten seconds and no longer.
"""

from __future__ import annotations

import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from controller.errors import SpecError

IDLE_SECONDS = 10
logger = logging.getLogger(__name__)


class Answering(BaseHTTPRequestHandler):
    """Answers in one piece and keeps no access log."""

    timeout = IDLE_SECONDS

    def answer(self, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
        """Sends the whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Probes and hooks are no news."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up in the middle is no news either."""
        logger.debug("a connection of %s broke", client_address, exc_info=True)


class Listener:
    """`handler` on a port; 0 picks a free one. `setting` is named where the port cannot be had."""

    def __init__(self, host: str, port: int, handler: type[Answering], setting: str) -> None:
        try:
            self._server = _Server((host, port), handler)
        except OSError as error:
            raise SpecError(f"cannot listen on {host}:{port}: {error.strerror}", field=setting) from None
        self._thread = threading.Thread(target=self._server.serve_forever, name=setting, daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serves from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Serves no more."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=5)
        self._server.server_close()
