"""What Microsoft Entra documents that it sends, and that whatever is stored can be read and put back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.clock import ManualClock
from controller.provider.app import build_app
from tests.contract.provider.world import CALENDLY, GROUP, PATCH, USER, Client, World, user

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ADSCIM = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


def with_manager(login: str, manager: Any) -> dict[str, Any]:
    return user(login) | {"schemas": [USER, ENTERPRISE], ENTERPRISE: {"manager": manager}}


@pytest.mark.parametrize("manager", [{"value": "m-1"}, "m-1", {"Value": "m-1"}])
async def test_a_manager_needs_no_reference(acme: Client, manager: Any) -> None:
    created = await acme.scim("POST", "/Users", with_manager("ada@x.com", manager))
    assert created.status_code == 201, created.text
    assert created.json()[ENTERPRISE] == {"manager": {"value": "m-1"}}
    body = created.json() | {"displayName": "Ada"}
    replaced = await acme.scim("PUT", f"/Users/{created.json()['id']}", body)
    assert replaced.status_code == 200, replaced.text
    assert replaced.json()[ENTERPRISE] == {"manager": {"value": "m-1"}}


@pytest.mark.parametrize("none", ["", {"value": ""}, {"value": None}, None])
async def test_an_empty_manager_in_a_body_is_none(acme: Client, none: Any) -> None:
    created = await acme.scim("POST", "/Users", with_manager("ada@x.com", none))
    assert created.status_code == 201, created.text
    assert "manager" not in created.json().get(ENTERPRISE, {})


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": "m-2"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": {"value": "m-2"}},
        {"op": "Add", "path": f"{ENTERPRISE}:manager.value", "value": "m-2"},
        {"op": "Replace", "value": {f"{ENTERPRISE}:manager": "m-2"}},
        {"op": "Replace", "value": {ENTERPRISE: {"manager": "m-2"}}},
        {"name": "setManager", "op": "Add", "path": f"{ENTERPRISE}:manager", "value": "m-2"},
    ],
)
async def test_a_manager_is_set_in_every_form_of_patch(acme: Client, operation: Any) -> None:
    created = (await acme.scim("POST", "/Users", with_manager("ada@x.com", "m-1"))).json()
    answer = await acme.patch(f"/Users/{created['id']}", operation)
    assert answer.status_code == 200, answer.text
    assert answer.json()[ENTERPRISE]["manager"] == {"value": "m-2"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": ""},
        {"op": "Replace", "path": f"{ENTERPRISE}:manager.value", "value": ""},
        {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": {"value": ""}},
        {"op": "Replace", "value": {ENTERPRISE: {"manager": ""}}},
        {"op": "Remove", "path": f"{ENTERPRISE}:manager"},
    ],
)
async def test_a_manager_is_cleared_in_every_form_of_patch(acme: Client, operation: Any) -> None:
    body = with_manager("ada@x.com", "m-1")
    body[ENTERPRISE]["department"] = "Analysis"
    created = (await acme.scim("POST", "/Users", body)).json()
    answer = await acme.patch(f"/Users/{created['id']}", operation)
    assert answer.status_code == 200, answer.text
    assert answer.json()[ENTERPRISE] == {"department": "Analysis"}


async def test_people_are_found_by_their_manager(acme: Client) -> None:
    ada = (await acme.scim("POST", "/Users", with_manager("ada@x.com", "m-1"))).json()
    await acme.scim("POST", "/Users", with_manager("alan@x.com", "m-2"))
    for text in (
        'manager eq "m-1"',
        f'{ENTERPRISE}:manager eq "m-1"',
        f'id eq "{ada["id"]}" and manager eq "m-1"',
        'manager.value eq "m-1" and not (manager eq "m-2")',
        'emails[value eq "ada@x.com" and type eq "work"] or manager eq "m-1"',
    ):
        answer = await acme.scim("GET", "/Users", params={"filter": text})
        assert answer.status_code == 200, answer.text
        assert [each["id"] for each in answer.json()["Resources"]] == [ada["id"]], text
    nobody = await acme.scim("GET", "/Users", params={"filter": 'userName eq "manager eq m-1"'})
    assert nobody.json()["totalResults"] == 0


async def test_a_group_may_name_the_schema_of_entra(acme: Client) -> None:
    body = {"schemas": [GROUP, ADSCIM], "displayName": "Pioneers", "externalId": "8aa1"}
    created = await acme.scim("POST", "/Groups", body)
    assert created.status_code == 201, created.text
    assert created.json()["schemas"] == [GROUP]
    replaced = await acme.scim("PUT", f"/Groups/{created.json()['id']}", body | {"displayName": "Makers"})
    assert (replaced.status_code, replaced.json()["displayName"]) == (200, "Makers")


async def test_an_operation_may_bear_a_name(acme: Client) -> None:
    ada, group = await acme.new_user("ada@x.com"), await acme.new_group("Pioneers")
    added = {"name": "addMember", "op": "Add", "path": "members", "value": [{"value": ada["id"]}]}
    answer = await acme.patch(f"/Groups/{group['id']}", added)
    assert answer.status_code == 204, answer.text
    shown = (await acme.scim("GET", f"/Groups/{group['id']}")).json()
    assert [member["value"] for member in shown["members"]] == [ada["id"]]
    both = f'id eq "{group["id"]}" and members eq "{ada["id"]}"'
    found = await acme.scim("GET", "/Groups", params={"filter": both})
    assert found.json()["totalResults"] == 1


async def test_entras_forms_work_in_bulk(acme: Client) -> None:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": with_manager("ada@x.com", "m-1")},
        {
            "method": "POST", "path": "/Groups", "bulkId": "b",
            "data": {"schemas": [GROUP, ADSCIM], "displayName": "Pioneers"},
        },
    ]  # fmt: skip
    schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    answer = await acme.scim("POST", "/Bulk", {"schemas": [schema], "Operations": operations})
    assert [each["status"] for each in answer.json()["Operations"]] == ["201", "201"], answer.text


@pytest.mark.parametrize(
    "path", ["/users", "/USERS", "/groups", "/resourcetypes", "/schemas", "/serviceproviderconfig"]
)
async def test_endpoints_are_found_whatever_their_case(acme: Client, path: str) -> None:
    assert (await acme.scim("GET", path)).status_code == 200


async def test_a_person_is_changed_under_a_path_in_lower_case(acme: Client) -> None:
    ada = await acme.new_user("ada@x.com")
    body = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    assert (await acme.scim("PATCH", f"/users/{ada['id']}", body)).json()["active"] is False


async def test_an_answer_with_a_resource_says_where_it_is(acme: Client) -> None:
    ada = await acme.new_user("ada@x.com")
    path = f"/Users/{ada['id']}"
    answers = [
        await acme.scim("GET", path),
        await acme.scim("PUT", path, user("ada@x.com")),
        await acme.patch(path, {"op": "replace", "path": "displayName", "value": "Ada"}),
        await acme.scim("GET", "/ServiceProviderConfig"),
        await acme.scim("GET", f"/Schemas/{USER}"),
        await acme.scim("GET", "/ResourceTypes/User"),
    ]
    for answer in answers:
        assert answer.headers["location"] == answer.json()["meta"]["location"]


async def test_every_schema_and_attribute_is_described(acme: Client, calendly: Client) -> None:
    def bare(prefix: str, attributes: list[dict[str, Any]]) -> list[str]:
        found = [prefix + each["name"] for each in attributes if not each.get("description")]
        for each in attributes:
            found += bare(f"{prefix}{each['name']}.", each.get("subAttributes", []))
        return found

    for client in (acme, calendly):
        schemas = (await client.scim("GET", "/Schemas")).json()["Resources"]
        assert [name for each in schemas for name in bare(f"{each['id']}:", each["attributes"])] == []
        assert all(each.get("description") for each in schemas)
    core = next(each for each in schemas if each["id"] == USER)
    assert core["description"] == "User Account"  # RFC 7643 section 8.7.1


async def test_a_projection_may_say_which_values_it_means(acme: Client) -> None:
    await acme.new_user("ada@x.com", emails=[{"value": "ada@x.com", "type": "work"}])
    answer = await acme.scim("GET", "/Users", params={"attributes": 'emails[type eq "work"],userName'})
    (shown,) = answer.json()["Resources"]
    assert shown["emails"] == [{"value": "ada@x.com", "type": "work"}]
    assert shown["userName"] == "ada@x.com" and "active" not in shown


async def test_values_of_one_type_are_kept_once(acme: Client) -> None:
    twice = [
        {"type": "work", "value": "1", "primary": True},
        {"type": "home", "value": "1"},
        {"type": "Work", "value": "1", "display": "desk"},
    ]
    created = await acme.new_user("ada@x.com", phoneNumbers=twice)
    once = [
        {"type": "work", "value": "1", "primary": True, "display": "desk"},
        {"type": "home", "value": "1"},
    ]
    assert sorted_by_type(created["phoneNumbers"]) == sorted_by_type(once)
    added = {"op": "add", "path": "phoneNumbers", "value": [{"type": "home", "value": "1"}]}
    answer = await acme.patch(f"/Users/{created['id']}", added)
    assert len(answer.json()["phoneNumbers"]) == 2


def sorted_by_type(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(values, key=lambda each: each["type"])


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
ENTRY = st.fixed_dictionaries(
    {"value": TEXT}, optional={"type": TEXT, "display": TEXT, "primary": st.just(False)}
)
SINGLE = ("displayName", "title", "nickName", "externalId", "userType", "timezone")
MULTIPLE = ("emails", "phoneNumbers", "roles", "entitlements", "ims")
OPERATION = st.one_of(
    st.tuples(st.sampled_from(SINGLE), TEXT).map(lambda it: {"op": "replace", "path": it[0], "value": it[1]}),
    st.tuples(st.sampled_from(MULTIPLE), st.lists(ENTRY, max_size=3)).map(
        lambda it: {"op": "add", "path": it[0], "value": it[1]}
    ),
    st.tuples(st.sampled_from(MULTIPLE), st.sampled_from(["value", "display"]), TEXT).map(
        lambda it: {"op": "replace", "path": f'{it[0]}[type eq "work"].{it[1]}', "value": it[2]}
    ),
    st.tuples(st.sampled_from(["formatted", "locality", "country"]), TEXT).map(
        lambda it: {"op": "add", "path": f'addresses[type eq "work"].{it[0]}', "value": it[1]}
    ),
    st.tuples(st.sampled_from(["givenName", "familyName", "formatted"]), TEXT).map(
        lambda it: {"op": "add", "path": f"name.{it[0]}", "value": it[1]}
    ),
    TEXT.map(lambda it: {"op": "add", "path": f"{ENTERPRISE}:manager", "value": it}),
    st.tuples(st.sampled_from(["department", "employeeNumber"]), TEXT).map(
        lambda it: {"op": "add", "path": f"{ENTERPRISE}:{it[0]}", "value": it[1]}
    ),
    TEXT.map(lambda it: {"op": "add", "path": f"{CALENDLY}:group", "value": it}),
    st.booleans().map(lambda it: {"op": "replace", "path": "active", "value": it}),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(operations=st.lists(OPERATION, max_size=6))
async def test_what_is_read_can_be_put_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, operations: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("provider")
    world = World(build_app(f"sqlite:///{folder}/provider.sqlite", ManualClock()), ManualClock())
    try:
        client = world.organization()
        ada = await client.new_user("ada@x.com")
        path = f"/Users/{ada['id']}"
        for operation in operations:
            await client.patch(path, operation)
        read = (await client.scim("GET", path)).json()
        put = await client.scim("PUT", path, read)
        assert put.status_code == 200, (read, put.text)
        assert (await client.scim("GET", path)).json() == read
    finally:
        await world.http.aclose()
        await world.provider.close()
