"""Secrets are watched by name, and only news enqueue a key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from controller.clock import ManualClock
from controller.errors import Unauthorized, Unavailable
from controller.metrics import Metrics
from controller.operator.secret_watches import SecretWatches, place_of_namespace, version_of_labels
from tests.unit.kube.fakeapi import JSON, FakeApi

SECRET = ("Secret", "team", "token")


def event(change: str, version: int) -> tuple[str, dict[str, object]]:
    return change, {"metadata": {"name": "token", "resourceVersion": str(version)}}


class Stage:
    def __init__(self, api: FakeApi | None = None) -> None:
        self.api, self.enqueued = api or FakeApi(), list[tuple[str, str]]()
        self.watches = SecretWatches(self.api, ManualClock(), Metrics(), self._enqueue)  # type: ignore[arg-type]

    def _enqueue(self, key: str, why: str) -> None:
        self.enqueued.append((key, why))

    async def sees(self, *events: tuple[str, dict[str, object]]) -> list[tuple[str, str]]:
        """What is enqueued after the watch has brought `events`."""
        self.api.watched += list(events)
        await asyncio.wait_for(self._drained(), 2)
        enqueued, self.enqueued = self.enqueued, []
        return enqueued

    async def _drained(self) -> None:
        while True:
            await asyncio.sleep(0)
            if not self.api.watched:
                break


async def test_the_state_that_the_run_has_read_is_no_news_and_each_change_is() -> None:
    stage = Stage()
    stage.watches.want("team/calendly", [SECRET])
    stage.watches.read("team/calendly", {SECRET: "1"})
    assert await stage.sees(event("ADDED", 1)) == []
    assert await stage.sees(event("MODIFIED", 2)) == [("team/calendly", "SecretChanged")]
    assert await stage.sees(event("ADDED", 2)) == []
    assert await stage.sees(event("DELETED", 3)) == [("team/calendly", "SecretChanged")]
    await stage.watches.aclose()


async def test_a_missing_secret_that_comes_is_news() -> None:
    stage = Stage()
    stage.watches.want("team/calendly", [SECRET])
    stage.watches.read("team/calendly", {SECRET: ""})
    assert await stage.sees(event("ADDED", 1)) == [("team/calendly", "SecretChanged")]
    await stage.watches.aclose()


async def test_a_run_that_has_read_the_past_is_repeated() -> None:
    stage = Stage()
    stage.watches.want("team/calendly", [SECRET])
    assert await stage.sees(event("ADDED", 2)) == []
    stage.watches.read("team/calendly", {SECRET: "1"})
    assert stage.enqueued == [("team/calendly", "SecretChanged")]
    await stage.watches.aclose()


async def test_everybody_who_names_a_secret_hears_of_it_and_nobody_else() -> None:
    stage = Stage()
    for key in ("team/a", "team/b", "team/c"):
        stage.watches.want(key, [SECRET])
        stage.watches.read(key, {SECRET: "1"})
    stage.watches.want("team/b", [("Secret", "team", "other")])
    assert await stage.sees(event("MODIFIED", 2)) == [
        ("team/a", "SecretChanged"),
        ("team/c", "SecretChanged"),
    ]
    for key in ("team/a", "team/c"):
        stage.watches.unwant(key)
    stage.watches.read("team/a", {SECRET: "9"})
    assert stage.enqueued == []
    await stage.watches.aclose()


async def test_a_watch_that_fails_is_begun_again() -> None:
    stage = Stage()
    stage.api.broken = Unavailable("down", system="Kubernetes")
    stage.watches.want("team/calendly", [SECRET])
    stage.watches.read("team/calendly", {SECRET: "1"})
    await asyncio.sleep(0)
    stage.api.broken = None
    assert await stage.sees(event("MODIFIED", 2)) == [("team/calendly", "SecretChanged")]
    await stage.watches.aclose()


NAMED = place_of_namespace("team")


def namespace(change: str, version: int, **labels: str) -> tuple[str, dict[str, object]]:
    return change, {"metadata": {"name": "team", "resourceVersion": str(version), "labels": labels}}


async def test_of_a_namespace_only_the_labels_are_news() -> None:
    stage, told = Stage(), list[tuple[str, dict[str, str]]]()
    stage.watches.on_labels = lambda name, labels: told.append((name, dict(labels)))
    stage.watches.want("team/calendly", [NAMED])
    stage.watches.read("team/calendly", {NAMED: version_of_labels({"scim": "yes"})})
    assert await stage.sees(namespace("ADDED", 1, scim="yes")) == []
    assert await stage.sees(namespace("MODIFIED", 2, scim="yes")) == []
    news = [("team/calendly", "NamespaceChanged")]
    assert await stage.sees(namespace("MODIFIED", 3, scim="no")) == news
    assert await stage.sees(namespace("MODIFIED", 4, scim="yes")) == news
    assert await stage.sees(namespace("DELETED", 5, scim="yes")) == news
    assert [labels for _, labels in told][-3:] == [{"scim": "no"}, {"scim": "yes"}, {}]
    await stage.watches.aclose()


class Confined(FakeApi):
    """Lets a namespace be read and not watched, as a Role does."""

    def watch(self, path: str, params: object = None) -> AsyncIterator[tuple[str, JSON]]:
        raise Unauthorized("no", system="Kubernetes", status=403)


async def test_a_namespace_that_may_not_be_watched_is_looked_at_now_and_then() -> None:
    stage = Stage(Confined())
    path = "/api/v1/namespaces/team"
    stage.api.put(path, {"metadata": {"name": "team", "labels": {"scim": "yes"}}})
    stage.watches.want("team/calendly", [NAMED])
    stage.watches.read("team/calendly", {NAMED: version_of_labels({"scim": "yes"})})
    for labels, news in (({"scim": "yes"}, []), ({}, [("team/calendly", "NamespaceChanged")])):
        stage.api.put(path, {"metadata": {"name": "team", "labels": labels}})
        for _ in range(50):
            await asyncio.sleep(0)
        assert stage.enqueued == news
    await stage.watches.aclose()
