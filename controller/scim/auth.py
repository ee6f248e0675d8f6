"""How calls to a service provider are signed: Bearer, Basic, or OAuth 2.0 client credentials.

Made by scim.connect, used by Session. Source: RFC 6750, RFC 7617, RFC 6749 section 4.4.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Mapping
from urllib.parse import quote_plus

from pydantic import SecretStr

from controller.errors import RemoteError, Unauthorized, clip
from controller.outside_text import remember
from controller.parsing import split_url
from controller.transport.calls import Answer, Call
from controller.transport.grants import is_token, lifetime_seconds
from controller.transport.session import Session

FRESH_SECONDS = 5.0
"""A token younger than this that is refused will not be better the next time."""


class FixedAuth:
    """One Authorization header that never changes."""

    def __init__(self, header: SecretStr, *secrets: SecretStr) -> None:
        self._header, self._secrets = header, (header, *secrets)

    async def headers(self, method: str, url: str) -> Mapping[str, str]:
        return {"authorization": self._header.get_secret_value()}

    def secrets(self) -> tuple[SecretStr, ...]:
        return self._secrets

    async def renew(self, answer: Answer, sent: Mapping[str, str]) -> bool:
        return False


def bearer(token: SecretStr) -> FixedAuth:
    """Authorization: Bearer."""
    return FixedAuth(SecretStr(f"Bearer {token.get_secret_value()}"), token)


def basic(username: str, password: SecretStr) -> FixedAuth:
    """Authorization: Basic, UTF-8 (RFC 7617 section 2.1)."""
    return FixedAuth(SecretStr(_basic(username, password)), password)


class ClientCredentials:
    """A token of the client credentials grant, kept until shortly before it expires.

    `session` goes to the token URL itself, which may be another host than the provider's.
    """

    def __init__(self, session: Session, client_id: str, client_secret: SecretStr) -> None:
        self._session, self._client_id, self._client_secret = session, client_id, client_secret
        self._token, self._fetched_at, self._replace_at = SecretStr(""), 0.0, 0.0
        self._lock = asyncio.Lock()

    async def headers(self, method: str, url: str) -> Mapping[str, str]:
        async with self._lock:
            if not self._token.get_secret_value() or self._session.clock.monotonic() >= self._replace_at:
                await self._fetch()
        return {"authorization": f"Bearer {self._token.get_secret_value()}"}

    def secrets(self) -> tuple[SecretStr, ...]:
        return (self._client_secret, self._token)

    async def renew(self, answer: Answer, sent: Mapping[str, str]) -> bool:
        if answer.status != 401:
            return False
        used = sent.get("authorization", "").partition(" ")[2]
        if not hmac.compare_digest(used, self._token.get_secret_value()):
            return True
        is_fresh = self._session.clock.monotonic() - self._fetched_at < FRESH_SECONDS
        self._token = SecretStr("")
        return not is_fresh

    async def _fetch(self) -> None:
        begun = self._session.clock.monotonic()
        signed = _basic(
            quote_plus(self._client_id), SecretStr(quote_plus(self._client_secret.get_secret_value()))
        )
        call = Call(
            "POST",
            self._session.base_url,
            "/token",
            form={"grant_type": "client_credentials"},
            headers={"authorization": signed},
            is_idempotent=True,
        )
        body = (await self._session.send(call)).body
        token = body.get("access_token") if isinstance(body, dict) else None
        if not is_token(token):
            raise Unauthorized("the token URL answered without an access_token", system="SCIM", status=200)
        remember(token)
        lives = lifetime_seconds(body, default=300)
        self._token, self._fetched_at = SecretStr(token), begun
        self._replace_at = begun + max(lives / 2, lives - 60)


def read_token_error(call: Call, answer: Answer) -> RemoteError | None:
    """The error for an answer of a token URL (RFC 6749 section 5.2); None for 429 and 5xx."""
    if answer.status == 429 or answer.status >= 500:
        return None
    body = answer.body if isinstance(answer.body, dict) else {}
    says = f"{body.get('error', answer.status)} {body.get('error_description') or ''}".strip()
    host = split_url(answer.url).netloc
    return Unauthorized(
        f"the token URL at {clip(host, 100)} gave no token: {clip(says, 200)}; check clientId and "
        f"clientSecret",
        system="SCIM",
        status=answer.status,
        code=str(body.get("error", "")),
    )


def _basic(username: str, password: SecretStr) -> str:
    pair = f"{username}:{password.get_secret_value()}".encode()
    return "Basic " + base64.b64encode(pair).decode()
