"""A leaver's account that somebody reactivates by hand does not stay active unseen."""

from __future__ import annotations

import pytest

from controller.model.actions import ActionKind, Result
from controller.model.actual import Memory
from controller.reconcile.state_codec import decode_memory, encode_memory
from scim_sandbox.okta import directory
from tests.contract.targets.conftest import Opener
from tests.contract.targets.test_engine import Runs
from tests.contract.targets.world import World

LOGIN = "p00001@acme.example"


def restarted(memory: Memory) -> Memory:
    return decode_memory(encode_memory(memory))


async def reactivate(world: World, scim_id: str) -> None:
    await world.scim.client.patch(scim_id, [{"op": "replace", "path": "active", "value": True}])


async def is_active(world: World) -> bool:
    return {one["userName"]: one["active"] for one in await world.admin.people()}[LOGIN] is True


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_a_reactivated_leaver_is_deactivated_again_however_often(
    opened: Opener, is_deleted: bool
) -> None:
    world = await opened(4)
    runs, user = Runs(world), world.org.find_user(LOGIN)
    await runs.once()
    directory.change_status(world.org, user, "deactivate")
    await runs.once()
    assert not await is_active(world)
    await runs.once()
    if is_deleted:
        directory.delete_user(world.org, user)
    for _ in range(2):
        runs.memory = restarted(runs.memory)
        await reactivate(world, runs.memory.pairs[user.id])
        report = await runs.once()
        assert report.plan is not None and [item.what for item in report.plan.drift] == [f"{LOGIN} active"]
        assert [(one.action.kind, one.result) for one in report.outcomes] == [
            (ActionKind.DEACTIVATE_ACCOUNT, Result.DONE)
        ]
        assert not await is_active(world)
    quiet = await runs.once()
    assert quiet.plan is not None and quiet.plan.actions == () and quiet.plan.drift == ()


async def test_a_leaver_who_is_hired_again_gets_the_account_back(opened: Opener) -> None:
    world = await opened(4)
    runs, user = Runs(world), world.org.find_user(LOGIN)
    await runs.once()
    directory.change_status(world.org, user, "deactivate")
    await runs.once()
    directory.change_status(world.org, user, "activate")
    report = await runs.once()
    assert [one.action.kind for one in report.outcomes] == [ActionKind.REACTIVATE_ACCOUNT]
    assert await is_active(world) and runs.memory.left == {}
