"""One org of sixty people, forty assigned to Calendly through a group, and a client with every right."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from controller.clock import ManualClock
from scim_sandbox.okta.app import build_app
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.seed import seed
from scim_sandbox.okta.store import Org
from scim_sandbox.people import generated
from tests.contract.okta.openapi import load_document

URL = "http://acme.okta.test"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def org(clock: ManualClock) -> Org:
    made = Org(URL, api_token="secret-token", clock=clock)
    seed(made, generated(60), assigned=40)
    return made


@pytest.fixture
def app(org: Org) -> AppRecord:
    return org.app_by_label("Calendly")


@pytest.fixture
async def client(org: Org) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(build_app(org))
    headers = {"authorization": "SSWS secret-token"}
    hooks = {"response": [judged]}
    async with httpx.AsyncClient(
        transport=transport, base_url=URL, headers=headers, event_hooks=hooks
    ) as made:
        yield made


async def judged(response: httpx.Response) -> None:
    """Every call of every test is held against Okta's own document."""
    await response.aread()
    load_document().check(response.request, response)


@pytest.fixture
async def raw(org: Org) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose answers nobody judges: for faults and for /_control."""
    transport = httpx.ASGITransport(build_app(org))
    headers = {"authorization": "SSWS secret-token"}
    async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as made:
        yield made
