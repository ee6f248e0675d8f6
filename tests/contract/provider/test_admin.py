"""The admin API: settings, tokens, the value -> group table, edits by hand, and the journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import ClauseElement

from controller.clock import ManualClock
from controller.provider.statements import Unit
from tests.contract.provider.world import CALENDLY, Client, World, okta_user, replace, user

TABLE = {"entries": [{"values": ["Sales EMEA", "Sales US"], "group": "Sales"}], "createGroups": "WhenMissing"}


async def hire(client: Client, name: str, value: str | None = None) -> str:
    """The id of a new person with `value` as group attribute."""
    answer = await client.scim("POST", "/Users", okta_user(name, value))
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def test_scim_needs_plan_sso_and_its_switch(calendly: Client) -> None:
    for change, detail in (
        ({"plan": "Teams"}, "Enterprise plan"),
        ({"plan": "Enterprise", "sso": False}, "single sign-on"),
        ({"sso": True, "scimEnabled": False}, "switched off"),
    ):
        await calendly.admin("PATCH", "/organization", change)
        answer = await calendly.scim("GET", "/Users")
        assert answer.status_code == 403 and detail in answer.json()["detail"]
    on = await calendly.admin("PATCH", "/organization", {"scimEnabled": True})
    assert on.json()["scimEnabled"] is True
    assert on.json()["scimBaseUrl"] == "http://provider.test/scim/v2/calendly-customer"
    assert (await calendly.scim("GET", "/Users")).status_code == 200


async def test_scim_cannot_be_switched_on_before_sso(calendly: Client) -> None:
    await calendly.admin("PATCH", "/organization", {"sso": False, "scimEnabled": False})
    answer = await calendly.admin("PATCH", "/organization", {"scimEnabled": True})
    assert (answer.status_code, answer.json()["reason"]) == (409, "PrerequisitesNotMet")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await calendly.admin("GET", "/organization")).json()["scimEnabled"] is False


async def test_a_mapping_takes_effect_on_membership_exactly(calendly: Client) -> None:
    ada = await hire(calendly, "ada.l@x.com", "Sales EMEA")
    alan = await hire(calendly, "alan.t@x.com", "sales emea")
    assert (await calendly.map_values(**TABLE)).status_code == 200
    grace = await hire(calendly, "grace.h@x.com", "Sales US")
    groups = [(await calendly.person(each))["group"] for each in (ada, alan, grace)]
    assert groups == ["Sales", None, "Sales"]
    await calendly.patch(f"/Users/{ada}", replace({CALENDLY: {"group": "Nowhere"}}))
    assert (await calendly.person(ada))["group"] == "Sales"  # unmapped: Keep
    listed = (await calendly.admin("GET", "/groups")).json()["groups"]
    assert [(group["displayName"], group["members"]) for group in listed] == [("Sales", 2)]


@pytest.mark.parametrize(
    ("unmapped", "group"),
    [
        ({"action": "Keep"}, "Sales"),
        ({"action": "Remove"}, None),
        ({"action": "UseValue"}, "Legal"),
        ({"action": "Default", "group": "Everybody"}, "Everybody"),
    ],
)
async def test_unmapped_values_follow_their_rule(
    calendly: Client, unmapped: dict[str, Any], group: str | None
) -> None:
    await calendly.map_values(**TABLE, unmapped=unmapped)
    ada = await hire(calendly, "ada.l@x.com", "Sales EMEA")
    await calendly.patch(f"/Users/{ada}", replace({CALENDLY: {"group": "Legal"}}))
    assert (await calendly.person(ada))["group"] == group


async def test_preview_shows_everything_and_saves_nothing(calendly: Client) -> None:
    ada = await hire(calendly, "ada.l@x.com", "Sales EMEA")
    await hire(calendly, "alan.t@x.com", "Legal")
    await hire(calendly, "grace.h@x.com")
    preview = (await calendly.admin("PUT", "/group-mapping?preview=true", TABLE)).json()
    assert preview["matched"] == [
        {"value": "Sales EMEA", "group": "Sales", "people": 1},
        {"value": "Sales US", "group": "Sales", "people": 0},
    ]
    assert preview["unmatched"] == [{"value": "Legal", "people": 1}]
    assert (preview["withoutValue"], preview["groupsToCreate"]) == (1, ["Sales"])
    moved = [{"id": ada, "userName": "ada.l@x.com", "before": [], "after": ["Sales"]}]
    assert preview["effect"] == {"changed": 1, "people": moved}
    assert (await calendly.admin("GET", "/group-mapping")).json()["entries"] == []
    assert (await calendly.admin("GET", "/groups")).json()["total"] == 0


async def test_saving_needs_the_digest_of_what_would_happen_now(calendly: Client) -> None:
    digest = (await calendly.admin("PUT", "/group-mapping?preview=true", TABLE)).json()["digest"]
    without = await calendly.admin("PUT", "/group-mapping", TABLE)
    await hire(calendly, "ada.l@x.com", "Sales EMEA")
    stale = await calendly.admin("PUT", "/group-mapping", TABLE, headers={"if-match": f'"{digest}"'})
    fresh = stale.json()["preview"]["digest"]
    saved = await calendly.admin("PUT", "/group-mapping", TABLE, headers={"if-match": fresh})
    assert (without.status_code, stale.status_code, saved.status_code) == (428, 412, 200)
    assert saved.json()["active"] is True


@pytest.mark.parametrize(
    ("attribute", "status"),
    [("group", 200), (f"{CALENDLY}:group", 200), ("department", 400), ("urn:other:group", 400)],
)
async def test_the_attribute_is_the_extensions_also_by_its_short_name(
    calendly: Client, attribute: str, status: int
) -> None:
    answer = await calendly.admin("PUT", "/group-mapping?preview=true", TABLE | {"attribute": attribute})
    assert answer.status_code == status
    assert status == 200 or answer.json()["field"] == "attribute"


async def test_a_missing_group_is_refused_where_none_may_be_created(calendly: Client) -> None:
    table = TABLE | {"createGroups": "Never"}
    preview = (await calendly.admin("PUT", "/group-mapping?preview=true", table)).json()
    assert preview["missingGroups"] == ["Sales"]
    assert (await calendly.map_values(**table)).status_code == 422
    await calendly.admin("POST", "/groups", {"displayName": "Sales"})
    assert (await calendly.map_values(**table)).status_code == 200


async def test_memberships_cannot_be_edited_by_hand_while_the_mapping_is_on(world: World) -> None:
    client = world.organization()
    ada = await hire(client, "ada.l@x.com")
    group = await client.new_group("Pioneers", ada)
    await client.map_values(**TABLE)
    by_hand = await client.admin("PATCH", f"/people/{ada}", {"groups": []})
    over_scim = await client.patch(f"/Groups/{group['id']}", {"op": "remove", "path": "members"})
    assert (by_hand.status_code, over_scim.status_code) == (409, 409)
    assert "mapping" in by_hand.json()["detail"]
    assert (await client.person(ada))["groups"] == ["Pioneers"]
    assert (await client.map_values(entries=[])).status_code == 200
    assert (await client.admin("PATCH", f"/people/{ada}", {"groups": []})).json()["groups"] == []


async def test_people_are_edited_and_found_by_hand(calendly: Client) -> None:
    ada = await hire(calendly, "ada.l@x.com", "Sales EMEA")
    await hire(calendly, "alan.t@x.com")
    edit = {
        "displayName": "Åda King",
        "email": "ada@king.com",
        "givenName": "Åda",
        "lastActive": "2026-01-01T00:00:00Z",
    }
    edited = (await calendly.admin("PATCH", f"/people/{ada}", edit)).json()
    assert edited["email"] == "ada@king.com" and edited["displayName"] == "Åda King"
    assert edited["lastActive"] == "2026-01-01T00:00:00.000000Z"
    assert (await calendly.scim("GET", f"/Users/{ada}")).json()["name"]["givenName"] == "Åda"
    for query in ("åda", "KING.com", "ada.l"):
        found = (await calendly.admin("GET", "/people", params={"query": query, "status": "pending"})).json()
        assert [person["id"] for person in found["people"]] == [ada]
    assert (await calendly.admin("GET", "/people?status=active")).json()["total"] == 0


async def test_lists_of_people_are_paged(acme: Client) -> None:
    for number in range(5):
        await acme.new_user(f"u{number}@x.com")
    first = (await acme.admin("GET", "/people?limit=3")).json()
    rest = (await acme.admin("GET", f"/people?limit=3&after={first['next']}")).json()
    assert [person["userName"][:2] for person in first["people"] + rest["people"]] == [
        "u0",
        "u1",
        "u2",
        "u3",
        "u4",
    ]
    assert first["total"] == 5 and "next" not in rest


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/people/{id}", {"shoeSize": 43}, 400),
        ("PATCH", "/people/{id}", {"userName": None}, 400),
        ("PATCH", "/people/{id}", {"active": "no"}, 400),
        ("PATCH", "/people/{id}", {"lastActive": "yesterday"}, 400),
        ("PATCH", "/people/{id}", {"group": "Nowhere"}, 422),
        ("PATCH", "/people/{id}", b"\xff\xfe", 400),
        ("PATCH", "/people/{id}", b"[" * 100_000, 400),
        ("PATCH", "/people/nobody", {"displayName": "x"}, 404),
        ("POST", "/people/{id}/dance", {}, 404),
        ("DELETE", "/people/{id}", None, 405),
        ("GET", "/people?status=asleep", None, 400),
        ("GET", "/people?limit=-1", None, 400),
        ("PATCH", "/organization", {"plan": "Gold"}, 422),
        ("PATCH", "/organization", {"seats": {"purchased": -1}}, 422),
        ("POST", "/tokens", {"scopes": ["scim"]}, 400),
        ("POST", "/tokens", {"name": "x", "scopes": ["root"]}, 422),
        ("POST", "/tokens", {"name": "x", "expiresIn": "soon"}, 422),
        ("PUT", "/group-mapping?preview=true", {"entries": [{"values": [], "group": "x"}]}, 400),
        ("PUT", "/group-mapping?preview=true", {"entries": [{"values": ["a", "a"], "group": "x"}]}, 400),
        ("POST", "/billing/seats", {"purchased": "many"}, 422),
    ],
)
async def test_bad_requests_are_problems_that_name_what_is_wrong(
    acme: Client, method: str, path: str, body: Any, status: int
) -> None:
    created = await acme.new_user("ada@x.com")
    answer = await acme.admin(method, path.replace("{id}", created["id"]), body)
    problem = answer.json()
    assert answer.status_code == problem["status"] == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["detail"] and problem["title"]
    assert (await acme.scim("GET", f"/Users/{created['id']}")).json() == created


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("DELETE", "/organization", 405, "GET, PATCH"),
        ("PUT", "/tokens", 405, "GET, POST"),
        ("POST", "/people/x%2Faccept", 405, "GET, PATCH"),
        ("HEAD", "/organization", 200, None),
        ("GET", "/organization/", 200, None),
        ("GET", "/or%67anization", 200, None),
        ("GET", "/organization/x", 404, None),
        ("GET", "", 404, None),
    ],
)
async def test_paths_are_told_apart_by_their_segments(
    acme: Client, method: str, path: str, status: int, allow: str | None
) -> None:
    answer = await acme.admin(method, path)
    assert (answer.status_code, answer.headers.get("allow")) == (status, allow)
    assert answer.headers["x-request-id"] and answer.headers["cache-control"] == "no-store"
    unknown = await acme.admin(method, path, headers={"authorization": "Bearer wrong"})
    assert unknown.status_code == (401 if path else 404)


async def test_long_answers_are_packed(acme: Client) -> None:
    for number in range(60):
        await acme.new_user(f"u{number}@x.com")
    answer = await acme.admin("GET", "/people", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip" and len(answer.json()["people"]) == 60


async def test_the_journal_has_every_write_with_before_and_after(acme: Client) -> None:
    created = await acme.new_user("ada@x.com")
    headers = {"x-request-id": "req-7"}
    await acme.scim("PUT", f"/Users/{created['id']}", user("ada@x.com", title="Lady"), headers=headers)
    await acme.scim("DELETE", f"/Users/{created['id']}")
    entries = (await acme.admin("GET", "/journal")).json()["entries"]
    assert [entry["action"] for entry in entries[:3]] == ["person.delete", "person.update", "person.create"]
    update = entries[1]
    assert (update["before"].get("title"), update["after"]["title"]) == (None, "Lady")
    assert update["requestId"] == "req-7" and update["actor"].startswith("scim (")
    lines = (await acme.admin("GET", "/journal?format=jsonl")).text.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == sorted(json.loads(line)["seq"] for line in lines)
    assert json.loads(lines[-1])["action"] == "person.delete"


def tampering(statement: ClauseElement) -> Callable[[Unit], int]:
    return lambda unit: unit.run(statement)


async def test_the_journal_cannot_be_rewritten(acme: Client, world: World) -> None:
    from sqlalchemy import delete, update

    from controller.provider.tables import journal

    await acme.new_user("ada@x.com")
    for statement in (delete(journal), update(journal).values(actor="nobody")):
        with pytest.raises(Exception, match="append-only"):
            await world.provider.database.write(tampering(statement))


async def test_tokens_are_shown_once_and_kept_as_hashes(acme: Client, world: World) -> None:
    issued = await acme.admin("POST", "/tokens", {"name": "okta", "scopes": ["scim"], "expiresIn": "1h"})
    token = issued.json()["token"]
    listed = (await acme.admin("GET", "/tokens")).text
    journal = (await acme.admin("GET", "/journal")).text
    assert issued.status_code == 201 and issued.headers["cache-control"] == "no-store"
    assert token not in listed and token not in journal


async def bearer(client: Client, token: str, method: str = "GET", path: str = "/Users", **more: Any) -> int:
    """The status of a SCIM request with another token."""
    return (await client.scim(method, path, headers={"authorization": f"Bearer {token}"}, **more)).status_code


async def test_two_tokens_of_a_name_live_at_a_time(acme: Client, clock: ManualClock) -> None:
    body = {"name": "okta", "scopes": ["scim"], "expiresIn": 60}
    first, second = [(await acme.admin("POST", "/tokens", body)).json() for _ in range(2)]
    third = await acme.admin("POST", "/tokens", body)
    assert (third.status_code, third.json()["reason"]) == (409, "TooManyTokens")
    assert [await bearer(acme, each["token"]) for each in (first, second)] == [200, 200]
    assert (await acme.admin("DELETE", f"/tokens/{first['id']}")).status_code == 204
    assert [await bearer(acme, each["token"]) for each in (first, second)] == [401, 200]
    assert (await acme.admin("POST", "/tokens", body)).status_code == 201
    clock.advance(61)
    assert await bearer(acme, second["token"]) == 401


async def test_scopes_open_only_what_they_name(acme: Client) -> None:
    async def token(*scopes: str) -> str:
        body = {"name": "-".join(scopes), "scopes": list(scopes)}
        return (await acme.admin("POST", "/tokens", body)).json()["token"]

    reader, both, admin = await token("read-only"), await token("scim", "read-only"), await token("admin")
    assert [await bearer(acme, each) for each in (reader, both, admin)] == [200, 200, 403]
    for each in (reader, both):
        assert await bearer(acme, each, "POST", body=user("a@x.com")) == 403
    headers = {"authorization": f"Bearer {reader}"}
    assert (await acme.admin("GET", "/organization", headers=headers)).status_code == 403


async def test_last_use_is_known_by_time_and_agent(acme: Client, world: World, clock: ManualClock) -> None:
    clock.advance(3600)
    await acme.scim("GET", "/Users")
    await world.provider._gate.close()
    tokens = (await acme.admin("GET", "/tokens")).json()["tokens"]
    used = next(each for each in tokens if each["name"] == "scim")
    assert used["lastUserAgent"] == "Okta SCIM Client 1.0.0"
    assert used["lastUsed"].startswith("2026-01-01T01:00:00")


async def test_a_token_of_another_organization_opens_nothing(acme: Client, calendly: Client) -> None:
    assert await bearer(acme, calendly.org.scim_token) == 401
    headers = {"authorization": f"Bearer {calendly.org.admin_token}"}
    assert (await acme.admin("GET", "/organization", headers=headers)).status_code == 401
