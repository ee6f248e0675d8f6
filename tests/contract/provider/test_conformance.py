"""scim2-tester judges the provider: no failure, no warning, on either database and in each profile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from scim2_client import BaseSyncSCIMClient
from scim2_client.engines.asgi import ASGISCIMClient
from scim2_tester import Status, check_server

from controller.clock import SystemClock
from controller.provider.app import Provider, add_organization, build_app
from controller.provider.organizations import NewOrganization


class LoopClient(BaseSyncSCIMClient):
    """The tester is synchronous; this runs the application on a loop of its own between its calls."""

    def __init__(self, app: Provider, base_url: str, token: str, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        headers = {"authorization": f"Bearer {token}"}
        self._inner = ASGISCIMClient(app, base_url=base_url, headers=headers)

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return self._inner._stays_under_base_url(endpoint)

    def _parse_json(self, response: Any) -> Any:
        return response.json()

    def request(self, method: str, url: str, **options: Any) -> Any:
        """One request, from beginning to end."""
        return self._loop.run_until_complete(self._inner.request(method, url, **options))


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs only while a request does."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.mark.parametrize("profile", ["rfc7643", "calendly"])
@pytest.mark.parametrize("patch_answer", ["200", "204"])
def test_scim2_tester_finds_nothing_to_complain_about(
    database_url: str, profile: str, patch_answer: str, loop: asyncio.AbstractEventLoop
) -> None:
    app = build_app(database_url)
    new = NewOrganization(
        "Acme", profile=profile, overrides={"patchAnswer": patch_answer, "groupPatchAnswer": patch_answer}
    )
    org = add_organization(app.database, new, SystemClock())
    client = LoopClient(app, f"http://provider.test{org.scim_path}", org.scim_token, loop)
    results = check_server(client)
    loop.run_until_complete(app.close())
    complaints = [
        f"{each.status.name} {each.title}: {each.reason}" for each in results if each.status != Status.SUCCESS
    ]
    assert not complaints
    assert len(results) > 50
