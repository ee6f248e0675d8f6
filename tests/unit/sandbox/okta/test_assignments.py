"""Assignments follow groups, profiles follow mappings, usernames follow their format."""

import httpx
import pytest

from scim_sandbox.okta import assignments, directory
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org


def outsider(org: Org, app: AppRecord) -> str:
    return next(user_id for user_id in org.users if user_id not in app.users)


async def test_membership_of_an_assigned_group_assigns_and_unassigns(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    group, user_id = org.group_by_name("Calendly users"), outsider(org, app)
    assert (await client.put(f"/api/v1/groups/{group.id}/users/{user_id}")).status_code == 204
    assigned = await client.get(f"/api/v1/apps/{app.id}/users/{user_id}")
    assert assigned.json()["scope"] == "GROUP"
    assert (await client.delete(f"/api/v1/groups/{group.id}/users/{user_id}")).status_code == 204
    assert (await client.get(f"/api/v1/apps/{app.id}/users/{user_id}")).status_code == 404


async def test_somebody_assigned_by_name_stays_when_the_group_goes(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    group, user_id = org.group_by_name("Calendly users"), outsider(org, app)
    made = await client.post(f"/api/v1/apps/{app.id}/users", json={"id": user_id, "scope": "USER"})
    assert made.json()["scope"] == "USER"
    await client.put(f"/api/v1/groups/{group.id}/users/{user_id}")
    assert (await client.delete(f"/api/v1/apps/{app.id}/groups/{group.id}")).status_code == 204
    assert set(app.users) == {user_id}


async def test_somebody_assigned_by_a_group_returns_when_deleted_singly(
    client: httpx.AsyncClient, app: AppRecord
) -> None:
    user_id = next(iter(app.users))
    assert (await client.delete(f"/api/v1/apps/{app.id}/users/{user_id}")).status_code == 204
    assert app.users[user_id].scope == "GROUP"


async def test_the_same_assignment_twice_is_a_conflict(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    body = {"id": outsider(org, app), "scope": "USER"}
    await client.post(f"/api/v1/apps/{app.id}/users", json=body)
    again = await client.post(f"/api/v1/apps/{app.id}/users", json=body)
    assert (again.status_code, again.json()["errorCode"]) == (409, "E0000062")


async def test_deactivation_ends_the_assignment_and_reactivation_brings_it_back(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    user_id, group = next(iter(app.users)), org.group_by_name("Calendly users")
    await client.post(f"/api/v1/users/{user_id}/lifecycle/deactivate")
    assert user_id not in app.users and org.member_count(group.id) == 39
    members = await client.get(f"/api/v1/groups/{group.id}/users?limit=200")
    assert user_id not in {each["id"] for each in members.json()}
    await client.post(f"/api/v1/users/{user_id}/lifecycle/activate")
    assert app.users[user_id].scope == "GROUP" and org.member_count(group.id) == 40


async def test_profiles_and_usernames_follow_the_person(client: httpx.AsyncClient, app: AppRecord) -> None:
    user_id = next(iter(app.users))
    profile = {"lastName": "Newname", "email": "new.name@example.com"}
    await client.post(f"/api/v1/users/{user_id}", json={"profile": profile})
    record = app.users[user_id]
    assert (record.profile["familyName"], record.user_name) == ("Newname", "new.name@example.com")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${source.email}", "Ada.L@Example.com"),
        ("${source.login}", "ada@acme.com"),
        ("${fn:toLowerCase(source.email)}", "ada.l@example.com"),
        ('${fn:substringBefore(source.login, "@")}', "ada"),
        ("${source.nothing}", "ada@acme.com"),
    ],
)
def test_each_username_format(org: Org, app: AppRecord, template: str, expected: str) -> None:
    profile = {"login": "ada@acme.com", "email": "Ada.L@Example.com", "firstName": "Ada", "lastName": "L"}
    user = directory.create_user(org, profile)
    app.body["credentials"]["userNameTemplate"]["template"] = template
    assert assignments.user_name_for(org, app, user) == expected


async def test_the_group_of_the_highest_priority_gives_the_profile(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    executives = org.group_by_name("Executives")
    both = next(user_id for user_id in org.members[executives.id] if user_id in app.users)
    for group, priority, title in (
        (executives, 5, "Chief"),
        (org.group_by_name("Calendly users"), 1, "Member"),
    ):
        body = {"priority": priority, "profile": {"title": title}}
        assert (await client.put(f"/api/v1/apps/{app.id}/groups/{group.id}", json=body)).status_code == 200
    assert app.users[both].profile["title"] == "Member"


async def test_arrays_with_union_add_up_over_the_groups(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    app.schema.custom["roles"] = {"type": "array", "title": "Roles", "union": "ENABLE"}
    executives, users = org.group_by_name("Executives"), org.group_by_name("Calendly users")
    both = next(user_id for user_id in org.members[executives.id] if user_id in app.users)
    for group, roles in ((users, ["member", "reader"]), (executives, ["reader", "chief"])):
        body = {"profile": {"roles": roles}}
        await client.put(f"/api/v1/apps/{app.id}/groups/{group.id}", json=body)
    assert set(app.users[both].profile["roles"]) == {"member", "reader", "chief"}
    assert len(app.users[both].profile["roles"]) == 3


async def test_who_is_assigned_by_name_keeps_a_profile_of_their_own(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    url, user_id = f"/api/v1/apps/{app.id}/users", next(iter(app.users))
    body = {"id": user_id, "scope": "USER", "profile": {"title": "Lead"}, "credentials": {"userName": "lead"}}
    changed = (await client.post(url, json=body)).json()
    assert (changed["scope"], changed["profile"]["title"]) == ("USER", "Lead")
    assert changed["credentials"]["userName"] == "lead"
    long = {"id": outsider(org, app), "credentials": {"userName": "x" * 101}}
    assert (await client.post(url, json={"id": "00uNobody"})).status_code == 404
    assert (await client.post(url, json={})).status_code == 400
    assert (await client.post(url, json={**body, "scope": "ALL"})).status_code == 400
    await client.post(f"/api/v1/users/{outsider(org, app)}/lifecycle/deactivate")
    assert (await client.post(url, json={"id": long["id"]})).status_code == 400
    app.status = "INACTIVE"
    assert (await client.post(url, json=body)).status_code == 400


async def test_app_groups_and_people_are_found_by_the_beginning_of_a_name(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    url, one = f"/api/v1/apps/{app.id}", next(iter(app.users.values()))
    found = (await client.get(f"{url}/users", params={"q": one.user_name[:8].upper()})).json()
    assert one.id in {each["id"] for each in found} and len(found) < 40
    groups = await client.get(f"{url}/groups", params={"q": "calendly", "expand": "metadata", "limit": 20})
    metadata = groups.json()[0]["_embedded"]["metadata"]["profile"]
    assert metadata["givenName"]["source"]["type"] == "MAPPING"
    assert (await client.get(f"{url}/groups", params={"q": "zzz"})).json() == []
    assert (await client.get(f"{url}/groups/00gNone")).status_code == 404
    assert (await client.delete(f"{url}/groups/{org.group_by_name('Sales').id}")).status_code == 404
    shown = (await client.get(f"{url}?expand=user/{one.id}")).json()
    assert shown["_embedded"]["user"]["id"] == one.id


async def test_a_broken_expression_is_told_in_the_log(org: Org, app: AppRecord) -> None:
    for mapping in org.mappings.values():
        if mapping.target_id == app.id:
            mapping.properties["title"] = {"expression": "String.len(user.title, 1)", "pushStatus": "PUSH"}
    directory.update_user(org, org.users[next(iter(app.users))], {"title": "x"})
    failed = [event for event in org.log.events if event["eventType"].endswith("mapping.invalid.expression")]
    assert failed[0]["outcome"]["result"] == "FAILURE"


async def test_a_group_assignment_is_patched(client: httpx.AsyncClient, org: Org, app: AppRecord) -> None:
    url = f"/api/v1/apps/{app.id}/groups/{org.group_by_name('Calendly users').id}"
    operations = [
        {"op": "replace", "path": "/priority", "value": 3},
        {"op": "replace", "path": "/profile/title", "value": "Member"},
    ]
    changed = (await client.patch(url, json=operations)).json()
    assert (changed["priority"], changed["profile"]) == (3, {"title": "Member"})
    removed = (await client.patch(url, json=[{"op": "remove", "path": "/profile/title"}])).json()
    assert removed["profile"] == {}
    assert (await client.patch(url, json=[{"op": "replace", "path": "/id", "value": 1}])).status_code == 400
    assert (await client.put(url, json={"priority": 101})).status_code == 400


async def test_a_group_rule_readds_whom_somebody_removes(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    group = org.group_by_name("Calendly users")
    directory.add_rule(org, "sellers", 'String.stringContains(user.department, "Sales")', [group.id])
    seller = next(user for user in org.users.values() if "Sales" in user.profile["department"])
    assert seller.id in app.users
    await client.delete(f"/api/v1/groups/{group.id}/users/{seller.id}")
    assert seller.id not in app.users
    await client.post(f"/api/v1/users/{seller.id}", json={"profile": {"title": "Lead"}})
    assert seller.id in app.users


async def test_every_change_is_in_the_log_with_its_targets(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    group, user_id = org.group_by_name("Calendly users"), outsider(org, app)
    await client.put(f"/api/v1/groups/{group.id}/users/{user_id}")
    kinds = {event["eventType"]: event for event in org.log.events}
    membership = kinds["group.user_membership.add"]
    assert {target["id"] for target in membership["target"]} == {group.id, user_id}
    assignment = kinds["application.user_membership.add"]
    assert {target["type"] for target in assignment["target"]} == {"AppUser", "AppInstance", "User"}
    assert membership["actor"]["alternateId"] == "operator"
