"""Processes: killed at any moment, started at once, several on one database."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from controller.clock import ManualClock, SystemClock
from controller.errors import SpecError
from controller.provider.app import CreatedOrganization, add_organization, create_organization
from controller.provider.database import Database, open_database
from controller.provider.organizations import NewOrganization
from tests.contract.provider.serve import served, until_healthy
from tests.contract.provider.world import user

pytestmark = pytest.mark.slow


class Answered(set[str]):
    """The names that were answered with 201; `enough` is set when there are `goal` of them."""

    def __init__(self) -> None:
        super().__init__()
        self.goal, self.enough = 0, asyncio.Event()

    def note(self, name: str) -> None:
        """One more."""
        self.add(name)
        if len(self) >= self.goal:
            self.enough.set()


async def create_until_it_dies(url: str, org: CreatedOrganization, answered: Answered, worker: int) -> None:
    """Creates users one after another and notes each that was answered with 201."""
    headers = {"authorization": f"Bearer {org.scim_token}"}
    async with httpx.AsyncClient(base_url=url + org.scim_path, headers=headers) as client:
        for number in range(100_000):
            name = f"w{worker}n{number}@x.com"
            try:
                answer = await client.post("/Users", json=user(name))
            except httpx.TransportError:
                return
            assert answer.status_code == 201
            answered.note(name)


async def test_kill_9_loses_nothing_that_was_answered(database_url: str) -> None:
    org = await create_organization(database_url, NewOrganization("Acme"))
    answered = Answered()
    for round_ in range(2):
        with served(database_url) as (process, url):
            await until_healthy(url)
            answered.goal = len(answered) + 40
            answered.enough.clear()
            workers = [
                asyncio.create_task(create_until_it_dies(url, org, answered, 8 * round_ + n))
                for n in range(8)
            ]
            await answered.enough.wait()
            process.kill()
            await asyncio.gather(*workers)
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        names = set(connection.scalars(text("SELECT user_name FROM people")))
        used, total = connection.execute(text("SELECT seats_used, people_total FROM organizations")).one()
        created = text("SELECT COUNT(*) FROM journal WHERE action = 'person.create'")
        journalled = connection.scalar(created)
        if engine.dialect.name == "sqlite":
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
    engine.dispose()
    assert answered <= names
    assert used == total == journalled == len(names)


def test_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    databases: list[Database] = []
    errors: list[BaseException] = []

    def start() -> None:
        try:
            databases.append(open_database(database_url))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    add_organization(databases[0], NewOrganization("Acme"), SystemClock())
    for database in databases:
        asyncio.run(database.close())


def test_a_database_of_newer_code_is_refused(database_url: str) -> None:
    asyncio.run(open_database(database_url).close())
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO schema_versions VALUES (99, '2026')"))
    engine.dispose()
    with pytest.raises(SpecError, match="version 99"):
        open_database(database_url)


@pytest.mark.parametrize(
    "url",
    ["nonsense", "mysql://x/y", "sqlite://", "sqlite:////no/such/folder/x.db", "postgresql://127.0.0.1:1/x"],
)
def test_bad_database_urls_name_the_setting(url: str) -> None:
    with pytest.raises(SpecError, match="database"):
        open_database(url)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_two_processes_on_one_database_behave_as_one(database_url: str) -> None:
    org = await create_organization(database_url, NewOrganization("Acme", seats=10))
    headers = {"authorization": f"Bearer {org.scim_token}"}
    with ExitStack() as stack:
        urls = [stack.enter_context(served(database_url))[1] for _ in range(2)]
        await asyncio.gather(*(until_healthy(url) for url in urls))
        async with httpx.AsyncClient(headers=headers) as client:
            answers = await asyncio.gather(
                *(
                    client.post(f"{urls[n % 2]}{org.scim_path}/Users", json=user(f"u{n}@x.com"))
                    for n in range(40)
                )
            )
            assert sorted(answer.status_code for answer in answers) == [201] * 10 + [403] * 30
            cursor, seen = "", []
            for turn in range(20):
                params = {"count": "3", "cursor": cursor}
                page = (await client.get(f"{urls[turn % 2]}{org.scim_path}/Users", params=params)).json()
                seen += [each["id"] for each in page["Resources"]]
                cursor = page.get("nextCursor", "")
                if not cursor:
                    break
            assert len(seen) == len(set(seen)) == 10


async def test_parallel_member_changes_are_never_lost(database_url: str, tmp_path: Path) -> None:
    from controller.provider.app import build_app
    from tests.contract.provider.world import World

    world = World(build_app(database_url), ManualClock())
    client = world.organization()
    ids = [(await client.new_user(f"u{n}@x.com"))["id"] for n in range(20)]
    group = await client.new_group("Pioneers")
    add = [{"op": "add", "path": "members", "value": [{"value": each}]} for each in ids]
    await asyncio.gather(*(client.patch(f"/Groups/{group['id']}", operation) for operation in add))
    found = (await client.scim("GET", f"/Groups/{group['id']}")).json()
    await world.provider.close()
    assert {member["value"] for member in found["members"]} == set(ids)
    assert found["meta"]["version"] == 'W/"21"'
