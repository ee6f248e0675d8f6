"""From an app's name to its id, against the simulated org."""

from __future__ import annotations

import pytest

from controller.targets.app_lookup import AppLookup
from scim_sandbox.okta import apps
from tests.contract.targets.conftest import Opener
from tests.contract.targets.test_okta_people import HOST
from tests.contract.targets.world import World, make_desired


def searches(world: World) -> int:
    return sum(path == "/api/v1/apps" for _, path in world.calls(HOST))


async def test_an_app_that_an_earlier_process_found_is_read_without_a_search(opened: Opener) -> None:
    world = await opened(1)
    desired = make_desired(world, app_id="", app_label="Calendly", pinned_app=world.app.id)
    app = await AppLookup(world.okta.client).app(desired)
    assert (app["id"], searches(world)) == (world.app.id, 0)


@pytest.mark.parametrize("why", ["renamed", "gone"])
async def test_a_pinned_app_that_is_another_s_now_is_searched_for_by_its_label(
    opened: Opener, why: str
) -> None:
    world = await opened(1)
    other = apps.create_app(world.org, "calendly", apps.saml_body("Another"))
    pinned = other.id if why == "renamed" else "0oaNowhere"
    desired = make_desired(world, app_id="", app_label="Calendly", pinned_app=pinned)
    lookup = AppLookup(world.okta.client)
    assert [(await lookup.app(desired))["id"] for _ in range(2)] == [world.app.id] * 2
    assert await lookup.app_id(desired) == world.app.id
    assert searches(world) == 1
