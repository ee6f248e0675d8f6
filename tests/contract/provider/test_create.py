"""`scimctl provider create`: an organization in a database that is served meanwhile."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

import httpx
import pytest

from controller.cli.serve import CreateOptions, create
from controller.errors import SpecError
from tests.contract.provider.serve import served, until_healthy

pytestmark = pytest.mark.slow


def exports(text: str) -> dict[str, str]:
    """Name -> value of each line `export NAME=VALUE`."""
    pairs = (line.removeprefix("export ").split("=", 1) for line in text.splitlines())
    return {name: shlex.split(value)[0] for name, value in pairs}


def options(url: str, name: str, env: Path | None = None, public_url: str = "") -> CreateOptions:
    return CreateOptions(url, name, "calendly", 7, env, public_url)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_its_tokens_work_at_once_where_the_provider_already_runs(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(database_url) as (_, url):
        asyncio.run(until_healthy(url))
        create(options(database_url, "Acme Inc", public_url=url + "/"))
        told = exports(capsys.readouterr().out)
        users = httpx.get(
            told["SCIM_BASE_URL"] + "/Users", headers={"authorization": f"Bearer {told['SCIM_TOKEN']}"}
        )
        assert users.json()["totalResults"] == 0
        admin = {"authorization": f"Bearer {told['SCIM_ADMIN_TOKEN']}"}
        organization = httpx.get(told["SCIM_ADMIN_URL"] + "/organization", headers=admin).json()
        assert (organization["profile"], organization["seats"]["purchased"]) == ("calendly", 7)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_name_that_is_taken_is_refused_and_the_file_is_private(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "env"
    create(options(database_url, "acme", file, "https://scim.example.com"))
    assert file.stat().st_mode & 0o077 == 0
    assert exports(file.read_text())["SCIM_BASE_URL"] == "https://scim.example.com/scim/v2/acme"
    with pytest.raises(SpecError, match="acme"):
        create(options(database_url, "Acme"))
