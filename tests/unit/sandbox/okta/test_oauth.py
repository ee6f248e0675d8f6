"""Tokens for service apps: private_key_jwt, scopes, expiry, DPoP with its nonce."""

import base64
import hashlib
import uuid
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from controller.clock import ManualClock
from scim_sandbox.okta.oauth import ASSERTION_TYPE, TOKEN_PATH
from scim_sandbox.okta.records import Principal
from scim_sandbox.okta.store import Org

KEY = ECKey.generate_key("P-256")
PROOF_KEY = ECKey.generate_key("P-256")
URL = "http://acme.okta.test"
NOW = 1767225600
READ = "okta.apps.read okta.users.read"


@pytest.fixture
def service(org: Org) -> Principal:
    scopes = ["okta.apps.read", "okta.users.read", "okta.groups.manage"]
    return org.add_service_app("operator", [KEY.as_dict(private=False)], scopes)


def assertion(client_id: str, key: Any = KEY, alg: str = "ES256", **changes: Any) -> str:
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": URL + TOKEN_PATH,
        "exp": NOW + 300,
        "jti": str(uuid.uuid4()),
    }
    claims.update(changes)
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": alg}, present, key, algorithms=[alg])


def proof(method: str, path: str, key: Any = PROOF_KEY, typ: str = "dpop+jwt", **changes: Any) -> str:
    claims = {"htm": method, "htu": URL + path, "iat": NOW, "jti": str(uuid.uuid4()), **changes}
    header = {"alg": "ES256", "typ": typ, "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims, key, algorithms=["ES256"])


async def ask(
    raw: httpx.AsyncClient, signed: str, scope: str = READ, dpop: str = "", **form: str
) -> httpx.Response:
    body = {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed,
        **form,
    }
    headers = {"content-type": "application/x-www-form-urlencoded", **({"dpop": dpop} if dpop else {})}
    return await raw.post(TOKEN_PATH, content=urlencode(body), headers=headers)


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"])
async def test_each_algorithm_gives_a_token(raw: httpx.AsyncClient, org: Org, alg: str) -> None:
    curves = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
    key = RSAKey.generate_key(2048) if alg.startswith("RS") else ECKey.generate_key(curves[alg])
    made = org.add_service_app("app", [key.as_dict(private=False)], ["okta.apps.read"])
    answer = await ask(raw, assertion(made.id, key, alg), "okta.apps.read")
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == "Bearer" and answer.json()["expires_in"] == 3600
    headers = {"authorization": "Bearer " + answer.json()["access_token"]}
    assert (await raw.get("/api/v1/apps", headers=headers)).status_code == 200


async def test_scopes_bound_what_a_token_may(raw: httpx.AsyncClient, org: Org, service: Principal) -> None:
    token = (await ask(raw, assertion(service.id), "okta.apps.read okta.groups.manage")).json()[
        "access_token"
    ]
    headers = {"authorization": f"Bearer {token}"}
    assert (await raw.get("/api/v1/groups", headers=headers)).status_code == 200
    refused = await raw.get("/api/v1/users", headers=headers)
    assert (refused.status_code, refused.json()["errorCode"]) == (403, "E0000006")
    assert 'scope="okta.users.read"' in refused.headers["www-authenticate"]
    group = org.group_by_name("Sales")
    written = await raw.put(f"/api/v1/groups/{group.id}/users/{next(iter(org.users))}", headers=headers)
    assert written.status_code == 204


async def test_a_scope_that_was_not_granted_fails_the_whole_request(
    raw: httpx.AsyncClient, service: Principal
) -> None:
    answer = await ask(raw, assertion(service.id), "okta.apps.read okta.logs.read")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert (await ask(raw, assertion(service.id), "")).json()["error"] == "invalid_scope"


async def test_a_token_ends_after_an_hour(
    raw: httpx.AsyncClient, service: Principal, clock: ManualClock
) -> None:
    token = (await ask(raw, assertion(service.id))).json()["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    clock.advance(3599)
    assert (await raw.get("/api/v1/apps", headers=headers)).status_code == 200
    clock.advance(1)
    assert (await raw.get("/api/v1/apps", headers=headers)).json()["errorCode"] == "E0000011"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sub": "0oaNobody", "iss": "0oaNobody"}, "client specified is not valid"),
        ({"iss": "0oaOther"}, "iss and sub"),
        ({"aud": "https://other.okta.com/oauth2/v1/token"}, "audience"),
        ({"exp": NOW - 1}, "is expired"),
        ({"exp": NOW + 7200}, "too far in the future"),
        ({"exp": None}, "has no expiration"),
        ({"iat": NOW + 900}, "issued in the future"),
        ({"key": ECKey.generate_key("P-256")}, "signature is invalid"),
    ],
)
async def test_a_wrong_assertion_is_refused(
    raw: httpx.AsyncClient, service: Principal, changes: dict[str, Any], words: str
) -> None:
    answer = await ask(raw, assertion(service.id, **changes))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert words in answer.json()["error_description"]


