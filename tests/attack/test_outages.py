"""A full disk, a database that is gone, a bug: the right status, one line in the log, nothing half done."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import make_url

from controller.clock import ManualClock
from controller.errors import SpecError
from controller.provider import bugs, outages
from controller.provider.app import build_app
from controller.provider.database import open_database
from controller.provider.scim import ScimSide
from controller.provider.statements import Prepared, Unit
from controller.provider.tables import secrets as secret_rows
from tests.contract.provider.conftest import database_url, postgres_server  # noqa: F401
from tests.contract.provider.world import Client, World, user


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A provider on SQLite."""
    world = World(build_app(f"sqlite:///{tmp_path}/p.sqlite", ManualClock()), ManualClock())
    yield world
    await world.http.aclose()
    await world.provider.close()


@pytest.fixture
def acme(world: World) -> Client:
    return world.organization()


def fill_disk(world: World, extra: int = 0) -> None:
    """From now on the file has at most `extra` pages more than it has."""
    writer = world.provider.database._writer  # type: ignore[attr-defined]
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages + extra}")


def make_room(world: World) -> None:
    world.provider.database._writer.execute("PRAGMA max_page_count = 1000000")  # type: ignore[attr-defined]


async def until_full(client: Client) -> httpx.Response:
    """The first answer that is no success."""
    for number in range(500):
        answer = await client.scim("POST", "/Users", user(f"u{number}@x.com", title="x" * 2000))
        if answer.status_code != 201:
            return answer
    raise AssertionError("the disk did not become full")


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_full_disk_answers_507_with_one_line_and_reads_go_on(
    world: World, acme: Client, caplog: pytest.LogCaptureFixture
) -> None:
    fill_disk(world, 20)
    refused = await until_full(acme)
    assert refused.status_code == 507 and refused.json()["status"] == "507"
    assert refused.headers["retry-after"] and "disk" in refused.json()["detail"]
    total = (await acme.scim("GET", "/Users?count=0")).json()["totalResults"]
    for number in range(20):
        answer = await acme.scim("POST", "/Users", user(f"v{number}@x.com", title="x" * 2000))
        assert answer.status_code == 507
    admin = await acme.admin("POST", "/groups", {"displayName": "x" * 250})
    assert admin.status_code in (201, 507)
    assert (await acme.scim("GET", "/Users?count=0")).json()["totalResults"] == total
    assert len(errors(caplog)) == 1 and errors(caplog)[0].exc_info is None
    make_room(world)
    world.provider.database.health._failed_at -= outages.CALM_SECONDS
    assert (await acme.scim("POST", "/Users", user("w@x.com"))).status_code == 201
    assert (await acme.http.get("/readyz")).status_code == 200
    assert [record.message for record in errors(caplog)][1:] == ["the database works again"]


