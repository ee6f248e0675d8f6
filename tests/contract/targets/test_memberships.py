"""Members that are kept while Okta says that nobody joined or left, against the simulated org."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controller.planning.base.desired import GroupRef
from controller.targets.app_lookup import AppLookup
from controller.targets.memberships import LONGEST, SETTLED, Memberships
from controller.targets.okta_people import OktaPeople
from scim_sandbox.okta import directory
from scim_sandbox.okta.seed import ASSIGNED_GROUP
from tests.contract.targets.conftest import Opener
from tests.contract.targets.test_okta_people import HOST, a_seat_limit, desired_seats
from tests.contract.targets.world import World, make_desired

RANK = a_seat_limit(GroupRef(name=ASSIGNED_GROUP, field="spec.priority[0]"))


class Reads:
    """Two integrations of one org that rank by the same group."""

    def __init__(self, world: World) -> None:
        self.world, self.kept = world, Memberships(world.clock)
        self.targets = [
            OktaPeople(world.okta.client, AppLookup(world.okta.client), world.clock, self.kept)
            for _ in range(2)
        ]
        self.desired = make_desired(world, seats=RANK)

    async def once(self) -> tuple[int, int]:
        """(members that both see, how often they were listed)."""
        before = len(self.world.calls(HOST))
        states = [await target.observe(self.desired) for target in self.targets]
        (members,) = {frozenset(found) for state in states for found in state.members.values()}
        calls = self.world.calls(HOST)[before:]
        listed = [path for _, path in calls if path.startswith("/api/v1/groups/") and path.endswith("/users")]
        return len(members), len(listed)

    def later(self, time: timedelta) -> None:
        self.world.clock.advance(time.total_seconds() + 1)

    def leave(self) -> None:
        group = self.world.org.group_by_name(ASSIGNED_GROUP)
        directory.remove_member(self.world.org, group, self.world.org.find_user("p00000@acme.example"))


async def test_a_group_in_which_nothing_happened_is_listed_once_for_all_integrations(opened: Opener) -> None:
    reads = Reads(await opened(5))
    reads.later(SETTLED)
    assert await reads.once() == (5, 1)
    assert await reads.once() == (5, 0)


async def test_who_left_is_seen_at_once_and_trusted_only_when_it_is_old(opened: Opener) -> None:
    reads = Reads(await opened(5))
    reads.later(SETTLED)
    await reads.once()
    reads.leave()
    assert await reads.once() == (4, 2)
    reads.later(SETTLED)
    assert await reads.once() == (4, 1)
    assert await reads.once() == (4, 0)


@pytest.mark.parametrize("how", ["forgotten", "too long ago"])
async def test_what_was_forgotten_or_read_long_ago_is_listed_anew(opened: Opener, how: str) -> None:
    reads = Reads(await opened(5))
    reads.later(SETTLED)
    await reads.once()
    if how == "forgotten":
        reads.kept.forget()
    else:
        reads.later(LONGEST)
    assert await reads.once() == (5, 1)


async def test_groups_that_decide_who_is_assigned_are_always_listed(opened: Opener) -> None:
    reads = Reads(await opened(5))
    directory.create_group(reads.world.org, {"name": "Calendly seats", "description": ""})
    reads.desired = desired_seats(reads.world, GroupRef(name=ASSIGNED_GROUP))
    reads.later(SETTLED)
    for _ in range(2):
        before = len(reads.world.calls(HOST))
        await reads.targets[0].observe(reads.desired)
        calls = reads.world.calls(HOST)[before:]
        assert sum("/api/v1/groups/" in path and path.endswith("/users") for _, path in calls) == 2
