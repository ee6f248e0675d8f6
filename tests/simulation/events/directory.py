"""What people do in Okta: join, leave, marry, move, swap, come back."""

from __future__ import annotations

from typing import Any

from tests.simulation.blueprint import DEPARTMENTS, Tenant
from tests.simulation.schedule import Scene, happens


def tenant(scene: Scene) -> Tenant:
    """One of the integrations."""
    return scene.chance.choice(scene.world.blueprint.tenants)


def user_ids(scene: Scene, *statuses: str) -> list[str]:
    """Everybody of those statuses, in a fixed order."""
    users = scene.world.org.users
    return sorted(one for one, record in users.items() if not statuses or record.status in statuses)


def someone(scene: Scene, *statuses: str) -> str:
    """The id of one of them; "" for none."""
    found = user_ids(scene, *statuses)
    return scene.chance.choice(found) if found else ""


async def _change(scene: Scene, user_id: str, **profile: Any) -> None:
    if user_id:
        await scene.world.okta("POST", f"/api/v1/users/{user_id}", {"profile": profile})


def _app(scene: Scene, one: Tenant) -> str:
    case = scene.court.judge.cases.get(one.name)
    return case.app_id if case is not None else ""


def _group(scene: Scene, name: str) -> str:
    return next((g.id for g in scene.world.org.groups.values() if g.profile["name"] == name), "")


async def _lifecycle(scene: Scene, user_id: str, action: str) -> None:
    if user_id:
        await scene.world.okta("POST", f"/api/v1/users/{user_id}/lifecycle/{action}")


@happens(6)
async def leaves(scene: Scene) -> None:
    await _lifecycle(scene, someone(scene, "ACTIVE"), "deactivate")


@happens(5)
async def unassigned_from_the_group(scene: Scene) -> None:
    group, user = _group(scene, tenant(scene).group), someone(scene, "ACTIVE")
    await scene.world.okta("DELETE", f"/api/v1/groups/{group}/users/{user}")


@happens(6)
async def joins_the_group(scene: Scene) -> None:
    group, user = _group(scene, tenant(scene).group), someone(scene, "ACTIVE")
    await scene.world.okta("PUT", f"/api/v1/groups/{group}/users/{user}")


@happens(3)
async def changes_department(scene: Scene) -> None:
    await _change(scene, someone(scene, "ACTIVE"), department=scene.chance.choice(DEPARTMENTS) or None)


@happens(3)
async def marries(scene: Scene) -> None:
    number = scene.chance.randrange(1000)
    await _change(
        scene, someone(scene, "ACTIVE"), lastName=f"Married{number}", displayName=f"Somebody Married{number}"
    )


@happens(6)
async def is_hired(scene: Scene) -> None:
    number = scene.chance.randrange(10_000)
    one = tenant(scene)
    profile = {
        "login": f"new.{number}@example.com", "email": f"new.{number}@example.com", "firstName": "New",
        "lastName": f"Person{number}", "displayName": f"New Person{number}", "department": "Support",
    }  # fmt: skip
    made = await scene.world.okta("POST", "/api/v1/users?activate=true", {"profile": profile})
    await scene.world.okta("PUT", f"/api/v1/groups/{_group(scene, one.group)}/users/{made['id']}")


@happens(3)
async def comes_back(scene: Scene) -> None:
    """Somebody who left is activated again."""
    await _lifecycle(scene, someone(scene, "DEPROVISIONED"), "activate")


@happens(2)
async def is_rehired_under_the_old_name(scene: Scene) -> None:
    """The old user is deleted, a new one has the same login: another person for all that anybody knows."""
    old = someone(scene, "DEPROVISIONED")
    if not old:
        return
    profile = dict(scene.world.org.users[old].profile)
    await scene.world.okta("DELETE", f"/api/v1/users/{old}")
    made = await scene.world.okta("POST", "/api/v1/users?activate=true", {"profile": profile})
    group = _group(scene, tenant(scene).group)
    await scene.world.okta("PUT", f"/api/v1/groups/{group}/users/{made['id']}")


