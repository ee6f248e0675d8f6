"""Writes without locks on PostgreSQL: one statement, and decided anew where something changed meanwhile."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import httpx
import pytest

from controller.provider.optimistic_write import GuardedUnit
from controller.provider.postgres_database import PostgresDatabase
from tests.contract.provider.world import CALENDLY, Client, Json, World, okta_user, replace, user

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
Request = Callable[[], Coroutine[Any, Any, httpx.Response]]


class Meanwhile:
    """Sends a request between the moment when the next write is worked out and the one when it is written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.locked = 0
        run = PostgresDatabase._locked

        def count(database: PostgresDatabase, job: Any) -> Any:
            # A second decision is taken while the failure of the first is handled; other writes are not it.
            self.locked += sys.exc_info()[0] is not None
            return run(database, job)

        monkeypatch.setattr(PostgresDatabase, "_locked", count)

    def __call__(self, request: Request) -> None:
        """Sends `request` once, before the next commit, and has it succeed."""
        commit, pending, loop = GuardedUnit.commit, [request], asyncio.get_running_loop()

        def after_it(unit: GuardedUnit) -> None:
            if pending:
                answer = asyncio.run_coroutine_threadsafe(pending.pop()(), loop).result(30)
                assert answer.is_success, answer.text
            commit(unit)

        self._patch.setattr(GuardedUnit, "commit", after_it)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """See Meanwhile."""
    return Meanwhile(monkeypatch)


async def entries(client: Client, resource_id: str) -> list[Json]:
    """The journal about one resource, oldest first."""
    text = (await client.admin("GET", "/journal?format=jsonl")).text
    return [each for line in text.splitlines() if (each := json.loads(line))["resourceId"] == resource_id]


async def test_what_one_person_needs_is_written_without_locks(acme: Client, meanwhile: Meanwhile) -> None:
    created = await acme.new_user("ada@acme.com", emails=[{"value": "A@acme.com"}, {"value": "b@acme.com"}])
    path = f"/Users/{created['id']}"
    assert (await acme.patch(path, replace({"active": False}))).json()["active"] is False
    assert (await acme.patch(path, replace("Ada", "displayName"))).json()["displayName"] == "Ada"
    assert meanwhile.locked == 0
    found = (await acme.scim("GET", '/Users?filter=emails.value eq "a@ACME.com"')).json()["Resources"]
    assert [each["id"] for each in found] == [created["id"]]
    assert found[0]["meta"]["version"] == 'W/"3"'
    assert (await acme.seats())["used"] == 0
    actions = [each["action"] for each in await entries(acme, created["id"])]
    assert actions == ["person.create", "person.deactivate", "person.update"]


async def test_a_person_who_changed_meanwhile_is_decided_anew(acme: Client, meanwhile: Meanwhile) -> None:
    path = f"/Users/{(await acme.new_user('ada@acme.com'))['id']}"
    meanwhile(lambda: acme.patch(path, replace({"active": False})))
    answer = (await acme.patch(path, replace("Ada", "displayName"))).json()
    assert (answer["displayName"], answer["active"]) == ("Ada", False)
    assert answer["meta"]["version"] == 'W/"3"'
    assert meanwhile.locked == 1


async def test_a_version_that_changed_meanwhile_is_a_412(acme: Client, meanwhile: Meanwhile) -> None:
    path = f"/Users/{(await acme.new_user('ada@acme.com'))['id']}"
    meanwhile(lambda: acme.patch(path, replace({"active": False})))
    body = user("ada@acme.com", displayName="Ada")
    answer = await acme.scim("PUT", path, body, headers={"if-match": 'W/"1"'})
    assert answer.status_code == 412
    assert "displayName" not in (await acme.scim("GET", path)).json()


async def test_seats_that_went_meanwhile_are_not_given(acme: Client, meanwhile: Meanwhile) -> None:
    meanwhile(lambda: acme.admin("PATCH", "/organization", {"seats": {"purchased": 0}}))
    answer = await acme.scim("POST", "/Users", user("ada@acme.com"))
    assert answer.status_code == 403
    assert (await acme.scim("GET", "/Users")).json()["totalResults"] == 0
    assert (await acme.seats())["used"] == 0


