"""Rotation against the bundled provider: whole, refused half-way, and killed at every point."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from controller.errors import Rejected, Unavailable
from controller.metrics import Metrics
from controller.model.actions import ActionKind, Outcome, Result
from controller.model.actual import Memory
from controller.planning.base.inputs import Inputs, SecretKey
from controller.reconcile.engine import Engine
from controller.reconcile.report import Report
from controller.scim.admin import token_fingerprint
from controller.settings import Settings
from controller.targets.connect import TargetConnector
from tests.contract.targets.conftest import Opener
from tests.contract.targets.secrets import Secrets
from tests.contract.targets.test_connect import credentials, inputs
from tests.contract.targets.world import World

DAY = timedelta(days=1)
HOSTS = frozenset({"acme.okta.example", "scim.example.test"})
SCIM = ("default", "scim", "token")
ROTATION = {"tokenRotation": {"every": "2160h", "minOverlap": "24h", "issueTo": {"name": "scim"}}}


class KilledError(BaseException):
    """The process ends here."""


class Rotating:
    """An integration with token rotation on a world whose time is ours."""

    def __init__(self, world: World, provider: dict[str, Any] | None = None) -> None:
        self.world, self.memory = world, Memory()
        self.provider = {**ROTATION, **(provider or {})}
        self.secrets = Secrets(dict(credentials(world)), {("default", "scim"): {}})
        self.restart()

    def restart(self) -> None:
        """Another process begins, which knows nothing."""
        connector = TargetConnector(Settings(), self.world.wiring, self.secrets)
        self.engine = Engine(connector, self.world.clock, Settings(), Metrics())

    def inputs(self) -> Inputs:
        given = inputs(self.world, self.provider)
        spec = given.integration.spec.model_copy(update={"mode": "Enforce"})
        held: dict[tuple[str, str], frozenset[SecretKey]] = {
            place: frozenset() for place in self.secrets.notes
        }
        for namespace, name, key in self.secrets.values:
            held[namespace, name] = held.get((namespace, name), frozenset()) | {SecretKey(name, key, HOSTS)}
        return replace(
            given,
            integration=replace(given.integration, spec=spec),
            secrets=held,
            secret_notes=self.secrets.known(),
        )

    async def once(self) -> Report:
        report = await self.engine.run(self.inputs(), dict(self.secrets.values), self.memory)
        self.memory = report.memory
        await self.until_noted()
        return report

    async def until_noted(self) -> None:
        """The provider notes the use of a token behind the answer; here it has done so."""
        async with asyncio.timeout(10):
            while True:
                rows = {row["fingerprint"]: row for row in await self.world.admin.tokens()}
                row = rows.get(self.held())
                if row is None or row.get("lastUsed"):
                    return
                await asyncio.sleep(0)

    async def alive(self) -> dict[str, str]:
        """Id -> fingerprint of the living SCIM tokens."""
        rows = await self.world.admin.tokens()
        return {row["id"]: row["fingerprint"] for row in rows if "scim" in row["scopes"]}

    def held(self) -> str:
        value = self.secrets.values.get(SCIM)
        return token_fingerprint(value.get_secret_value().strip()) if value is not None else ""

    async def is_sound(self) -> None:
        """At most two are alive, and the one in the Secret is among them."""
        alive = await self.alive()
        assert len(alive) <= 2
        assert self.held() in alive.values()


def done(report: Report) -> list[str]:
    assert report.error is None, report.error
    return [f"{one.action.kind.value} {one.result.value}" for one in report.outcomes if is_about_tokens(one)]


def is_about_tokens(outcome: Outcome) -> bool:
    return outcome.action.kind in (ActionKind.ISSUE_TOKEN, ActionKind.REVOKE_TOKEN)


def failure(report: Report) -> Outcome:
    (found,) = [one for one in report.outcomes if one.result is Result.FAILED]
    return found


async def test_a_rotation_from_its_beginning_to_its_end(opened: Opener) -> None:
    one = Rotating(await opened(2))
    first = one.held()
    assert done(await one.once()) == []
    one.world.clock.advance(90 * DAY.total_seconds())
    assert done(await one.once()) == ["IssueToken Done"]
    assert one.held() != first and first in (await one.alive()).values()
    for _ in range(3):
        assert done(await one.once()) == []
    one.world.clock.advance(DAY.total_seconds())
    assert done(await one.once()) == ["RevokeToken Done"]
    assert list((await one.alive()).values()) == [one.held()]
    assert done(await one.once()) == []


async def test_the_first_token_is_issued_into_an_empty_secret(opened: Opener) -> None:
    one = Rotating(await opened(2))
    del one.secrets.values[SCIM]
    report = await one.once()
    assert done(report) == ["IssueToken Done"]
    assert report.plan is not None and report.plan.goes_on
    report = await one.once()
    assert report.error is None
    assert report.actual is not None and report.actual.provider.probe.ok
    assert len(report.outcomes) == 2, "both people get their account"


async def test_a_token_that_was_revoked_by_hand_is_replaced(opened: Opener) -> None:
    one = Rotating(await opened(2))
    await one.once()
    (dead,) = await one.alive()
    await one.world.admin.revoke_token(dead)
    assert done(await one.once()) == ["IssueToken Done"]
    await one.is_sound()
    report = await one.once()
    assert report.error is None and report.plan is not None and report.plan.actions == ()


async def due(opened: Opener) -> Rotating:
    one = Rotating(await opened(1))
    await one.once()
    one.world.clock.advance(90 * DAY.total_seconds())
    return one


async def test_a_secret_that_may_not_be_written_costs_no_token(opened: Opener) -> None:
    one = await due(opened)
    one.secrets.refuses = Rejected("may not", system="Kubernetes", reason="SecretNotWritable")
    assert failure(await one.once()).reason == "SecretNotWritable"
    assert len(await one.alive()) == 1
    await one.is_sound()


async def test_a_new_token_that_does_not_work_is_given_up(opened: Opener, monkeypatch: Any) -> None:
    one = await due(opened)
    before = one.held()
    answer = one.world.hosts.handle_async_request

    async def refusing(request: httpx.Request) -> httpx.Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if request.url.path.endswith("/Users") and token_fingerprint(token) != before:
            return httpx.Response(401, json={"detail": "not yet known here"})
        return await answer(request)

    monkeypatch.setattr(one.world.hosts, "handle_async_request", refusing)
    outcome = failure(await one.once())
    assert (outcome.reason, outcome.action.kind) == ("NewTokenRefused", ActionKind.ISSUE_TOKEN)
    assert list((await one.alive()).values()) == [before] == [one.held()]


async def test_a_secret_whose_write_failed_leaves_the_old_token_and_no_leftover(opened: Opener) -> None:
    one = await due(opened)
    one.secrets.fails = Unavailable("the API server is away", system="Kubernetes")
    before = one.held()
    assert done(await one.once()) == ["IssueToken Failed"]
    assert one.held() == before
    await one.is_sound()
    one.secrets.fails = None
    assert done(await one.once()) == ["RevokeToken Done"]
    assert done(await one.once()) == ["IssueToken Done"]
    await one.is_sound()


async def test_a_write_whose_answer_was_lost_is_believed_by_what_the_secret_holds(opened: Opener) -> None:
    one = await due(opened)
    before = one.held()
    one.secrets.loses_answers = Unavailable("no answer", system="Kubernetes")
    assert done(await one.once()) == ["IssueToken Failed"]
    assert one.held() != before
    one.secrets.loses_answers = None
    assert done(await one.once()) == []
    await one.is_sound()


async def test_a_token_that_a_secret_holds_by_now_is_not_revoked(opened: Opener) -> None:
    one = await due(opened)
    old = one.secrets.values[SCIM]
    await one.once()
    one.world.clock.advance(2 * DAY.total_seconds())
    held = dict(one.secrets.values)
    one.secrets.values[SCIM] = SecretStr(old.get_secret_value())
    report = await one.engine.run(one.inputs(), held, one.memory)  # it has read the Secret before
    assert failure(report).reason == "Conflict"
    await one.is_sound()


class Mortal:
    """Kills the process at the number-th thing that it does, before or after it is done."""

    def __init__(self, one: Rotating, number: int, *, after: bool) -> None:
        self.one, self.left, self.after = one, number, after
        self.send, self.put = one.world.hosts.handle_async_request, one.secrets.put

    def arm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(self.one.world.hosts, "handle_async_request", self._request)
        monkeypatch.setattr(self.one.secrets, "put", self._put)

    async def _request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" or "/tokens" not in request.url.path:
            return await self.send(request)
        self._strike(before=True)
        answer = await self.send(request)
        self._strike(before=False)
        return answer

    async def _put(self, *given: Any) -> None:
        self._strike(before=True)
        await self.put(*given)
        self._strike(before=False)

    def _strike(self, *, before: bool) -> None:
        if before:
            self.left -= 1
        if self.left == 0 and before is not self.after:
            raise KilledError


POINTS = [  # issuing, storing, revoking
    (number, after) for number in range(1, 4) for after in (False, True)
]


@pytest.mark.parametrize(("number", "after"), POINTS)
async def test_killed_at_any_point_and_run_again_it_ends_with_one_token_in_use(
    opened: Opener, number: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await due(opened)
    kills = 0
    with monkeypatch.context() as mortal:
        Mortal(one, number, after=after).arm(mortal)
        for _ in range(12):
            try:
                await one.once()
            except KilledError:
                kills += 1
                one.restart()
            await one.is_sound()
            one.world.clock.advance(DAY.total_seconds() / 2)
    assert kills == 1
    assert list((await one.alive()).values()) == [one.held()]
