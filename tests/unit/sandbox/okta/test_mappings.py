"""Profile mappings: merged, removed by null, checked, and applied to nobody by saving."""

from typing import Any

import httpx
import pytest

from scim_sandbox.okta import console
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org


@pytest.fixture
def url(org: Org, app: AppRecord) -> str:
    mapping = next(each for each in org.mappings.values() if each.target_id == app.id)
    return f"/api/v1/mappings/{mapping.id}"


async def test_the_list_has_both_directions_and_no_properties(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    towards = (await client.get(f"/api/v1/mappings?targetId={app.id}")).json()
    back = (await client.get(f"/api/v1/mappings?sourceId={app.id}")).json()
    assert (towards[0]["source"]["type"], towards[0]["target"]["type"]) == ("user", "appuser")
    assert (back[0]["source"]["type"], back[0]["target"]["type"]) == ("appuser", "user")
    assert "properties" not in towards[0]
    wrong = await client.get("/api/v1/mappings?targetId=00gNone")
    assert (wrong.status_code, wrong.json()["errorCode"]) == (400, "E0000002")
    assert "must be of either App Instance or UserType id" in wrong.json()["errorSummary"]


async def test_a_post_merges_and_null_removes_in_both_forms(client: httpx.AsyncClient, url: str) -> None:
    changes: dict[str, Any] = {
        "displayName": {"expression": "user.firstName + ' ' + user.lastName", "pushStatus": "PUSH"},
        "title": {"expression": None, "pushStatus": None},
        "nickName": None,
    }
    properties = (await client.post(url, json={"properties": changes})).json()["properties"]
    assert set(properties) == {"userName", "givenName", "familyName", "email", "displayName", "primaryPhone"}
    assert properties["displayName"] == changes["displayName"]
    assert (await client.get(url)).json()["properties"] == properties


async def test_the_username_of_a_mapping_does_not_take(client: httpx.AsyncClient, url: str) -> None:
    before = (await client.get(url)).json()["properties"]["userName"]
    body = {"properties": {"userName": {"expression": "user.login", "pushStatus": "PUSH"}}}
    assert (await client.post(url, json=body)).json()["properties"]["userName"] == before


@pytest.mark.parametrize(
    ("name", "rule", "words"),
    [
        ("shoeSize", {"expression": "user.title"}, "no such property"),
        ("title", {"expression": "user.title +"}, "Invalid property expression"),
        ("title", {"expression": "Danger.run(user.title)"}, "not a known function"),
        ("title", {"expression": "user.title", "pushStatus": "OFTEN"}, "must be PUSH or DONT_PUSH"),
        ("title", "user.title", "not well-formed"),
    ],
)
async def test_a_wrong_mapping_is_refused(
    client: httpx.AsyncClient, url: str, name: str, rule: Any, words: str
) -> None:
    refused = await client.post(url, json={"properties": {name: rule}})
    assert refused.status_code == 400 and words in refused.text


async def test_saving_applies_to_nobody_and_a_profile_change_to_its_person(
    client: httpx.AsyncClient, org: Org, app: AppRecord, url: str
) -> None:
    body = {"properties": {"title": {"expression": "user.department", "pushStatus": "PUSH"}}}
    await client.post(url, json=body)
    one, other = list(app.users)[:2]
    assert app.users[one].profile["title"] is None
    await client.post(f"/api/v1/users/{one}", json={"profile": {"nickName": "Nick"}})
    assert app.users[one].profile["title"] == org.users[one].profile["department"]
    assert app.users[other].profile["title"] is None
    assert (await console.perform(org, {"app": app.id, "step": "apply-mappings"}))["done"] == 39
    assert app.users[other].profile["title"] == org.users[other].profile["department"]


async def test_dont_push_is_applied_on_assignment_only(
    client: httpx.AsyncClient, org: Org, app: AppRecord, url: str
) -> None:
    body = {"properties": {"title": {"expression": "user.department", "pushStatus": "DONT_PUSH"}}}
    await client.post(url, json=body)
    one = next(iter(app.users))
    await client.post(f"/api/v1/users/{one}", json={"profile": {"department": "Moon"}})
    assert app.users[one].profile["title"] is None
    outsider = next(user_id for user_id in org.users if user_id not in app.users)
    await client.post(f"/api/v1/apps/{app.id}/users", json={"id": outsider, "scope": "USER"})
    assert app.users[outsider].profile["title"] == org.users[outsider].profile["department"]


async def test_every_user_type_has_its_own_mapping(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    made = await console.perform(org, {"step": "add-user-type", "name": "contractor", "attributes": ["team"]})
    kind = made["done"]
    mapping = (await client.get(f"/api/v1/mappings?sourceId={kind}&targetId={app.id}")).json()[0]
    body = {"properties": {"title": {"expression": '"Contractor"', "pushStatus": "PUSH"}}}
    await client.post(f"/api/v1/mappings/{mapping['id']}", json=body)
    one, other = list(app.users)[:2]
    await console.perform(org, {"step": "set-user-type", "user": one, "type": "contractor"})
    assert app.users[one].profile["title"] == "Contractor"
    assert app.users[other].profile["title"] is None
    schema = await client.get(f"/api/v1/meta/schemas/user/{org.types[kind].schema_id}")
    assert "team" in schema.json()["definitions"]["custom"]["properties"]


async def test_a_mapped_attribute_refuses_another_value_while_okta_pushes(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    user_id = next(iter(app.users))
    url = f"/api/v1/apps/{app.id}/users/{user_id}"
    assert (await client.post(url, json={"profile": {"givenName": "Other"}})).status_code == 200
    app.features = ["PUSH_PROFILE_UPDATES"]
    refused = await client.post(url, json={"profile": {"givenName": "Third"}})
    assert (refused.status_code, refused.json()["errorCode"]) == (403, "E0000075")
    same = {"profile": {"givenName": org.users[user_id].profile["firstName"]}}
    assert (await client.post(url, json=same)).status_code == 200


async def test_credentials_against_the_scheme_are_refused(client: httpx.AsyncClient, app: AppRecord) -> None:
    one, other = list(app.users)[:2]
    url = f"/api/v1/apps/{app.id}/users/{one}"
    password = {"credentials": {"password": {"value": "x"}}}
    assert (await client.post(url, json=password)).json()["errorCode"] == "E0000041"
    taken = {"credentials": {"userName": app.users[other].user_name}}
    assert (await client.post(url, json=taken)).status_code == 400
    assert (await client.post(url, json={})).status_code == 400
    free = {"credentials": {"userName": "somebody@example.com"}}
    assert (await client.post(url, json=free)).json()["credentials"]["userName"] == "somebody@example.com"
