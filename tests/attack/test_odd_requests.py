"""Requests that nobody writes: every sortBy, paths with anything in them, the root; never a 500."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.clock import ManualClock
from controller.provider.app import build_app
from tests.contract.provider.world import Client, World


@pytest.fixture
async def acme(tmp_path: Path) -> AsyncIterator[Client]:
    """An organization with two people and a group."""
    clock = ManualClock()
    world = World(build_app(f"sqlite:///{tmp_path}/p.sqlite", clock), clock)
    client = world.organization()
    await client.new_user("ada@x.com", emails=[{"value": "a@x.com"}], addresses=[{"locality": "X"}])
    await client.new_user("bob@x.com")
    await client.new_group("Pioneers")
    yield client
    await world.http.aclose()
    await world.provider.close()


def names_of(attributes: list[dict[str, Any]], prefix: str) -> Iterator[str]:
    """Every attribute and sub-attribute by its path."""
    for each in attributes:
        yield prefix + each["name"]
        yield from names_of(each.get("subAttributes", []), f"{prefix}{each['name']}.")


MORE = ("", "x", "schemas", "id", "meta", "meta.version", "USERNAME", 'emails[type eq "x"].value', "a b", "é")


async def test_every_sort_by_answers_properly(acme: Client) -> None:
    names = set(MORE)
    for schema in (await acme.scim("GET", "/Schemas")).json()["Resources"]:
        names |= {schema["id"], *names_of(schema["attributes"], "")}
        names |= set(names_of(schema["attributes"], schema["id"] + ":"))
    assert len(names) > 150
    for path in ("/Users", "/Groups", "/"):
        for name in sorted(names):
            for more in ({}, {"cursor": "", "sortOrder": "descending"}):
                parameters = {"sortBy": name, "count": "5"} | more
                answer = await acme.scim("GET", path, params=parameters)
                assert answer.status_code in (200, 400), (path, parameters, answer.text)
    ids = [each["id"] for each in (await acme.scim("GET", "/Users?sortBy=schemas")).json()["Resources"]]
    assert len(ids) == 2


@pytest.mark.parametrize("name", ["attributes", "excludedAttributes", "ATTRIBUTES"])
@pytest.mark.parametrize("value", [5, {"a": 1}, True, [1], ["userName", None]])
async def test_attributes_that_are_no_names_are_named(acme: Client, name: str, value: Any) -> None:
    schema = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
    for path in ("/Users/.search", "/Groups/.search", "/.search"):
        answer = await acme.scim("POST", path, {"schemas": [schema], name: value})
        assert answer.status_code == 400, answer.text
        assert answer.json()["detail"].lower().startswith(name.lower())


ODD = (
    "%0d%0aX",
    "%E2%82%AC",
    "%00",
    "%ff",
    "a%0ab",
    "%7f",
    "..",
    "%2e%2e",
    "a/%0d%0aSet-Cookie:x=1",
    " ",
    "ACME",
)


@pytest.mark.parametrize(
    "base", ["/console/{}", "/console/{}/people", "/console/acme/{}", "/console/assets/{}"]
)
@pytest.mark.parametrize("odd", ODD)
async def test_odd_paths_of_the_console_get_a_page(acme: Client, base: str, odd: str) -> None:
    for method in ("GET", "POST", "PUT"):
        answer = await acme.http.request(method, base.format(odd))
        assert answer.status_code in (303, 400, 403, 404, 405), answer.text
        assert not any(name.lower() == "set-cookie" for name in answer.headers)


@pytest.mark.parametrize(
    "path", ["", "/", "//", "/ServiceProviderConfig/", "/Users//", "/.search", "/Users/%0d%0aX"]
)
async def test_odd_paths_of_scim_are_scim_errors_or_answers(acme: Client, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "PATCH"):
        answer = await acme.scim(method, path)
        assert answer.status_code < 500, answer.text
