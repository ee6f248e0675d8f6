"""The rules of `Target`, for every implementation of it: the same cases on each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from controller.errors import Unauthorized, Unavailable
from controller.model.actions import Action, ActionKind, Outcome, Result
from controller.model.actual import ProviderState
from controller.planning.base.desired import Desired
from controller.targets.app_lookup import AppLookup
from controller.targets.okta_app import OktaApp
from controller.targets.okta_people import OktaPeople
from controller.targets.provider_people import ProviderPeople
from controller.targets.provider_settings import ProviderSettings
from scim_sandbox.okta import directory
from tests.contract.targets.conftest import Opener
from tests.contract.targets.world import GROUP, World, action, apply, creation, make_desired, results

OKTA, SCIM = "acme.okta.example", "scim.example.test"


@dataclass(frozen=True)
class Case:
    """A target, desired state, and two actions of its own that can be carried out in this world."""

    target: Any
    desired: Desired
    actions: list[Action]
    host: str


def okta_people(world: World) -> Case:
    client = world.okta.client
    groups = [directory.create_group(world.org, {"name": name, "description": ""}) for name in ("One", "Two")]
    actions = [
        action(ActionKind.ASSIGN_GROUP, group.id, {"priority": n}) for n, group in enumerate(groups, 1)
    ]
    return Case(OktaPeople(client, AppLookup(client), world.clock), make_desired(world), actions, OKTA)


def okta_app(world: World) -> Case:
    fields = {"title": "T", "externalNamespace": "urn:x", "scope": "SELF"}
    actions = [
        action(ActionKind.ADD_APP_ATTRIBUTE, name, {**fields, "externalName": name})
        for name in ("one", "two")
    ]
    client = world.okta.client
    return Case(
        OktaApp(client, AppLookup(client), world.clock), make_desired(world, by="Okta"), actions, OKTA
    )


def provider_people(world: World) -> Case:
    return Case(ProviderPeople(world.scim.client, 1), make_desired(world), [creation(), creation()], SCIM)


def provider_settings(world: World) -> Case:
    table = {"attribute": GROUP, "createGroups": "WhenMissing", "unmapped": "Keep", "row Sales": "Sales"}
    actions = [
        action(ActionKind.ENABLE_SCIM, "organization", {"scimEnabled": True}),
        action(ActionKind.SAVE_GROUP_TABLE, "group-mapping", table),
    ]
    return Case(
        ProviderSettings(world.scim.client, world.admin, world.clock), make_desired(world), actions, SCIM
    )


TARGETS = (okta_people, okta_app, provider_people, provider_settings)
Make = Callable[[World], Case]
every_target = pytest.mark.parametrize("make", TARGETS, ids=lambda make: make.__name__)


async def look(case: Case) -> Any:
    """The part without what looking itself changes: when a token was last used."""
    part = await case.target.observe(case.desired)
    return replace(part, tokens=None) if isinstance(part, ProviderState) else part


@every_target
async def test_observing_writes_nothing(opened: Opener, make: Make) -> None:
    world = await opened()
    case = make(world)
    await case.target.observe(case.desired)
    assert world.writes() == []


@every_target
async def test_two_observations_of_a_quiet_world_are_equal(opened: Opener, make: Make) -> None:
    case = make(await opened())
    assert await look(case) == await look(case)


@every_target
async def test_actions_are_of_the_kinds_that_it_handles(opened: Opener, make: Make) -> None:
    case = make(await opened())
    assert {one.kind for one in case.actions} <= case.target.handles
    kinds = [one(await opened()).target.handles for one in TARGETS]
    assert sum(len(handled) for handled in kinds) == len(frozenset().union(*kinds))


@every_target
async def test_carried_out_twice_is_as_good_as_once(opened: Opener, make: Make) -> None:
    case = make(await opened())
    first = await apply(case.target, case.desired, case.actions)
    seen = await look(case)
    second = await apply(case.target, case.desired, case.actions)
    assert results([*first, *second]) == [Result.DONE] * 4
    assert await look(case) == seen


@every_target
async def test_a_success_that_did_nothing_is_found_out(opened: Opener, make: Make) -> None:
    world = await opened()
    case = make(world)
    await world.admin.update_organization({"scimEnabled": False})
    world.hosts.swallow = {SCIM}
    for method in ("PUT", "POST"):
        world.org.faults.add({"kind": "drop", "method": method, "path": "/api/v1"})
    outcomes = await apply(case.target, case.desired, case.actions)
    assert {outcome.reason for outcome in outcomes} == {"NotConfirmed"}


@every_target
async def test_a_refused_credential_ends_the_run_with_every_action_told(opened: Opener, make: Make) -> None:
    world = await opened()
    case = make(world)
    await case.target.observe(case.desired)
    world.org.principals.clear()
    world.hosts.deny.add(SCIM)
    told: list[Outcome] = []
    with pytest.raises(Unauthorized):
        await case.target.apply(case.desired, case.actions, told.append)
    assert results(told) == [Result.FAILED, Result.SKIPPED]


@every_target
async def test_an_outage_is_an_error_never_an_empty_world(opened: Opener, make: Make) -> None:
    world = await opened()
    case = make(world)
    world.hosts.down.add(case.host)
    if make is provider_settings:
        world.hosts.down.clear()
        world.hosts.down_paths.add("/admin/")
    with pytest.raises(Unavailable):
        await case.target.observe(case.desired)


@every_target
async def test_a_run_that_is_killed_can_be_begun_again(opened: Opener, make: Make) -> None:
    world = await opened()
    case = make(world)
    task = asyncio.ensure_future(case.target.apply(case.desired, case.actions, lambda outcome: None))
    await world.hosts.wrote.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert results(await apply(case.target, case.desired, case.actions)) == [Result.DONE] * 2
