"""What Okta's agent and Microsoft Entra send, as they send it."""

from __future__ import annotations

import pytest

from tests.contract.provider.world import CALENDLY, GROUP, USER, Client, okta_user, replace, user

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


async def test_okta_tests_credentials_with_a_list_of_two(acme: Client) -> None:
    answer = await acme.scim("GET", "/Users", params={"startIndex": "1", "count": "2"})
    assert answer.json() == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [],
    }  # fmt: skip


async def test_okta_creates_then_deactivates_then_reactivates(calendly: Client) -> None:
    created = (await calendly.scim("POST", "/Users", okta_user("ada.l@acme.com", "Sales"))).json()
    assert "locale" not in created and "password" not in created and "groups" not in created
    path = f"/Users/{created['id']}"
    off = await calendly.patch(path, {"op": "replace", "value": {"active": False}})
    on = await calendly.patch(path, {"op": "replace", "value": {"active": True}})
    password = await calendly.patch(path, {"op": "replace", "value": {"password": "x"}})
    assert (off.status_code, off.json()["active"]) == (200, False)
    assert (on.status_code, on.json()["active"]) == (200, True)
    assert password.status_code == 200 and password.json()["meta"] == on.json()["meta"]


async def test_okta_updates_by_putting_what_it_got_merged_with_its_own(calendly: Client) -> None:
    created = (await calendly.scim("POST", "/Users", okta_user("ada.l@acme.com", "Sales"))).json()
    merged = (await calendly.scim("GET", f"/Users/{created['id']}")).json() | {
        "displayName": "Ada King", "locale": "en-US", "groups": [], "password": "y",
    }  # fmt: skip
    answer = await calendly.scim("PUT", f"/Users/{created['id']}", merged)
    assert answer.status_code == 200
    assert answer.json()["displayName"] == "Ada King"
    assert answer.json()["meta"]["version"] == 'W/"2"'


async def test_calendly_refuses_what_it_does_not_take(calendly: Client) -> None:
    for extra in ({"title": "Lady"}, {"phoneNumbers": [{"value": "1"}]}, {ENTERPRISE: {"department": "x"}}):
        answer = await calendly.scim("POST", "/Users", okta_user("ada.l@acme.com") | extra)
        assert answer.status_code == 400, extra
    created = (await calendly.scim("POST", "/Users", okta_user("ada.l@acme.com"))).json()
    refused = await calendly.patch(f"/Users/{created['id']}", replace({"title": "Lady"}))
    assert refused.status_code == 400
    assert (await calendly.scim("GET", "/Groups")).status_code == 404


async def test_okta_pushes_groups_renames_and_moves_members(acme: Client) -> None:
    ada, alan = await acme.new_user("ada@x.com"), await acme.new_user("alan@x.com")
    body = {"schemas": [GROUP], "displayName": "Test SCIMv2", "members": []}
    group = (await acme.scim("POST", "/Groups", body)).json()
    path = f"/Groups/{group['id']}"
    named = replace({"id": group["id"], "displayName": "Renamed"})
    added = {"op": "add", "path": "members", "value": [{"value": ada["id"], "display": "ada"}]}
    assert (await acme.patch(path, named, added)).status_code == 204
    removed = {"op": "remove", "path": f'members[value eq "{ada["id"]}"]'}
    added = {"op": "add", "path": "members", "value": [{"value": alan["id"], "display": "alan"}]}
    assert (await acme.patch(path, removed, added)).status_code == 204
    now = (await acme.scim("GET", path)).json()
    assert now["displayName"] == "Renamed"
    assert [member["value"] for member in now["members"]] == [alan["id"]]
    whole = replace([{"value": ada["id"]}, {"value": alan["id"]}], "members")
    await acme.patch(path, whole)
    assert len((await acme.scim("GET", path)).json()["members"]) == 2
    assert (await acme.scim("DELETE", path)).status_code == 204


async def test_a_user_shows_the_groups_it_is_in(acme: Client) -> None:
    ada = await acme.new_user("ada@x.com")
    group = await acme.new_group("Pioneers", ada["id"])
    shown = (await acme.scim("GET", f"/Users/{ada['id']}")).json()["groups"]
    listed = (await acme.scim("GET", "/Users")).json()["Resources"][0]["groups"]
    assert shown == listed
    assert [(each["value"], each["display"]) for each in shown] == [(group["id"], "Pioneers")]
    await acme.scim("DELETE", f"/Users/{ada['id']}")
    assert "members" not in (await acme.scim("GET", f"/Groups/{group['id']}")).json()


@pytest.mark.parametrize("op", ["add", "replace"])
async def test_ghost_members_are_refused_and_nothing_changes(acme: Client, op: str) -> None:
    ada = await acme.new_user("ada@x.com")
    group = await acme.new_group("Pioneers")
    operation = {"op": op, "path": "members", "value": [{"value": ada["id"]}, {"value": "ghost"}]}
    answer = await acme.patch(f"/Groups/{group['id']}", operation)
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert (await acme.scim("GET", f"/Groups/{group['id']}")).json() == group


