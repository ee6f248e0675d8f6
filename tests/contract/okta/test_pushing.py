"""The simulated Okta and the bundled provider over real sockets: what one pushes, the other takes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.provider.app import build_app as build_provider
from controller.provider.app import create_organization
from controller.provider.organizations import NewOrganization
from scim_sandbox.okta.app import build_app
from scim_sandbox.okta.seed import seed
from scim_sandbox.okta.store import Org
from scim_sandbox.people import generated
from scim_sandbox.serving import serve

PEOPLE = 12


class World:
    """Both servers and a client of each."""

    def __init__(
        self, org: Org, okta: httpx.AsyncClient, admin: httpx.AsyncClient, scim: dict[str, str]
    ) -> None:
        self.org, self.okta, self.admin, self.scim = org, okta, admin, scim
        self.app = org.app_by_label("Calendly")

    async def console(self, step: str, **more: Any) -> httpx.Response:
        return await self.okta.post("/_control/console", json={"app": self.app.id, "step": step, **more})

    async def connect(self) -> None:
        answer = await self.console("enable-provisioning", **self.scim)
        assert answer.status_code == 200, answer.text
        assert (await self.console("to-app")).status_code == 200

    async def settled(self) -> None:
        """Returns when the agent has nothing left that it would do by itself."""
        for _ in range(500):
            if all(task.state == "FAILED" for task in self.org.tasks.values()):
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"still at work: {self.org.tasks}")

    async def people(self) -> dict[str, dict[str, Any]]:
        listed = (await self.admin.get("people", params={"limit": 500})).json()["people"]
        return {person["userName"]: person for person in listed}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    database = f"sqlite:///{tmp_path / 'provider.sqlite'}"
    new = NewOrganization("acme", profile="calendly", seats=PEOPLE, billing="Card")
    created = await create_organization(database, new)
    org = Org(api_token="token")
    seed(org, generated(PEOPLE + 2), assigned=PEOPLE)
    okta, provider = await serve(build_app(org)), await serve(build_provider(database))
    org.url = okta.url
    scim = {"baseUrl": provider.url + created.scim_path, "token": created.scim_token}
    headers = {"authorization": f"Bearer {created.admin_token}"}
    async with (
        httpx.AsyncClient(base_url=okta.url, headers={"authorization": "SSWS token"}) as one,
        httpx.AsyncClient(base_url=provider.url + created.admin_path, headers=headers) as two,
    ):
        yield World(org, one, two, scim)
    await okta.stop()
    await provider.stop()


async def test_everybody_assigned_arrives_and_is_known_by_the_okta_id(world: World) -> None:
    await world.connect()
    await world.settled()
    people = await world.people()
    assert set(people) == {record.user_name for record in world.app.users.values()}
    assert {person["externalId"] for person in people.values()} == set(world.app.users)
    assert {record.status for record in world.app.users.values()} == {"PROVISIONED"}


async def test_changes_and_leavers_follow(world: World) -> None:
    await world.connect()
    await world.settled()
    one, other = list(world.app.users.values())[:2]
    await world.okta.post(f"/api/v1/users/{one.id}", json={"profile": {"displayName": "Somebody Else"}})
    await world.okta.post(f"/api/v1/users/{other.id}/lifecycle/deactivate")
    await world.settled()
    people = await world.people()
    assert people[one.user_name]["displayName"] == "Somebody Else"
    assert people[other.user_name]["active"] is False


async def test_a_full_organization_leaves_a_failed_task_with_its_reason(world: World) -> None:
    await world.connect()
    await world.settled()
    group = world.org.group_by_name("Calendly users")
    late = next(user_id for user_id in world.org.users if user_id not in world.app.users)
    await world.okta.put(f"/api/v1/groups/{group.id}/users/{late}")
    await world.settled()
    record = world.app.users[late]
    assert (record.status, record.sync_state) == ("STAGED", "ERROR")
    failed = [event for event in world.org.log.events if event["outcome"]["result"] == "FAILURE"]
    assert "403" in failed[0]["outcome"]["reason"]
    bought = await world.admin.post("billing/seats", json={"purchased": PEOPLE + 1})
    assert bought.status_code == 200, bought.text
    await world.console("retry-tasks")
    await world.settled()
    assert record.status == "PROVISIONED"


async def test_a_wrong_token_and_a_dead_address_are_told_in_words(world: World) -> None:
    wrong = await world.console("enable-provisioning", baseUrl=world.scim["baseUrl"], token="wrong")
    assert wrong.status_code == 400 and "401" in wrong.json()["error"]
    dead = await world.console("enable-provisioning", baseUrl="http://127.0.0.1:9", token="x")
    assert dead.status_code == 400 and "Error authenticating" in dead.json()["error"]
    assert world.app.features == []


async def test_the_date_of_an_answer_is_the_orgs_own(world: World) -> None:
    await world.okta.post("/_control/clock", json={"advance": "24h"})
    answer = await world.okta.get("/api/v1/groups")
    assert len(answer.headers.get_list("date")) == 1
    assert answer.headers["date"] == world.org.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")
