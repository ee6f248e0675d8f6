"""The engine on the real targets: what a run costs, and what it makes of a provider that is switched off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.api.group_mapping import GroupMappingSpec
from controller.api.scim_integration import ScimIntegrationSpec
from controller.errors import Unauthorized, Unavailable
from controller.metrics import Metrics
from controller.model.actions import ActionKind, Result
from controller.model.actual import Memory
from controller.okta.routes import bucket_of
from controller.planning.base.inputs import Inputs, Resource, SecretKey
from controller.reconcile.engine import Engine
from controller.reconcile.report import Report
from controller.settings import Settings
from tests.contract.targets.conftest import Opener
from tests.contract.targets.test_connect import connector, credentials, inputs
from tests.contract.targets.world import World, results

OKTA, SCIM = "acme.okta.example", "scim.example.test"
HOSTS = frozenset({OKTA, SCIM})


def enforcing(world: World) -> Inputs:
    given = inputs(world)
    spec = given.integration.spec.model_copy(update={"mode": "Enforce"})
    keys = (("okta-api", "apiToken"), ("scim", "token"), ("admin", "token"))
    secrets = {("default", name): frozenset({SecretKey(name, key, HOSTS)}) for name, key in keys}
    return replace(given, integration=replace(given.integration, spec=spec), secrets=secrets)


class Runs:
    """An engine and the memory that it carries from run to run."""

    def __init__(self, world: World) -> None:
        self.world, self.memory = world, Memory()
        self.engine = Engine(connector(world), world.clock, Settings(), Metrics())

    async def once(self, **more: Any) -> Report:
        report = await self.engine.run(enforcing(self.world), credentials(self.world), self.memory, **more)
        self.memory = report.memory
        return report


async def test_a_second_run_finds_nothing_to_do_and_writes_nothing(opened: Opener) -> None:
    world = await opened(30)
    runs = Runs(world)
    first = await runs.once()
    written = len(world.writes())
    second = await runs.once()
    assert first.error is None and set(results(first.outcomes)) == {Result.DONE} and written == 30
    assert second.plan is not None and second.plan.actions == () and len(world.writes()) == written


async def test_a_quiet_full_read_costs_few_calls(opened: Opener) -> None:
    world = await opened(1001)
    runs = Runs(world)
    await runs.once(write=False)
    before = len(world.org.requests)
    await runs.once(write=False)
    calls = list(world.org.requests)[before:]
    shared = [call for call in calls if bucket_of(call["method"], call["path"]) == "apps"]
    assert len(shared) <= 3 + 4 and len(calls) <= 10


async def test_a_provider_that_is_switched_off_is_switched_on_and_nobody_is_forgotten(opened: Opener) -> None:
    world = await opened(5)
    runs = Runs(world)
    await runs.once()
    pairs = dict(runs.memory.pairs)
    await world.admin.update_organization({"scimEnabled": False})
    report = await runs.once()
    assert report.error is None
    assert [(one.action.kind, one.result) for one in report.outcomes] == [
        (ActionKind.ENABLE_SCIM, Result.DONE)
    ]
    assert runs.memory.pairs == pairs and len(pairs) == 5
    again = await runs.once()
    assert again.plan is not None and again.plan.actions == ()


async def test_a_refused_token_ends_the_run_without_a_plan(opened: Opener) -> None:
    world = await opened(5)
    runs = Runs(world)
    await runs.once()
    for token in await world.admin.tokens():
        if token["name"] == "scim":
            await world.admin.revoke_token(token["id"])
    written = len(world.writes())
    report = await runs.once()
    assert isinstance(report.error, Unauthorized) and report.plan is None and len(world.writes()) == written


@pytest.mark.parametrize("rate", [0.3, 0.5])
async def test_under_injected_429_a_run_converges_and_doubles_nothing(opened: Opener, rate: float) -> None:
    world = await opened(20)
    world.org.faults.add({"kind": "status", "status": 429, "path": "/api/v1", "rate": rate})
    runs = Runs(world)
    report = await runs.once()
    for _ in range(5):
        if report.error is None:
            break
        report = await runs.once()
    people = await world.admin.people()
    assert report.error is None and len(people) == 20
    assert len({person["userName"] for person in people}) == 20


def keeping_groups(world: World, count: int) -> Inputs:
    """Memberships are kept by the operator; half of the people belong to each of two groups."""
    given = enforcing(world)
    raw = given.integration.spec.model_dump(by_alias=True, mode="json", exclude_none=True)
    groups = {"via": "ScimGroups", "sources": [{"source": "user.department"}], "createGroups": "WhenMissing"}
    provider = {**raw["provider"], "profile": {"name": "rfc7643"}}
    safe = {"changes": {"count": count, "percent": 100}}
    spec = ScimIntegrationSpec.model_validate(
        {**raw, "groups": groups, "provider": provider, "safeguards": safe}
    )
    rows = [{"values": [value], "providerGroup": value} for value in ("Sales", "Support")]
    mapping = GroupMappingSpec.model_validate({"integrationRef": {"name": "calendly"}, "mappings": rows})
    teams = Resource("GroupMapping", "default", "teams", "u3", 1, "2026-01-01T00:00:00Z", mapping)
    return replace(given, integration=replace(given.integration, spec=spec), mappings=(teams,))


async def test_three_hundred_memberships_take_six_requests_and_then_none(opened: Opener) -> None:
    world = await opened(300, profile="rfc7643")
    engine = Engine(connector(world), world.clock, Settings(), Metrics())
    given = keeping_groups(world, 300)
    first = await engine.run(given, credentials(world), Memory())
    assert first.error is None and set(results(first.outcomes)) == {Result.DONE}
    changed = [call for call in world.writes() if "/Groups" in call[2]]
    assert len(changed) == 2 + 6, "two groups are made, and each takes 150 people in portions of 50"
    people = await world.admin.people()
    assert {one["userName"]: one["group"] for one in people} == {
        f"p{n:05}@acme.example": "Sales" if n % 2 else "Support" for n in range(300)
    }
    written = len(world.writes())
    again = await engine.run(given, credentials(world), first.memory)
    assert again.plan is not None and again.plan.actions == () and len(world.writes()) == written


async def test_people_are_provisioned_where_groups_turn_out_not_to_be_served(opened: Opener) -> None:
    world = await opened(4)
    engine = Engine(connector(world), world.clock, Settings(), Metrics())
    report = await engine.run(keeping_groups(world, 4), credentials(world), Memory())
    assert report.error is None and results(report.outcomes) == [Result.DONE] * 4
    assert report.plan is not None
    assert [(one.kind, one.reason) for one in report.plan.problems] == [
        ("GroupMapping", "GroupsNotServed"),
        ("ScimIntegration", "GroupsNotServed"),
    ]


async def test_an_outage_of_the_groups_moves_nobody(opened: Opener) -> None:
    world = await opened(4, profile="rfc7643")
    engine = Engine(connector(world), world.clock, Settings(), Metrics())
    first = await engine.run(keeping_groups(world, 4), credentials(world), Memory())
    world.hosts.down_paths.add(world.tenant.scim_path + "/Groups")
    written = len(world.writes())
    report = await engine.run(keeping_groups(world, 4), credentials(world), first.memory)
    assert isinstance(report.error, Unavailable) and len(world.writes()) == written
    assert report.memory.placed == first.memory.placed != {}
