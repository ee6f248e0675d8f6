"""Upgrades: what each earlier version of the chart has stored still reconciles, and costs nobody anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from controller.api import KINDS, REQUESTED_AT
from scim_sandbox.actors import Provider
from tests.flow.upgrades.past import CHART, HERE, NEW_GROUP, Past, has, revived
from tests.kstatus import kstatus_faults

VERSIONS = sorted(folder.name for folder in HERE.iterdir() if (folder / "chart.tgz").is_file())
CRDS = sorted((CHART.parents[1] / "crds").glob("*.yaml"))
Upgraded = tuple[Past, Provider, list[dict[str, Any]]]

pytestmark = pytest.mark.slow


@pytest_asyncio.fixture(params=VERSIONS)
async def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Upgraded]:
    """The earlier version's world under the present chart, its operator running, and the people before."""
    async with revived(HERE / request.param, tmp_path) as (world, provider):
        people = await provider.people()
        await asyncio.to_thread(world.install, CHART)
        async with world.operator():
            annotation = {"metadata": {"annotations": {REQUESTED_AT: "after-the-upgrade"}}}
            await world.patch("ScimIntegration", "calendly", annotation)
            await world.until(
                "ScimIntegration",
                "calendly",
                lambda body: body["status"].get("lastHandledReconcileAt") == "after-the-upgrade",
            )
            yield world, provider, people


async def test_what_was_stored_is_as_it_was_and_what_waited_still_waits(upgraded: Upgraded) -> None:
    world, provider, people = upgraded
    integration = await world.until("ScimIntegration", "calendly", has("InSync", "AwaitingApproval"))
    assert integration["status"]["plan"]["summary"] == {"SaveGroupTable": 1}
    for kind in KINDS:
        for body in (one for one in await world.objects() if one["kind"] == kind):
            assert body["status"]["observedGeneration"] == body["metadata"]["generation"]
            assert kstatus_faults(body) == []
            assert has("Ready", "Succeeded")(body)
    assert await provider.people() == people
    assert NEW_GROUP not in await provider.groups()


async def test_the_plan_that_waited_can_be_approved(upgraded: Upgraded) -> None:
    world, provider, people = upgraded
    integration = await world.until("ScimIntegration", "calendly", has("InSync", "AwaitingApproval"))
    approval = {"scim-operator.dev/approve": integration["status"]["plan"]["digest"]}
    await world.patch("ScimIntegration", "calendly", {"metadata": {"annotations": approval}})
    await world.until("ScimIntegration", "calendly", has("InSync", "InSync"))
    assert NEW_GROUP in await provider.groups()
    accounts = {(one["id"], one["active"]) for one in await provider.people()}
    assert accounts == {(one["id"], one["active"]) for one in people}


async def test_the_upgrade_brings_the_definitions_of_today(upgraded: Upgraded) -> None:
    world, _, _ = upgraded
    history = await asyncio.to_thread(world.helm.history, "scim-operator")
    assert [revision["revision"] for revision in history] == [1, 2]
    for file in CRDS:
        made = yaml.safe_load(file.read_text())
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{made['metadata']['name']}"
        stored = await world.api.get(path)
        stored = await world.api.get(path)
        today = [version["schema"] for version in stored["spec"]["versions"]]
        assert today == [version["schema"] for version in made["spec"]["versions"]]
        assert stored["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_there_is_a_version_to_upgrade_from() -> None:
    assert VERSIONS
