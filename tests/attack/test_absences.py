"""Who seems to be gone: no answer that Okta did not give, and no single read, costs anybody an account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.api.people import Safeguards
from controller.errors import Unavailable
from controller.metrics import Metrics
from controller.model.actions import ActionKind, Result, Touch
from controller.model.actual import Memory
from controller.model.people import EVERYTHING, OktaId, Refresh
from controller.model.plan import HoldReason
from controller.reconcile.engine import Engine
from controller.reconcile.report import Report
from controller.reconcile.state_codec import decode_memory, encode_memory
from controller.settings import Settings
from scim_sandbox.okta import assignments, directory
from tests.contract.targets.conftest import Opener
from tests.contract.targets.test_connect import connector, credentials
from tests.contract.targets.test_engine import enforcing
from tests.contract.targets.world import World, assign_directly, narrow_role

APP_USER, USER = "/api/v1/apps/*/users/*", "/api/v1/users/*"
LISTING = "/api/v1/apps/*/users"
FOREIGN = ("edge", "html", "empty")
LOOSE = {"count": 900, "percent": 100}


class Case:
    """A tenant that was provisioned by small limits, and the operator's state, which is read and written
    anew between runs."""

    def __init__(self, world: World) -> None:
        self.world, self.stored = world, encode_memory(Memory())
        self.ids = [OktaId(one) for one in sorted(world.app.users)]
        self.engine = Engine(connector(world), world.clock, Settings(), Metrics())

    async def run(self, refresh: Refresh = EVERYTHING) -> Report:
        given = enforcing(self.world)
        loose = Safeguards.model_validate({"removals": LOOSE, "changes": LOOSE})
        spec = given.integration.spec.model_copy(update={"safeguards": loose})
        given = replace(given, integration=replace(given.integration, spec=spec))
        memory = decode_memory(self.stored)
        report = await self.engine.run(given, credentials(self.world), memory, refresh)
        self.stored = encode_memory(report.memory)
        return report

    async def small(self, *ids: str) -> Report:
        return await self.run(Refresh(frozenset(map(OktaId, ids))))

    async def active(self) -> int:
        return sum(one["active"] for one in await self.world.admin.people())

    def fault(self, kind: str, path: str, **more: Any) -> None:
        self.world.org.faults.add({"kind": kind, "path": path, "method": "GET", **more})


async def case(opened: Opener, count: int) -> Case:
    world = await opened(count)
    assign_directly(world)
    found = Case(world)
    await found.run()
    assert await found.active() == count
    return found


def held(report: Report) -> dict[str, HoldReason]:
    assert report.verdict is not None
    return {action.subject: why for action, why in report.verdict.held}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("path", [APP_USER, USER])
async def test_a_404_of_somebody_else_is_an_outage(opened: Opener, kind: str, path: str) -> None:
    found = await case(opened, 3)
    if path == USER:
        found.fault("status", APP_USER, status=404)
    found.fault(kind, path, status=404)
    report = await found.small(found.ids[0])
    assert isinstance(report.error, Unavailable) and report.outcomes == ()
    assert await found.active() == 3


async def test_one_read_in_a_small_run_removes_nobody(opened: Opener) -> None:
    """Even if it is Okta's own 404."""
    found = await case(opened, 3)
    found.fault("status", APP_USER, status=404)
    report = await found.small(found.ids[0])
    assert report.error is None and report.plan is not None and report.plan.actions == ()
    assert report.wants_complete_read, "a complete read says more"
    full = await found.run()
    assert full.error is None and await found.active() == 3


async def test_a_user_whom_nobody_shows_waits_for_a_complete_read(opened: Opener) -> None:
    found = await case(opened, 3)
    for path in (APP_USER, USER):
        found.fault("status", path, status=404)
    report = await found.small(found.ids[0])
    assert report.plan is not None and report.plan.actions == () and report.wants_complete_read
    assert await found.active() == 3


