"""Killed anywhere in the very first push and started again, mode Enforce converges without a person; a tenant
that had accounts before has its first plan held all the same."""

from __future__ import annotations

import httpx
import pytest

from controller.model.plan import HoldReason
from controller.planning.desired.profiles import CALENDLY_URN
from controller.reconcile.state_codec import decode_memory
from controller.scim.client import USER_SCHEMA
from scim_sandbox.okta import directory
from tests.contract.targets.conftest import Opener
from tests.contract.targets.test_crash import Killed, Life, declared

COUNT = 4


class Brittle(Life):
    """A life that dies at a request of any kind: before it is sent, or before its answer is read."""

    asked = 0
    before = False

    def arm(self) -> None:
        send = self.world.hosts.handle_async_request

        async def mortal(request: httpx.Request) -> httpx.Response:
            if self.is_dead:
                raise Killed
            self.asked += 1
            self.is_dead = self.asked == self.dies_at
            if self.is_dead and self.before:
                raise Killed
            answer = await send(request)
            if self.is_dead:
                raise Killed
            return answer

        self.world.hosts.handle_async_request = mortal  # type: ignore[method-assign]


async def born(opened: Opener, profile: str = "calendly") -> Brittle:
    world = await opened(COUNT, profile=profile)
    life = Brittle(world, declared(world, {}, values={"Sales": "Sales"}, profile=profile))
    life.arm()
    return life


async def accounts(life: Life) -> list[tuple[str, bool]]:
    return sorted((one["userName"], one["active"]) for one in await life.world.admin.people())


@pytest.mark.slow
@pytest.mark.parametrize("before", [True, False])
async def test_killed_at_any_request_of_the_first_push_nobody_has_to_approve(
    opened: Opener, before: bool
) -> None:
    whole = await born(opened)
    await whole.settle()
    requests = whole.asked
    expected = await accounts(whole)
    assert len(expected) == COUNT and whole.approvals == 0
    for number in range(1, requests + 1):
        life = await born(opened)
        life.dies_at, life.before = number, before
        await life.settle()
        told = f"killed at request {number} of {requests}"
        assert await accounts(life) == expected, told
        assert life.approvals == 0, told
        assert len(decode_memory(life.stored).pairs) == COUNT, told


async def test_who_leaves_before_the_restart_loses_the_account(opened: Opener) -> None:
    whole = await born(opened)
    await whole.settle()
    for number in range(1, whole.asked + 1):
        life = await born(opened)
        life.dies_at = number
        with pytest.raises(Killed):
            await life.run()
        life.is_dead = False
        made = await accounts(life)
        if made:
            break
    assert made and not decode_memory(life.stored).pairs
    directory.change_status(life.world.org, life.world.org.find_user(made[0][0]), "deactivate")
    await life.settle()
    assert (made[0][0], False) in await accounts(life)
    assert life.approvals == 0


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_tenant_that_had_accounts_before_has_its_first_plan_held(
    opened: Opener, is_ours: bool
) -> None:
    """Even if they carry Okta ids of this app, such as those that Okta has pushed so far."""
    life = await born(opened)
    okta_id = sorted(life.world.app.users)[0]
    user = {"userName": "ada@acme.example", "active": True, "externalId": okta_id if is_ours else "hr-1"}
    await life.world.scim.client.create({"schemas": [USER_SCHEMA, CALENDLY_URN], **user})
    report = await life.run()
    assert report.verdict is not None and report.outcomes == ()
    assert {why for _, why in report.verdict.held} == {HoldReason.AWAITING_APPROVAL}
    assert "the first plan for a tenant that has accounts" in report.verdict.message
