"""Revisions, history, snapshots and subscriptions of the store."""

from __future__ import annotations

from typing import Any

import pytest

from scim_sandbox.kubernetes import store as stores
from scim_sandbox.kubernetes.failures import Refusal
from scim_sandbox.kubernetes.store import Store, copied, encode

TABLE = ("example.com", "things")


def thing(name: str, **content: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n"}, **content}


def test_each_write_gets_the_next_revision() -> None:
    store = Store(first_revision=100)
    assert store.put(TABLE, thing("a")).obj["metadata"]["resourceVersion"] == "101"
    assert store.put(TABLE, thing("b")).revision == 102
    assert store.remove(TABLE, thing("a")).obj["metadata"]["resourceVersion"] == "103"
    assert store.get(TABLE, ("n", "a")) is None


def test_a_write_leaves_what_was_handed_in_alone() -> None:
    obj = thing("a")
    Store().put(TABLE, obj)
    assert obj == thing("a")


def test_items_are_ordered_by_namespace_and_name() -> None:
    store = Store()
    for namespace, name in (("b", "x"), ("a", "z"), ("a", "y")):
        store.put(TABLE, {"metadata": {"name": name, "namespace": namespace}})
    keys = [stores.key_of(stored.obj) for stored in store.items(TABLE)]
    assert keys == [("a", "y"), ("a", "z"), ("b", "x")]


async def test_a_subscription_replays_and_then_follows() -> None:
    store = Store()
    since = store.put(TABLE, thing("a")).revision
    store.put(TABLE, thing("a", changed=True))
    watcher = store.subscribe(TABLE, since)
    store.remove(TABLE, thing("a"))
    events = [await watcher.next(0.01), await watcher.next(0.01), await watcher.next(0.01)]
    assert [event and event.type for event in events] == ["MODIFIED", "DELETED", None]
    assert not watcher.ended


async def test_forgotten_and_future_versions_are_expired() -> None:
    store = Store(history=2)
    first = store.put(TABLE, thing("a")).revision
    for name in "bcd":
        store.put(TABLE, thing(name))
    for since in (first, store.revision + 1):
        with pytest.raises(Refusal) as refused:
            store.subscribe(TABLE, since)
        assert (refused.value.code, refused.value.reason) == (410, "Expired")
    assert store.subscribe(TABLE, first + 1)


async def test_a_watcher_that_does_not_read_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "BACKLOG", 2)
    store = Store()
    watcher = store.subscribe(TABLE, store.revision)
    for name in "abc":
        store.put(TABLE, thing(name))
    assert [(await watcher.next(0.01)) is not None for _ in range(3)] == [True, True, False]
    assert watcher.ended


async def test_an_unsubscribed_watcher_hears_nothing() -> None:
    store = Store()
    watcher = store.subscribe(TABLE, store.revision)
    store.unsubscribe(TABLE, watcher)
    store.put(TABLE, thing("a"))
    assert watcher.ended


async def test_a_dropped_table_ends_its_watches_a_moment_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "LEAVING_SECONDS", 0.01)
    store = Store()
    store.put(TABLE, thing("a"))
    watcher = store.subscribe(TABLE, store.revision)
    store.drop(TABLE)
    assert not watcher.ended
    assert await watcher.next(5) is None
    assert watcher.ended
    assert store.items(TABLE) == []


async def test_closing_ends_every_watch() -> None:
    store = Store()
    kept, dropped = store.subscribe(TABLE, store.revision), store.subscribe(("", "others"), store.revision)
    store.drop(("", "others"))
    store.close()
    late = store.subscribe(TABLE, store.revision)
    assert [watcher.ended for watcher in (kept, dropped, late)] == [True, True, True]


def test_a_snapshot_stays_as_it_was() -> None:
    store = Store()
    store.put(TABLE, thing("a"))
    revision = store.revision
    store.snapshot(TABLE)
    store.put(TABLE, thing("b"))
    assert len(store.items_at(TABLE, revision)) == 1
    assert len(store.items_at(TABLE, store.revision)) == 2


def test_a_snapshot_that_was_let_go_is_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "SNAPSHOTS", 1)
    store = Store()
    first = store.put(TABLE, thing("a")).revision
    store.snapshot(TABLE)
    store.put(TABLE, thing("b"))
    store.snapshot(TABLE)
    with pytest.raises(Refusal, match="continue parameter is too old"):
        store.items_at(TABLE, first)


def test_json_is_made_once() -> None:
    stored = Store().put(TABLE, thing("ä"))
    assert stored.encoded() is stored.encoded()
    assert "ä".encode() in stored.encoded()
    assert encode({"lone": "\ud800"}) == b'{"lone":"?"}'


def test_copies_share_nothing() -> None:
    original = {"a": [{"b": 1}]}
    copy = copied(original)
    copy["a"][0]["b"] = 2
    assert original == {"a": [{"b": 1}]}
