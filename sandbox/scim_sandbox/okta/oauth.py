"""The org's token endpoint and its access tokens: client_credentials with private_key_jwt, DPoP where asked.

Called by access for every call with Bearer or DPoP, and by app for POST /oauth2/v1/token.
Source: developer.okta.com, Implement OAuth for Okta with a service app; Configure DPoP. RFC 7523, RFC 9449.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from joserfc import jwk, jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from scim_sandbox.okta.calls import Answer, Call, Route
from scim_sandbox.okta.problems import OktaProblem
from scim_sandbox.okta.records import JSON, Principal
from scim_sandbox.okta.store import Org, secret_hash
from scim_sandbox.okta.systemlog import target

TOKEN_PATH = "/oauth2/v1/token"  # noqa: S105 - a path
LIFETIME_SECONDS = 3600
LONGEST_ASSERTION_SECONDS = 3600
SKEW_SECONDS = 300
NONCE_SECONDS = 86_400
NONCES_ALIVE = 4
ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]


class _Registry(JWSRegistry):
    """A DPoP proof carries its public key in the header: more than joserfc's 512 bytes with RSA-3072."""

    max_header_length = 4096


ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Refused(Exception):
    """An OAuth error (RFC 6749 section 5.2)."""

    def __init__(self, error: str, description: str, status: int = 400, nonce: str = "") -> None:
        self.error, self.description, self.status, self.nonce = error, description, status, nonce
        super().__init__(f"{error}: {description}")


def post_token(org: Org, call: Call) -> Answer:
    """An access token, or {error, error_description}."""
    try:
        form = dict(parse_qsl(call.raw.decode("utf-8", "replace"), keep_blank_values=True))
        client = _client(org, call, form)
        scopes = _granted(client, form.get("scope", ""))
        thumbprint = _token_proof(org, call, client)
    except Refused as refused:
        headers = [("dpop-nonce", refused.nonce)] if refused.nonce else []
        body = {"error": refused.error, "error_description": refused.description}
        return Answer(body, refused.status, headers)
    return Answer(_issue(org, client, scopes, thumbprint), headers=[("cache-control", "no-cache, no-store")])


def authenticate(org: Org, call: Call, scheme: str, token: str) -> None:
    """Sets the call's principal and scopes; 401 E0000011 for a token that is unknown, expired or not bound
    so.
    """
    entry = org.access_tokens.get(secret_hash(token))
    if entry is None or entry["expires"] <= org.clock.now().timestamp():
        raise OktaProblem("E0000011")
    if bool(entry["thumbprint"]) != (scheme == "DPOP"):
        raise OktaProblem("E0000011")
    if scheme == "DPOP":
        _api_proof(org, call, token, entry)
    client = org.principals.get(entry["client"])
    if client is None or client.status != "ACTIVE":
        raise OktaProblem("E0000011")
    call.principal, call.scopes = client, frozenset(entry["scopes"])


def _client(org: Org, call: Call, form: dict[str, str]) -> Principal:
    """The service app whose key signed the assertion."""
    if form.get("grant_type") != "client_credentials":
        raise Refused("unsupported_grant_type", "The grant type is not supported by this client.")
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        raise Refused("invalid_client", "A client_assertion of type jwt-bearer is required.", 401)
    assertion = form["client_assertion"]
    header, claims = _unverified(assertion)
    client = org.principals.get(str(claims.get("sub", "")))
    if client is None or client.kind != "OAUTH" or client.status != "ACTIVE":
        raise Refused("invalid_client", "The client specified is not valid.", 401)
    if not _is_signed(assertion, header, client):
        raise Refused("invalid_client", "The client_assertion signature is invalid.", 401)
    _check_claims(org, call, claims)
    return client


def _unverified(token: str) -> tuple[JSON, JSON]:
    parts = token.split(".")
    try:
        header, claims = (
            json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2]
        )
    except (ValueError, TypeError):
        raise Refused("invalid_client", "The client_assertion is not a JWT.", 401) from None
    if len(parts) != 3 or not isinstance(header, dict) or not isinstance(claims, dict):
        raise Refused("invalid_client", "The client_assertion is not a JWT.", 401)
    return header, claims


def _is_signed(token: str, header: JSON, client: Principal) -> bool:
    wanted = header.get("kid")
    for key in client.jwks:
        if wanted and key.get("kid") and key["kid"] != wanted:
            continue
        if _verifies(token, key):
            return True
    return False


def _verifies(token: str, key: JSON) -> bool:
    try:
        kind = jwk.RSAKey if key.get("kty") == "RSA" else jwk.ECKey
        jwt.decode(token, kind.import_key(key), registry=_Registry(algorithms=ALGORITHMS))
    except (JoseError, ValueError, KeyError, TypeError):
        return False
    return True


def _check_claims(org: Org, call: Call, claims: JSON) -> None:
    now = org.clock.now().timestamp()
    if claims.get("iss") != claims.get("sub"):
        raise Refused("invalid_client", "The iss and sub of the client_assertion must be the client id.", 401)
    if claims.get("aud") not in (org.url + TOKEN_PATH, call.base + TOKEN_PATH):
        raise Refused("invalid_client", "The audience claim for client_assertion must be the endpoint.", 401)
    expires, issued = claims.get("exp"), claims.get("iat", now)
    if not isinstance(expires, int | float) or not isinstance(issued, int | float):
        raise Refused("invalid_client", "The client_assertion has no expiration.", 401)
    if expires <= now:
        raise Refused("invalid_client", "The client_assertion token is expired.", 401)
    if expires > now + LONGEST_ASSERTION_SECONDS:
        raise Refused(
            "invalid_client", "The client_assertion token has an expiration too far in the future.", 401
        )
    if issued > now + SKEW_SECONDS:
        raise Refused("invalid_client", "The client_assertion token was issued in the future.", 401)
    if claims.get("jti") and not _is_fresh(org, "assertion", str(claims["jti"]), float(expires)):
        raise Refused("invalid_client", "The client_assertion token has already been used.", 401)


