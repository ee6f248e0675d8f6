"""The background workers push and deliver by themselves, and survive what goes wrong."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from scim_sandbox.okta import console
from scim_sandbox.okta.outbound import Reply
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.workers import running


class Scim:
    """Refuses once in an unforeseen way, then takes everybody."""

    def __init__(self) -> None:
        self.created = 0
        self.breaks = True
        self.complete = asyncio.Event()

    async def __call__(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> Reply:
        if "startIndex=1&count=2" in url:
            return Reply(200, body={"totalResults": 0})
        if self.breaks:
            self.breaks = False
            raise RuntimeError("unforeseen")
        if method == "GET":
            return Reply(404)
        self.created += 1
        if self.created == 40:
            self.complete.set()
        return Reply(201, body={"id": str(self.created)})


async def test_the_workers_push_what_is_due_and_outlive_an_error(
    org: Org, app: AppRecord, caplog: pytest.LogCaptureFixture
) -> None:
    scim = Scim()
    org.send = scim
    with caplog.at_level(logging.ERROR):
        async with running(org):
            await asyncio.sleep(0)
            step = {"app": app.id, "step": "enable-provisioning", "baseUrl": "https://x.test", "token": "t"}
            await console.perform(org, step)
            await console.perform(org, {"app": app.id, "step": "to-app"})
            await asyncio.wait_for(scim.complete.wait(), 10)
    assert "a worker of the simulated Okta failed" in caplog.text
    assert org.wake == [] and org.log.listeners == [] and org.send is scim


async def test_an_org_without_a_way_out_gets_the_network_for_as_long_as_it_runs(org: Org) -> None:
    async with running(org):
        assert org.send is not None
    assert org.send is None