@happens(2)
async def a_namesake_is_hired(scene: Scene) -> None:
    """Of the same name as somebody, and of a login that differs only in what folding takes away."""
    number = scene.chance.randrange(1000)
    first, second = scene.chance.choice((("strasse", "straße"), ("josé", "jose\u0301"), ("fish", "ﬁsh")))
    one = tenant(scene)
    group = _group(scene, one.group)
    for name in (first, second) if scene.chance.random() < 0.6 else (second,):
        login = f"{name}.n{number}@example.com"
        profile = {
            "login": login,
            "email": login,
            "firstName": "Nam",
            "lastName": "Esake",
            "displayName": "Nam E",
        }
        made = await scene.world.okta("POST", "/api/v1/users?activate=true", {"profile": profile})
        await scene.world.okta("PUT", f"/api/v1/groups/{group}/users/{made['id']}")


@happens(2)
async def is_suspended(scene: Scene) -> None:
    await _lifecycle(scene, someone(scene, "ACTIVE"), "suspend")


@happens(2)
async def is_unsuspended(scene: Scene) -> None:
    await _lifecycle(scene, someone(scene, "SUSPENDED"), "unsuspend")


@happens(1)
async def is_deleted(scene: Scene) -> None:
    user = someone(scene, "ACTIVE")
    if user:
        await scene.world.okta("DELETE", f"/api/v1/users/{user}")
        await scene.world.okta("DELETE", f"/api/v1/users/{user}")


@happens(2)
async def changes_login(scene: Scene) -> None:
    login = f"renamed.{scene.chance.randrange(1000)}@example.com"
    await _change(scene, someone(scene, "ACTIVE"), login=login, email=login)


@happens(1)
async def two_swap_logins(scene: Scene) -> None:
    one, other = someone(scene, "ACTIVE"), someone(scene, "ACTIVE")
    if one == other or not one:
        return
    users = scene.world.org.users
    first, second = users[one].profile["login"], users[other].profile["login"]
    await _change(scene, one, login=f"between.{scene.chance.randrange(1000)}@example.com")
    await _change(scene, other, login=first)
    await _change(scene, one, login=second)


@happens(2)
async def changes_address(scene: Scene) -> None:
    await _change(scene, someone(scene, "ACTIVE"), email=f"mail.{scene.chance.randrange(1000)}@example.com")


@happens(3)
async def is_assigned_by_hand(scene: Scene) -> None:
    user, app = someone(scene, "ACTIVE"), _app(scene, tenant(scene))
    await scene.world.okta("POST", f"/api/v1/apps/{app}/users", {"id": user, "scope": "USER"})


@happens(2)
async def is_unassigned_by_hand(scene: Scene) -> None:
    user, app = someone(scene, "ACTIVE"), _app(scene, tenant(scene))
    await scene.world.okta("DELETE", f"/api/v1/apps/{app}/users/{user}")


@happens(2)
async def becomes_an_executive(scene: Scene) -> None:
    user = someone(scene, "ACTIVE")
    await scene.world.okta("PUT", f"/api/v1/groups/{_group(scene, 'Executives')}/users/{user}")


@happens(0.7)
async def the_group_loses_the_app(scene: Scene) -> None:
    """A mass removal by one click."""
    one = tenant(scene)
    await scene.world.okta("DELETE", f"/api/v1/apps/{_app(scene, one)}/groups/{_group(scene, one.group)}")


@happens(1)
async def the_group_gets_the_app_back(scene: Scene) -> None:
    one = tenant(scene)
    path = f"/api/v1/apps/{_app(scene, one)}/groups/{_group(scene, one.group)}"
    await scene.world.okta("PUT", path, {"priority": 0})


@happens(0.5)
async def the_app_is_relabelled(scene: Scene) -> None:
    one = tenant(scene)
    app = await scene.world.okta("GET", f"/api/v1/apps/{_app(scene, one)}")
    body = {key: app[key] for key in ("label", "name", "signOnMode", "credentials", "settings", "visibility")
            if key in app}  # fmt: skip
    await scene.world.okta("PUT", f"/api/v1/apps/{app['id']}", {**body, "label": f"{app['label']}'"})

    async def mend() -> None:
        await scene.world.okta("PUT", f"/api/v1/apps/{app['id']}", {**body, "label": one.label})

    scene.court.mending.append(mend)


@happens(1)
async def many_leave(scene: Scene) -> None:
    """A department is closed: up to six people at once."""
    for _ in range(scene.chance.randint(2, 6)):
        await _lifecycle(scene, someone(scene, "ACTIVE"), "deactivate")


@happens(1)
async def many_join(scene: Scene) -> None:
    group = _group(scene, tenant(scene).group)
    for _ in range(scene.chance.randint(3, 8)):
        await scene.world.okta("PUT", f"/api/v1/groups/{group}/users/{someone(scene, 'ACTIVE')}")