def _is_fresh(org: Org, kind: str, jti: str, until: float) -> bool:
    """Whether a jti is new; remembers it until it cannot come again."""
    now, key = org.clock.now().timestamp(), f"{kind} {jti}"
    org.seen_jti = {each: end for each, end in org.seen_jti.items() if end > now}
    if key in org.seen_jti:
        return False
    org.seen_jti[key] = until
    return True


def _granted(client: Principal, text: str) -> list[str]:
    wanted = text.split()
    if not wanted:
        raise Refused("invalid_scope", "The scope is missing.")
    if client.scopes is None or set(wanted) - set(client.scopes):
        raise Refused(
            "invalid_scope", "One or more scopes are not configured for the authorization server resource."
        )
    return wanted


def _issue(org: Org, client: Principal, scopes: list[str], thumbprint: str) -> JSON:
    token = secrets.token_urlsafe(48)
    now = org.clock.now().timestamp()
    org.access_tokens = {key: each for key, each in org.access_tokens.items() if each["expires"] > now}
    org.access_tokens[secret_hash(token)] = {
        "client": client.id,
        "scopes": scopes,
        "expires": now + LIFETIME_SECONDS,
        "thumbprint": thumbprint,
    }
    org.log.record("app.oauth2.token.grant.access_token", target("PublicClientApp", client.id, client.name))
    return {
        "token_type": "DPoP" if thumbprint else "Bearer",
        "expires_in": LIFETIME_SECONDS,
        "access_token": token,
        "scope": " ".join(scopes),
    }


def current_nonce(org: Org, age: int = 0) -> str:
    """The nonce of today, or of `age` days ago."""
    day = int(org.clock.now().timestamp() // NONCE_SECONDS) - age
    return hmac.new(org.id.encode(), str(day).encode(), hashlib.sha256).hexdigest()[:32]


def _token_proof(org: Org, call: Call, client: Principal) -> str:
    """The thumbprint of the proof's key, "" where none is sent nor needed."""
    proof = call.headers.get("dpop")
    if not proof:
        if client.dpop:
            raise Refused("invalid_dpop_proof", "The DPoP proof JWT header is missing.")
        return ""
    thumbprint, claims = _check_proof(org, call, proof)
    if claims.get("nonce") not in [current_nonce(org, age) for age in range(NONCES_ALIVE)]:
        raise Refused(
            "use_dpop_nonce", "Authorization server requires nonce in DPoP proof.", nonce=current_nonce(org)
        )
    if any(_thumbprint(key) == thumbprint for key in client.jwks):
        raise Refused("invalid_dpop_proof", "The DPoP key must not be the key of the client_assertion.")
    return thumbprint


def _api_proof(org: Org, call: Call, token: str, entry: JSON) -> None:
    digest = hashlib.sha256(token.encode()).digest()
    wanted = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    try:
        thumbprint, claims = _check_proof(org, call, call.headers.get("dpop", ""))
        if thumbprint != entry["thumbprint"] or claims.get("ath") != wanted:
            raise Refused("invalid_dpop_proof", "The DPoP proof is not of this token.")
    except Refused as refused:
        problem = OktaProblem("E0000011")
        words = f'DPoP error="invalid_dpop_proof", error_description="{refused.description}"'
        problem.headers["www-authenticate"] = words
        raise problem from None


def _check_proof(org: Org, call: Call, proof: str) -> tuple[str, JSON]:
    """(thumbprint, claims) of a proof for this very request (RFC 9449 section 4.3)."""
    try:
        header, claims = _unverified(proof)
    except Refused:
        raise Refused("invalid_dpop_proof", "The DPoP proof is not a JWT.") from None
    key = header.get("jwk")
    if header.get("typ") != "dpop+jwt" or not isinstance(key, dict) or "d" in key:
        raise Refused("invalid_dpop_proof", "The DPoP proof must have typ dpop+jwt and a public jwk.")
    if not _verifies(proof, key):
        raise Refused("invalid_dpop_proof", "The DPoP proof signature is invalid.")
    here = urlsplit(call.base + call.path)
    there = urlsplit(str(claims.get("htu", "")))
    same = (there.scheme, there.netloc, there.path) == (here.scheme, here.netloc, here.path)
    if claims.get("htm") != call.method or not same:
        raise Refused("invalid_dpop_proof", "The htm or htu of the DPoP proof is not of this request.")
    now, issued = org.clock.now().timestamp(), claims.get("iat")
    if not isinstance(issued, int | float) or abs(now - issued) > SKEW_SECONDS:
        raise Refused("invalid_dpop_proof", "The DPoP proof was not issued now.")
    jti: Any = claims.get("jti")
    if not jti or not _is_fresh(org, "proof", str(jti), now + 2 * SKEW_SECONDS):
        raise Refused("invalid_dpop_proof", "The DPoP proof has no jti or was used before.")
    return _thumbprint(key), claims


def _thumbprint(key: JSON) -> str:
    names = ("e", "kty", "n") if key.get("kty") == "RSA" else ("crv", "kty", "x", "y")
    canonical = json.dumps({name: key.get(name) for name in names}, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


ROUTES = (Route("POST", TOKEN_PATH, "", post_token),)
