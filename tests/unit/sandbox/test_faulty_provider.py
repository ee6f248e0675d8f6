"""The provider with its faults: presets by name, and a lie where no seat is free."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.clock import ManualClock
from controller.provider.app import add_organization, build_app
from controller.provider.organizations import NewOrganization
from scim_sandbox.faulty_provider import FaultyProvider
from tests.contract.provider.world import Client, replace, user


@pytest.fixture
async def acme(tmp_path: Path) -> AsyncIterator[Client]:
    """An organization with one seat."""
    clock = ManualClock()
    provider = build_app(f"sqlite:///{tmp_path}/provider.sqlite", clock)
    org = add_organization(provider.database, NewOrganization("Acme", seats=1), clock)
    transport = httpx.ASGITransport(FaultyProvider(provider))
    async with httpx.AsyncClient(transport=transport, base_url="http://provider.test") as http:
        yield Client(http, org)
    await provider.close()


async def overridden(client: Client, **overrides: Any) -> httpx.Response:
    return await client.admin("PATCH", "/organization", {"overrides": overrides})


async def test_a_preset_is_known_by_its_name(acme: Client) -> None:
    assert (await overridden(acme, overCapacity={"preset": "wso2", "status": 409})).status_code == 200
    await acme.new_user("a@x.com")
    refused = await acme.scim("POST", "/Users", user("b@x.com"))
    assert (refused.status_code, refused.json()["scimType"]) == (409, "userLimitReached")


async def test_an_unknown_preset_is_refused_with_its_field(acme: Client) -> None:
    answer = await overridden(acme, overCapacity="wso3")
    assert (answer.status_code, answer.json()["field"]) == (422, "overrides.overCapacity.preset")
    assert "wso2" in answer.json()["detail"]


async def test_another_edit_goes_through_unchanged(acme: Client) -> None:
    answer = await acme.admin("PATCH", "/organization", {"seats": {"purchased": 7}})
    assert (answer.status_code, answer.json()["seats"]["purchased"]) == (200, 7)
    assert (await acme.admin("PATCH", "/organization", b"{")).status_code == 400


@pytest.mark.parametrize("mode", ["encompass", {"mode": "lie201"}])
async def test_a_lie_answers_201_and_stores_nothing(acme: Client, mode: Any) -> None:
    await overridden(acme, overCapacity=mode)
    await acme.new_user("a@x.com")
    lie = await acme.new_user("b@x.com", password="secret")
    assert lie["userName"] == "b@x.com" and "password" not in lie
    assert lie["meta"]["location"].endswith(f"/Users/{lie['id']}")
    assert (await acme.scim("GET", f"/Users/{lie['id']}")).status_code == 404
    assert (await acme.scim("GET", "/Users")).json()["totalResults"] == 1


async def test_a_reactivation_that_is_a_lie_shows_the_person_unchanged(acme: Client) -> None:
    first = await acme.new_user("a@x.com")
    await acme.patch(f"/Users/{first['id']}", replace({"active": False}))
    await acme.new_user("b@x.com")
    await overridden(acme, overCapacity="encompass")
    answer = await acme.patch(f"/Users/{first['id']}", replace({"active": True}))
    assert (answer.status_code, answer.json()["active"]) == (200, False)


async def test_other_refusals_are_told_as_they_are(acme: Client) -> None:
    await overridden(acme, overCapacity="encompass")
    await acme.new_user("a@x.com")
    assert (await acme.scim("POST", "/Users", user("A@x.com"))).status_code == 409
    assert (await acme.scim("PATCH", "/Users/nobody", {})).status_code in (400, 404)