async def test_an_assertion_counts_once(raw: httpx.AsyncClient, service: Principal) -> None:
    signed = assertion(service.id)
    assert (await ask(raw, signed)).status_code == 200
    assert "already been used" in (await ask(raw, signed)).json()["error_description"]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "x"}, "invalid_client"),
        ({"client_assertion": "x.y"}, "invalid_client"),
        ({"client_assertion": "W10.W10.x"}, "invalid_client"),
    ],
)
async def test_a_wrong_form_is_refused(
    raw: httpx.AsyncClient, service: Principal, form: dict[str, str], error: str
) -> None:
    assert (await ask(raw, assertion(service.id), **form)).json()["error"] == error


async def test_a_revoked_service_app_is_refused_at_once(
    raw: httpx.AsyncClient, org: Org, service: Principal
) -> None:
    token = (await ask(raw, assertion(service.id))).json()["access_token"]
    service.status = "INACTIVE"
    assert (await raw.get("/api/v1/apps", headers={"authorization": f"Bearer {token}"})).status_code == 401
    assert (await ask(raw, assertion(service.id))).status_code == 401


async def bound_token(raw: httpx.AsyncClient, service: Principal) -> str:
    first = await ask(raw, assertion(service.id), dpop=proof("POST", TOKEN_PATH))
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    nonce = first.headers["dpop-nonce"]
    second = await ask(raw, assertion(service.id), dpop=proof("POST", TOKEN_PATH, nonce=nonce))
    assert second.json()["token_type"] == "DPoP", second.text
    return str(second.json()["access_token"])


def ath(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


async def test_a_proof_signed_by_a_long_rsa_key_is_accepted(
    raw: httpx.AsyncClient, service: Principal
) -> None:
    key = RSAKey.generate_key(3072)
    header = {"alg": "RS256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}
    claims = {"htm": "POST", "htu": URL + TOKEN_PATH, "iat": NOW, "jti": "first"}
    first = await ask(raw, assertion(service.id), dpop=long_jwt(header, claims, key))
    claims |= {"jti": "second", "nonce": first.headers["dpop-nonce"]}
    second = await ask(raw, assertion(service.id), dpop=long_jwt(header, claims, key))
    assert second.json()["token_type"] == "DPoP", second.text


def long_jwt(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    registry = JWSRegistry(algorithms=["RS256"])
    registry.max_header_length = 4096
    return jwt.encode(header, claims, key, registry=registry)


async def test_dpop_binds_the_token_to_its_key(raw: httpx.AsyncClient, service: Principal) -> None:
    token = await bound_token(raw, service)
    good = {"authorization": f"DPoP {token}", "dpop": proof("GET", "/api/v1/apps", ath=ath(token))}
    assert (await raw.get("/api/v1/apps?limit=5", headers=good)).status_code == 200
    again = await raw.get("/api/v1/apps?limit=5", headers=good)
    assert again.status_code == 401 and "used before" in again.headers["www-authenticate"]
    assert (await raw.get("/api/v1/apps", headers={"authorization": f"Bearer {token}"})).status_code == 401


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("/api/v1/users", {}),
        ("/api/v1/apps", {"htm": "POST"}),
        ("/api/v1/apps", {"iat": NOW - 900}),
        ("/api/v1/apps", {"ath": "x"}),
        ("/api/v1/apps", {"typ": "JWT"}),
        ("/api/v1/apps", {"key": ECKey.generate_key("P-256")}),
    ],
)
async def test_a_wrong_proof_is_refused(
    raw: httpx.AsyncClient, service: Principal, path: str, changes: dict[str, Any]
) -> None:
    token = await bound_token(raw, service)
    made = proof("GET", path, **{"ath": ath(token), **changes})
    answer = await raw.get("/api/v1/apps", headers={"authorization": f"DPoP {token}", "dpop": made})
    assert answer.status_code == 401 and "invalid_dpop_proof" in answer.headers["www-authenticate"]


async def test_a_nonce_is_good_for_three_days_more(
    raw: httpx.AsyncClient, service: Principal, clock: ManualClock
) -> None:
    first = await ask(raw, assertion(service.id), dpop=proof("POST", TOKEN_PATH))
    nonce = first.headers["dpop-nonce"]
    for days, status in ((3, 200), (1, 400)):
        clock.advance(days * 86400)
        now = int(clock.now().timestamp())
        signed = assertion(service.id, exp=now + 300)
        answer = await ask(raw, signed, dpop=proof("POST", TOKEN_PATH, nonce=nonce, iat=now))
        assert answer.status_code == status


async def test_an_app_can_demand_dpop_with_a_key_of_its_own(
    raw: httpx.AsyncClient, service: Principal
) -> None:
    service.dpop = True
    assert (await ask(raw, assertion(service.id))).json()["error"] == "invalid_dpop_proof"
    first = await ask(raw, assertion(service.id), dpop=proof("POST", TOKEN_PATH, KEY))
    same = proof("POST", TOKEN_PATH, KEY, nonce=first.headers["dpop-nonce"])
    assert "must not be the key" in (await ask(raw, assertion(service.id), dpop=same)).text
    assert (await ask(raw, assertion(service.id), dpop="x")).json()["error"] == "invalid_dpop_proof"
