"""Fixtures of the provider's contract: each test runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from controller.clock import ManualClock
from controller.provider.app import build_app
from tests.conftest import missing
from tests.contract.provider.postgres import binaries, cluster, drop_database, new_database
from tests.contract.provider.world import Client, World


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A server for the session."""
    folder = binaries()
    if folder is None:
        missing("PostgreSQL")
        return
    with cluster(folder) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/provider.sqlite"
        return
    url = new_database(request.getfixturevalue("postgres_server"))
    yield url
    drop_database(url)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
async def world(database_url: str, clock: ManualClock) -> AsyncIterator[World]:
    """A provider without organizations."""
    world = World(build_app(database_url, clock), clock)
    yield world
    await world.http.aclose()
    await world.provider.close()


@pytest.fixture
def acme(world: World) -> Client:
    """An organization of a team's own: the whole of SCIM."""
    return world.organization()


@pytest.fixture
def calendly(world: World) -> Client:
    """An organization that behaves as Calendly, with three seats."""
    return world.organization("Calendly Customer", profile="calendly", seats=3, billing="Invoice")
