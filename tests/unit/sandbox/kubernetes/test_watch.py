"""Watches: what they send first, what they send then, and how they end."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from scim_sandbox.kubernetes import watch as watches
from tests.contract.kubernetes.player import MERGE, TABLE
from tests.contract.kubernetes.widgets import GROUP, widget

WIDGETS = f"/apis/{GROUP}/v1/namespaces/default/widgets"


async def watched(api: httpx.AsyncClient, headers: dict[str, str] | None = None, **query: str) -> list[Any]:
    """Everything a watch of one second sends."""
    params = {"watch": "true", "timeoutSeconds": "1", **query}
    answer = await api.get(WIDGETS, params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def told(events: list[Any]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


async def version(api: httpx.AsyncClient) -> str:
    found: str = (await api.get(WIDGETS)).json()["metadata"]["resourceVersion"]
    return found


async def test_initial_events_end_with_a_bookmark(api: httpx.AsyncClient) -> None:
    await api.post(WIDGETS, json=widget("a", {"size": 1}))
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true"}
    events = await watched(api, resourceVersionMatch="NotOlderThan", **query)
    assert told(events)[:2] == [("ADDED", "a"), ("BOOKMARK", "")]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_quiet_watches_get_bookmarks(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "BOOKMARK_SECONDS", 0.2)
    now = await version(api)
    events = await watched(api, resourceVersion=now, allowWatchBookmarks="true")
    assert {kind for kind, _ in told(events)} == {"BOOKMARK"}
    assert events[0]["object"]["metadata"]["resourceVersion"] == now
    assert events[0]["object"]["kind"] == "Widget"


async def test_a_version_that_is_too_old_is_told_as_gone(api: httpx.AsyncClient) -> None:
    old = await version(api)
    for size in range(20):
        await api.post(WIDGETS, json=widget(f"w{size}", {"size": 1}))
    [event] = await watched(api, resourceVersion=old)
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")


async def test_a_version_of_an_earlier_server_is_told_as_gone(api: httpx.AsyncClient) -> None:
    [event] = await watched(api, resourceVersion="17")
    assert event["object"]["code"] == 410


async def test_changes_come_as_tables_where_asked(api: httpx.AsyncClient) -> None:
    since = await version(api)
    await api.post(WIDGETS, json=widget("a", {"size": 4}))
    [event] = await watched(api, TABLE, resourceVersion=since)
    assert event["type"] == "ADDED"
    assert event["object"]["kind"] == "Table"
    assert event["object"]["rows"][0]["cells"][:2] == ["a", 4]


async def test_a_watch_sees_its_namespace_and_selection_only(api: httpx.AsyncClient) -> None:
    since = await version(api)
    elsewhere = WIDGETS.replace("default", "kube-public")
    await api.post(elsewhere, json=widget("far", {"size": 1}))
    await api.post(WIDGETS, json=widget("near", {"size": 1}, labels={"a": "b"}))
    await api.post(WIDGETS, json=widget("other", {"size": 1}))
    await api.delete(f"{WIDGETS}/other")
    await api.delete(f"{WIDGETS}/near")
    events = await watched(api, resourceVersion=since, labelSelector="a=b")
    assert told(events) == [("ADDED", "near"), ("DELETED", "near")]
    assert (
        events[1]["object"]["metadata"]["resourceVersion"]
        > events[0]["object"]["metadata"]["resourceVersion"]
    )


async def test_leaving_a_selection_shows_the_object_as_it_was_in_it(api: httpx.AsyncClient) -> None:
    await api.post(WIDGETS, json=widget("a", {"size": 1}, labels={"in": "yes"}))
    since = await version(api)
    patch = {"metadata": {"labels": {"in": None}}, "spec": {"size": 2}}
    changed = (await api.patch(f"{WIDGETS}/a", json=patch, headers=MERGE)).json()
    [event] = await watched(api, resourceVersion=since, labelSelector="in=yes")
    assert (event["type"], event["object"]["spec"]["size"]) == ("DELETED", 1)
    assert event["object"]["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]


async def test_a_timeout_must_be_a_number(api: httpx.AsyncClient) -> None:
    answer = await api.get(WIDGETS, params={"watch": "1", "timeoutSeconds": "soon"})
    assert answer.status_code == 400
