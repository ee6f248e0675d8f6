"""A seat group that the spec no longer names lets nobody in: it is taken off the app, and nobody who has a
seat loses it on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.api.scim_integration import ScimIntegrationSpec
from controller.model.actions import ActionKind
from controller.reconcile.state_codec import decode_memory
from scim_sandbox.okta import directory
from tests.contract.targets.conftest import Opener
from tests.contract.targets.test_crash import Life, okta_world


def with_assignments(life: Life, assignments: dict[str, Any]) -> None:
    """The spec with other assignments, as the next generation."""
    given = life.inputs.integration
    raw = given.spec.model_dump(by_alias=True, mode="json", exclude_none=True)
    spec = ScimIntegrationSpec.model_validate({**raw, "assignments": assignments})
    life.inputs = replace(life.inputs, integration=replace(given, spec=spec, generation=given.generation + 1))


def renamed(name: str) -> dict[str, Any]:
    group = {"through": "SeatGroup", "seatGroup": {"name": name}}
    return {**group, "oktaGroups": [{"name": "Calendly users"}]}


def app_groups(life: Life) -> list[str]:
    return sorted(life.world.org.groups[one].profile["name"] for one in life.world.app.groups)


def removed(life: Life) -> list[Any]:
    """Events by which Okta takes somebody off the app, and deactivates the account."""
    gone = "application.user_membership.remove"
    return [event for event in life.world.org.log.events if event["eventType"] == gone]


@pytest.mark.parametrize("has_group", [False, True])
async def test_the_former_seat_group_is_taken_off_and_nobody_loses_a_seat(
    opened: Opener, has_group: bool
) -> None:
    life = await okta_world(opened, has_group=has_group)
    await life.settle()
    assert app_groups(life) == ["Seats"]
    before, gone = set(life.world.app.users), len(removed(life))
    with_assignments(life, renamed("Seats 2027"))
    approvals = life.approvals
    await life.settle()
    assert app_groups(life) == ["Seats 2027"], "nobody comes in by the former group"
    assert life.approvals == approvals + 1, "somebody approves the switch, once"
    assert set(life.world.app.users) == before and len(removed(life)) == gone
    assert life.world.org.group_by_name("Seats"), "the group itself is left to people"
    memory = decode_memory(life.stored)
    assert memory.seat_groups == {life.world.org.group_by_name("Seats 2027").id}
    assert "CreateSeatGroup/Seats" not in memory.made


async def test_a_member_who_is_no_candidate_loses_the_access(opened: Opener) -> None:
    life = await okta_world(opened, has_group=False)
    await life.settle()
    org = life.world.org
    stranger = org.find_user("p00003@acme.example")
    directory.remove_member(org, org.group_by_name("Calendly users"), stranger)
    with_assignments(life, renamed("Seats 2027"))
    await life.settle()
    assert app_groups(life) == ["Seats 2027"] and stranger.id not in life.world.app.users


async def test_a_group_that_was_renamed_in_okta_and_in_the_spec_is_the_same_group(opened: Opener) -> None:
    life = await okta_world(opened, has_group=False)
    await life.settle()
    org = life.world.org
    org.group_by_name("Seats").profile["name"] = "Seats 2027"
    with_assignments(life, renamed("Seats 2027"))
    life.kinds = set()
    await life.settle()
    assert life.kinds == set() and app_groups(life) == ["Seats 2027"]


async def test_after_a_change_to_direct_the_seat_group_goes_once_the_groups_are_assigned(
    opened: Opener,
) -> None:
    life = await okta_world(opened, has_group=False)
    await life.settle()
    before, gone = set(life.world.app.users), len(removed(life))
    with_assignments(life, {"oktaGroups": [{"name": "Calendly users"}]})
    await life.settle()
    assert app_groups(life) == ["Calendly users"]
    assert set(life.world.app.users) == before and len(removed(life)) == gone


async def test_if_okta_refuses_the_new_group_the_former_one_stays(opened: Opener) -> None:
    life = await okta_world(opened, has_group=False)
    await life.settle()
    with_assignments(life, renamed("Seats 2027"))
    life.world.org.faults.add(
        {"kind": "status", "status": 403, "method": "PUT", "path": "/api/v1/groups/*/users/*"}
    )
    for _ in range(3):
        await life.run()
    assert "Seats" in app_groups(life) and ActionKind.UNASSIGN_GROUP in life.kinds
    life.world.org.faults.clear()
    await life.settle()
    assert app_groups(life) == ["Seats 2027"]
