"""The private key of a service app, as PEM or JWK, and what is signed with it.

Used by auth alone. A key that is none, or not private, or too weak is a SpecError with words: it comes out of
a Secret that a person filled. No message quotes any part of it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from pydantic import SecretStr

from controller.errors import SpecError
from controller.parsing import parse_json

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
_ALGORITHM_OF_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
FORMS = "write a PEM (-----BEGIN PRIVATE KEY-----) or a JWK with its private part"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the algorithm it signs by (RFC 7518 section 3.1)."""

    key: RSAKey | ECKey
    algorithm: str
    key_id: str = ""

    def sign(self, claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """A compact JWS over `claims`; `kid` is in the header where the key has one."""
        full = {"typ": "JWT", "alg": self.algorithm, **({"kid": self.key_id} if self.key_id else {})}
        return jwt.encode({**full, **(header or {})}, claims, self.key, algorithms=[self.algorithm])

    def public(self) -> dict[str, Any]:
        """The public JWK, required members only (RFC 7638 section 3.2)."""
        names = ("kty", "n", "e") if isinstance(self.key, RSAKey) else ("kty", "crv", "x", "y")
        whole = self.key.as_dict(private=False)
        return {name: whole[name] for name in names}


def parse_private_key(secret: SecretStr, *, field: str = "privateKey", key_id: str = "") -> SigningKey:
    """The key in `secret`, a PEM or a JWK. Raises SpecError that names `field` and the fix."""
    text = secret.get_secret_value().strip()
    if not text:
        raise SpecError(f"is empty; {FORMS}", field=field)
    algorithm = ""
    if text.startswith("{"):
        jwk = _json_object(text, field)
        key = _load(str(jwk.get("kty", "")), jwk, field)
        key_id, algorithm = key_id or str(jwk.get("kid", "")), str(jwk.get("alg", ""))
    else:
        key = _load_pem(text, field)
    if not key.is_private:
        raise SpecError(f"is a public key; {FORMS}", field=field)
    return SigningKey(key, _algorithm(key, algorithm, field), key_id)


def generate_proof_key() -> SigningKey:
    """A fresh P-256 key for DPoP, which must not be the key of the assertion (RFC 9449 section 2)."""
    return SigningKey(ECKey.generate_key("P-256"), "ES256")


def _json_object(text: str, field: str) -> dict[str, Any]:
    try:
        jwk = parse_json(text)
    except ValueError:
        raise SpecError(f"looks like a JWK but is not JSON; {FORMS}", field=field) from None
    if not isinstance(jwk, dict) or "keys" in jwk:
        raise SpecError(f"is a set of keys; write one of them: {FORMS}", field=field)
    return jwk


def _load(kind: str, value: Any, field: str) -> RSAKey | ECKey:
    if kind not in ("RSA", "EC"):
        raise SpecError("is neither an RSA nor an EC key, which is what Okta takes", field=field)
    key_class = RSAKey if kind == "RSA" else ECKey
    try:
        with warnings.catch_warnings():
            # A weak key is refused below, in our own words.
            warnings.simplefilter("ignore")
            key = key_class.import_key(value)
            # Parsed lazily: a broken one would fail at the first signature otherwise.
            key.as_dict(private=key.is_private)
            _ = key.private_key if key.is_private else key.public_key
    except (JoseError, ValueError, TypeError, KeyError):
        raise SpecError(f"is not a usable {kind} key; {FORMS}", field=field) from None
    return key


def _load_pem(text: str, field: str) -> RSAKey | ECKey:
    if "-----BEGIN" not in text:
        raise SpecError(f"is not a private key; {FORMS}", field=field)
    if "ENCRYPTED" in text:
        raise SpecError("is encrypted with a passphrase; store it without one", field=field)
    # joserfc decides by the caller's word which kind a PEM is, so both are tried.
    for kind in ("RSA", "EC"):
        try:
            return _load(kind, text, field)
        except SpecError:
            continue
    raise SpecError(f"is not a usable RSA or EC key; {FORMS}", field=field)


def _algorithm(key: RSAKey | ECKey, declared: str, field: str) -> str:
    if isinstance(key, ECKey):
        algorithm = _ALGORITHM_OF_CURVE.get(key.curve_name)
        if algorithm is None:
            raise SpecError(f"has the curve {key.curve_name}; use P-256, P-384 or P-521", field=field)
        return algorithm
    if key.raw_value.key_size < 2048:
        raise SpecError("is an RSA key of less than 2048 bits; make a longer one", field=field)
    if declared and (declared not in ALGORITHMS or not declared.startswith("RS")):
        raise SpecError(f"names the algorithm {declared[:10]}; use RS256, RS384 or RS512", field=field)
    return declared or "RS256"
