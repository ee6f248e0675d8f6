"""What users store in the API server, as large and as many as they like: the operator's own client reads it
within bounds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from controller.clock import ManualClock
from controller.errors import Rejected, Unavailable, Waiting
from controller.kube.bounded_answers import OBJECT_BYTES, PAGE_BYTES
from controller.kube.client import MOST_EMPTY_PAGES, MOST_ITEMS, PAGE_ITEMS, ApiServer
from controller.kube.paths import object_path
from controller.operator.cluster import Cluster
from tests.attack.servers import Hostile, answered, hostile

MEBIBYTE = 1024 * 1024
PATH = object_path("v1", "configmaps", "team")
Answer = Callable[[str, dict[str, list[str]]], bytes]
JSON = dict[str, Any]


@asynccontextmanager
async def api(answer: Answer) -> AsyncIterator[tuple[ApiServer, Hostile]]:
    """The client before a server whose answers `answer` makes of a path and its query."""

    async def answering(method: str, path: str) -> AsyncIterator[bytes]:
        parts = urlsplit(path)
        yield answer(parts.path, parse_qs(parts.query))

    async with hostile(answering) as server, connected(server.url) as client:
        yield client, server


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[ApiServer]:
    configuration = Configuration()
    configuration.host = url
    client = ApiServer(ApiClient(configuration))
    yield client
    await client.aclose()


def a_page(items: list[JSON], token: str = "") -> bytes:
    return answered(json.dumps({"metadata": {"continue": token}, "items": items}).encode())


async def test_large_objects_are_listed_in_smaller_pages_within_memory() -> None:
    """500 objects of a quarter of a MiB in one page would be 125 MiB."""
    text, most = "x" * (MEBIBYTE // 4), 500

    def answer(path: str, query: dict[str, list[str]]) -> bytes:
        first, limit = int(query.get("continue", ["0"])[0]), int(query["limit"][0])
        last = min(most, first + limit)
        items = [{"metadata": {"name": f"m{n}"}, "text": text if n % 2 else ""} for n in range(first, last)]
        return a_page(items, str(last) if last < most else "")

    async with api(answer) as (client, _):
        found = await client.list_all(PATH)
    assert [one["metadata"]["name"] for one in found] == [f"m{n}" for n in range(most)]


async def test_one_answer_is_read_up_to_its_bound() -> None:
    async def answering(method: str, path: str) -> AsyncIterator[bytes]:
        yield b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"text": "'
        while True:
            yield b"x" * 65536

    async with hostile(answering) as server, connected(server.url) as client:
        with pytest.raises(Unavailable, match="more than 8 MiB") as caught:
            await client.get(PATH)
        assert caught.value.reason == "AnswerTooLarge"
        assert OBJECT_BYTES < server.sent < 2 * OBJECT_BYTES, "and a little in buffers"


async def test_a_single_object_that_is_too_large_for_a_page_is_an_error() -> None:
    big = a_page([{"text": "x" * (PAGE_BYTES + 1)}])
    async with api(lambda path, query: big) as (client, server):
        with pytest.raises(Unavailable) as caught:
            await client.list_all(PATH)
    assert (caught.value.reason, server.asked) == ("AnswerTooLarge", 4), "pages of 500, 62, 7 and 1"


@pytest.mark.parametrize(
    ("items", "most"), [([{}] * PAGE_ITEMS, MOST_ITEMS // PAGE_ITEMS + 1), ([], MOST_EMPTY_PAGES + 1)]
)
async def test_a_list_without_end_ends(items: list[JSON], most: int) -> None:
    page = a_page(items, "more")
    async with api(lambda path, query: page) as (client, server):
        with pytest.raises(Unavailable, match="has no end") as caught:
            await client.list_all(PATH)
    assert (caught.value.reason, server.asked) == ("Incomplete", most)


async def test_an_error_of_any_size_is_an_error() -> None:
    body = answered(b"no" * MEBIBYTE, status=422)
    async with api(lambda path, query: body) as (client, _):
        with pytest.raises(Rejected) as caught:
            await client.get(PATH)
    assert len(caught.value.message) < 500


async def test_a_secret_that_is_too_large_is_told_by_its_name() -> None:
    big = answered(b'{"text": "' + b"x" * OBJECT_BYTES + b'"}')
    async with api(lambda path, query: big) as (client, _):
        with pytest.raises(Waiting, match="the Secret team/scim is larger than is read") as caught:
            await Cluster(client, ManualClock()).read_vault([("Secret", "team", "scim")])
    assert caught.value.reason == "AnswerTooLarge"


def event(text: str, change: str = "MODIFIED") -> bytes:
    return json.dumps({"type": change, "object": {"metadata": {"name": "ca"}, "text": text}}).encode() + b"\n"


async def test_a_bundle_of_authorities_is_watched_though_it_is_large() -> None:
    text = "x" * MEBIBYTE
    body = answered(event(text) + event("small") + b"\n" + event("last", "DELETED").rstrip())
    async with api(lambda path, query: body) as (client, _):
        seen = [(change, found["text"]) async for change, found in client.watch(PATH)]
    assert seen == [("MODIFIED", text), ("MODIFIED", "small"), ("DELETED", "last")]


async def test_an_event_without_end_ends_its_watch() -> None:
    body = answered(event("first") + b"x" * (2 * OBJECT_BYTES))
    async with api(lambda path, query: body) as (client, _):
        watch = client.watch(PATH)
        assert (await anext(watch))[1]["text"] == "first"
        with pytest.raises(Unavailable, match="more than 8 MiB"):
            await anext(watch)
