"""Carrying out actions: order, concurrency, what stops a run and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from controller.errors import NotFound, RateLimited, Rejected, RemoteError, Unauthorized, Unavailable, Waiting
from controller.model.actions import Action, ActionKind, Outcome, Result, Touch
from controller.scim.failures import SeatsExhausted
from controller.targets.order import PATIENCE, Written, carry_out, confirmed, not_confirmed
from controller.transport.failures import Unreachable


def act(kind: ActionKind, subject: str, *needs: str) -> Action:
    return Action(kind, subject, subject, Touch.CHANGE, (), (), "", needs=needs)


def update(subject: str, *needs: str) -> Action:
    return act(ActionKind.UPDATE_ACCOUNT, subject, *needs)


class Recorder:
    """An Executor that does what it is told, by subject."""

    def __init__(self, most: int = 4, **failures: Callable[[], Exception]) -> None:
        self.most, self.failures = most, failures
        self.written: list[str] = []
        self.confirmed: list[str] = []
        self.listings = self.under_way = self.peak = 0
        self.bad: set[str] = set()

    def concurrency(self, kind: ActionKind) -> int:
        return self.most

    def confirms_singly(self, kind: ActionKind, count: int) -> bool:
        return count <= 20

    async def write(self, action: Action) -> Written:
        self.under_way += 1
        self.peak = max(self.peak, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        self.written.append(action.subject)
        if action.subject in self.failures:
            raise self.failures[action.subject]()
        return Written(request_id="r-" + action.subject)

    async def confirm(self, action: Action, written: Written) -> Outcome:
        self.confirmed.append(action.subject)
        return (
            not_confirmed(action, written, "it is not")
            if action.subject in self.bad
            else confirmed(action, written)
        )

    async def confirm_all(self, kind: ActionKind, written: Sequence[tuple[Action, Written]]) -> list[Outcome]:
        self.listings += 1
        return [await self.confirm(*one) for one in written]


async def run(recorder: Recorder, *actions: Action) -> dict[str, Outcome]:
    told: list[Outcome] = []
    await carry_out(recorder, actions, told.append)
    assert sorted(one.action.key for one in told) == sorted(action.key for action in actions)
    return {one.action.subject: one for one in told}


async def test_kinds_run_in_the_order_given_each_after_the_other() -> None:
    recorder = Recorder()
    first = [act(ActionKind.DEACTIVATE_ACCOUNT, f"d{n}") for n in range(6)]
    second = [act(ActionKind.CREATE_ACCOUNT, f"c{n}") for n in range(6)]
    await run(recorder, *first, *second)
    assert {name[0] for name in recorder.written[:6]} == {"d"} and {
        name[0] for name in recorder.written[6:]
    } == {"c"}


async def test_no_more_are_under_way_than_allowed() -> None:
    recorder = Recorder(most=3)
    await run(recorder, *(update(str(n)) for n in range(15)))
    assert recorder.peak == 3


@pytest.mark.parametrize(("count", "listings"), [(20, 0), (21, 1)])
async def test_many_are_confirmed_by_one_listing(count: int, listings: int) -> None:
    recorder = Recorder()
    outcomes = await run(recorder, *(update(str(n)) for n in range(count)))
    assert recorder.listings == listings and {one.result for one in outcomes.values()} == {Result.DONE}


async def test_what_is_not_read_back_fails_and_takes_its_dependents_along() -> None:
    recorder = Recorder()
    recorder.bad = {"a"}
    needs = act(ActionKind.CREATE_ACCOUNT, "b", update("a").key)
    outcomes = await run(recorder, update("a"), needs, act(ActionKind.CREATE_ACCOUNT, "c"))
    assert outcomes["a"].reason == "NotConfirmed" and outcomes["a"].request_id == "r-a"
    assert (outcomes["b"].result, outcomes["b"].reason) == (Result.SKIPPED, "DependencyFailed")
    assert outcomes["c"].result is Result.DONE


async def test_what_concerns_one_action_stops_nothing() -> None:
    recorder = Recorder(a=lambda: NotFound("gone", system="SCIM", status=404))
    outcomes = await run(recorder, update("a"), update("b"))
    assert [outcomes[name].result for name in "ab"] == [Result.FAILED, Result.DONE]


@pytest.mark.parametrize(
    "failure",
    [
        lambda: Unauthorized("no", system="SCIM", status=401),
        lambda: RateLimited("slow", system="SCIM", retry_after_seconds=60),
        lambda: Unreachable("down", system="SCIM"),
    ],
)
async def test_what_concerns_every_action_ends_the_run(failure: Callable[[], RemoteError]) -> None:
    recorder, told = Recorder(most=1, b=failure), []
    actions = [update("a"), update("b"), update("c"), act(ActionKind.CREATE_ACCOUNT, "d")]
    with pytest.raises(RemoteError) as caught:
        await carry_out(recorder, actions, told.append)
    assert [one.result for one in told] == [Result.DONE, Result.FAILED, Result.SKIPPED, Result.SKIPPED]
    assert {one.reason for one in told[1:]} == {caught.value.reason} and recorder.written == ["a", "b"]


async def test_a_service_that_fails_again_and_again_counts_as_down() -> None:
    names = [f"n{number}" for number in range(PATIENCE + 3)]
    down: dict[str, Any] = {name: lambda: Unavailable("500", system="SCIM", status=500) for name in names}
    recorder, told = Recorder(most=1, **down), []
    with pytest.raises(Unavailable):
        await carry_out(recorder, [update(name) for name in names], told.append)
    assert len(recorder.written) == PATIENCE and len(told) == len(names)


async def test_single_failures_among_successes_are_no_outage() -> None:
    names = [f"n{number}" for number in range(3 * PATIENCE)]
    some: dict[str, Any] = {
        name: lambda: Unavailable("500", system="SCIM", status=500) for name in names[::2]
    }
    outcomes = await run(Recorder(most=1, **some), *(update(name) for name in names))
    assert sum(one.result is Result.DONE for one in outcomes.values()) == len(names) - len(some)


async def test_after_a_lack_of_seats_only_what_takes_a_seat_is_skipped() -> None:
    recorder = Recorder(most=1, a=lambda: SeatsExhausted("full", system="SCIM", status=403))
    kinds = ActionKind.REACTIVATE_ACCOUNT, ActionKind.CREATE_ACCOUNT
    outcomes = await run(recorder, act(kinds[0], "a"), act(kinds[1], "b"), update("c"))
    assert [outcomes[name].reason for name in "abc"] == ["SeatsExhausted", "SeatsExhausted", ""]
    assert [outcomes[name].result for name in "abc"] == [Result.FAILED, Result.SKIPPED, Result.DONE]


async def test_a_bug_is_no_outcome() -> None:
    with pytest.raises(ZeroDivisionError):
        await run(Recorder(a=ZeroDivisionError), update("a"))


async def test_a_run_that_is_cancelled_leaves_nothing_under_way() -> None:
    recorder = Recorder(most=1)
    task = asyncio.ensure_future(
        carry_out(recorder, [update(str(n)) for n in range(9)], lambda outcome: None)
    )
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    before = len(recorder.written)
    await asyncio.sleep(0)
    assert len(recorder.written) == before


class Bundles(Recorder):
    """Writes up to three actions by one request; a request that holds a refused one is refused whole."""

    def __init__(self, **failures: Callable[[], Exception]) -> None:
        super().__init__(1, **failures)
        self.sent: list[list[str]] = []

    def bundles(self, kind: ActionKind, actions: Sequence[Action]) -> list[list[Action]]:
        return [list(actions[at : at + 3]) for at in range(0, len(actions), 3)]

    async def write_bundle(self, actions: Sequence[Action]) -> Written:
        self.sent.append([action.subject for action in actions])
        for action in actions:
            if action.subject in self.failures:
                raise self.failures[action.subject]()
        return Written()


def refused() -> Exception:
    return Rejected("no such member", system="SCIM", status=400)


def down() -> Exception:
    return Unavailable("down", system="SCIM", status=503)


async def test_a_bundle_is_one_write_and_every_action_of_it_is_confirmed() -> None:
    recorder = Bundles()
    told = await run(recorder, *(update(f"u{n}") for n in range(7)))
    assert recorder.sent == [["u0", "u1", "u2"], ["u3", "u4", "u5"]] and recorder.written == ["u6"]
    assert {one.result for one in told.values()} == {Result.DONE} and len(recorder.confirmed) == 7


async def test_what_is_refused_of_a_bundle_is_written_one_by_one_and_fails_alone() -> None:
    recorder = Bundles(u1=refused)
    told = await run(recorder, *(update(f"u{n}") for n in range(3)))
    assert recorder.written == ["u0", "u1", "u2"]
    assert [told[f"u{n}"].result for n in range(3)] == [Result.DONE, Result.FAILED, Result.DONE]


async def test_a_bundle_that_meets_with_an_outage_fails_as_one() -> None:
    recorder = Bundles(u1=down)
    told = await run(recorder, *(update(f"u{n}") for n in range(6)))
    assert recorder.written == []
    assert [told[f"u{n}"].result for n in range(6)] == [Result.FAILED] * 3 + [Result.DONE] * 3


async def test_of_a_bundle_only_what_can_succeed_is_written() -> None:
    recorder = Bundles(c0=refused)
    creation = act(ActionKind.DEACTIVATE_ACCOUNT, "c0")
    needy = [update("u0", creation.key), update("u1"), update("u2")]
    told = await run(recorder, creation, *needy)
    assert recorder.sent == [["u1", "u2"]] and told["u0"].reason == "DependencyFailed"


async def test_each_action_that_is_tried_is_announced_before_it_is_sent_and_once() -> None:
    recorder, lines = Recorder(most=1, u1=lambda: Unauthorized("no", system="SCIM")), list[str]()

    async def write(action: Action) -> Written:
        lines.append(f"sends {action.subject}")
        return await Recorder.write(recorder, action)

    recorder.write = write  # type: ignore[method-assign]
    actions = [update("u0"), update("u1"), update("u2"), update("u3", "UpdateAccount/u1")]
    with pytest.raises(Unauthorized):
        await carry_out(
            recorder, actions, lambda _: None, lambda action: lines.append(f"begins {action.subject}")
        )
    assert lines == ["begins u0", "sends u0", "begins u1", "sends u1"]


async def test_what_forbids_to_begin_lets_what_is_under_way_end_and_skips_the_rest() -> None:
    recorder, begun, told = Recorder(most=2), list[str](), list[Outcome]()

    def begin(action: Action) -> None:
        if len(begun) == 2:
            raise Waiting("time is up", reason="RunDeadline")
        begun.append(action.subject)

    with pytest.raises(Waiting, match="time is up"):
        await carry_out(recorder, [update(f"u{n}") for n in range(6)], told.append, begin)
    results = {one.action.subject: (one.result, one.reason) for one in told}
    assert recorder.written == recorder.confirmed == begun == ["u0", "u1"]
    assert results == {
        **{f"u{n}": (Result.DONE, "") for n in range(2)},
        **{f"u{n}": (Result.SKIPPED, "RunDeadline") for n in range(2, 6)},
    }
