"""Opens an org: the unauthenticated question for its id, then a client whose calls share that org's budget.

Called by targets.connect and by scimctl. Keeps nothing: who calls keeps the client between runs, so that
tokens and connections live on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import SecretStr

from controller.okta.auth import ApiToken, ServiceApp, read_token_error
from controller.okta.client import OktaClient
from controller.okta.failures import read_error
from controller.okta.keys import parse_private_key
from controller.okta.routes import bucket_of
from controller.transport.budget import Budgets, Claim
from controller.transport.calls import Auth
from controller.transport.retry import NO_RETRY
from controller.transport.session import Remote, Session, Wiring
from controller.transport.urls import check_url
from controller.urls import normal_url

NONE = SecretStr("")


@dataclass(frozen=True, slots=True)
class OrgAccess:
    """Everything that opens an org; secrets as SecretStr."""

    url: str
    auth: Literal["ServiceApp", "ApiToken"]
    api_token: SecretStr = NONE
    client_id: str = ""
    private_key: SecretStr = NONE
    key_id: str = ""
    dpop: Literal["Optional", "Required"] = "Optional"
    ca_bundle: str = ""
    timeout_seconds: float = 30.0
    allow_http_services: bool = False


@dataclass(slots=True)
class OpenOrg:
    """An org that was opened. `close` gives back its connections."""

    client: OktaClient
    org_id: str
    """As the server itself claims, before anybody has signed in to it."""
    key: str
    """By what budgets and pollers are shared: its origin and its id. By the id alone a hostile server that
    claims another org's would slow that one down and speak for its System Log."""
    sessions: list[Session] = field(default_factory=list)

    async def aclose(self) -> None:
        """Closes every connection to the org."""
        for session in self.sessions:
            await session.aclose()


def okta_budgets(wiring: Wiring) -> Budgets:
    """The budgets of a process, by the key of an OpenOrg, with Okta's buckets."""
    return Budgets(
        bucket_of,
        clock=wiring.clock,
        sink=wiring.sink,
        longest_queue_seconds=wiring.bounds.longest_queue_seconds,
    )


async def open_org(
    access: OrgAccess, budgets: Budgets, *, owner: str, percent: int, wiring: Wiring | None = None
) -> OpenOrg:
    """The org behind `access`, its id asked for. Raises SpecError for a key that is none, UrlRefused for a
    URL that is never called, RemoteError where the org does not answer.

    `owner` (namespace/name of the OktaOrg) claims `percent` of each bucket in the budget of that org.
    """
    wiring = wiring or Wiring()
    url = check_url(access.url, access.allow_http_services, allow_path=False)
    remote = Remote(
        url,
        "okta",
        "Okta",
        ca_bundle=access.ca_bundle,
        timeout_seconds=access.timeout_seconds,
        allow_http_services=access.allow_http_services,
    )
    small = replace(wiring, bounds=wiring.bounds.for_tokens())
    token_session = Session(
        replace(remote, api="token"), replace(small, read_error=read_token_error, retry=NO_RETRY)
    )
    try:
        auth = _auth(access, token_session)
        org_id = await _organization_id(remote, small)
    except BaseException:
        await token_session.aclose()
        raise
    key = f"{normal_url(url)} {org_id}"
    gate = Claim(budgets.of(key, owner, percent), owner)
    session = Session(remote, replace(wiring, auth=auth, gate=gate, read_error=read_error))
    return OpenOrg(OktaClient(session, org_id), org_id, key, [token_session, session])


async def _organization_id(remote: Remote, wiring: Wiring) -> str:
    session = Session(remote, replace(wiring, read_error=read_error))
    try:
        return await OktaClient(session).organization_id()
    finally:
        await session.aclose()


def _auth(access: OrgAccess, token_session: Session) -> Auth:
    if access.auth == "ApiToken":
        return ApiToken(access.api_token)
    key = parse_private_key(access.private_key, key_id=access.key_id)
    return ServiceApp(token_session, access.client_id, key, access.dpop)
