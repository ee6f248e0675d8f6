"""/_control: state, faults, requests, clock, limits, quirks, tokens."""

from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from controller.clock import ManualClock
from scim_sandbox.okta import state
from scim_sandbox.okta.app import build_app
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org


async def test_the_whole_state_is_saved_and_loaded_into_another_org(
    raw: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    await raw.post("/_control/clock", json={"advance": "1h"})
    await raw.post(f"/api/v1/users/{next(iter(app.users))}/lifecycle/suspend")
    saved = (await raw.get("/_control/state")).json()
    other = Org("http://acme.okta.test", clock=ManualClock())
    transport = httpx.ASGITransport(build_app(other))
    headers = {"authorization": "SSWS secret-token"}
    async with httpx.AsyncClient(transport=transport, base_url=org.url, headers=headers) as client:
        assert (await client.put("/_control/state", json=saved)).status_code == 200
        for path in ("/api/v1/users", f"/api/v1/apps/{app.id}/users?expand=user", "/api/v1/mappings"):
            assert (await client.get(path)).json() == (await raw.get(path)).json()
        log = '/api/v1/logs?since=2026-01-01T00:00:00Z&filter=eventType eq "user.lifecycle.suspend"'
        assert len((await client.get(log)).json()) == 1
    assert other.clock.now() == org.clock.now() and "secret-token" not in str(saved)


@pytest.mark.parametrize("document", [[], {}, {"version": 1}, {"version": 1, "users": [{"id": 1}]}])
async def test_a_document_that_is_no_state_changes_nothing(
    raw: httpx.AsyncClient, org: Org, document: Any
) -> None:
    before = state.save(org)
    refused = await raw.put("/_control/state", json=document)
    assert refused.status_code == 400 and refused.json()["error"]
    assert state.save(org) == before


async def test_every_call_is_remembered(raw: httpx.AsyncClient, app: AppRecord) -> None:
    await raw.get(f"/api/v1/apps/{app.id}/users?limit=5")
    await raw.get("/api/v1/nowhere")
    listed = (await raw.get("/_control/requests")).json()["requests"]
    assert listed[0] == {
        "time": "2026-01-01T00:00:00.000Z",
        "method": "GET",
        "path": f"/api/v1/apps/{app.id}/users",
        "query": {"limit": "5"},
        "status": 200,
        "bucket": "/api/v1/apps",
        "client": "operator",
    }
    assert [each["status"] for each in listed] == [200, 404]
    assert (await raw.delete("/_control/requests")).json() == {"removed": 2}


@pytest.mark.parametrize(
    ("advance", "now"),
    [("10m", "00:10:00.000Z"), ("1h30m", "01:30:00.000Z"), ("250ms", "00:00:00.250Z"), (90, "00:01:30.000Z")],
)
async def test_the_clock_is_advanced(raw: httpx.AsyncClient, advance: Any, now: str) -> None:
    answer = await raw.post("/_control/clock", json={"advance": advance})
    assert answer.json() == {"now": "2026-01-01T" + now}
    assert (await raw.get("/api/v1/groups")).headers["date"].endswith(f"{now[:8]} GMT")


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "clock", {"advance": "soon"}, "advance: 'soon' is not a duration"),
        ("POST", "clock", {}, "advance: None is not a duration"),
        ("POST", "clock", [], "must be a JSON object"),
        ("POST", "faults", {"kind": "gremlin"}, "kind: 'gremlin' is none of latency"),
        ("POST", "faults", {"kind": "status", "rate": 2}, "rate: must be above 0"),
        ("POST", "faults", {"kind": "status", "status": 99}, "status: must be an HTTP status"),
        ("POST", "faults", {"kind": "status", "times": 0}, "times: must be"),
        ("POST", "faults", {"kind": "status", "seconds": "x"}, "seconds: 'x' is not a duration"),
        ("POST", "faults", {"kind": "status", "how": 1}, "how: no such field"),
        ("POST", "faults", [], "a fault is a JSON object"),
        ("PUT", "limits", {"limits": {"/api/v9": 1}}, "/api/v9 is no bucket"),
        ("PUT", "limits", {"concurrency": -1}, "concurrency: must be a whole number"),
        ("PATCH", "quirks", {"mood": True}, "mood: no such quirk"),
        ("PATCH", "quirks", {"put_wipes_scim": 1}, "must be true or false"),
        ("PATCH", "quirks", {"search_lag_seconds": "1"}, "must be a number"),
        ("POST", "service-apps", {}, "jwks: must be a list"),
        ("POST", "service-apps", {"jwks": [{}]}, "scopes: must be a list"),
        ("POST", "sign-in", {"app": "Nope", "user": "x"}, "0 apps have the label"),
        (
            "POST",
            "sign-in",
            {"app": "Calendly", "user": "ibrahim.osei@example.com"},
            "is not assigned to Calendly",
        ),
        ("POST", "consume", {"bucket": "x"}, "bucket: must be one of"),
        ("POST", "consume", {"bucket": "/api/v1", "calls": -1}, "calls: must be"),
        ("DELETE", "tokens", None, "no such token"),
        ("POST", "console", {"step": "dance"}, "'dance' is none of enable-provisioning"),
    ],
)
async def test_a_wrong_request_is_refused_by_field(
    raw: httpx.AsyncClient, method: str, path: str, body: Any, words: str
) -> None:
    answer = await raw.request(method, f"/_control/{path}", json=body)
    assert answer.status_code == 400 and words in answer.json()["error"]


