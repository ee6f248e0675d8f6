"""Answers of Okta, of a SCIM provider and of an admin API in which one thing is wrong, anywhere.

Each ends in an error of the tree or in a plan, never in UnexpectedError. What a listing that is short with
a 200 may do to people is the matter of another file.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from controller.errors import ControllerError
from controller.metrics import Metrics
from controller.model.actual import Memory
from controller.planning.base.inputs import Inputs
from controller.reconcile.engine import Engine
from controller.reconcile.report import Report
from controller.settings import Settings
from controller.targets.connect import TargetConnector
from tests.attack.twisted import Twisted
from tests.contract.targets.test_connect import credentials
from tests.contract.targets.test_engine import enforcing, keeping_groups
from tests.contract.targets.world import World, open_world

SEEDS = int(os.environ.get("ATTACK_SEEDS", "45"))
"""Answers that are twisted, for each way of provisioning."""


class Hostile:
    """A world whose answers can be twisted, provisioned once before."""

    def __init__(self, world: World) -> None:
        self.world, self.network, self.metrics = world, Twisted(world.hosts), Metrics()
        world.wiring = replace(world.wiring, transport=self.network)
        self.memory = Memory()

    async def run(self, given: Inputs, *, write: bool = False) -> Report:
        connector = TargetConnector(Settings(), self.world.wiring)
        engine = Engine(connector, self.world.clock, Settings(), self.metrics)
        report = await engine.run(given, credentials(self.world), self.memory, write=write)
        await connector.aclose()
        return report


@pytest.fixture
async def hostile(tmp_path: Path) -> AsyncIterator[Hostile]:
    world = await open_world(tmp_path / "world.db", 4, profile="rfc7643")
    yield Hostile(world)
    await world.aclose()


def ways(world: World) -> dict[str, Inputs]:
    plain = enforcing(world)
    raw = plain.integration.spec.model_dump(by_alias=True, mode="json", exclude_none=True)
    groups = {
        "via": "UserAttribute",
        "attribute": {
            "displayName": "Group", "name": "calendlyGroup", "externalName": "group",
            "externalNamespace": "urn:x:2.0",
        },
        "sources": [{"source": "user.department"}],
    }  # fmt: skip
    by_okta = {
        **raw,
        "provisioning": {"by": "Okta"},
        "okta": {**raw["okta"], "usernameFormat": "Email"},
        "groups": groups,
        "assignments": {
            "through": "SeatGroup",
            "seatGroup": {"name": "Seats"},
            "users": ["p00001@acme.example"],
        },
    }
    spec = type(plain.integration.spec).model_validate(by_okta)
    okta = replace(plain, integration=replace(plain.integration, spec=spec))
    return {"attributes": plain, "groups": keeping_groups(world, 4), "okta": okta}


@pytest.mark.parametrize("way", ["attributes", "groups", "okta"])
async def test_a_wrong_value_anywhere_in_an_answer_is_no_bug_of_ours(hostile: Hostile, way: str) -> None:
    given = ways(hostile.world)[way]
    first = await hostile.run(given, write=way != "okta")
    assert first.error is None
    hostile.memory = first.memory
    hostile.network.arm(-1, 0)
    await hostile.run(given)
    count, faults = hostile.network.answers, list[str]()
    for seed in range(SEEDS):
        hostile.network.arm(seed % count, seed)
        report = await hostile.run(given)
        faults += [f"seed {seed}: {fault}: {hostile.network.was}" for fault in wrong(report)]
    assert faults == []


async def test_a_wrong_value_in_the_answer_to_a_write_is_no_bug_of_ours(tmp_path: Path) -> None:
    faults = list[str]()
    world = await open_world(tmp_path / "world.db", 40, profile="rfc7643")
    hostile = Hostile(world)
    given = enforcing(world)
    hostile.network.arm(-1, 0)
    await hostile.run(given)
    reads = hostile.network.answers
    for seed in range(SEEDS // 3):
        hostile.network.arm(reads + seed % 80, seed)
        report = await hostile.run(given, write=True)
        hostile.memory = report.memory
        faults += [f"seed {seed}: {fault}: {hostile.network.was}" for fault in wrong(report)]
        await undo(world, seed)
    await world.aclose()
    assert faults == []


async def undo(world: World, seed: int) -> None:
    """Something to write in the next run: people whose names were changed by hand."""
    for person in (await world.admin.people())[seed % 5 :: 5]:
        await world.admin.edit_person(person["id"], {"displayName": f"Somebody {seed}"})


def wrong(report: Report) -> list[str]:
    if report.error is not None and not isinstance(report.error, ControllerError):
        return [repr(report.error)]
    if report.error is not None and not report.error.message:
        return ["an error without words"]
    return []


def test_the_twists_differ(tmp_path: Path) -> None:
    one, other = (
        Twisted(httpx.MockTransport(lambda request: httpx.Response(200, json={"a": [1, 2]}))),
        set[bytes](),
    )
    for seed in range(50):
        one.arm(0, seed)
        other.add(one._twisted(b'{"a": [1, {"b": "c"}]}'))
    assert len(other) > 25
