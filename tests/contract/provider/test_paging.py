"""Pages: by index and by cursor, over many, and while others come and go."""

from __future__ import annotations

import pytest

from controller.clock import ManualClock
from tests.contract.provider.test_bulk import bulk, create
from tests.contract.provider.world import Client, World


async def people(client: Client, number: int) -> None:
    """Creates `number` users, u000 and so on."""
    for start in range(0, number, 1000):
        await bulk(
            client, *(create(f"u{i:04}@x.com", str(i)) for i in range(start, min(number, start + 1000)))
        )


@pytest.mark.parametrize(
    ("params", "start", "names"),
    [
        ({}, 1, ["u0000", "u0001", "u0002", "u0003", "u0004"]),
        ({"startIndex": "2", "count": "2"}, 2, ["u0001", "u0002"]),
        ({"startIndex": "0"}, 1, ["u0000", "u0001", "u0002", "u0003", "u0004"]),
        ({"count": "0"}, 1, []),
        ({"count": "-3"}, 1, []),
        ({"startIndex": "6"}, 6, []),
        ({"startIndex": "9999"}, 9999, []),
        ({"sortBy": "userName", "sortOrder": "descending", "count": "2"}, 1, ["u0004", "u0003"]),
    ],
)
async def test_pages_by_index(acme: Client, params: dict[str, str], start: int, names: list[str]) -> None:
    await people(acme, 5)
    page = (await acme.scim("GET", "/Users", params=params)).json()
    assert [each["userName"].partition("@")[0] for each in page["Resources"]] == names
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (5, start, len(names))


@pytest.mark.parametrize(
    "params", [{"startIndex": "x"}, {"count": "many"}, {"startIndex": "1", "cursor": ""}]
)
async def test_wrong_paging_parameters_are_400(acme: Client, params: dict[str, str]) -> None:
    assert (await acme.scim("GET", "/Users", params=params)).status_code == 400


async def test_far_pages_hold_the_right_people_after_removals(world: World) -> None:
    client = world.organization()
    await people(client, 3100)
    path = {"startIndex": "3001", "count": "1"}
    assert (await client.scim("GET", "/Users", params=path)).json()["Resources"][0][
        "userName"
    ] == "u3000@x.com"
    first = (await client.scim("GET", "/Users", params={"count": "1"})).json()["Resources"][0]
    await client.scim("DELETE", f"/Users/{first['id']}")
    found = (await client.scim("GET", "/Users", params=path)).json()
    assert found["Resources"][0]["userName"] == "u3001@x.com"
    assert found["totalResults"] == 3099


async def walk(client: Client, meanwhile: bool = False, **params: str) -> list[str]:
    """The userNames of a walk by cursor; `meanwhile` deletes what was seen and creates more."""
    seen, cursor = [], ""
    while True:
        page = (await client.scim("GET", "/Users", params={**params, "cursor": cursor})).json()
        assert "startIndex" not in page
        seen += [each["userName"] for each in page["Resources"]]
        if meanwhile and page["Resources"]:
            await client.scim("DELETE", f"/Users/{page['Resources'][0]['id']}")
            await client.new_user(f"a{len(seen)}@x.com")
        if "nextCursor" not in page:
            return seen
        cursor = page["nextCursor"]


@pytest.mark.parametrize(
    "order", [{}, {"sortBy": "userName"}, {"sortBy": "displayName", "sortOrder": "descending"}]
)
async def test_a_walk_by_cursor_sees_everybody_once(acme: Client, order: dict[str, str]) -> None:
    await people(acme, 23)
    await acme.new_user("named@x.com", displayName="Named")
    seen = await walk(acme, count="5", **order)
    assert len(seen) == len(set(seen)) == 24


async def test_a_walk_loses_nobody_while_others_come_and_go(acme: Client) -> None:
    await people(acme, 23)
    seen = await walk(acme, meanwhile=True, count="4", sortBy="userName")
    assert [name for name in seen if name.startswith("u")] == [f"u{i:04}@x.com" for i in range(23)]


async def test_the_previous_cursor_goes_back(acme: Client) -> None:
    await people(acme, 9)
    params = {"count": "3", "sortBy": "userName"}
    pages, cursor = [], ""
    for _ in range(3):
        pages.append((await acme.scim("GET", "/Users", params={**params, "cursor": cursor})).json())
        cursor = pages[-1].get("nextCursor", "")
    back = (await acme.scim("GET", "/Users", params={**params, "cursor": pages[2]["previousCursor"]})).json()
    assert back["Resources"] == pages[1]["Resources"]
    assert "previousCursor" not in pages[0] and "nextCursor" not in pages[2]


async def test_cursors_are_bound_to_their_query_count_and_time(acme: Client, clock: ManualClock) -> None:
    await people(acme, 3)
    page = (await acme.scim("GET", "/Users", params={"count": "1", "cursor": ""})).json()
    cursor = page["nextCursor"]

    async def scim_type(**params: str) -> str:
        return (await acme.scim("GET", "/Users", params=params)).json()["scimType"]

    assert await scim_type(cursor="nonsense", count="1") == "invalidCursor"
    assert await scim_type(cursor=cursor, count="1", sortBy="userName") == "invalidCursor"
    assert await scim_type(cursor=cursor, count="2") == "invalidCount"
    clock.advance(3601)
    assert await scim_type(cursor=cursor, count="1") == "expiredCursor"


async def test_search_by_post_and_at_the_root(acme: Client) -> None:
    await people(acme, 3)
    await acme.new_group("Pioneers")
    schema = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
    body = {"schemas": [schema], "filter": 'userName sw "u"', "attributes": ["userName"], "count": 2}
    found = (await acme.scim("POST", "/Users/.search", body)).json()
    root = (
        await acme.scim("POST", "/.search", {"schemas": [schema], "filter": 'displayName eq "pioneers"'})
    ).json()
    everything = (await acme.scim("GET", "/", params={"sortBy": "id", "count": "10"})).json()
    assert (found["totalResults"], found["itemsPerPage"]) == (3, 2)
    assert set(found["Resources"][0]) == {"schemas", "id", "userName"}
    assert [each["meta"]["resourceType"] for each in root["Resources"]] == ["Group"]
    assert [each["id"] for each in everything["Resources"]] == sorted(
        each["id"] for each in everything["Resources"]
    )
    assert everything["totalResults"] == 4
