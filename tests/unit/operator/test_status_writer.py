"""Status of what several runs tell of at once is told in turns."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from controller.clock import ManualClock
from controller.metrics import Metrics
from controller.operator.cluster import Cluster, path_of
from controller.operator.status_writer import Reporter
from controller.operator.store import ORG, Store
from controller.reconcile.org_status import OrgFacts
from controller.settings import Settings
from tests.unit.kube.fakeapi import JSON, FakeApi
from tests.unit.operator.bodies import body as made


class SlowApi(FakeApi):
    """Lets others go first before it answers."""

    async def apply_status(self, path: str, body: JSON, *, manager: str) -> JSON:
        await asyncio.sleep(0)
        return await super().apply_status(path, body, manager=manager)


def ready(body: JSON) -> JSON:
    condition = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "Okta answers"}
    told = {**condition, "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}
    return {"observedGeneration": 1, "conditions": [told]}


@pytest.mark.asyncio
async def test_runs_that_tell_of_one_org_at_once_write_and_report_its_transition_once() -> None:
    api, store, clock = SlowApi(), Store(), ManualClock()
    api_any: Any = api
    body = made(ORG)
    place = (ORG, body["metadata"]["namespace"], body["metadata"]["name"])
    store.put({**api.put(path_of(place), body), "kind": ORG})
    cluster = Cluster(api_any, clock)
    reporter = Reporter(store, cluster, clock, Settings(), Metrics(), lambda _a, _b: OrgFacts(0))
    await asyncio.gather(*(reporter.write(body, ready(body)) for _ in range(5)))
    assert [call.split()[0] for call in api.writes()] == ["STATUS", "POST"]
