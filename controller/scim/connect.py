"""Opens a provider: its SCIM client behind a throttle, and the client of its admin API.

Called by targets.connect and by scimctl, who keep what they get between runs. Sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from pydantic import SecretStr

from controller.scim.admin import AdminClient
from controller.scim.admin import read_error as read_admin_error
from controller.scim.auth import ClientCredentials, basic, bearer, read_token_error
from controller.scim.client import ScimClient
from controller.scim.failures import read_error
from controller.transport.calls import Auth
from controller.transport.session import Remote, Session, Wiring
from controller.transport.throttle import Throttle

SCIM_HEADERS = {"accept": "application/scim+json, application/json"}
SCIM_CONTENT = "application/scim+json; charset=utf-8"
NONE = SecretStr("")


@dataclass(frozen=True, slots=True)
class ProviderAccess:
    """Everything that opens a SCIM provider; secrets as SecretStr."""

    base_url: str
    auth: Literal["Bearer", "Basic", "OAuth2ClientCredentials"]
    token: SecretStr = NONE
    username: str = ""
    password: SecretStr = NONE
    client_id: str = ""
    client_secret: SecretStr = NONE
    token_url: str = ""
    requests_per_second: float = 25.0
    concurrency: int = 8
    page_size: int = 100
    ca_bundle: str = ""
    timeout_seconds: float = 60.0
    allow_http_services: bool = False


@dataclass(slots=True)
class OpenProvider:
    """A provider that was opened. `aclose` gives back its connections."""

    client: ScimClient
    sessions: list[Session]

    async def aclose(self) -> None:
        """Closes every connection to the provider."""
        for session in self.sessions:
            await session.aclose()


def open_provider(access: ProviderAccess, wiring: Wiring | None = None) -> OpenProvider:
    """A client for the SCIM service at `access.base_url`. Raises UrlRefused for a URL that is never
    called."""
    wiring = wiring or Wiring()
    remote = Remote(
        access.base_url.rstrip("/"),
        "scim",
        "SCIM",
        ca_bundle=access.ca_bundle,
        timeout_seconds=access.timeout_seconds,
        headers=SCIM_HEADERS,
        content_type=SCIM_CONTENT,
        allow_http_services=access.allow_http_services,
    )
    sessions: list[Session] = []
    auth = _auth(access, remote, wiring, sessions)
    gate = Throttle(
        access.requests_per_second,
        concurrency=access.concurrency,
        clock=wiring.clock,
        sink=wiring.sink,
        longest_pause_seconds=wiring.bounds.longest_pause_seconds,
    )
    session = Session(remote, replace(wiring, auth=auth, gate=gate, read_error=read_error))
    return OpenProvider(ScimClient(session, page_size=access.page_size), [*sessions, session])


def open_admin(
    base_url: str,
    token: SecretStr,
    wiring: Wiring | None = None,
    *,
    ca_bundle: str = "",
    http_services: bool = False,
) -> tuple[AdminClient, Session]:
    """A client for the admin API at `base_url`, and the session to close in the end."""
    remote = Remote(
        base_url.rstrip("/"), "admin", "admin", ca_bundle=ca_bundle, allow_http_services=http_services
    )
    wiring = replace(wiring or Wiring(), auth=bearer(token), read_error=read_admin_error)
    session = Session(remote, wiring)
    return AdminClient(session), session


def _auth(access: ProviderAccess, remote: Remote, wiring: Wiring, sessions: list[Session]) -> Auth:
    if access.auth == "Bearer":
        return bearer(access.token)
    if access.auth == "Basic":
        return basic(access.username, access.password)
    token_remote = replace(
        remote, base_url=access.token_url, api="token", headers={"accept": "application/json"}
    )
    bounds = wiring.bounds.for_tokens()
    token_session = Session(token_remote, replace(wiring, read_error=read_token_error, bounds=bounds))
    sessions.append(token_session)
    return ClientCredentials(token_session, access.client_id, access.client_secret)