async def test_the_last_seat_taken_meanwhile_is_not_given_twice(world: World, meanwhile: Meanwhile) -> None:
    client = world.organization(seats=1)
    meanwhile(lambda: client.scim("POST", "/Users", user("first@acme.com")))
    assert (await client.scim("POST", "/Users", user("second@acme.com"))).status_code == 403
    assert await client.seats() == {"purchased": 1, "used": 1, "pending": 0, "free": 0}


async def test_a_name_taken_meanwhile_is_a_409(acme: Client, meanwhile: Meanwhile) -> None:
    meanwhile(lambda: acme.scim("POST", "/Users", user("ADA@acme.com")))
    answer = await acme.scim("POST", "/Users", user("ada@acme.com"))
    assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")
    assert (await acme.seats())["used"] == 1


async def test_a_mapping_saved_meanwhile_moves_the_person(acme: Client, meanwhile: Meanwhile) -> None:
    table = {"entries": [{"values": ["Sales"], "group": "Sellers"}], "createGroups": "WhenMissing"}
    meanwhile(lambda: acme.map_values(**table))
    created = (await acme.scim("POST", "/Users", okta_user("ada.l@acme.com", "Sales"))).json()
    assert created[CALENDLY] == {"group": "Sales"}
    found = (await acme.scim("GET", f"/Users/{created['id']}")).json()
    assert [each["display"] for each in found["groups"]] == ["Sellers"]


async def test_an_address_that_waits_still_waits_when_decided_anew(
    calendly: Client, meanwhile: Meanwhile
) -> None:
    created = await calendly.new_user("ada@acme.com", emails=[{"value": "ada@old.com", "primary": True}])
    path = f"/Users/{created['id']}"
    meanwhile(lambda: calendly.admin("POST", f"/people/{created['id']}/accept", {}))
    body = user("ada@acme.com", emails=[{"value": "ada@new.com", "primary": True}])
    answer = await calendly.scim("PUT", path, body)
    assert answer.json()["emails"][0]["value"] == "ada@old.com"
    person = await calendly.person(created["id"])
    assert (person["pendingEmail"], person["status"]) == ("ada@new.com", "active")


async def test_addresses_are_rewritten_on_locked_rows(acme: Client, meanwhile: Meanwhile) -> None:
    created = await acme.new_user("ada@acme.com", emails=[{"value": "a@old.com"}])
    await acme.scim("PUT", f"/Users/{created['id']}", user("ada@acme.com", emails=[{"value": "a@new.com"}]))
    assert meanwhile.locked == 1
    for value, total in (("a@new.com", 1), ("a@old.com", 0)):
        found = await acme.scim("GET", f'/Users?filter=emails.value eq "{value}"')
        assert found.json()["totalResults"] == total


async def test_many_who_write_the_same_few_lose_nothing(world: World) -> None:
    client = world.organization(seats=8)
    ids = [(await client.new_user(f"u{number}@x.com"))["id"] for number in range(4)]
    toggles = [
        client.patch(f"/Users/{each}", replace({"active": turn % 2 == 0}))
        for turn in range(15)
        for each in ids
    ]
    creates = [client.scim("POST", "/Users", user(f"new{number % 10}@x.com")) for number in range(20)]
    answers = await asyncio.gather(*toggles, *creates)
    assert {each.status_code for each in answers} <= {200, 201, 403, 409}
    listed = (await client.scim("GET", "/Users")).json()["Resources"]
    assert (await client.seats())["used"] == sum(each["active"] for each in listed) <= 8
    assert len({each["userName"] for each in listed}) == len(listed)
    for each in ids:
        chain = await entries(client, each)
        assert all(earlier["after"]["meta"] == later["before"]["meta"] for earlier, later in pairwise(chain))
