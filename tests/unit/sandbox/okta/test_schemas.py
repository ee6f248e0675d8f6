"""App schemas: slow to show, losing parallel writes, reserved names after a deletion."""

from typing import Any

import httpx
import pytest

from controller.clock import ManualClock
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org

GROUP = {
    "title": "Calendly group",
    "type": "string",
    "externalName": "group",
    "externalNamespace": "urn:calendly:scim:schemas:2.0:User",
    "scope": "SELF",
}


def custom(**properties: Any) -> dict[str, Any]:
    return {"definitions": {"custom": {"id": "#custom", "type": "object", "properties": properties}}}


@pytest.fixture
def url(app: AppRecord) -> str:
    return f"/api/v1/meta/schemas/apps/{app.id}/default"


async def names(client: httpx.AsyncClient, url: str) -> set[str]:
    return set((await client.get(url)).json()["definitions"]["custom"]["properties"])


async def test_an_attribute_shows_a_little_later(
    client: httpx.AsyncClient, url: str, clock: ManualClock
) -> None:
    made = await client.post(url, json=custom(calendlyGroup=GROUP))
    assert made.json()["definitions"]["custom"]["properties"]["calendlyGroup"]["externalName"] == "group"
    assert "calendlyGroup" not in await names(client, url)
    clock.advance(0.3)
    assert "calendlyGroup" in await names(client, url)


async def test_of_two_parallel_writes_the_first_is_lost(
    client: httpx.AsyncClient, url: str, clock: ManualClock
) -> None:
    await client.post(url, json=custom(first=GROUP))
    await client.post(url, json=custom(second={**GROUP, "externalName": "other"}))
    clock.advance(1)
    assert {"first", "second"} & await names(client, url) == {"second"}


async def test_one_after_the_other_both_stay(client: httpx.AsyncClient, url: str, clock: ManualClock) -> None:
    for name in ("first", "second"):
        await client.post(url, json=custom(**{name: GROUP}))
        clock.advance(1)
    assert {"first", "second"} <= await names(client, url)


async def test_a_mapped_attribute_cannot_be_deleted(client: httpx.AsyncClient, url: str) -> None:
    refused = await client.post(url, json=custom(title=None))
    assert refused.json()["errorSummary"] == "Api validation failed: updateAppUserSchemas"
    assert (
        "title cannot be deleted. It is used to populate" in refused.json()["errorCauses"][0]["errorSummary"]
    )


async def unmap(client: httpx.AsyncClient, app: AppRecord, name: str) -> None:
    for each in (await client.get(f"/api/v1/mappings?targetId={app.id}")).json():
        await client.post(f"/api/v1/mappings/{each['id']}", json={"properties": {name: None}})


async def test_a_deleted_name_is_reserved_until_the_clean_up_ends(
    client: httpx.AsyncClient, url: str, app: AppRecord, clock: ManualClock
) -> None:
    await unmap(client, app, "title")
    assert (await client.post(url, json=custom(title=None))).status_code == 200
    clock.advance(1)
    assert "title" not in await names(client, url)
    assert all("title" not in each.profile for each in app.users.values())
    again = {**GROUP, "externalName": "title"}
    refused = await client.post(url, json=custom(title=again))
    words = refused.json()["errorCauses"][0]["errorSummary"]
    assert "deletion process for an attribute with the same variable name is incomplete" in words
    clock.advance(5)
    assert (await client.post(url, json=custom(title=again))).status_code == 200


async def test_a_clean_up_can_be_stuck(
    client: httpx.AsyncClient, url: str, org: Org, app: AppRecord, clock: ManualClock
) -> None:
    org.faults.add({"kind": "stuck-deletion"})
    await unmap(client, app, "title")
    await client.post(url, json=custom(title=None))
    clock.advance(3600)
    assert (await client.post(url, json=custom(title=GROUP))).status_code == 400
    org.faults.clear()
    assert (await client.post(url, json=custom(title=GROUP))).status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DISPLAYNAME", GROUP, "exists already"),
        ("x", {**GROUP, "type": "date"}, "type must be one of"),
        ("x", {"type": "string"}, "title cannot be left blank"),
        ("x", {**GROUP, "scope": "ALL"}, "scope must be SELF or NONE"),
        ("title", {"scope": "SELF"}, "cannot be changed"),
        ("x", "text", ""),
    ],
)
async def test_a_wrong_attribute_is_refused(
    client: httpx.AsyncClient, url: str, name: str, value: Any, words: str
) -> None:
    refused = await client.post(url, json=custom(**{name: value}))
    assert refused.status_code == 400 and words in refused.text


async def test_base_attributes_stay(client: httpx.AsyncClient, url: str, app: AppRecord) -> None:
    base = {"definitions": {"base": {"properties": {"nothing": {"title": "x"}}}}}
    assert (await client.post(url, json=base)).status_code == 400
    required = {"definitions": {"base": {"properties": {"givenName": {"required": True}}}}}
    assert (await client.post(url, json=required)).status_code == 200
    nullable = {"definitions": {"base": {"properties": {"userName": {"required": False}}}}}
    assert (await client.post(url, json=nullable)).status_code == 400
    assert app.schema.base["givenName"]["required"] is True


async def test_user_schemas_and_types(client: httpx.AsyncClient, org: Org) -> None:
    kinds = (await client.get("/api/v1/meta/types/user")).json()
    assert [kind["default"] for kind in kinds] == [True]
    schema_id = kinds[0]["_links"]["schema"]["href"].rsplit("/", 1)[1]
    by_id = (await client.get(f"/api/v1/meta/schemas/user/{schema_id}")).json()
    assert by_id == (await client.get("/api/v1/meta/schemas/user/default")).json()
    assert "department" in by_id["definitions"]["base"]["properties"]
    assert (await client.get("/api/v1/meta/types/user/default")).json()["id"] == kinds[0]["id"]
    assert (await client.get("/api/v1/meta/schemas/user/oscNone")).status_code == 404
    assert (await client.get("/api/v1/meta/types/user/otyNone")).status_code == 404
