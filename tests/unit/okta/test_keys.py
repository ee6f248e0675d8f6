"""Private keys as people store them, and what is no private key."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import jwk, jwt
from pydantic import SecretStr

from controller.errors import SpecError
from controller.okta.keys import parse_private_key

RSA = jwk.RSAKey.generate_key(2048)
EC = {curve: jwk.ECKey.generate_key(curve) for curve in ("P-256", "P-384", "P-521")}


def parse(text: str) -> Any:
    return parse_private_key(SecretStr(text), field="privateKey")


@pytest.mark.parametrize(
    ("text", "key", "algorithm"),
    [
        (RSA.as_pem(private=True).decode(), RSA, "RS256"),
        (json.dumps(RSA.as_dict(private=True)), RSA, "RS256"),
        (json.dumps({**RSA.as_dict(private=True), "alg": "RS512"}), RSA, "RS512"),
        (EC["P-256"].as_pem(private=True).decode(), EC["P-256"], "ES256"),
        (json.dumps(EC["P-384"].as_dict(private=True)), EC["P-384"], "ES384"),
        (json.dumps(EC["P-521"].as_dict(private=True)), EC["P-521"], "ES512"),
    ],
)
def test_pem_and_jwk_sign_by_their_algorithm(text: str, key: Any, algorithm: str) -> None:
    signing = parse(text + "\n")
    token = jwt.decode(signing.sign({"iss": "me"}), key, algorithms=[algorithm])
    assert token.claims["iss"] == "me" and signing.algorithm == algorithm
    assert "d" not in signing.public()


def test_a_jwk_names_its_key_in_the_header() -> None:
    signing = parse(json.dumps({**RSA.as_dict(private=True), "kid": "k1"}))
    assert jwt.decode(signing.sign({}), RSA).header["kid"] == "k1"


PUBLIC = RSA.as_pem(private=False).decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("hunter2-hunter2", "is not a private key"),
        ("{not json", "not JSON"),
        (json.dumps({"keys": [RSA.as_dict(private=True)]}), "set of keys"),
        (json.dumps({"kty": "oct", "k": "c2VjcmV0"}), "neither an RSA nor an EC key"),
        (PUBLIC, "public key"),
        (json.dumps(RSA.as_dict(private=False)), "public key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "not a usable"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END", "passphrase"),
        (json.dumps({**RSA.as_dict(private=True), "alg": "HS256"}), "use RS256"),
    ],
)
def test_what_is_no_private_key_is_told_without_quoting_it(text: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        parse(text)
    assert caught.value.field == "privateKey" and "hunter2" not in caught.value.message


def test_a_short_rsa_key_is_refused() -> None:
    with pytest.warns(Warning):
        short = jwk.RSAKey.generate_key(1024)
    with pytest.raises(SpecError, match="less than 2048 bits"):
        parse(json.dumps(short.as_dict(private=True)))


def test_a_curve_that_okta_does_not_take_is_refused() -> None:
    key = jwk.ECKey.generate_key("secp256k1")
    with pytest.raises(SpecError, match="use P-256"):
        parse(json.dumps(key.as_dict(private=True)))
