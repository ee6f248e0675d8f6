"""When a namespace counts as lost, and what is let go of in which."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from controller.api import KINDS
from controller.clock import ManualClock
from controller.errors import NotFound, RemoteError, Unauthorized, Unavailable
from controller.metrics import Metrics
from controller.operator import namespaces as module
from controller.operator.foundation import Ground
from controller.operator.health import Pulse
from controller.operator.namespaces import (
    MISSING,
    NOT_READABLE,
    WATCH_FAILED,
    Loss,
    NamespaceWatches,
    look,
    release,
)
from tests.unit.operator.test_event_router import Stage

FORBIDDEN = Unauthorized("forbidden", system="Kubernetes", status=403)
REVOKED = Unauthorized("who are you", system="Kubernetes", status=401)
ABSENT = NotFound("no such namespace", system="Kubernetes", status=404)
AWAY = Unavailable("does not answer", system="Kubernetes")


class Api:
    """Answers by the beginning of a path; {} to everything else."""

    def __init__(self, answers: dict[str, RemoteError] | None = None) -> None:
        self.answers = answers or {}

    async def get(self, path: str, params: Any = None) -> dict[str, Any]:
        for beginning, error in self.answers.items():
            if path.startswith(beginning):
                raise error
        return {"resources": [{"kind": kind} for kind in KINDS]}


ITSELF, INSIDE = "/api/v1/namespaces/team", "/apis/scim-operator.dev/v1alpha1/namespaces/team/seatlimits"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({}, None),
        ({ITSELF: ABSENT}, MISSING),
        ({INSIDE: FORBIDDEN}, NOT_READABLE),
        ({ITSELF: FORBIDDEN}, None),
        ({ITSELF: FORBIDDEN, INSIDE: FORBIDDEN}, NOT_READABLE),
    ],
)
async def test_a_namespace_is_lost_if_it_is_missing_or_not_readable(answers: Any, reason: str | None) -> None:
    loss = await look(Api(answers), "team")  # type: ignore[arg-type]
    assert (loss.reason if loss else None) == reason


@pytest.mark.parametrize("place", [ITSELF, INSIDE])
@pytest.mark.parametrize("error", [REVOKED, AWAY])
async def test_an_api_server_that_does_not_say_loses_nothing(place: str, error: RemoteError) -> None:
    with pytest.raises(type(error)):
        await look(Api({place: error}), "team")  # type: ignore[arg-type]


async def test_each_namespace_is_let_go_of_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, ...]] = []

    async def let_go(cluster: object, namespaces: tuple[str, ...]) -> None:
        seen.append(namespaces)
        if namespaces == ("lost",):
            raise FORBIDDEN
        if namespaces == ("revoked",):
            raise REVOKED

    monkeypatch.setattr(module, "let_go", let_go)
    await release(Mock(), ("lost", "team"))
    assert seen == [("lost",), ("team",)], "never (), which is the whole cluster"
    await release(Mock(), ())
    assert seen[-1] == ()
    with pytest.raises(Unauthorized):
        await release(Mock(), ("revoked",))


class Watching:
    """The watches of two namespaces over an API server that answers as it is told."""

    def __init__(self) -> None:
        self.api, self.clock, self.pulse, self.metrics = Api(), ManualClock(), Pulse(ManualClock()), Metrics()
        ground = Ground("", self.api, self.clock, self.metrics)  # type: ignore[arg-type]
        self.stage = Stage()
        names = ("team", "team", "other")
        cluster: Any = Mock()
        self.watches = NamespaceWatches(names, ground, cluster, self.stage.intake, self.pulse)

    async def why(self, error: Exception | None) -> Loss:
        async def ended() -> None:
            if error is not None:
                raise error

        task = asyncio.create_task(ended())
        await asyncio.wait([task])
        return await self.watches._why("team", task)


def test_a_namespace_that_is_named_twice_is_watched_once() -> None:
    assert Watching().pulse.namespaces == 2


@pytest.mark.parametrize(
    ("answers", "reason"),
    [({}, WATCH_FAILED), ({"/apis": AWAY}, WATCH_FAILED), ({ITSELF: ABSENT}, MISSING)],
)
async def test_a_watch_that_ends_loses_its_namespace_only(answers: Any, reason: str) -> None:
    one = Watching()
    one.api.answers = answers
    assert (await one.why(AWAY)).reason == reason
    assert (await one.why(None)).reason == reason


async def test_a_watch_that_ends_with_its_kind_ends_the_process() -> None:
    one = Watching()
    one.api.answers = {"/apis/scim-operator.dev/v1alpha1": ABSENT}
    with pytest.raises(Unavailable):
        await one.why(AWAY)


@contextlib.contextmanager
def lost(one: Watching, namespace: str, reason: str) -> Iterator[None]:
    one.watches._lose(namespace, Loss(reason, "gone"))
    yield
    one.watches._found(namespace, [])


def test_probes_name_what_is_lost_and_fail_only_when_nothing_is_watched() -> None:
    one = Watching()
    one.pulse.state = "ready"
    one.pulse.saw_api()
    with lost(one, "team", NOT_READABLE):
        status, text = one.pulse.ready()
        assert (status, b"namespace team is not watched: NamespaceForbidden" in text) == (200, True)
        with lost(one, "other", MISSING):
            assert one.pulse.ready()[0] == 503
    assert one.pulse.ready() == (200, b"ready, resources read 0 s ago\n")
    assert b'scim_operator_namespace_watched{namespace="team"} 1.0' in one.metrics.render()