async def test_people_who_are_unassigned_lose_their_account_in_a_small_run(opened: Opener) -> None:
    found = await case(opened, 3)
    org, app = found.world.org, found.world.app
    assignments.unassign_user(org, app, org.users[found.ids[0]])
    directory.change_status(org, org.users[found.ids[1]], "deactivate")
    for _ in range(2):
        directory.delete_user(org, org.users[found.ids[2]])
    report = await found.small(*found.ids)
    assert {one.action.subject: one.action.touch for one in report.outcomes} == {
        found.ids[0]: Touch.REMOVAL,
        found.ids[1]: Touch.LEAVER,
        found.ids[2]: Touch.LEAVER,
    }
    assert await found.active() == 0


@pytest.mark.parametrize("count", [9, 60])
async def test_a_page_that_is_short_with_a_200_removes_nobody(opened: Opener, count: int) -> None:
    found = await case(opened, count)
    found.fault("truncate", LISTING, times=1)
    report = await found.run()
    assert report.error is None and report.outcomes == ()
    assert report.verdict is not None and set(held(report).values()) <= {HoldReason.READ_INCOMPLETE}
    again = await found.run()
    assert again.plan is not None and again.plan.actions == ()
    assert await found.active() == count


async def test_a_leaver_goes_even_if_the_page_was_short(opened: Opener) -> None:
    found = await case(opened, 9)
    directory.change_status(found.world.org, found.world.org.users[found.ids[-1]], "deactivate")
    found.fault("truncate", LISTING, times=1)
    report = await found.run()
    assert [one.action.subject for one in report.outcomes] == [found.ids[-1]]


@pytest.mark.parametrize("count", [8, 60])
async def test_a_narrower_role_with_the_same_token_removes_nobody(opened: Opener, count: int) -> None:
    found = await case(opened, count)
    org = found.world.org
    half = directory.create_group(org, {"name": "Half", "description": ""})
    for okta_id in found.ids[: count // 2]:
        directory.add_member(org, half, org.users[okta_id])
    narrow_role(found.world, [half.id])
    for _ in range(3):
        report = await found.run()
        assert report.outcomes == () and report.verdict is not None
        assert held(report) == dict.fromkeys(found.ids[count // 2 :], HoldReason.READ_INCOMPLETE)
        assert report.verdict.digest, "somebody may approve it"
    small = await found.small(*found.ids[count // 2 :][:3])
    assert small.outcomes == ()
    assert await found.active() == count


async def test_many_who_are_unassigned_at_once_go_when_a_second_read_agrees(opened: Opener) -> None:
    found = await case(opened, 60)
    org, app = found.world.org, found.world.app
    for okta_id in found.ids[:25]:
        assignments.unassign_user(org, app, org.users[okta_id])
    first = await found.run()
    assert first.outcomes == () and first.verdict is not None
    assert "60 in the last complete read" in first.verdict.message
    assert first.verdict.wants_second_read
    for okta_id in found.ids[25:27]:
        assignments.unassign_user(org, app, org.users[okta_id])
    second = await found.run()
    assert {one.action.subject for one in second.outcomes} == set(found.ids[:25]), "only those seen twice"
    third = await found.run()
    assert {one.action.subject for one in third.outcomes} == set(found.ids[25:27])
    assert await found.active() == 33


# The provider's side.


async def test_a_404_of_a_proxy_does_not_pass_for_a_deactivation(opened: Opener) -> None:
    """The leaver's account is still active behind it."""
    found = await case(opened, 3)
    directory.change_status(found.world.org, found.world.org.users[found.ids[0]], "deactivate")
    scim_id = decode_memory(found.stored).pairs[found.ids[0]]
    found.world.hosts.foreign.add(f"/Users/{scim_id}")
    report = await found.run()
    assert [(one.action.kind, one.result) for one in report.outcomes] == [
        (ActionKind.DEACTIVATE_ACCOUNT, Result.FAILED)
    ]
    found.world.hosts.foreign.clear()
    assert [one.result for one in (await found.run()).outcomes] == [Result.DONE]
    assert await found.active() == 2
