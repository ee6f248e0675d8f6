"""Bulk: references between operations, errors counted, each operation on its own feet."""

from __future__ import annotations

from typing import Any

from controller.provider.protocol import MAX_BODY_BYTES, MAX_BULK_OPERATIONS
from tests.contract.provider.world import GROUP, PATCH, Client, World, user

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


async def bulk(client: Client, *operations: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The answer to a Bulk request, which must be 200."""
    answer = await client.scim("POST", "/Bulk", {"schemas": [BULK], "Operations": list(operations)} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def create(login: str, bulk_id: str) -> dict[str, Any]:
    """An operation that creates a user."""
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": user(login, password="x")}


async def test_a_group_refers_to_users_that_are_created_after_it(acme: Client) -> None:
    members = [{"value": "bulkId:ada"}, {"value": "bulkId:alan"}]
    group = {"schemas": [GROUP], "displayName": "Pioneers", "members": members}
    done = await bulk(
        acme,
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": group},
        create("ada@acme.com", "ada"),
        create("alan@acme.com", "alan"),
    )
    assert [each["status"] for each in done["Operations"]] == ["201"] * 3
    group_path = done["Operations"][0]["location"].removeprefix("http://provider.test/scim/v2/acme")
    found = (await acme.scim("GET", group_path)).json()
    assert {member["display"] for member in found["members"]} == {"ada@acme.com", "alan@acme.com"}


async def test_a_failure_undoes_its_own_operation_alone(acme: Client) -> None:
    done = await bulk(acme, create("a@x.com", "1"), create("A@x.com", "2"), create("b@x.com", "3"))
    assert [each["status"] for each in done["Operations"]] == ["201", "409", "201"]
    assert done["Operations"][1]["response"]["scimType"] == "uniqueness"
    assert (await acme.scim("GET", "/Users")).json()["totalResults"] == 2


async def test_fail_on_errors_stops_what_comes_after(acme: Client) -> None:
    done = await bulk(
        acme, create("a@x.com", "1"), create("a@x.com", "2"), create("b@x.com", "3"), failOnErrors=1
    )
    assert [each["status"] for each in done["Operations"]] == ["201", "409"]


async def test_every_method_works_as_the_single_request(acme: Client) -> None:
    ada, alan = await acme.new_user("c@x.com"), await acme.new_user("d@x.com")
    group = await acme.new_group("Pioneers", ada["id"])
    patch = {
        "schemas": [PATCH],
        "Operations": [{"op": "add", "path": "members", "value": [{"value": alan["id"]}]}],
    }
    done = await bulk(
        acme,
        {
            "method": "PUT",
            "path": f"/Users/{ada['id']}",
            "data": user("c@x.com", title="Lady"),
            "version": 'W/"1"',
        },
        {"method": "PUT", "path": f"/Users/{ada['id']}", "data": user("c@x.com"), "version": 'W/"1"'},
        {"method": "PATCH", "path": f"/Groups/{group['id']}", "data": patch},
        {"method": "DELETE", "path": f"/Users/{alan['id']}"},
        {"method": "DELETE", "path": "/Users/nobody"},
        {"method": "POST", "path": "/Nonsense", "bulkId": "n", "data": {}},
    )
    assert [each["status"] for each in done["Operations"]] == ["200", "412", "200", "204", "404", "404"]
    assert done["Operations"][0]["version"] == 'W/"2"'


async def test_seats_hold_inside_bulk_too(world: World) -> None:
    client = world.organization(seats=2)
    done = await bulk(client, *(create(f"u{number}@x.com", str(number)) for number in range(4)))
    assert [each["status"] for each in done["Operations"]] == ["201", "201", "403", "403"]


async def test_limits_answer_413(acme: Client) -> None:
    many = [{"method": "DELETE", "path": "/Users/x"}] * (MAX_BULK_OPERATIONS + 1)
    body = {"schemas": [BULK], "Operations": many}
    large = b'{"schemas":["' + b"x" * MAX_BODY_BYTES + b'"]}'
    assert (await acme.scim("POST", "/Bulk", body)).status_code == 413
    assert (await acme.scim("POST", "/Bulk", large)).status_code == 413


async def test_no_bulk_where_the_profile_has_none(calendly: Client) -> None:
    answer = await calendly.scim("POST", "/Bulk", {"schemas": [BULK], "Operations": []})
    assert answer.status_code == 501
