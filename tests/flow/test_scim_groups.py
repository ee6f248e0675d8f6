"""Groups that the operator keeps itself at the provider's /Groups, from the first plan to everyday life."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from scim_sandbox.run import World, open_world
from tests.cluster.fixtures import Cluster
from tests.flow.conftest import JSON, Flow, condition, says

pytestmark = pytest.mark.asyncio(loop_scope="module")
INTEGRATION = ("ScimIntegration", "calendly")
GROUPS = {"via": "ScimGroups", "attribute": None, "createGroups": "WhenMissing"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A provider that has groups and no attribute that leads to one."""
    directory: Path = tmp_path_factory.mktemp("world")
    async with open_world(cluster.setup(directory, profile="rfc7643")) as opened:
        yield opened


def integration(flow: Flow, **spec: Any) -> JSON:
    more = {"groups": GROUPS, "provider": {"profile": {"name": "rfc7643"}}, **spec}
    return flow.example("ScimIntegration", spec=more)


async def applied(flow: Flow, **spec: Any) -> None:
    for (kind, _), body in flow.quickstart.items():
        await flow.apply(integration(flow, **spec) if kind == "ScimIntegration" else body)


async def in_group(flow: Flow, group: str) -> set[str]:
    return {one["userName"] for one in await flow.provider.people(group=group)}


async def one_of(flow: Flow, group: str) -> str:
    return sorted(await in_group(flow, group))[0]


async def test_a_provider_without_groups_is_refused_by_its_profile(flow: Flow) -> None:
    await applied(flow, provider={"profile": {"name": "calendly"}})
    body = await flow.until(*INTEGRATION, says("Ready", "False", "InvalidSpec"))
    assert "spec.groups.via" in condition(body, "Ready")["message"]
    assert await flow.provider.people() == []


async def test_one_approval_makes_accounts_groups_and_memberships(flow: Flow) -> None:
    await applied(flow, mode="Approve")
    body = await flow.until(*INTEGRATION, says("InSync", "False", "AwaitingApproval"))
    plan = body["status"]["plan"]
    assert plan["summary"]["CreateAccount"] == 40
    assert plan["summary"]["CreateProviderGroup"] == 5
    assert plan["summary"]["ChangeMemberships"] > 0
    await flow.annotate(*INTEGRATION, approve=plan["digest"])
    body = await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    assert body["status"]["people"]["pending"] == 0
    mapping = await flow.until("GroupMapping", "departments", says("Ready", "True", "Succeeded"))
    mapped = [row for row in mapping["status"]["peopleByValue"] if row["group"] == "Sales"]
    assert len(await in_group(flow, "Sales")) == sum(row["people"] for row in mapped) > 0


async def test_a_change_of_department_moves_its_person_alone(flow: Flow) -> None:
    await applied(flow)
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    login, others = await one_of(flow, "Sales"), await in_group(flow, "Engineering")
    await flow.okta.change(login, department="Engineering")
    await flow.begin()
    await flow.annotate(*INTEGRATION, sync_user=f"{login}#1")
    event = await flow.until_event("calendly", "UserSynced")
    assert event["message"] == f"{login}: ChangeMemberships"
    assert [call for call in await flow.okta_calls() if call.endswith("/users")] == [], "nobody else is read"
    assert await in_group(flow, "Engineering") == {*others, login}
    assert login not in await in_group(flow, "Sales")


async def test_an_edit_by_hand_is_reported_or_put_right(flow: Flow) -> None:
    await applied(flow, drift="Report")
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    login = await one_of(flow, "Sales")
    await flow.provider.edit(login, groups=["Finance"])
    body = await flow.reconcile()
    assert condition(body, "InSync")["reason"] == "DriftDetected"
    assert (await flow.provider.person(login))["groups"] == ["Finance"]
    await flow.apply(integration(flow))
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    assert (await flow.provider.person(login))["groups"] == ["Sales"]
    await flow.until_event("calendly", "DriftCorrected")


async def test_a_deleted_mapping_empties_no_group_and_groups_of_others_are_let_be(flow: Flow) -> None:
    await applied(flow, groups={**GROUPS, "unmapped": {"action": "Remove"}})
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    before = {group: await in_group(flow, group) for group in ("Sales", "Engineering")}
    mapping = flow.example("GroupMapping")
    other = {**mapping, "metadata": {**mapping["metadata"], "name": "others"}}
    other["spec"] = {**mapping["spec"], "mappings": [{"values": ["Nobody's"], "providerGroup": "Board"}]}
    await flow.apply(other)
    await flow.until("GroupMapping", "others", says("Ready", "True", "Succeeded"))
    await flow.api.delete("/apis/scim-operator.dev/v1alpha1/namespaces/default/groupmappings/departments")
    await flow.reconcile()
    await flow.reconcile()
    assert {group: await in_group(flow, group) for group in before} == before
