"""How calls to Okta are signed: API token (SSWS), or OAuth 2.0 service app with private_key_jwt and DPoP.

Made by connect, used by Session. Sources: developer.okta.com, "Implement OAuth for Okta with a service app"
and "Configure OAuth 2.0 Demonstrating Proof-of-Possession"; RFC 7523, RFC 9449.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlunsplit

from pydantic import SecretStr

from controller.errors import RemoteError, Unauthorized, clip
from controller.okta.keys import SigningKey, generate_proof_key
from controller.okta.routes import scope_of
from controller.outside_text import remember
from controller.parsing import split_url
from controller.transport.calls import Answer, Call
from controller.transport.failures import server_time
from controller.transport.grants import is_token, lifetime_seconds
from controller.transport.session import Session

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 300
MARGIN_SECONDS = 300.0
"""A token is replaced this long before it expires (half its life where it lives shorter)."""
FRESH_SECONDS = 5.0
"""A token younger than this that is refused will not be better the next time."""
TOKEN_PATH = "/oauth2/v1/token"  # noqa: S105 - a path


class ApiToken:
    """Authorization: SSWS. Acts with the whole role of the person who made it."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    async def headers(self, method: str, url: str) -> Mapping[str, str]:
        return {"authorization": f"SSWS {self._token.get_secret_value()}"}

    def secrets(self) -> tuple[SecretStr, ...]:
        return (self._token,)

    async def renew(self, answer: Answer, sent: Mapping[str, str]) -> bool:
        return False


class TokenRefused(Unauthorized):
    """The token endpoint's `{error, error_description}` (RFC 6749 section 5.2)."""

    def __init__(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, dict) else {}
        self.error = str(body.get("error") or body.get("errorCode") or "")
        self.nonce = answer.headers.get("dpop-nonce", "")
        self.server_time = server_time(answer.headers)
        says = body.get("error_description") or body.get("errorSummary") or answer.text
        super().__init__(
            f"Okta gave no token: {self.error or answer.status} {clip(str(says), 300)}",
            system="Okta",
            status=answer.status,
            code=self.error,
            request_id=answer.request_id,
        )


def read_token_error(call: Call, answer: Answer) -> RemoteError | None:
    """The error for an answer of the token endpoint; None for 429 and 5xx."""
    if answer.status != 429 and 400 <= answer.status < 500 and answer.status != 408:
        return TokenRefused(answer)
    return None


@dataclass(frozen=True, slots=True)
class _Token:
    value: SecretStr
    is_bound: bool
    """To a proof key: sent as DPoP, not as Bearer."""
    fetched_at: float
    replace_at: float


@dataclass(slots=True)
class _Proof:
    """The state of DPoP: whether it is on, its key and the server's nonce."""

    is_on: bool
    key: SigningKey = field(default_factory=generate_proof_key)
    nonce: str = ""

    def header(self, method: str, url: str, moment: int, token: str = "", with_nonce: bool = False) -> str:
        """A proof for one request (RFC 9449 section 4.2): `htu` is the URL without query and fragment."""
        parts = split_url(url)
        claims: dict[str, Any] = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")),
            "iat": moment,
        }
        if token:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if with_nonce and self.nonce:
            claims["nonce"] = self.nonce
        return self.key.sign(claims, {"typ": "dpop+jwt", "jwk": self.key.public()})


