"""The pipeline of a call: who calls, links, headers, errors, limits."""

import httpx
import pytest

from controller.clock import ManualClock
from scim_sandbox.okta.app import ROUTES
from scim_sandbox.okta.buckets import bucket_of
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org


def next_link(response: httpx.Response) -> str:
    links = [line for line in response.headers.get_list("link") if 'rel="next"' in line]
    return links[0].split(">")[0][1:] if links else ""


async def test_the_org_tells_its_id_to_anybody(client: httpx.AsyncClient, org: Org) -> None:
    response = await client.get("/.well-known/okta-organization", headers={"authorization": ""})
    assert (response.status_code, response.json()["id"]) == (200, org.id)


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ("", 403, "E0000005"),
        ("SSWS wrong", 401, "E0000011"),
        ("Bearer no", 401, "E0000011"),
        ("Basic x", 401, "E0000011"),
    ],
)
async def test_a_call_without_a_right_token_is_refused(
    client: httpx.AsyncClient, header: str, status: int, code: str
) -> None:
    response = await client.get("/api/v1/apps", headers={"authorization": header})
    assert (response.status_code, response.json()["errorCode"]) == (status, code)
    assert response.json()["errorId"].startswith("oae")


async def test_people_of_an_app_are_paged_with_links_in_lines_of_their_own(
    client: httpx.AsyncClient, app: AppRecord
) -> None:
    seen, url = [], f"/api/v1/apps/{app.id}/users?expand=user&limit=15"
    while url:
        response = await client.get(url)
        assert 'rel="self"' in response.headers.get_list("link")[0]
        seen += [each["id"] for each in response.json()]
        assert all(each["_embedded"]["user"]["id"] == each["id"] for each in response.json())
        url = next_link(response)
    assert len(seen) == len(set(seen)) == 40


async def test_somebody_who_leaves_between_two_pages_shifts_nobody(
    client: httpx.AsyncClient, app: AppRecord
) -> None:
    everybody = set(app.users)
    first = await client.get(f"/api/v1/apps/{app.id}/users?limit=10")
    gone = first.json()[0]["id"]
    await client.post(f"/api/v1/users/{gone}/lifecycle/deactivate")
    after = next_link(first).split("after=")[1]
    rest = await client.get(f"/api/v1/apps/{app.id}/users?limit=500&after={after}")
    seen = [each["id"] for each in [*first.json(), *rest.json()]]
    assert set(seen) == everybody and len(seen) == len(everybody)


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "after=%21%21%21"])
async def test_a_wrong_page_is_refused(client: httpx.AsyncClient, app: AppRecord, query: str) -> None:
    response = await client.get(f"/api/v1/apps/{app.id}/users?{query}")
    assert (response.status_code, response.json()["errorCode"]) == (400, "E0000001")


async def test_unknown_paths_and_methods_have_okta_errors(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/nowhere")).json()["errorCode"] == "E0000007"
    wrong = await client.delete("/api/v1/apps")
    assert (wrong.status_code, wrong.json()["errorCode"]) == (405, "E0000022")
    broken = await client.post("/api/v1/users", content=b"{")
    assert (broken.status_code, broken.json()["errorCode"]) == (400, "E0000003")


async def test_a_body_beyond_the_limit_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/v1/users", content=b" " * (1 << 21))).status_code == 413


async def test_a_client_may_use_half_of_a_bucket_until_its_minute_ends(
    client: httpx.AsyncClient, org: Org, app: AppRecord, clock: ManualClock
) -> None:
    org.buckets.limits["/api/v1/apps"] = 6
    codes = [(await client.get(f"/api/v1/apps/{app.id}/groups")).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    refused = await client.get(f"/api/v1/apps/{app.id}/groups")
    assert refused.json()["errorCode"] == "E0000047"
    assert refused.headers["x-rate-limit-remaining"] == "0"
    clock.advance(int(refused.headers["x-rate-limit-reset"]) - clock.now().timestamp())
    assert (await client.get(f"/api/v1/apps/{app.id}/groups")).status_code == 200
    kinds = [event["eventType"] for event in org.log.events]
    assert kinds.count("system.org.rate_limit.violation") == 1


async def test_the_headers_count_the_bucket_down(client: httpx.AsyncClient, app: AppRecord) -> None:
    answers = [await client.get(f"/api/v1/apps/{app.id}") for _ in range(2)]
    assert [each.headers["x-rate-limit-remaining"] for each in answers] == ["499", "498"]
    assert answers[0].headers["x-okta-request-id"] != answers[1].headers["x-okta-request-id"]
    assert answers[0].headers["date"] == "Thu, 01 Jan 2026 00:00:00 GMT"


async def test_too_many_calls_at_once_are_refused_with_limit_zero(
    client: httpx.AsyncClient, org: Org
) -> None:
    org.buckets.concurrency = 0
    refused = await client.get("/api/v1/groups")
    assert refused.status_code == 429
    assert (refused.headers["x-rate-limit-limit"], refused.headers["x-rate-limit-remaining"]) == ("0", "0")


@pytest.mark.parametrize(
    ("path", "bucket"),
    [
        ("/api/v1/apps", "/api/v1/apps"),
        ("/api/v1/apps/0oa1", "/api/v1/apps/{id}"),
        ("/api/v1/apps/0oa1/users/00u1", "/api/v1/apps"),
        ("/api/v1/groups/00g1", "/api/v1/groups/{id}"),
        ("/api/v1/groups/rules", "/api/v1/groups"),
        ("/api/v1/groups/00g1/users/00u1", "/api/v1/groups"),
        ("/api/v1/users", "/api/v1/users"),
        ("/api/v1/users/00u1/lifecycle/suspend", "/api/v1/users/{id}"),
        ("/api/v1/logs", "/api/v1/logs"),
        ("/api/v1/mappings/prm1", "/api/v1"),
        ("/oauth2/v1/token", "/oauth2/v1"),
    ],
)
def test_each_path_has_its_bucket(path: str, bucket: str) -> None:
    assert bucket_of(path) == bucket


def test_every_route_but_two_needs_a_scope() -> None:
    free = {route.template for route in ROUTES if not route.scope}
    assert free <= {"/.well-known/okta-organization", "/oauth2/v1/token"}


async def test_a_read_only_role_may_not_write(client: httpx.AsyncClient, org: Org, app: AppRecord) -> None:
    org.add_token("reader", "reader", read_only=True)
    url = f"/api/v1/apps/{app.id}/groups/{org.group_by_name('Executives').id}"
    refused = await client.put(url, headers={"authorization": "SSWS reader"})
    assert (refused.status_code, refused.json()["errorCode"]) == (403, "E0000006")


async def test_a_narrow_role_lists_fewer_people_with_a_200(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    executives = org.group_by_name("Executives")
    org.add_token("narrow", "narrow", groups=[executives.id])
    fewer = await client.get(f"/api/v1/apps/{app.id}/users", headers={"authorization": "SSWS narrow"})
    assert fewer.status_code == 200
    assert {each["id"] for each in fewer.json()} == set(app.users) & set(org.members[executives.id])
