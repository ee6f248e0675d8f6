"""Profiles: the settings make the provider do what other services do, by the sandbox's presets for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.provider.app import BOOTSTRAP
from controller.provider.documents import moment_text
from controller.provider.organizations import update_organization
from scim_sandbox.presets import DEPROVISIONING, OVER_CAPACITY
from tests.contract.provider.world import Client, World, okta_user, replace, user


def full(world: World, **over_capacity: Any) -> Client:
    """An organization with one seat and the given over-capacity settings."""
    return world.organization(seats=1, overrides={"overCapacity": over_capacity})


@pytest.mark.parametrize(
    ("preset", "status", "expected"),
    [
        ("ringcentral", 403, {"status": "403", "detail": "License limit has been reached."}),
        ("wso2", 403, {"scimType": "userLimitReached"}),
        ("snapotter", 403, {"detail": "User limit reached (1 max)"}),
        ("celonis", 400, {"status": "400"}),
        ("onyx", 402, {"status": "402"}),
        ("dify", 400, {"error": "limit_exceeded", "status": 400}),
        ("github", 422, {"error": "no_seat"}),
        ("insomnia", 403, {"error": "NEEDS_TO_INCREASE_SEATS"}),
    ],
)
async def test_refusals_look_as_their_service_answers(
    world: World, preset: str, status: int, expected: dict[str, Any]
) -> None:
    client = full(world, **OVER_CAPACITY[preset])
    await client.new_user("a@x.com")
    answer = await client.scim("POST", "/Users", user("b@x.com"))
    assert answer.status_code == status
    assert answer.json() | expected == answer.json()
    kind = "application/json" if "error" in expected else "application/scim+json"
    assert answer.headers["content-type"] == kind


async def test_retry_after_comes_in_each_form(world: World) -> None:
    for number, (form, expected) in enumerate(
        (("seconds", "120"), ("http-date", "Thu, 01 Jan 2026 00:02:00 GMT"), ("none", None))
    ):
        settings = {"status": 429, "retryAfter": form, "retryAfterSeconds": 120, "statusAs": "number"}
        client = world.organization(f"Org {number}", seats=0, overrides={"overCapacity": settings})
        answer = await client.scim("POST", "/Users", user("b@x.com"))
        assert (answer.status_code, answer.headers.get("retry-after")) == (429, expected)
        assert answer.json()["status"] == 429


async def test_downgrade_creates_a_basic_user_without_a_seat(world: World) -> None:
    client = full(world, **OVER_CAPACITY["gitlab"])
    await client.new_user("a@x.com")
    person = await client.person((await client.new_user("b@x.com"))["id"])
    assert (person["licence"], person["seat"]) == ("basic", False)
    assert (await client.seats())["used"] == 1


async def test_auto_expand_buys_the_seat(world: World) -> None:
    client = full(world, **OVER_CAPACITY["nuclino"])
    await client.new_user("a@x.com")
    await client.new_user("b@x.com")
    assert await client.seats() == {"purchased": 2, "used": 2, "pending": 0, "free": 0}


async def test_accept_pending_refuses_at_acceptance(world: World) -> None:
    settings = {"mode": "acceptPending", "countOn": "accept"}
    client = world.organization(seats=1, overrides={"overCapacity": settings, "invitations": True})
    ids = [(await client.new_user(name))["id"] for name in ("a@x.com", "b@x.com")]
    assert (await client.seats())["used"] == 0
    first = await client.admin("POST", f"/people/{ids[0]}/accept", {})
    second = await client.admin("POST", f"/people/{ids[1]}/accept", {})
    assert (first.status_code, second.status_code) == (200, 403)
    assert (await client.person(ids[1]))["status"] == "pending"


async def test_grace_admits_a_few_more(world: World) -> None:
    client = world.organization(seats=20, overrides={"overCapacity": OVER_CAPACITY["mattermost"]})
    answers = [await client.scim("POST", "/Users", user(f"u{n}@x.com")) for n in range(22)]
    assert [answer.status_code for answer in answers] == [201] * 21 + [403]


async def test_reactivation_goes_unchecked_where_the_profile_says_so(world: World) -> None:
    client = full(world, checkOnReactivate=False)
    first = await client.new_user("a@x.com")
    await client.patch(f"/Users/{first['id']}", replace({"active": False}))
    await client.new_user("b@x.com")
    back = await client.patch(f"/Users/{first['id']}", replace({"active": True}))
    assert back.status_code == 200
    assert await client.seats() == {"purchased": 1, "used": 2, "pending": 0, "free": 0}


def leaver(world: World, **deprovisioning: Any) -> Client:
    """An organization with the given deprovisioning settings."""
    return world.organization(overrides={"deprovisioning": deprovisioning})


async def test_fleet_deletes_who_is_deactivated(world: World) -> None:
    client = leaver(world, **DEPROVISIONING["fleet"])
    created = await client.new_user("a@x.com")
    answer = await client.patch(f"/Users/{created['id']}", replace({"active": False}))
    assert answer.status_code == 200
    assert (await client.scim("GET", f"/Users/{created['id']}")).status_code == 404
    assert (await client.seats())["used"] == 0


async def test_github_scrambles_the_name_and_restores_it(world: World) -> None:
    client = leaver(world, **DEPROVISIONING["github-emu"])
    created = await client.new_user("a@x.com")
    off = await client.patch(f"/Users/{created['id']}", replace({"active": False}))
    assert off.json()["userName"].startswith("deactivated-")
    on = await client.patch(f"/Users/{created['id']}", replace({"active": True}))
    assert on.json()["userName"] == "a@x.com"


async def test_keeping_the_seat_until_support_acts(world: World) -> None:
    client = leaver(world, **DEPROVISIONING["support-frees-seats"])
    created = await client.new_user("a@x.com")
    await client.patch(f"/Users/{created['id']}", replace({"active": False}))
    assert (await client.seats())["used"] == 1


async def test_securecodinghub_reactivates_on_create(world: World) -> None:
    client = leaver(world, **DEPROVISIONING["securecodinghub"])
    created = await client.new_user("a@x.com")
    await client.patch(f"/Users/{created['id']}", replace({"active": False}))
    again = await client.scim("POST", "/Users", user("A@x.com"))
    assert (again.status_code, again.json()["id"], again.json()["active"]) == (200, created["id"], True)
    assert (await client.scim("POST", "/Users", user("A@x.com"))).status_code == 409


async def test_launchdarkly_refuses_edits_of_the_inactive(world: World) -> None:
    client = leaver(world, **DEPROVISIONING["launchdarkly"])
    created = await client.new_user("a@x.com")
    await client.patch(f"/Users/{created['id']}", replace({"active": False}))
    assert (await client.patch(f"/Users/{created['id']}", replace("x", "title"))).status_code == 400
    assert (await client.patch(f"/Users/{created['id']}", replace({"active": True}))).status_code == 200


async def test_owners_are_never_removed(world: World) -> None:
    client = leaver(world, protected=["Root@x.com"])
    created = await client.new_user("root@x.com")
    assert (await client.patch(f"/Users/{created['id']}", replace({"active": False}))).status_code == 403
    assert (await client.scim("DELETE", f"/Users/{created['id']}")).status_code == 403
    assert (await client.person(created["id"]))["status"] == "active"


async def test_a_changed_address_waits_for_confirmation(calendly: Client) -> None:
    created = (await calendly.scim("POST", "/Users", okta_user("ada.l@acme.com"))).json()
    path = f"/Users/{created['id']}"
    mails = [{"primary": True, "value": "ada@new.com", "type": "work"}]
    changed = await calendly.scim("PUT", path, okta_user("ada.l@acme.com") | {"emails": mails})
    assert changed.json()["emails"][0]["value"] == "ada.l@acme.com"
    await calendly.patch(path, replace("Countess", "displayName"))
    assert (await calendly.person(created["id"]))["pendingEmail"] == "ada@new.com"
    confirmed = await calendly.admin("POST", f"/people/{created['id']}/confirm-email", {})
    assert (confirmed.json()["email"], confirmed.json()["pendingEmail"]) == ("ada@new.com", None)
    assert (await calendly.scim("GET", path)).json()["emails"][0]["value"] == "ada@new.com"


async def test_unknown_attributes_are_dropped_where_the_profile_ignores_them(world: World) -> None:
    client = world.organization(overrides={"unknownAttributes": "ignore"})
    answer = await client.scim("POST", "/Users", user("a@x.com", shoeSize=43))
    assert answer.status_code == 201 and "shoeSize" not in answer.text


async def test_a_stored_setting_that_is_not_known_locks_nobody_out(world: World) -> None:
    client = world.organization(seats=1)
    stored = {"overrides": json.dumps({"overCapacity": "zoom"})}
    now = moment_text(world.clock)
    world.provider.database.run(lambda unit: update_organization(unit, client.org.id, stored, BOOTSTRAP, now))
    await client.new_user("a@x.com")
    assert (await client.scim("POST", "/Users", user("b@x.com"))).status_code == 403
    shown = await client.admin("GET", "/organization")
    assert shown.json()["overrides"] == {"overCapacity": "zoom"}
    again = await client.admin(
        "PATCH", "/organization", {"overrides": {"overCapacity": {"mode": "downgrade"}}}
    )
    assert again.status_code == 200
    await client.new_user("b@x.com")


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"nonsense": 1}, "overrides.nonsense"),
        ({"overCapacity": "wso2"}, "overrides.overCapacity"),
        ({"overCapacity": {"preset": "wso2"}}, "overrides.overCapacity.preset"),
        ({"overCapacity": {"mode": "lie201"}}, "overrides.overCapacity.mode"),
        ({"overCapacity": {"status": 200}}, "overrides.overCapacity.status"),
        ({"deprovisioning": 7}, "overrides.deprovisioning"),
        ({"maxPageSize": 0}, "overrides.maxPageSize"),
    ],
)
async def test_bad_settings_name_their_field(acme: Client, overrides: dict[str, Any], field: str) -> None:
    answer = await acme.admin("PATCH", "/organization", {"overrides": overrides})
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert json.loads(answer.text)["reason"] == "InvalidSpec"
