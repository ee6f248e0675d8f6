"""What the simulated Okta sends by itself: SCIM to apps, event hooks to receivers. One callable, `Send`.

Called by agent and hooks. `Outbound` sends for real over transport; tests pass a callable of their own. Every
status comes back as a Reply; what gave no answer is a NoAnswer with the reason in words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from controller.clock import Clock
from controller.errors import ControllerError, RemoteError
from controller.transport.calls import Answer, Call
from controller.transport.retry import NO_RETRY
from controller.transport.session import Remote, Session, Wiring
from scim_sandbox.okta.records import JSON

TIMEOUT_SECONDS = 60.0
SCIM_AGENT = "Okta SCIM Client 1.0.0"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `body` is the decoded JSON or None, header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


class NoAnswer(Exception):
    """The other side could not be reached, or did not speak JSON over HTTP."""


Send = Callable[[str, str, Mapping[str, str], JSON | None], Awaitable[Reply]]
"""(method, absolute URL, headers, JSON body or None) -> Reply."""


class _Answered(RemoteError):
    """An answer of 300 and more, which a Session raises; carried here and unpacked by Outbound."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__("answered", system="SCIM", status=answer.status)


def _keep(call: Call, answer: Answer) -> RemoteError:
    return _Answered(answer)


class Outbound:
    """A Send over the network, with one session per origin."""

    def __init__(self, clock: Clock, ca_bundle: str = "") -> None:
        self._clock, self._ca_bundle = clock, ca_bundle
        self._sessions: dict[str, Session] = {}

    async def __call__(self, method: str, url: str, headers: Mapping[str, str], body: JSON | None) -> Reply:
        try:
            parts = urlsplit(url)
            session = self._session(f"{parts.scheme}://{parts.netloc}")
            call = Call(method, url, "outbound", json=body, headers=headers, timeout_seconds=TIMEOUT_SECONDS)
            answer = await session.send(call)
        except _Answered as answered:
            answer = answered.answer
        except (ControllerError, ValueError) as error:
            raise NoAnswer(str(error)) from None
        return Reply(answer.status, answer.headers, answer.body)

    async def aclose(self) -> None:
        """Closes every connection."""
        for session in self._sessions.values():
            await session.aclose()
        self._sessions.clear()

    def _session(self, base_url: str) -> Session:
        if base_url not in self._sessions:
            remote = Remote(base_url, "scim", "SCIM", ca_bundle=self._ca_bundle, user_agent=SCIM_AGENT)
            wiring = Wiring(read_error=_keep, retry=NO_RETRY, clock=self._clock)
            self._sessions[base_url] = Session(remote, wiring)
        return self._sessions[base_url]
