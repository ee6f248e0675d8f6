"""Seats: taken by the invited, freed by deactivation, never given twice."""

from __future__ import annotations

import asyncio

from tests.contract.provider.world import Client, World, replace, user


async def test_pending_people_take_seats(calendly: Client) -> None:
    created = await calendly.new_user("ada@acme.com")
    assert (await calendly.person(created["id"]))["status"] == "pending"
    assert created["active"] is True
    assert await calendly.seats() == {"purchased": 3, "used": 1, "pending": 1, "free": 2}


async def test_accepting_makes_a_person_active_on_the_same_seat(calendly: Client) -> None:
    created = await calendly.new_user("ada@acme.com")
    accepted = (await calendly.admin("POST", f"/people/{created['id']}/accept", {})).json()
    assert accepted["status"] == "active"
    assert await calendly.seats() == {"purchased": 3, "used": 1, "pending": 0, "free": 2}


async def test_over_capacity_is_a_403_scim_error_with_the_remedy(calendly: Client) -> None:
    for name in ("a@x.com", "b@x.com", "c@x.com"):
        await calendly.new_user(name)
    answer = await calendly.scim("POST", "/Users", user("d@x.com"))
    assert answer.status_code == 403
    assert answer.json()["status"] == "403" and "scimType" not in answer.json()
    assert "over capacity: 3 of 3 seats" in answer.json()["detail"]
    assert "Contact support" in answer.json()["detail"]
    assert (await calendly.scim("GET", "/Users")).json()["totalResults"] == 3


async def test_deactivating_frees_the_seat_and_keeps_the_record(calendly: Client) -> None:
    ids = [(await calendly.new_user(name))["id"] for name in ("a@x.com", "b@x.com", "c@x.com")]
    await calendly.patch(f"/Users/{ids[0]}", replace({"active": False}))
    assert (await calendly.person(ids[0]))["status"] == "deactivated"
    assert (await calendly.seats())["free"] == 1
    await calendly.new_user("d@x.com")
    back = await calendly.patch(f"/Users/{ids[0]}", replace({"active": True}))
    assert back.status_code == 403
    assert (await calendly.person(ids[0]))["status"] == "deactivated"


async def test_a_hundred_at_one_free_seat_give_exactly_one_201(world: World) -> None:
    client = world.organization(seats=1)
    answers = await asyncio.gather(
        *(client.scim("POST", "/Users", user(f"u{number}@x.com")) for number in range(100))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [403] * 99
    assert await client.seats() == {"purchased": 1, "used": 1, "pending": 0, "free": 0}


async def test_a_duplicate_is_told_before_the_lack_of_seats(world: World) -> None:
    client = world.organization(seats=1)
    await client.new_user("a@x.com")
    assert (await client.scim("POST", "/Users", user("A@x.com"))).status_code == 409


async def test_the_same_name_created_at_once_exists_once(acme: Client) -> None:
    answers = await asyncio.gather(*(acme.scim("POST", "/Users", user("a@x.com")) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19


async def test_seats_are_bought_by_card_but_not_by_invoice(world: World, calendly: Client) -> None:
    card = world.organization("Card", billing="Card", seats=1)
    bought = await card.admin("POST", "/billing/seats", {"purchased": 5})
    refused = await calendly.admin("POST", "/billing/seats", {"purchased": 5})
    by_support = await calendly.admin("PATCH", "/organization", {"seats": {"purchased": 5}})
    assert bought.json()["seats"]["purchased"] == 5
    assert (refused.status_code, refused.json()["reason"]) == (409, "BilledByInvoice")
    assert by_support.json()["seats"]["purchased"] == 5
