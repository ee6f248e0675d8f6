"""Apps: full replace, the connection that only six apps take, features that no PUT changes."""

import copy
from typing import Any

import httpx
import pytest

from scim_sandbox.okta import apps, console
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org

SWITCHES = {
    "create": {"lifecycleCreate": {"status": "ENABLED"}},
    "update": {"profile": {"status": "ENABLED"}, "lifecycleDeactivate": {"status": "ENABLED"}},
}


@pytest.fixture
def zscaler(org: Org) -> AppRecord:
    return apps.create_app(org, "zscalerbyz", apps.saml_body("Zscaler 2.0"))


async def test_a_put_replaces_everything_but_the_systems_own(
    client: httpx.AsyncClient, app: AppRecord
) -> None:
    body = (await client.get(f"/api/v1/apps/{app.id}")).json()
    changed = copy.deepcopy(body)
    changed["features"] = ["PUSH_NEW_USERS"]
    changed.update({"id": "0oaOther", "name": "other", "status": "INACTIVE", "label": "Calendly two"})
    del changed["settings"]["app"]
    after = (await client.put(f"/api/v1/apps/{app.id}", json=changed)).json()
    assert (after["id"], after["name"], after["status"]) == (body["id"], body["name"], "ACTIVE")
    assert after["features"] == [] and after["label"] == "Calendly two" and "app" not in after["settings"]


