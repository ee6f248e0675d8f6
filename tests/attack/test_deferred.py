"""A change that waits for its owner: what happens to the old value meanwhile, and to one that is declined."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from controller.api.provider import ProviderProfile
from controller.model.actions import Result
from controller.model.actual import Actual, Deferred, Memory
from controller.model.plan import Plan
from controller.planning.desired.profiles import build_profile
from controller.planning.make_plan import make_plan
from controller.planning.people.deferred_changes import mark_due
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.state.after_run import Run, remember
from controller.reconcile.state_codec import decode_memory, encode_memory
from tests.unit.planning.world import NOW, PATHS, account_of, actual, done, make_desired, memory, person

EMAIL = PATHS[1]
CALENDLY = replace(build_profile(ProviderProfile(name="calendly")), allowed_paths=None)
DESIRED = make_desired(profile=CALENDLY, group=None)
ADA = person(1)
MOVED = replace(ADA, profile=("Sales", "new@acme.com", "p1"))
OLD, NEW, BY_HAND = ADA.profile[1], "new@acme.com", "eve@evil.example"


def holding(email: object) -> Actual:
    held = account_of(ADA)
    return actual([MOVED], [replace(held, values=(held.values[0], email, held.values[2]))])


def step(state: Actual, known: Memory, now: object = NOW) -> tuple[Plan, Memory]:
    """One run: the plan with the given memory, and the memory after the provider put off what was sent."""
    known = mark_due(known, DESIRED, now)
    plan = make_plan(DESIRED, state, known)
    verdict = judge(plan, DESIRED, state, known, Circumstances(now))
    outcomes = tuple(replace(one, result=Result.PENDING_CONFIRMATION) for one in done(plan.actions))
    return plan, remember(known, Run(DESIRED, state, plan, verdict, outcomes, now))


def sent(plan: Plan) -> list[object]:
    return [dict(action.after)[EMAIL] for action in plan.actions]


def waiting() -> Memory:
    """After the new address was accepted and waits, and was seen to wait once more."""
    first, known = step(holding(OLD), memory([account_of(ADA)]))
    assert sent(first) == [NEW]
    second, known = step(holding(OLD), known)
    assert sent(second) == []
    return decode_memory(encode_memory(known))


def test_an_address_edited_by_hand_while_a_change_waits_is_corrected() -> None:
    plan, known = step(holding(BY_HAND), waiting())
    assert sent(plan) == [NEW]
    assert [(item.expected, item.actual) for item in plan.drift] == [(NEW, BY_HAND)]
    again, _ = step(holding(BY_HAND), known)
    assert sent(again) == [], "it was accepted and waits again"
    third, _ = step(holding("third@evil.example"), known)
    assert sent(third) == [NEW]


@pytest.mark.parametrize("days", [0, 1, 6, 7, 30])
def test_a_change_that_was_declined_or_expired_is_sent_again_after_a_week(days: int) -> None:
    later = NOW + timedelta(days=days)
    plan, known = step(holding(OLD), waiting(), later)
    assert sent(plan) == ([NEW] if days >= 7 else [])
    if plan.actions:
        assert (
            plan.actions[0].why
            == f"sent again: {EMAIL} was accepted on 2026-03-02 and nobody has confirmed it"
        )
        assert sent(step(holding(OLD), known, later + timedelta(days=1))[0]) == []
        assert sent(step(holding(OLD), known, later + timedelta(days=7))[0]) == [NEW]


def test_what_waits_is_in_the_plan_until_it_is_read_back() -> None:
    plan, known = step(holding(OLD), waiting())
    (one,) = plan.unconfirmed
    assert (one.login, one.path, one.value, one.since) == (ADA.login, EMAIL, NEW, "2026-03-02T12:00:00Z")
    _, after = step(holding(NEW), known)
    assert after.deferred == {}


def test_state_of_an_earlier_version_is_read_and_counts_from_now_on() -> None:
    raw = json.loads(gzip.decompress(encode_memory(waiting())))
    raw["deferred"] = {"00u1": {EMAIL: NEW}}
    known = decode_memory(gzip.compress(json.dumps(raw).encode()))
    assert known.deferred == {"00u1": {EMAIL: Deferred(NEW)}}
    plan, known = step(holding(OLD), known, NOW + timedelta(days=30))
    assert sent(plan) == []
    assert sent(step(holding(BY_HAND), known, NOW + timedelta(days=31))[0]) == [NEW]
    assert sent(step(holding(OLD), known, NOW + timedelta(days=37))[0]) == [NEW]


@pytest.mark.parametrize("bad", [[NEW], [NEW, 1, ""], [1, None, ""], [NEW, None, "yesterday"], {}, 7])
def test_state_that_nobody_of_ours_wrote_is_refused(bad: object) -> None:
    raw = json.loads(gzip.decompress(encode_memory(waiting())))
    raw["deferred"] = {"00u1": {EMAIL: bad}}
    with pytest.raises(ValueError):
        decode_memory(gzip.compress(json.dumps(raw).encode()))