async def test_unknown_controls(raw: httpx.AsyncClient) -> None:
    assert (await raw.get("/_control/nothing")).status_code == 404
    assert (await raw.delete("/_control/clock")).status_code == 405
    assert (await raw.post("/_control/clock", content=b"{")).status_code == 400


async def test_limits_and_quirks_are_switched(raw: httpx.AsyncClient, org: Org) -> None:
    body = {"limits": {"/api/v1/apps": 10}, "clientPercent": 100, "concurrency": 5}
    assert (await raw.put("/_control/limits", json=body)).json()["limits"]["/api/v1/apps"] == 10
    assert (await raw.get("/_control/limits")).json()["clientPercent"] == 100
    assert (await raw.get("/api/v1/apps")).headers["x-rate-limit-limit"] == "10"
    await raw.post("/_control/consume", json={"bucket": "/api/v1/apps", "calls": 9})
    assert (await raw.get("/api/v1/apps")).status_code == 429
    answer = await raw.patch("/_control/quirks", json={"put_wipes_scim": True, "search_lag_seconds": 3})
    assert answer.json() == (await raw.get("/_control/quirks")).json()
    assert org.quirks.put_wipes_scim is True and org.quirks.search_lag_seconds == 3.0


async def test_tokens_are_given_and_taken(raw: httpx.AsyncClient, org: Org) -> None:
    made = (await raw.post("/_control/tokens", json={"name": "narrow", "groups": ["Executives"]})).json()
    headers = {"authorization": f"SSWS {made['token']}"}
    listed = (await raw.get("/api/v1/users", headers=headers)).json()
    assert {each["id"] for each in listed} == set(org.members[org.group_by_name("Executives").id])
    role = {"token": made["token"], "groups": ["Sales"]}
    assert (await raw.patch("/_control/tokens", json=role)).json() == {"id": made["id"]}
    listed = (await raw.get("/api/v1/users", headers=headers)).json()
    assert {each["id"] for each in listed} == set(org.members[org.group_by_name("Sales").id])
    assert (await raw.patch("/_control/tokens", json={"token": "none"})).status_code == 400
    assert (await raw.delete(f"/_control/tokens?id={made['id']}")).status_code == 204
    assert (await raw.get("/api/v1/users", headers=headers)).status_code == 401


async def test_a_service_app_is_registered_over_http(raw: httpx.AsyncClient, org: Org) -> None:
    key = ECKey.generate_key("P-256").as_dict(private=False)
    body = {
        "name": "operator",
        "jwks": [key],
        "scopes": ["okta.apps.read"],
        "dpop": True,
        "groups": ["Sales"],
    }
    made = (await raw.post("/_control/service-apps", json=body)).json()
    principal = org.principals[made["clientId"]]
    assert (principal.kind, principal.dpop, principal.scopes) == ("OAUTH", True, ["okta.apps.read"])
    assert principal.groups == [org.group_by_name("Sales").id]