async def test_a_put_can_lose_a_set_up_made_by_hand(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    await console.perform(
        org, {"app": "Calendly", "step": "enable-provisioning", "baseUrl": "u", "token": "t"}
    )
    body = (await client.get(f"/api/v1/apps/{app.id}")).json()
    assert (await client.put(f"/api/v1/apps/{app.id}", json=body)).json()["features"] == ["SCIM_PROVISIONING"]
    org.quirks.put_wipes_scim = True
    assert (await client.put(f"/api/v1/apps/{app.id}", json=body)).json()["features"] == []


@pytest.mark.parametrize("field", ["label", "signOnMode"])
async def test_a_put_without_a_required_field_is_refused(
    client: httpx.AsyncClient, app: AppRecord, field: str
) -> None:
    body = (await client.get(f"/api/v1/apps/{app.id}")).json()
    del body[field]
    assert (await client.put(f"/api/v1/apps/{app.id}", json=body)).json()["errorCode"] == "E0000001"


async def test_a_new_username_format_renames_those_assigned_only_where_okta_updates_them(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    body = (await client.get(f"/api/v1/apps/{app.id}")).json()
    template = {"template": "${fn:toUpperCase(source.email)}", "type": "BUILT_IN"}
    body["credentials"]["userNameTemplate"] = template
    for mapping in org.mappings.values():
        for rule in mapping.properties.values():
            rule["pushStatus"] = "DONT_PUSH"
    await client.put(f"/api/v1/apps/{app.id}", json=body)
    assert all(each.user_name.islower() for each in app.users.values())
    assert (await console.perform(org, {"app": app.id, "step": "update-usernames"}))["done"] == 40
    assert all(each.user_name.isupper() for each in app.users.values())


async def test_the_connection_of_an_unsupported_app_is_unknown_with_a_200(
    client: httpx.AsyncClient, app: AppRecord
) -> None:
    url = f"/api/v1/apps/{app.id}/connections/default"
    body = {"profile": {"authScheme": "TOKEN", "token": "t"}}
    for answer in (await client.get(url), await client.post(url + "?activate=true", json=body)):
        assert (answer.status_code, answer.json()["status"]) == (200, "UNKNOWN")
    assert app.connection.status == "DISABLED" and app.features == []
    features = await client.get(f"/api/v1/apps/{app.id}/features")
    assert (features.status_code, features.json()["errorCode"]) == (400, "E0000001")
    assert "Provisioning is not enabled" in features.json()["errorCauses"][0]["errorSummary"]


async def test_a_supported_app_is_connected_and_switched_by_the_api(
    client: httpx.AsyncClient, zscaler: AppRecord
) -> None:
    url = f"/api/v1/apps/{zscaler.id}"
    body = {"baseUrl": "https://scim.example.com", "profile": {"authScheme": "TOKEN", "token": "very-secret"}}
    answer = await client.post(f"{url}/connections/default?activate=true", json=body)
    assert (answer.json()["status"], answer.json()["baseUrl"]) == ("ENABLED", "https://scim.example.com")
    assert "very-secret" not in answer.text
    changed = await client.put(f"{url}/features/USER_PROVISIONING", json=SWITCHES)
    assert changed.json()["capabilities"]["create"] == SWITCHES["create"]
    partial: dict[str, Any] = {"update": {"profile": {"status": "DISABLED"}}}
    await client.put(f"{url}/features/USER_PROVISIONING", json=partial)
    assert set(zscaler.features) == {
        "SCIM_PROVISIONING", "PUSH_NEW_USERS", "PUSH_USER_DEACTIVATION", "REACTIVATE_USERS",
    }  # fmt: skip
    assert (await client.get(f"{url}/features")).json()[0]["name"] == "USER_PROVISIONING"
    assert (await client.post(f"{url}/connections/default/lifecycle/deactivate")).status_code == 204
    assert zscaler.features == []
    assert (await client.post(f"{url}/connections/default/lifecycle/activate")).status_code == 204


async def test_a_wrong_connection_is_refused(client: httpx.AsyncClient, zscaler: AppRecord) -> None:
    url = f"/api/v1/apps/{zscaler.id}/connections/default"
    assert (await client.post(url, json={"profile": {"authScheme": "KEY"}})).status_code == 400
    assert (await client.post(url, json={"profile": {"authScheme": "TOKEN"}})).status_code == 400


async def test_inbound_needs_both_parts(client: httpx.AsyncClient, org: Org) -> None:
    other = apps.create_app(org, "okta_org2org", apps.saml_body("Org2Org"))
    other.connection.status = "ENABLED"
    url = f"/api/v1/apps/{other.id}/features/INBOUND_PROVISIONING"
    present = (await client.get(url)).json()["capabilities"]
    half = await client.put(url, json={"importSettings": present["importSettings"]})
    assert half.status_code == 400
    assert (await client.put(url, json=present)).status_code == 200
    assert (await client.get(f"/api/v1/apps/{other.id}/features/NOTHING")).status_code == 404


async def test_apps_are_found_by_the_beginning_of_label_or_name_and_by_filter(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    apps.create_app(org, "calendly", apps.saml_body("Calendly EU"))
    labels = [each["label"] for each in (await client.get("/api/v1/apps?q=Calendly")).json()]
    assert sorted(labels) == ["Calendly", "Calendly EU"]
    by_filter = await client.get("/api/v1/apps", params={"filter": f'id eq "{app.id}"'})
    assert [each["id"] for each in by_filter.json()] == [app.id]
    wrong = await client.get("/api/v1/apps", params={"filter": 'label eq "Calendly"'})
    assert (wrong.status_code, wrong.json()["errorCode"]) == (400, "E0000053")
    short = (await client.get("/api/v1/apps?useOptimization=true")).json()[0]
    assert "settings" not in short and "credentials" not in short


async def test_an_inactive_app_hides_its_schema_and_assigns_nobody(
    client: httpx.AsyncClient, org: Org, app: AppRecord
) -> None:
    url, group = f"/api/v1/apps/{app.id}", org.group_by_name("Calendly users")
    assert (await client.post(f"{url}/lifecycle/deactivate")).status_code == 200
    assert (await client.get(f"/api/v1/meta/schemas/apps/{app.id}/default")).status_code == 404
    outsider = next(user_id for user_id in org.users if user_id not in app.users)
    await client.put(f"/api/v1/groups/{group.id}/users/{outsider}")
    assert outsider not in app.users
    await client.post(f"{url}/lifecycle/activate")
    assert outsider in app.users


async def test_apps_come_and_go(client: httpx.AsyncClient, app: AppRecord) -> None:
    made = await client.post("/api/v1/apps", json={"label": "Another", "signOnMode": "BOOKMARK"})
    url = f"/api/v1/apps/{made.json()['id']}"
    assert (await client.delete(url)).status_code == 403
    await client.post(f"{url}/lifecycle/deactivate")
    assert (await client.delete(url)).status_code == 204
    assert (await client.get(url)).status_code == 404
    assert (await client.get(f"/api/v1/apps/{app.id}")).status_code == 200