class ServiceApp:
    """An OAuth 2.0 service app. One token per scope, asked for when a call first needs it and kept until
    shortly before it expires: asking for one scope that was not granted refuses the whole request, so a
    missing one is named and the others go on working. `read` is asked as `manage` where only that was
    granted.

    `session` goes to the org without authentication; `dpop` Optional turns proofs on when Okta demands them.
    """

    def __init__(
        self,
        session: Session,
        client_id: str,
        key: SigningKey,
        dpop: Literal["Optional", "Required"] = "Optional",
    ) -> None:
        self._session, self._client_id, self._key = session, client_id, key
        self._proof = _Proof(dpop == "Required")
        self._tokens: dict[str, _Token] = {}
        self._lock = asyncio.Lock()
        self._skew = timedelta()
        self._needs_api_nonce = False

    async def headers(self, method: str, url: str) -> Mapping[str, str]:
        token = await self._token(scope_of(method, split_url(url).path))
        value = token.value.get_secret_value()
        if not token.is_bound:
            return {"authorization": f"Bearer {value}"}
        proof = self._proof.header(method, url, self._moment(), value, self._needs_api_nonce)
        return {"authorization": f"DPoP {value}", "dpop": proof}

    def secrets(self) -> tuple[SecretStr, ...]:
        return tuple(token.value for token in self._tokens.values())

    async def renew(self, answer: Answer, sent: Mapping[str, str]) -> bool:
        if "use_dpop_nonce" in answer.headers.get("www-authenticate", "") and answer.headers.get(
            "dpop-nonce"
        ):
            self._proof.nonce, self._needs_api_nonce = answer.headers["dpop-nonce"], True
            return True
        if answer.status != 401:
            return False
        used = sent.get("authorization", "").partition(" ")[2]
        for scope, token in list(self._tokens.items()):
            if hmac.compare_digest(token.value.get_secret_value(), used):
                del self._tokens[scope]
                return self._session.clock.monotonic() - token.fetched_at > FRESH_SECONDS
        # Somebody else has replaced it meanwhile.
        return True

    def _moment(self) -> int:
        return int((self._session.clock.now() + self._skew).timestamp())

    async def _token(self, scope: str) -> _Token:
        token = self._tokens.get(scope)
        if token is not None and self._session.clock.monotonic() < token.replace_at:
            return token
        async with self._lock:
            token = self._tokens.get(scope)
            if token is None or self._session.clock.monotonic() >= token.replace_at:
                token = self._tokens[scope] = await self._fetch_read_or_manage(scope)
        return token

    async def _fetch_read_or_manage(self, scope: str) -> _Token:
        try:
            return await self._fetch(scope)
        except TokenRefused as refusal:
            if refusal.error != "invalid_scope":
                raise
            if scope.endswith(".read"):
                try:
                    return await self._fetch(scope.removesuffix(".read") + ".manage")
                except TokenRefused:
                    pass
            raise Unauthorized(
                f"the service app was not granted the scope {scope}; "
                "grant it under Applications > the service app > Okta API Scopes",
                system="Okta",
                status=refusal.status,
                code=refusal.error,
                request_id=refusal.request_id,
                reason="MissingScope",
            ) from None

    async def _fetch(self, scope: str) -> _Token:
        """A new token; answers what the endpoint asks for on the way: a proof, a nonce, the right time."""
        for _ in range(4):
            begun = self._session.clock.monotonic()
            try:
                return self._parse(await self._session.send(self._request(scope)), begun)
            except TokenRefused as refusal:
                if not self._adapts_to(refusal):
                    raise
        raise Unauthorized("Okta's token endpoint asks for one DPoP nonce after another", system="Okta")

    def _adapts_to(self, refusal: TokenRefused) -> bool:
        """Whether the next request will differ in what was asked for."""
        if refusal.error == "use_dpop_nonce" and refusal.nonce:
            is_new = refusal.nonce != self._proof.nonce or not self._proof.is_on
            self._proof.nonce, self._proof.is_on = refusal.nonce, True
            return is_new
        if refusal.error == "invalid_dpop_proof" and not self._proof.is_on:
            self._proof.is_on = True
            return True
        if refusal.error in ("invalid_client", "invalid_dpop_proof") and refusal.server_time:
            skew = refusal.server_time - self._session.clock.now()
            is_news = abs(skew - self._skew) > timedelta(seconds=30)
            self._skew = skew if is_news else self._skew
            return is_news
        return False

    def _request(self, scope: str) -> Call:
        moment, url = self._moment(), self._session.absolute(TOKEN_PATH)
        assertion = self._key.sign(
            {
                "iss": self._client_id,
                "sub": self._client_id,
                "aud": url,
                "iat": moment,
                "exp": moment + ASSERTION_SECONDS,
                "jti": str(uuid.uuid4()),
            }
        )
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        proof = (
            {"dpop": self._proof.header("POST", url, moment, with_nonce=True)} if self._proof.is_on else {}
        )
        return Call("POST", TOKEN_PATH, TOKEN_PATH, form=form, headers=proof)

    def _parse(self, answer: Answer, begun: float) -> _Token:
        body = answer.body if isinstance(answer.body, dict) else {}
        value, kind = body.get("access_token"), str(body.get("token_type", ""))
        if not is_token(value) or kind.lower() not in ("bearer", "dpop"):
            raise Unauthorized("Okta's token endpoint answered without a token", system="Okta", status=200)
        if kind.lower() == "bearer" and self._proof.is_on:
            raise Unauthorized(
                "Okta gave a token that is not bound to our key; turn on 'Require DPoP' in the service "
                "app, or write dpop: Optional",
                system="Okta",
                reason="ProofOfPossessionRefused",
            )
        remember(value)
        lives = lifetime_seconds(body, default=3600)
        kept = max(lives / 2, lives - MARGIN_SECONDS)
        return _Token(SecretStr(value), kind.lower() == "dpop", begun, begun + kept)
