"""People and groups over HTTP: made, found, changed, switched."""

from typing import Any

import httpx
import pytest

from controller.clock import ManualClock
from scim_sandbox.okta import console, directory
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org

ADA = {"login": "ada@acme.com", "email": "ada@acme.com", "firstName": "Ada", "lastName": "Lovelace"}


async def test_a_person_is_made_active_or_staged(client: httpx.AsyncClient, org: Org) -> None:
    sales = org.group_by_name("Sales")
    active = await client.post("/api/v1/users?activate=true", json={"profile": ADA, "groupIds": [sales.id]})
    assert active.json()["status"] == "ACTIVE" and active.json()["id"] in org.members[sales.id]
    other = {**ADA, "login": "bo@acme.com", "email": "bo@acme.com"}
    staged = await client.post("/api/v1/users?activate=false", json={"profile": other})
    assert (staged.json()["status"], staged.json()["activated"]) == ("STAGED", None)
    await client.post(f"/api/v1/users/{staged.json()['id']}/lifecycle/activate")
    assert (await client.get("/api/v1/users/bo@acme.com")).json()["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"login": None}, "login"),
        ({"login": "ada"}, "login"),
        ({"firstName": ""}, "firstName"),
        ({"email": "x" * 101}, "email"),
        ({"lastName": "x" * 51}, "lastName"),
    ],
)
async def test_a_wrong_person_is_refused_by_field(
    client: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    refused = await client.post("/api/v1/users", json={"profile": {**ADA, **change}})
    assert refused.status_code == 400 and field in refused.json()["errorSummary"]


async def test_a_login_is_taken_whatever_its_case(client: httpx.AsyncClient) -> None:
    await client.post("/api/v1/users", json={"profile": ADA})
    again = await client.post("/api/v1/users", json={"profile": {**ADA, "login": "ADA@acme.com"}})
    assert again.status_code == 400 and "already exists" in again.text


async def test_an_update_is_partial_and_null_removes(client: httpx.AsyncClient) -> None:
    user_id = (await client.post("/api/v1/users", json={"profile": {**ADA, "title": "Countess"}})).json()[
        "id"
    ]
    changes = {"profile": {"title": None, "department": "Engineering"}}
    profile = (await client.post(f"/api/v1/users/{user_id}", json=changes)).json()["profile"]
    assert profile["department"] == "Engineering" and "title" not in profile and profile["firstName"] == "Ada"
    replaced = await client.put(f"/api/v1/users/{user_id}", json={"profile": ADA})
    assert "department" not in replaced.json()["profile"]


async def test_an_old_etag_is_refused(client: httpx.AsyncClient) -> None:
    user_id = (await client.post("/api/v1/users", json={"profile": ADA})).json()["id"]
    etag = (await client.get(f"/api/v1/users/{user_id}")).headers["etag"]
    body = {"profile": {"title": "Countess"}}
    first = await client.post(f"/api/v1/users/{user_id}", json=body, headers={"if-match": etag})
    assert first.status_code == 200
    second = await client.post(f"/api/v1/users/{user_id}", json=body, headers={"if-match": etag})
    assert second.status_code == 412


@pytest.mark.parametrize(
    ("actions", "status"),
    [
        (("suspend",), "SUSPENDED"),
        (("suspend", "unsuspend"), "ACTIVE"),
        (("deactivate",), "DEPROVISIONED"),
        (("deactivate", "activate"), "ACTIVE"),
        (("expire_password",), "PASSWORD_EXPIRED"),
        (("reset_password",), "RECOVERY"),
    ],
)
async def test_lifecycle(client: httpx.AsyncClient, actions: tuple[str, ...], status: str) -> None:
    user_id = (await client.post("/api/v1/users", json={"profile": ADA})).json()["id"]
    for action in actions:
        assert (await client.post(f"/api/v1/users/{user_id}/lifecycle/{action}")).status_code == 200
    assert (await client.get(f"/api/v1/users/{user_id}")).json()["status"] == status


async def test_a_lifecycle_step_from_the_wrong_state_is_refused(client: httpx.AsyncClient, org: Org) -> None:
    user_id = next(iter(org.users))
    refused = await client.post(f"/api/v1/users/{user_id}/lifecycle/unsuspend")
    assert (refused.status_code, refused.json()["errorCode"]) == (403, "E0000107")
    assert (await client.post(f"/api/v1/users/{user_id}/lifecycle/fly")).status_code == 405
    await console.perform(org, {"step": "set-user-status", "user": user_id, "status": "LOCKED_OUT"})
    await client.post(f"/api/v1/users/{user_id}/lifecycle/unlock")
    assert org.users[user_id].status == "ACTIVE"


async def test_a_person_is_deleted_in_two_steps(client: httpx.AsyncClient, org: Org) -> None:
    user_id = next(iter(org.users))
    await client.delete(f"/api/v1/users/{user_id}")
    assert org.users[user_id].status == "DEPROVISIONED"
    await client.delete(f"/api/v1/users/{user_id}")
    assert (await client.get(f"/api/v1/users/{user_id}")).status_code == 404


async def test_people_are_listed_without_the_deactivated_unless_asked(
    client: httpx.AsyncClient, org: Org, clock: ManualClock
) -> None:
    gone = next(iter(org.users))
    clock.advance(60)
    await client.post(f"/api/v1/users/{gone}/lifecycle/deactivate")
    assert gone not in {each["id"] for each in (await client.get("/api/v1/users")).json()}
    wanted = 'status eq "DEPROVISIONED" and lastUpdated gt "2026-01-01T00:00:30.000Z"'
    found = await client.get("/api/v1/users", params={"filter": wanted})
    assert [each["id"] for each in found.json()] == [gone]
    wrong = await client.get("/api/v1/users", params={"filter": 'profile.department eq "Sales US"'})
    assert wrong.json()["errorCode"] == "E0000053"


async def test_people_are_searched_sorted_and_projected(client: httpx.AsyncClient) -> None:
    query = {"search": 'profile.department eq "ENGINEERING"', "sortBy": "profile.lastName", "limit": "5"}
    first = await client.get("/api/v1/users", params=query)
    names = [each["profile"]["lastName"] for each in first.json()]
    assert names == sorted(names) and len(names) == 5
    assert 'rel="next"' in first.headers.get_list("link")[1]
    few = await client.get("/api/v1/users", params={"fields": "id,profile:(login, email)", "limit": "1"})
    assert set(few.json()[0]) == {"id", "profile"} and set(few.json()[0]["profile"]) == {"login", "email"}


async def test_q_finds_by_the_beginning_of_a_name(client: httpx.AsyncClient, org: Org) -> None:
    wanted = next(iter(org.users.values())).profile["lastName"]
    found = (await client.get("/api/v1/users", params={"q": wanted[:4]})).json()
    assert wanted in {each["profile"]["lastName"] for each in found}


async def test_search_can_be_behind(client: httpx.AsyncClient, org: Org, clock: ManualClock) -> None:
    org.quirks.search_lag_seconds = 10
    user_id = (await client.post("/api/v1/users", json={"profile": ADA})).json()["id"]
    query = {"search": 'profile.login eq "ada@acme.com"'}
    assert (await client.get("/api/v1/users", params=query)).json() == []
    assert (await client.get(f"/api/v1/users/{user_id}")).status_code == 200
    clock.advance(11)
    assert len((await client.get("/api/v1/users", params=query)).json()) == 1


async def test_groups_are_made_renamed_found_and_deleted(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    made = (await client.post("/api/v1/groups", json={"profile": {"name": "Seats"}})).json()
    again = await client.post("/api/v1/groups", json={"profile": {"name": "Seats"}})
    assert again.status_code == 400
    url = f"/api/v1/groups/{made['id']}"
    await client.put(url, json={"profile": {"name": "Calendly seats", "description": "by the operator"}})
    assert [each["id"] for each in (await client.get("/api/v1/groups?q=calendly%20s")).json()] == [made["id"]]
    await client.put(f"/api/v1/apps/{app.id}/groups/{made['id']}")
    outsider = next(user_id for user_id in org.users if user_id not in app.users)
    await client.put(f"{url}/users/{outsider}")
    assert [each["id"] for each in (await client.get(f"{url}/apps")).json()] == [app.id]
    assert (await client.delete(url)).status_code == 204
    assert outsider not in app.users and made["id"] not in app.groups


async def test_stats_count_the_members(client: httpx.AsyncClient, org: Org) -> None:
    group = org.group_by_name("Calendly users")
    query = {"filter": f'id eq "{group.id}"', "expand": "stats"}
    stats = (await client.get("/api/v1/groups", params=query)).json()[0]["_embedded"]["stats"]
    assert (stats["usersCount"], stats["appsCount"]) == (40, 1)


async def test_groups_that_okta_does_not_own_cannot_be_changed(client: httpx.AsyncClient, org: Org) -> None:
    foreign = directory.create_group(org, {"name": "From AD"}, "APP_GROUP")
    for group in (foreign, org.everyone()):
        answer = await client.put(f"/api/v1/groups/{group.id}/users/{next(iter(org.users))}")
        assert answer.status_code == 400
        assert (await client.delete(f"/api/v1/groups/{group.id}")).status_code == 400


async def test_members_are_paged(client: httpx.AsyncClient, org: Org) -> None:
    url = f"/api/v1/groups/{org.group_by_name('Calendly users').id}/users?limit=25"
    first = await client.get(url)
    following = first.headers.get_list("link")[1].split(">")[0][1:]
    second = await client.get(following)
    assert (len(first.json()), len(second.json()), len(second.headers.get_list("link"))) == (25, 15, 1)


async def test_rules_are_listed_with_the_names_of_their_groups(client: httpx.AsyncClient, org: Org) -> None:
    group = org.group_by_name("Sales")
    body = {
        "type": "group_rule",
        "name": "sellers",
        "conditions": {
            "expression": {"value": 'user.department=="Sales US"', "type": "urn:okta:expression:1.0"}
        },
        "actions": {"assignUserToGroups": {"groupIds": [group.id]}},
    }
    made = (await client.post("/api/v1/groups/rules", json=body)).json()
    assert made["status"] == "INACTIVE"
    await client.post(f"/api/v1/groups/rules/{made['id']}/lifecycle/activate")
    listed = (await client.get("/api/v1/groups/rules?expand=groupIdToGroupNameMap&search=sell")).json()
    assert listed[0]["_embedded"]["groupIdToGroupNameMap"] == {group.id: "Sales"}
    assert (await client.get(f"/api/v1/groups/rules/{made['id']}")).json()["status"] == "ACTIVE"
    assert (await client.get("/api/v1/groups/rules/0prNone")).status_code == 404