async def test_readiness_shows_a_full_disk_until_there_is_room(
    world: World, acme: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    database: Any = world.provider.database
    full = [True]
    begin = database._begin_on_loop

    async def fails(loop: Any) -> None:
        if full[0]:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
            raise error
        await begin(loop)

    monkeypatch.setattr(database, "_begin_on_loop", fails)
    assert (await acme.scim("POST", "/Users", user("a@x.com"))).status_code == 507
    ready = await acme.http.get("/readyz")
    assert ready.status_code == 503 and "disk" in ready.json()["status"]
    full[0] = False
    assert (await acme.http.get("/readyz")).json() == {"status": "ready"}


async def test_writes_that_share_a_commit_with_one_that_undoes_it_are_all_refused(
    world: World, acme: Client
) -> None:
    """SQLite may undo the whole transaction for want of room; later jobs would then commit by themselves."""
    database: Any = world.provider.database
    insert = Prepared(secret_rows.insert().values(name="left-over", value="x"))

    def undone(unit: Unit) -> None:
        database._writer.execute("ROLLBACK")
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
        raise error

    jobs = (lambda unit: unit.run(insert), undone, lambda unit: unit.run(insert))
    outcomes = await asyncio.gather(*(database.write(job) for job in jobs), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [outages.Full] * 3
    found = database._reader.execute("SELECT COUNT(*) FROM secrets WHERE name = 'left-over'").fetchone()
    assert found == (0,)


async def test_a_database_file_that_is_gone_answers_503_and_takes_no_write(
    world: World, acme: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "p.sqlite").rename(tmp_path / "moved.sqlite")
    world.provider.database._looked_at = 0.0  # type: ignore[attr-defined]
    for _ in range(10):
        assert (await acme.scim("POST", "/Users", user("a@x.com"))).status_code == 503
    page = await acme.http.post(
        "/console/sign-in", data={"organization": "acme", "token": acme.org.admin_token}
    )
    assert page.status_code == 503 and "Traceback" not in page.text
    assert (await acme.http.get("/readyz")).status_code == 503
    assert (await acme.http.get("/healthz")).status_code == 200
    assert len(errors(caplog)) == 1 and errors(caplog)[0].exc_info is None
    (tmp_path / "moved.sqlite").rename(tmp_path / "p.sqlite")
    assert (await acme.scim("POST", "/Users", user("a@x.com"))).status_code == 201


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (sqlite3.SQLITE_IOERR, 503),
        (sqlite3.SQLITE_IOERR_WRITE, 503),
        (sqlite3.SQLITE_CORRUPT, 503),
        (sqlite3.SQLITE_NOTADB, 503),
        (sqlite3.SQLITE_READONLY, 503),
        (sqlite3.SQLITE_CANTOPEN, 503),
        (sqlite3.SQLITE_BUSY, 503),
        (sqlite3.SQLITE_FULL, 507),
    ],
)
async def test_every_failure_of_the_storage_has_its_status(
    world: World, acme: Client, monkeypatch: pytest.MonkeyPatch, code: int, status: int
) -> None:
    database: Any = world.provider.database

    def broken(*_: Any, **__: Any) -> Any:
        error = sqlite3.OperationalError("broken")
        error.sqlite_errorcode, error.sqlite_errorname = code, "X"
        raise error

    monkeypatch.setattr(database._read_unit, "_execute", broken)
    for path in (f"{acme.org.scim_path}/Users", f"{acme.org.admin_path}/organization"):
        headers = {"authorization": f"Bearer {acme.org.admin_token}"}
        answer = await acme.http.get(path, headers=headers)
        assert answer.status_code == status and "broken" not in answer.text
    assert (await acme.http.get("/readyz")).status_code == 503


