"""GroupClient: what it sends, and providers that tell groups in odd ways."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from controller.errors import NotFound, Unavailable
from controller.scim.groups import GroupClient
from tests.unit.scim.test_client import client


class Provider:
    """Answers each method with what it is given; keeps the requests."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.requests = answers, list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.get(request.method, (404, {"detail": "no"}))
        return httpx.Response(answer[0], json=answer[1])

    @property
    def groups(self) -> GroupClient:
        return GroupClient(client(self))


def listing(*rows: dict[str, Any], total: int | None = None) -> tuple[int, dict[str, Any]]:
    return 200, {"totalResults": len(rows) if total is None else total, "Resources": list(rows)}


async def test_every_group_is_listed_without_its_members() -> None:
    provider = Provider(GET=listing({"id": "g1", "displayName": "Sales"}, {"id": "g2"}))
    assert await provider.groups.names() == [("Sales", "g1"), ("", "g2")]
    assert provider.requests[0].url.params["excludedAttributes"] == "members"
    assert provider.requests[0].url.path.endswith("/Groups")


async def test_half_a_listing_is_none() -> None:
    provider = Provider(GET=listing({"id": "g1", "displayName": "Sales"}, total=2))
    with pytest.raises(Unavailable, match="list of groups is not complete"):
        await provider.groups.names()


@pytest.mark.parametrize(
    ("body", "members"),
    [
        ({"members": [{"value": "a"}, {"value": "b", "display": "B"}, {"display": "nobody"}]}, {"a", "b"}),
        ({"members": None}, set()),
        ({}, set()),
    ],
)
async def test_members_are_told_by_the_group_itself(body: dict[str, Any], members: set[str]) -> None:
    assert await Provider(GET=(200, body)).groups.members("g1") == members


ODD: tuple[tuple[str, dict[str, Any], Callable[[GroupClient], Any]], ...] = (
    ("members that are no list", {"GET": (200, {"members": "a"})}, lambda groups: groups.members("g1")),
    ("members that are no objects", {"GET": (200, {"members": ["a"]})}, lambda groups: groups.members("g1")),
    ("no group", {"GET": (200, [])}, lambda groups: groups.name("g1")),
    ("a creation without an id", {"POST": (201, {})}, lambda groups: groups.create("Sales")),
)


@pytest.mark.parametrize(("name", "answers", "ask"), ODD, ids=[case[0] for case in ODD])
async def test_what_is_no_answer_is_an_outage(
    name: str, answers: dict[str, Any], ask: Callable[[GroupClient], Any]
) -> None:
    with pytest.raises(Unavailable):
        await ask(Provider(**answers).groups)


async def test_a_provider_without_groups_says_so() -> None:
    with pytest.raises(NotFound):
        await Provider().groups.names()


async def test_members_are_changed_in_the_forms_of_okta() -> None:
    provider = Provider(PATCH=(200, {}))
    await provider.groups.change_members("g/1", ['x"y'], ["a", "b"])
    (request,) = provider.requests
    assert request.url.raw_path.endswith(b"/Groups/g%2F1")
    assert json.loads(request.content)["Operations"] == [
        {"op": "remove", "path": 'members[value eq "x\\"y"]'},
        {"op": "add", "path": "members", "value": [{"value": "a"}, {"value": "b"}]},
    ]


async def test_a_group_is_created_empty_and_named() -> None:
    provider = Provider(POST=(201, {"id": "g1"}), GET=(200, {"displayName": "Sales"}))
    assert await provider.groups.create("Sales") == "g1"
    assert json.loads(provider.requests[0].content)["members"] == []
    assert await provider.groups.name("g1") == "Sales"
