"""What people do at the provider by hand."""

from __future__ import annotations

from typing import Any

from tests.simulation.blueprint import Tenant
from tests.simulation.events.directory import someone, tenant
from tests.simulation.model.view import Account
from tests.simulation.schedule import Scene, happens
from tests.simulation.world import HandsError


async def _people(scene: Scene, one: Tenant, *, active: bool | None = None) -> list[Account]:
    page = await scene.world.admin(one.name, "GET", "/people?limit=1000")
    found = [Account(p["id"], p["userName"], p["externalId"] or "", p["active"], p) for p in page["people"]]
    return [each for each in found if active is None or each.active == active]


async def _edit(scene: Scene, body: dict[str, Any], *, active: bool | None = True) -> None:
    one = tenant(scene)
    found = await _people(scene, one, active=active)
    if found:
        await scene.world.admin(one.name, "PATCH", f"/people/{scene.chance.choice(found).id}", body)


async def _post(scene: Scene, active: bool, act: str) -> None:
    one = tenant(scene)
    found = await _people(scene, one, active=active)
    if found:
        await scene.world.admin(one.name, "POST", f"/people/{scene.chance.choice(found).id}/{act}", {})


@happens(3)
async def a_name_is_edited(scene: Scene) -> None:
    await _edit(scene, {"displayName": f"Edited {scene.chance.randrange(1000)}"})


@happens(2)
async def an_address_is_edited(scene: Scene) -> None:
    await _edit(scene, {"email": f"edited.{scene.chance.randrange(1000)}@example.com"})


@happens(3)
async def is_deactivated_by_hand(scene: Scene) -> None:
    await _post(scene, True, "deactivate")


@happens(3)
async def is_reactivated_by_hand(scene: Scene) -> None:
    await _edit(scene, {"active": True}, active=False)


@happens(2)
async def accepts_the_invitation(scene: Scene) -> None:
    await _post(scene, True, "accept")


@happens(2)
async def confirms_the_address(scene: Scene) -> None:
    await _post(scene, True, "confirm-email")


@happens(1)
async def loses_the_external_id(scene: Scene) -> None:
    await _edit(scene, {"externalId": None})


async def _scim(scene: Scene, one: Tenant, method: str, path: str, body: Any = None) -> Any:
    headers = [("authorization", f"Bearer {scene.world.tokens[f'{one.name}-scim']}")]
    return await scene.world.ask(one.host, method, f"/scim/v2/{one.name}{path}", headers, body)


@happens(1)
async def an_account_is_deleted(scene: Scene) -> None:
    one = tenant(scene)
    found = await _people(scene, one)
    if found:
        await _scim(scene, one, "DELETE", f"/Users/{scene.chance.choice(found).id}")


@happens(3)
async def an_account_was_there_before(scene: Scene) -> None:
    """Somebody makes an account by hand, of a name that is, or looks like, that of somebody in Okta."""
    one, user = tenant(scene), someone(scene)
    login = str(scene.world.org.users[user].profile["login"])
    name = scene.chance.choice(
        (login, login.upper(), login.casefold(), f"guest.{scene.chance.randrange(99)}@x.org")
    )
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": True,
        "displayName": "By hand", "name": {"givenName": "By", "familyName": "Hand"},
        "emails": [{"value": "hand@example.com", "primary": True, "type": "work"}],
    }  # fmt: skip
    if scene.chance.random() < 0.3:
        body["externalId"] = f"foreign-{scene.chance.randrange(1000)}"
    await _scim(scene, one, "POST", "/Users", body)


@happens(4)
async def seats_are_bought(scene: Scene) -> None:
    one = tenant(scene)
    organization = await scene.world.admin(one.name, "GET", "/organization")
    more = organization["seats"]["purchased"] + scene.chance.randint(1, 4)
    await scene.world.admin(one.name, "POST", "/billing/seats", {"purchased": more})


@happens(1)
async def scim_is_switched_off_for_a_while(scene: Scene) -> None:
    one = tenant(scene)
    scene.court.trouble(1e9, one.name)

    async def mend() -> None:
        await scene.world.admin(one.name, "PATCH", "/organization", {"scimEnabled": True})
        scene.court.troubled[one.name] = scene.world.loop.time()

    # What mends is arranged first: the server may die once it has carried out the order.
    await mend_later(scene, mend, 1.0 if one.has_admin else scene.chance.uniform(60, 900))
    await scene.world.admin(one.name, "PATCH", "/organization", {"scimEnabled": False})


async def mend_later(scene: Scene, mend: Any, seconds: float) -> None:
    """Puts right in a while, or at the end of the world, whichever comes first; once."""
    done: list[int] = []

    async def once() -> None:
        while not done:
            done.append(1)
            try:
                await mend()
            except HandsError as refused:
                if refused.status == 0:  # the server died in the middle: the person tries again
                    done.clear()

    scene.court.mending.append(once)

    async def wait() -> None:
        await scene.world.sleep(seconds)
        await once()

    scene.world.loop.spawn(scene.world.hands, wait())


@happens(1)
async def a_group_is_renamed(scene: Scene) -> None:
    one = tenant(scene)
    found = (await scene.world.admin(one.name, "GET", "/groups"))["groups"]
    if found:
        group = scene.chance.choice(found)
        name = f"{group['displayName']}{scene.chance.randrange(10)}"
        scene.court.judge.renamed.add((one.name, name))
        await scene.world.admin(one.name, "PATCH", f"/groups/{group['id']}", {"displayName": name})


@happens(1)
async def a_group_is_deleted(scene: Scene) -> None:
    one = tenant(scene)
    found = (await scene.world.admin(one.name, "GET", "/groups"))["groups"]
    if found:
        await scene.world.admin(one.name, "DELETE", f"/groups/{scene.chance.choice(found)['id']}")
