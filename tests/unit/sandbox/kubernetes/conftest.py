"""The embedded API in process: no socket, a clock that stands still, and the Widget kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from controller.clock import ManualClock
from scim_sandbox.kubernetes.app import KubernetesApi
from tests.contract.kubernetes.scenario import DEFINITIONS
from tests.contract.kubernetes.widgets import CRD


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def app(clock: ManualClock) -> KubernetesApi:
    """A server without a token that remembers the last sixteen changes of each kind."""
    return KubernetesApi(clock, None, history=16)


@pytest.fixture
async def api(app: KubernetesApi) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `app`, which serves Widgets."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        created: Any = await client.post(DEFINITIONS, json=CRD)
        assert created.status_code == 201, created.text
        yield client