async def test_a_bug_is_a_500_with_an_id_and_one_traceback_for_many_requests(
    world: World, acme: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(*_: Any, **__: Any) -> Any:
        raise KeyError("secret-of-ada@x.com")

    monkeypatch.setattr(bugs, "_logged", {})
    monkeypatch.setattr(ScimSide, "_check_endpoint", staticmethod(bug))
    monkeypatch.setattr("controller.provider.admin.settings.organization_answer", bug)
    monkeypatch.setattr("controller.provider.console.app._sign_in_page", bug)
    for _ in range(5):
        for answer in (
            await acme.scim("GET", "/Users", headers={"x-request-id": "r-1"}),
            await acme.admin("GET", "/organization", headers={"x-request-id": "r-1"}),
            await acme.http.get("/console/sign-in", headers={"x-request-id": "r-1"}),
        ):
            assert answer.status_code == 500
            assert "r-1" in answer.text and "ada" not in answer.text and "Traceback" not in answer.text
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 15
    assert all(getattr(record, "facts")["request"] == "r-1" for record in told)  # noqa: B009
    assert len([record for record in told if record.exc_info]) == 1


async def test_the_last_resort_answers_too(
    world: World, acme: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def bug(*_: Any, **__: Any) -> Any:
        raise RuntimeError("x")

    monkeypatch.setattr(type(world.provider), "_dispatch", bug)
    answer = await acme.http.get("/anything", headers={"x-request-id": "r-2"})
    assert answer.status_code == 500 and "r-2" in answer.json()["detail"]


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_the_files_of_the_database_are_private_also_those_that_were_not(tmp_path: Path) -> None:
    file = tmp_path / "p.sqlite"
    database = open_database(f"sqlite:///{file}")
    assert set(modes(tmp_path)) == {"p.sqlite", "p.sqlite-wal", "p.sqlite-shm"}
    assert set(modes(tmp_path).values()) == {0o600}
    for name in modes(tmp_path):
        (tmp_path / name).chmod(0o644)
    again = open_database(f"sqlite:///{file}")
    assert set(modes(tmp_path).values()) == {0o600}
    await database.close()
    await again.close()
    file.chmod(0o664)
    await open_database(f"sqlite:///{file}").close()
    assert modes(tmp_path) == {"p.sqlite": 0o600}


def test_a_place_where_no_database_can_be_is_told_by_option(tmp_path: Path) -> None:
    (tmp_path / "p.sqlite").mkdir()
    with pytest.raises(SpecError, match="database: cannot open"):
        open_database(f"sqlite:///{tmp_path}/p.sqlite")
    (tmp_path / "text.sqlite").write_text("this is not a database, but a text of some length" * 100)
    with pytest.raises(SpecError, match="database: cannot open"):
        open_database(f"sqlite:///{tmp_path}/text.sqlite")


async def test_api_answers_are_kept_by_no_cache_and_read_as_what_they_are(acme: Client) -> None:
    headers = {"authorization": f"Bearer {acme.org.scim_token}"}
    answers = [
        await acme.scim("GET", "/Users"),
        await acme.scim("GET", "/Nonsense"),
        await acme.scim("POST", "/Users", user("ada@x.com")),
        await acme.admin("GET", "/tokens"),
        await acme.admin("GET", "/journal?format=jsonl"),
        await acme.http.get("/scim/v2/acme/ServiceProviderConfig"),
        await acme.http.get("/admin/v1/openapi.json"),
        await acme.http.get("/healthz"),
        await acme.http.get("/nowhere", headers=headers),
        await acme.http.get("/console/sign-in"),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff", answer.url
        assert answer.headers["cache-control"] == "no-store", answer.url
    assert (await acme.http.get("/console/assets/console.css")).headers["cache-control"] == "max-age=300"


class Cable:
    """A way to a server that can be cut: what is behind it is then gone for whoever comes this way."""

    def __init__(self, port: int) -> None:
        self._behind, self._lines = port, list[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.is_cut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._behind))
            self._lines += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        self.is_cut = True
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._listener.close()
        for line in self._lines:
            line.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_postgresql_that_is_away_answers_503_and_is_found_again(
    database_url: str,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = make_url(database_url)
    cable = Cable(url.port or 5432)
    through = url.set(host="127.0.0.1", port=cable.port).render_as_string(hide_password=False)
    world = World(build_app(through, ManualClock()), ManualClock())
    acme = world.organization()
    await asyncio.gather(*(acme.new_user(f"u{n}@x.com") for n in range(10)))
    cable.cut()
    for number in range(10):
        assert (await acme.scim("POST", "/Users", user(f"v{number}@x.com"))).status_code == 503
        assert (await acme.scim("GET", "/Users")).status_code == 503
    ready = await acme.http.get("/readyz")
    assert ready.status_code == 503 and "does not answer" in ready.json()["status"]
    assert len(errors(caplog)) == 1 and errors(caplog)[0].exc_info is None
    cable.is_cut = False
    assert (await acme.http.get("/readyz")).status_code == 200
    assert (await acme.scim("POST", "/Users", user("w@x.com"))).status_code == 201
    assert (await acme.scim("GET", "/Users?count=0")).json()["totalResults"] == 11
    await world.http.aclose()
    await world.provider.close()
    cable.close()
