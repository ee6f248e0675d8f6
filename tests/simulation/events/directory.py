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