async def test_adding_a_member_twice_keeps_version_and_time(acme: Client) -> None:
    ada = await acme.new_user("ada@x.com")
    group = await acme.new_group("Pioneers", ada["id"])
    operation = {"op": "add", "path": "members", "value": [{"value": ada["id"]}]}
    answer = await acme.patch(f"/Groups/{group['id']}", operation)
    assert answer.headers["etag"] == group["meta"]["version"]


async def test_entra_writes_strings_for_booleans_capitals_and_urn_paths(acme: Client) -> None:
    ada = await acme.new_user("ada@x.com", emails=[{"value": "ada@x.com", "type": "work"}])
    answer = await acme.patch(
        f"/Users/{ada['id']}",
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Analysis"},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "ada@y.com"},
        {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+44"},
        {"op": "Add", "value": {"name.givenName": "Ada", f"{CALENDLY}:group": "Sales"}},
    )
    body = answer.json()
    assert answer.status_code == 200, answer.text
    assert body["active"] is False and body["emails"][0]["value"] == "ada@y.com"
    assert body[ENTERPRISE] == {"department": "Analysis"} and body[CALENDLY] == {"group": "Sales"}
    assert body["phoneNumbers"] == [{"type": "mobile", "value": "+44"}]
    assert body["name"] == {"givenName": "Ada"}


async def test_entra_removes_members_by_value(acme: Client) -> None:
    ada, alan = await acme.new_user("ada@x.com"), await acme.new_user("alan@x.com")
    group = await acme.new_group("Pioneers", ada["id"], alan["id"])
    operation = {"op": "Remove", "path": "members", "value": [{"value": ada["id"]}]}
    await acme.patch(f"/Groups/{group['id']}", operation)
    left = (await acme.scim("GET", f"/Groups/{group['id']}")).json()["members"]
    assert [member["value"] for member in left] == [alan["id"]]


async def test_members_can_be_removed_by_any_filter(acme: Client) -> None:
    ids = [(await acme.new_user(f"{name}@x.com"))["id"] for name in ("ada", "alan", "grace")]
    group = await acme.new_group("Pioneers", *ids)
    path = f'members[value eq "{ids[0]}" or display sw "ALAN"]'
    await acme.patch(f"/Groups/{group['id']}", {"op": "remove", "path": path})
    left = (await acme.scim("GET", f"/Groups/{group['id']}")).json()["members"]
    assert [member["value"] for member in left] == [ids[2]]


@pytest.mark.parametrize("path", [f"{CALENDLY}:group", f"{CALENDLY.lower()}:GROUP"])
async def test_the_extension_is_patched_whatever_the_spelling(acme: Client, path: str) -> None:
    ada = await acme.new_user("ada@x.com")
    answer = await acme.patch(f"/Users/{ada['id']}", {"op": "add", "path": path, "value": "Sales"})
    assert answer.json()[CALENDLY] == {"group": "Sales"}
    nested = await acme.patch(f"/Users/{ada['id']}", replace({CALENDLY: {"group": "EMEA"}}))
    assert nested.json()[CALENDLY] == {"group": "EMEA"}


@pytest.mark.parametrize(
    "media_type", ["application/scim+json", "application/json", "application/json; charset=utf-8"]
)
async def test_both_media_types_are_taken(acme: Client, media_type: str) -> None:
    answer = await acme.scim("POST", "/Users", user("a@x.com"), headers={"content-type": media_type})
    assert answer.status_code == 201


async def test_other_media_types_are_415(acme: Client) -> None:
    answer = await acme.scim("POST", "/Users", user("a@x.com"), headers={"content-type": "text/xml"})
    assert answer.status_code == 415
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert USER not in answer.text


async def test_entra_writes_a_manager_as_a_plain_id(acme: Client) -> None:
    boss, ada = [await acme.new_user(f"{name}@x.com") for name in ("boss", "ada")]
    path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
    added = await acme.patch(f"/Users/{ada['id']}", {"op": "Add", "path": path, "value": boss["id"]})
    assert added.json()[path.rpartition(":")[0]]["manager"]["value"] == boss["id"]
    wrong = await acme.patch(f"/Users/{ada['id']}", {"op": "Add", "path": path, "value": 7})
    assert wrong.status_code == 400 and "pydantic" not in wrong.text and "\\n" not in wrong.text


async def test_entra_writes_paths_as_names_in_a_value(acme: Client) -> None:
    ada = await acme.new_user("ada@x.com")
    value = {"name.givenName": "Ada", "active": "False", 'emails[type eq "work"].value': "ada@y.com"}
    answer = await acme.patch(f"/Users/{ada['id']}", {"op": "Replace", "value": value})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["name"], found["active"]) == ({"givenName": "Ada"}, False)
    assert found["emails"] == [{"value": "ada@y.com", "type": "work"}]
