"""OktaPeople against the simulated org."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controller.errors import SpecError, Unavailable
from controller.model.actions import ActionKind, Result
from controller.model.people import EVERYTHING, OktaId, PersonState, Refresh
from controller.planning.base.desired import DesiredAssignments, DesiredSeats, GroupRef
from controller.targets.app_lookup import AppLookup
from controller.targets.okta_people import OktaPeople
from scim_sandbox.okta import apps, directory
from scim_sandbox.okta.seed import ASSIGNED_GROUP, add_people
from scim_sandbox.people import SandboxPerson
from tests.contract.targets.conftest import Opener
from tests.contract.targets.world import World, action, apply, make_desired, narrow_role, results

HOST = "acme.okta.example"
SEATS = "Calendly seats"


def target(world: World) -> OktaPeople:
    return OktaPeople(world.okta.client, AppLookup(world.okta.client), world.clock)


def desired_seats(world: World, *groups: GroupRef) -> Any:
    return make_desired(world, assignments=DesiredAssignments("SeatGroup", SEATS, groups, (), False, True))


def a_seat_limit(*priority: GroupRef) -> DesiredSeats:
    return DesiredSeats("limit", 10, 0, 80, 95, True, priority, "Invoice", "", None)


async def test_people_come_with_profile_and_state_in_pages(opened: Opener) -> None:
    world = await opened(1203)
    state = await target(world).observe(make_desired(world))
    listed = [path for _, path in world.calls(HOST) if path.endswith("/users")]
    assert len(state.people) == 1203 and len({person.okta_id for person in state.people}) == 1203
    assert len(listed) == 3
    ada = min(state.people, key=lambda person: person.login)
    assert (ada.login, ada.user_name, ada.state) == (
        "p00000@acme.example",
        "p00000@acme.example",
        PersonState.ACTIVE,
    )
    assert ada.profile[:3] == ("p00000@acme.example", "First0", "Last0") and ada.profile[5] == "Support"
    assert ada.assigned_at and ada.user_type and not ada.direct


async def test_the_last_sign_in_to_okta_is_kept_where_somebody_asks_who_is_inactive(opened: Opener) -> None:
    world = await opened(2)
    world.org.find_user("p00000@acme.example").last_login = "2025-03-01T10:00:00.000Z"
    asking = replace(a_seat_limit(), inactive_for=timedelta(days=90))
    state = await target(world).observe(make_desired(world, seats=asking))
    assert sorted((one.login, one.last_sign_in) for one in state.people) == [
        ("p00000@acme.example", "2025-03-01T10:00:00.000Z"),
        ("p00001@acme.example", ""),
    ]
    quiet = await target(world).observe(make_desired(world, seats=a_seat_limit()))
    assert {one.last_sign_in for one in quiet.people} == {""}


async def test_groups_come_with_priority_and_count(opened: Opener) -> None:
    world = await opened(5)
    state = await target(world).observe(make_desired(world))
    (group_id,) = state.app_groups
    assert state.app_groups[group_id] == 0
    assert (state.groups[group_id].name, state.groups[group_id].users_count) == (ASSIGNED_GROUP, 5)
    assert state.members == {}


async def test_members_are_read_of_the_groups_that_decide_about_seats(opened: Opener) -> None:
    world = await opened(5)
    ref = GroupRef(name=ASSIGNED_GROUP, field="spec.priority[0]")
    state = await target(world).observe(make_desired(world, seats=a_seat_limit(ref)))
    (members,) = state.members.values()
    assert members == {person.okta_id for person in state.people}


async def test_a_truncated_page_is_an_error_where_it_shows(opened: Opener) -> None:
    world = await opened(3)
    world.org.faults.add({"kind": "html", "path": "/api/v1/apps/*/users"})
    with pytest.raises(Unavailable, match="HTML"):
        await target(world).observe(make_desired(world))


async def test_logins_that_are_declared_are_resolved(opened: Opener) -> None:
    world = await opened(2)
    add_people(world.org, [SandboxPerson("ada@acme.example", "Ada", "L", "Ada L", "Sales")])
    names = ("P00000@acme.example", "ada@acme.example", "nobody@acme.example")
    declared = DesiredAssignments("Direct", "", (), names, False, True)
    state = await target(world).observe(make_desired(world, assignments=declared))
    assert state.declared_users["ada@acme.example"] == world.org.find_user("ada@acme.example").id
    assert state.declared_users["p00000@acme.example"] in {person.okta_id for person in state.people}
    assert state.declared_users["nobody@acme.example"] is None


async def test_asking_for_single_people_tells_who_is_not_assigned_any_more(opened: Opener) -> None:
    world = await opened(3)
    add_people(world.org, [SandboxPerson("gone@acme.example", "G", "One", "G One", "Sales")])
    gone = world.org.find_user("gone@acme.example")
    directory.change_status(world.org, gone, "deactivate")
    here = world.org.find_user("p00001@acme.example").id
    ids = [OktaId(here), OktaId(gone.id), OktaId("00uNobody")]
    state = await target(world).observe_people(make_desired(world), ids)
    assert [person.okta_id for person in state.people] == [here]
    assert state.missing == {gone.id: PersonState.DEACTIVATED, "00uNobody": None}


async def test_a_deleted_user_is_known_by_the_log_and_one_that_is_hidden_is_not(opened: Opener) -> None:
    world = await opened(3)
    gone, hidden = (world.org.find_user(f"p0000{n}@acme.example") for n in (0, 1))
    directory.delete_user(world.org, gone)
    directory.delete_user(world.org, gone)
    narrow_role(world, ())
    ids = [OktaId(gone.id), OktaId(hidden.id)]
    expected = {gone.id: PersonState.DEACTIVATED, hidden.id: None}
    assert await target(world).observe_missing(make_desired(world), ids) == expected
    assert (await target(world).observe_people(make_desired(world), ids)).missing == expected
    world.org.faults.add({"kind": "status", "status": 403, "path": "/api/v1/logs"})
    assert await target(world).observe_missing(make_desired(world), ids) == dict.fromkeys(ids)


async def test_a_second_look_asks_for_the_app_user_or_for_the_apps_of_a_person(opened: Opener) -> None:
    world = await opened(23)
    ids = [OktaId(world.org.find_user(f"p{n:05}@acme.example").id) for n in range(23)]
    directory.remove_member(world.org, world.org.group_by_name(ASSIGNED_GROUP), world.org.users[ids[0]])
    look = await target(world).look_again(make_desired(world), ids[:3], EVERYTHING)
    assert look == (frozenset(ids[1:3]), frozenset())
    assert await target(world).look_again(make_desired(world), ids, EVERYTHING) == (
        frozenset(),
        frozenset(ids),
    )
    small = Refresh(frozenset(ids[:3]))
    assert await target(world).look_again(make_desired(world), ids[:3], small) == (
        frozenset(),
        frozenset(ids[1:3]),
    )
    world.org.faults.add({"kind": "status", "status": 400, "path": "/api/v1/apps"})
    assert await target(world).look_again(make_desired(world), ids[:3], small) == (
        frozenset(),
        frozenset(ids[:3]),
    )


@pytest.mark.parametrize("count", [3, 30])
async def test_people_who_left_are_found_singly_or_by_one_filter(opened: Opener, count: int) -> None:
    world = await opened(count)
    left = [world.org.find_user(f"p{n:05}@acme.example") for n in range(count)]
    for user in left[: count - 1]:
        directory.change_status(world.org, user, "deactivate")
    before = len(world.hosts.calls)
    found = await target(world).observe_missing(make_desired(world), [OktaId(user.id) for user in left])
    assert [found[OktaId(user.id)] for user in left[:-1]] == [PersonState.DEACTIVATED] * (count - 1)
    assert found[OktaId(left[-1].id)] is PersonState.ACTIVE
    assert len(world.hosts.calls) - before <= 3


async def test_the_app_is_found_by_its_label(opened: Opener) -> None:
    world = await opened(2)
    desired = make_desired(world, app_id="", app_label="Calendly")
    assert len((await target(world).observe(desired)).people) == 2


@pytest.mark.parametrize(("label", "words"), [("calendly", "compared exactly"), ("Twin", "2 apps")])
async def test_a_label_that_names_no_one_app_is_told(opened: Opener, label: str, words: str) -> None:
    world = await opened(1)
    for _ in range(2):
        apps.create_app(world.org, "calendly", apps.saml_body("Twin"))
    with pytest.raises(SpecError, match=words) as caught:
        await target(world).observe(make_desired(world, app_id="", app_label=label))
    assert caught.value.field == "spec.okta.app.label"


async def test_groups_are_assigned_and_unassigned(opened: Opener) -> None:
    world = await opened(2)
    group = directory.create_group(world.org, {"name": "More", "description": ""})
    assign = action(ActionKind.ASSIGN_GROUP, group.id, {"priority": 3})
    assert results(await apply(target(world), make_desired(world), [assign, assign])) == [Result.DONE] * 2
    assert world.app.groups[group.id].priority == 3
    unassign = action(ActionKind.UNASSIGN_GROUP, group.id, {})
    assert results(await apply(target(world), make_desired(world), [unassign, unassign])) == [Result.DONE] * 2
    assert group.id not in world.app.groups


async def test_people_are_assigned_and_unassigned(opened: Opener) -> None:
    world = await opened(1)
    add_people(world.org, [SandboxPerson("ada@acme.example", "Ada", "L", "Ada L", "Sales")])
    ada = world.org.find_user("ada@acme.example").id
    for kind, there in ((ActionKind.ASSIGN_USER, True), (ActionKind.UNASSIGN_USER, False)):
        for _ in range(2):
            assert results(await apply(target(world), make_desired(world), [action(kind, ada, {})])) == [
                Result.DONE
            ]
        assert (ada in world.app.users) is there


async def test_who_comes_through_a_group_is_not_unassigned_singly(opened: Opener) -> None:
    world = await opened(1)
    user = world.org.find_user("p00000@acme.example").id
    (outcome,) = await apply(target(world), make_desired(world), [action(ActionKind.UNASSIGN_USER, user, {})])
    assert (outcome.result, outcome.reason) == (Result.FAILED, "AssignedThroughGroup")
    assert user in world.app.users and world.writes() == []


async def test_a_write_that_is_dropped_is_found_out(opened: Opener) -> None:
    world = await opened(1)
    group = directory.create_group(world.org, {"name": "More", "description": ""})
    world.org.faults.add({"kind": "drop", "method": "PUT", "path": "/api/v1/apps/*/groups/*"})
    (outcome,) = await apply(
        target(world), make_desired(world), [action(ActionKind.ASSIGN_GROUP, group.id, {})]
    )
    assert (outcome.result, outcome.reason) == (Result.FAILED, "NotConfirmed")


async def test_switching_to_a_seat_group_keeps_everybody_assigned(opened: Opener) -> None:
    world = await opened(4)
    people = [world.org.find_user(f"p{n:05}@acme.example").id for n in range(4)]
    old = world.org.group_by_name(ASSIGNED_GROUP).id
    create = action(ActionKind.CREATE_SEAT_GROUP, SEATS, {})
    adds = [action(ActionKind.ADD_TO_SEAT_GROUP, person, {}, needs=(create.key,)) for person in people]
    assign = action(ActionKind.ASSIGN_GROUP, SEATS, {}, needs=tuple(add.key for add in adds))
    unassign = action(ActionKind.UNASSIGN_GROUP, old, {}, needs=(assign.key, *(add.key for add in adds)))
    outcomes = await apply(target(world), desired_seats(world), [create, assign, *adds, unassign])
    assert results(outcomes) == [Result.DONE] * len(outcomes)
    assert sorted(world.app.users) == sorted(people)
    removed = [
        event for event in world.org.log.events if event["eventType"] == "application.user_membership.remove"
    ]
    assert removed == []


async def test_nothing_is_unassigned_when_the_seat_group_did_not_fill(opened: Opener) -> None:
    world = await opened(2)
    person = world.org.find_user("p00000@acme.example").id
    old = world.org.group_by_name(ASSIGNED_GROUP).id
    world.org.faults.add({"kind": "drop", "method": "PUT", "path": "/api/v1/groups/*/users/*"})
    create = action(ActionKind.CREATE_SEAT_GROUP, SEATS, {})
    add = action(ActionKind.ADD_TO_SEAT_GROUP, person, {})
    unassign = action(ActionKind.UNASSIGN_GROUP, old, {}, needs=(add.key,))
    outcomes = await apply(target(world), desired_seats(world), [create, add, unassign])
    assert results(outcomes) == [Result.DONE, Result.FAILED, Result.SKIPPED]
    assert old in world.app.groups


async def test_the_seat_group_is_deleted_and_a_second_time_is_as_good_as_once(opened: Opener) -> None:
    world = await opened(1)
    person = world.org.find_user("p00000@acme.example").id
    create = action(ActionKind.CREATE_SEAT_GROUP, SEATS, {})
    await apply(
        target(world), desired_seats(world), [create, action(ActionKind.ADD_TO_SEAT_GROUP, person, {})]
    )
    delete = action(ActionKind.DELETE_SEAT_GROUP, SEATS, {"name": None})
    world.org.faults.add({"kind": "drop", "method": "DELETE", "path": "/api/v1/groups/*", "times": 1})
    (outcome,) = await apply(target(world), desired_seats(world), [delete])
    assert (outcome.reason, outcome.message) == ("NotConfirmed", "accepted, but the group is still there")
    for _ in range(2):
        assert results(await apply(target(world), desired_seats(world), [delete])) == [Result.DONE]
    assert all(group.profile["name"] != SEATS for group in world.org.groups.values())


async def test_members_leave_the_seat_group(opened: Opener) -> None:
    world = await opened(2)
    desired = desired_seats(world)
    person = world.org.find_user("p00000@acme.example").id
    create, add = (
        action(ActionKind.CREATE_SEAT_GROUP, SEATS, {}),
        action(ActionKind.ADD_TO_SEAT_GROUP, person, {}),
    )
    await apply(target(world), desired, [create, add])
    remove = action(ActionKind.REMOVE_FROM_SEAT_GROUP, person, {})
    assert results(await apply(target(world), desired, [remove, remove])) == [Result.DONE] * 2
    state = await target(world).observe(replace(desired, app_id=world.app.id))
    assert [found for found in state.members.values() if person in found] == []


async def test_active_rules_that_fill_groups_are_read_where_there_is_a_seat_group(opened: Opener) -> None:
    world = await opened(1)
    desired = replace(desired_seats(world), app_id=world.app.id)
    seats = directory.create_group(world.org, {"name": SEATS, "description": ""})
    expression = 'user.department=="Sales"'
    directory.add_rule(world.org, "Sales", expression, [seats.id])
    directory.add_rule(world.org, "Idle", expression, [seats.id], "INACTIVE")
    directory.add_rule(world.org, "Support", expression, [seats.id])
    state = await target(world).observe(desired)
    assert {name: sorted(rules) for name, rules in state.rules.items()} == {seats.id: ["Sales", "Support"]}
    world.org.faults.add({"kind": "status", "status": 403, "path": "/api/v1/groups/rules"})
    assert (await target(world).observe(desired)).rules == {}, "a role that may not see rules"
    assert (await target(world).observe(make_desired(world))).rules == {}
