"""When a process that cannot read its resources waits, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from controller.api.kinds import KINDS
from controller.clock import ManualClock
from controller.errors import Conflict, RemoteError, SpecError, Unauthorized, Unavailable
from controller.kube.discovery import (
    DISCOVERY_SECONDS,
    LOSSES,
    cause_of,
    guard,
    look_everywhere,
    look_nowhere,
    missing_kinds,
    wait_for_kinds,
)
from controller.operator.informer import BACKOFFS, LONGEST_BACKOFF, Backoffs

SERVED = {"resources": [{"kind": kind} for kind in KINDS]}
REFUSED = Unauthorized("forbidden", system="Kubernetes", status=403)
AWAY = Unavailable("does not answer", system="Kubernetes")


class Api:
    """Discovery and listings that answer as they are told, then end the test's patience."""

    def __init__(self, *answers: RemoteError | dict[str, Any] | None) -> None:
        self.answers: Iterable[Any] = iter(answers)
        self.paths: list[str] = []

    async def get(self, path: str, params: Any = None) -> dict[str, Any]:
        self.paths.append(path)
        if params is not None:
            return {}
        answer = next(self.answers, EOFError("asked once more"))
        if isinstance(answer, Exception):
            raise answer
        return SERVED if answer is None else answer


async def guarded(*answers: Any) -> Api:
    api = Api(*answers)
    await guard(api, ManualClock())  # type: ignore[arg-type]
    return api


async def test_a_permission_counts_as_lost_when_the_refusal_is_repeated() -> None:
    with pytest.raises(Unauthorized, match="may not read its resources any more: forbidden") as caught:
        await guarded(None, *[REFUSED] * LOSSES)
    assert caught.value.reason == "PermissionLost"


async def test_what_hinders_the_release_hides_no_loss() -> None:
    async def hindered() -> None:
        raise REFUSED

    with pytest.raises(Unauthorized, match="may not read its resources any more"):
        await guard(Api(*[REFUSED] * LOSSES), ManualClock(), release=hindered)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "told"),
    [({"resources": []}, "are gone"), (None, "ended: 404"), (AWAY, "ended: 404")],
)
async def test_watches_that_end_are_told_by_the_kinds_that_are_gone(answer: Any, told: str) -> None:
    end = Unavailable("the watches ended: 404", system="Kubernetes", reason="WatchEnded")
    assert told in (await cause_of(end, Api(answer))).message  # type: ignore[arg-type]


async def test_a_refusal_that_passes_is_forgotten() -> None:
    few = [REFUSED] * (LOSSES - 1)
    with pytest.raises(EOFError):
        await guarded(*few, None, *few, None)


async def test_an_api_server_that_is_away_is_waited_for() -> None:
    with pytest.raises(EOFError):
        await guarded(*[AWAY] * 100, Conflict("409", system="Kubernetes"), None)


async def test_a_kind_that_is_gone_ends_the_process_by_its_name() -> None:
    with pytest.raises(SpecError, match=r"seatlimits.* are gone"):
        await guarded(*[{"resources": [{"kind": kind} for kind in KINDS if kind != "SeatLimit"]}] * LOSSES)


async def test_every_kind_is_read_unless_namespaces_are_looked_at_by_name() -> None:
    plurals = tuple(kind.plural for kind in KINDS.values())
    for look, count in ((look_everywhere, len(KINDS)), (look_nowhere, 0)):
        api = Api(None)
        with pytest.raises(EOFError):
            await guard(api, ManualClock(), look)  # type: ignore[arg-type]
        assert sum(path.endswith(plurals) for path in api.paths) == count


async def test_a_missing_definition_is_waited_for_a_minute_and_then_named() -> None:
    clock, api = ManualClock(), Api(*[{"resources": []}] * 100)
    with pytest.raises(SpecError, match=r"does not know oktaorgs, .*install the CRDs"):
        await wait_for_kinds(api, clock, asyncio.Event())  # type: ignore[arg-type]
    assert clock.monotonic() > DISCOVERY_SECONDS
    await wait_for_kinds(Api({"resources": []}, None), clock, asyncio.Event())  # type: ignore[arg-type]
    assert await missing_kinds(Api(None)) == []  # type: ignore[arg-type]


def test_the_pauses_between_attempts_have_no_end() -> None:
    pauses = iter(Backoffs())
    first = [next(pauses) for _ in BACKOFFS]
    assert first == sorted(first)
    assert {next(pauses) for _ in range(1000)} == {LONGEST_BACKOFF}
