"""Users over SCIM: what RFC 7644 asks and what Okta's agent sends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.provider.world import CALENDLY, USER, Client, okta_user, replace, user


async def test_create_answers_201_with_location_and_etag(acme: Client) -> None:
    answer = await acme.scim("POST", "/Users", okta_user("ada.lovelace@acme.okta.local", "Engineering"))
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/scim+json"
    assert (
        answer.headers["location"]
        == body["meta"]["location"]
        == f"http://provider.test/scim/v2/acme/Users/{body['id']}"
    )
    assert answer.headers["etag"] == body["meta"]["version"] == 'W/"1"'
    assert body["name"] == {"givenName": "ada", "familyName": "lovelace"}
    assert body[CALENDLY] == {"group": "Engineering"}
    assert set(body["schemas"]) == {USER, CALENDLY}


async def test_password_is_never_returned_nor_stored(acme: Client) -> None:
    created = await acme.new_user("ada@acme.com", password="correct horse")
    answer = await acme.patch(f"/Users/{created['id']}", replace({"password": "battery staple"}))
    journal = (await acme.admin("GET", "/journal")).text
    assert answer.status_code == 200
    assert "password" not in answer.text
    assert "correct horse" not in journal and "battery staple" not in journal


@pytest.mark.parametrize("name", ["ADA@acme.com", "ada@ACME.com"])
async def test_user_name_is_unique_whatever_its_case(acme: Client, name: str) -> None:
    await acme.new_user("ada@acme.com")
    answer = await acme.scim("POST", "/Users", user(name))
    assert answer.status_code == 409
    assert answer.json()["scimType"] == "uniqueness"
    assert answer.json()["status"] == "409"


async def test_inactive_users_are_found_by_name(acme: Client) -> None:
    created = await acme.new_user("ada@acme.com")
    await acme.patch(f"/Users/{created['id']}", replace({"active": False}))
    params = {"filter": 'userName eq "ada@acme.com"', "startIndex": "1", "count": "100"}
    found = (await acme.scim("GET", "/Users", params=params)).json()
    assert found["totalResults"] == 1
    assert found["Resources"][0]["active"] is False


async def test_put_replaces_and_keeps_what_is_read_only(acme: Client) -> None:
    created = await acme.new_user("ada@acme.com", title="Countess", nickName="Ada")
    body = created | {"title": "Lady", "id": "another", "meta": {"resourceType": "Nonsense"}}
    del body["nickName"]
    answer = await acme.scim("PUT", f"/Users/{created['id']}", body)
    assert answer.status_code == 200
    assert answer.json()["title"] == "Lady"
    assert answer.json()["id"] == created["id"]
    assert "nickName" not in answer.json()


async def test_put_without_active_does_not_bring_a_leaver_back(acme: Client) -> None:
    created = await acme.new_user("ada@acme.com", active=False)
    answer = await acme.scim(
        "PUT", f"/Users/{created['id']}", {"schemas": [USER], "userName": "ada@acme.com"}
    )
    assert answer.json()["active"] is False


async def test_put_never_creates(acme: Client) -> None:
    answer = await acme.scim("PUT", "/Users/nobody", user("ada@acme.com"))
    assert answer.status_code == 404


async def test_patch_that_changes_nothing_keeps_version_and_time(acme: Client) -> None:
    created = await acme.new_user("ada@acme.com", title="Lady")
    answer = await acme.patch(f"/Users/{created['id']}", replace("Lady", "title"))
    assert answer.json()["meta"] == created["meta"]


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "replace", "path": "nosuch", "value": 1}, "invalidPath"),
        ({"op": "replace", "path": "emails[", "value": 1}, "invalidPath"),
        ({"op": "replace", "path": 'emails[value co "z"].value', "value": "x"}, "noTarget"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "remove", "path": "userName"}, "mutability"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "dance", "path": "title", "value": "x"}, "invalidValue"),
        ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
    ],
)
async def test_bad_patch_is_refused_and_changes_nothing(
    acme: Client, operation: dict[str, Any], scim_type: str
) -> None:
    created = await acme.new_user("ada@acme.com", title="Lady")
    first = {"op": "replace", "path": "title", "value": "Countess"}
    answer = await acme.patch(f"/Users/{created['id']}", first, operation)
    assert answer.status_code == 400
    assert answer.json()["scimType"] == scim_type
    assert (await acme.scim("GET", f"/Users/{created['id']}")).json() == created


async def test_delete_forgets_the_user_and_frees_the_name(acme: Client) -> None:
    created = await acme.new_user("ada@acme.com")
    assert (await acme.scim("DELETE", f"/Users/{created['id']}")).status_code == 204
    assert (await acme.scim("GET", f"/Users/{created['id']}")).status_code == 404
    assert (await acme.scim("DELETE", f"/Users/{created['id']}")).status_code == 404
    assert (await acme.new_user("ada@acme.com"))["id"] != created["id"]


async def test_if_match_guards_against_lost_updates(acme: Client) -> None:
    created = await acme.new_user("ada@acme.com")
    path = f"/Users/{created['id']}"
    fresh = await acme.scim("PUT", path, user("ada@acme.com", title="x"), headers={"if-match": 'W/"1"'})
    stale = await acme.scim("PUT", path, user("ada@acme.com", title="y"), headers={"if-match": 'W/"1"'})
    unchanged = await acme.scim("GET", path, headers={"if-none-match": fresh.headers["etag"]})
    assert (fresh.status_code, stale.status_code, unchanged.status_code) == (200, 412, 304)
    assert unchanged.content == b""


async def test_attributes_and_excluded_attributes_shape_the_answer(acme: Client) -> None:
    created = await acme.new_user("ada@acme.com", title="Lady", name={"givenName": "Ada", "familyName": "L"})
    path = f"/Users/{created['id']}"
    only = (await acme.scim("GET", path, params={"attributes": "userName,name.givenName"})).json()
    without = (await acme.scim("GET", path, params={"excludedAttributes": "name.givenName,meta"})).json()
    both = await acme.scim("GET", path, params={"attributes": "title", "excludedAttributes": "name"})
    assert only == {
        "schemas": [USER],
        "id": created["id"],
        "userName": "ada@acme.com",
        "name": {"givenName": "Ada"},
    }
    assert without["name"] == {"familyName": "L"} and "meta" not in without
    assert both.status_code == 400


async def test_another_organization_sees_nothing_of_it(acme: Client, calendly: Client) -> None:
    created = await acme.new_user("ada@acme.com")
    for method, body in (("GET", None), ("PUT", user("x")), ("DELETE", None)):
        answer = await calendly.scim(method, f"/Users/{created['id']}", body)
        assert answer.status_code == 404
    assert (await calendly.scim("GET", "/Users")).json()["totalResults"] == 0
    assert (await calendly.scim("GET", f"/../{acme.org.id}/Users")).status_code in (401, 404)
    assert (await acme.scim("GET", f"/Users/{created['id']}")).status_code == 200


@pytest.mark.parametrize("sent", [{"meta": {"created": "x"}}, {"Meta": 7}, {"id": None}, {"groups": "x"}])
async def test_what_is_read_only_is_ignored_in_any_form(acme: Client, sent: dict[str, Any]) -> None:
    created = await acme.new_user("ada@x.com", **sent)
    answer = await acme.scim("PUT", f"/Users/{created['id']}", user("ada@x.com") | sent)
    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["meta"]) == (created["id"], created["meta"])


async def test_head_answers_as_get_without_the_body(acme: Client) -> None:
    created = await acme.new_user("ada@x.com")
    got = await acme.scim("GET", f"/Users/{created['id']}")
    head = await acme.scim("HEAD", f"/Users/{created['id']}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(got.content))
    assert head.headers["etag"] == got.headers["etag"]


async def test_taking_active_away_unassigns_it_and_frees_no_seat(acme: Client) -> None:
    created = await acme.new_user("ada@x.com")
    answer = await acme.patch(f"/Users/{created['id']}", {"op": "remove", "path": "active"})
    assert answer.status_code == 200 and "active" not in answer.json()
    assert (await acme.seats())["used"] == 1
    assert (await acme.person(created["id"]))["status"] == "active"
