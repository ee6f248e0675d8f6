"""What a run may act on: only what it has read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.model.actions import Action, ActionKind, Outcome, Result, Touch
from controller.model.actual import Actual
from controller.model.people import OktaId
from controller.model.plan import HoldReason, Verdict
from controller.planning.policy.freshness import (
    READ_SINGLY,
    awaits_read,
    people_to_refresh,
    without_failures,
    without_old_readings,
)
from tests.unit.planning.world import actual

UPDATE = ActionKind.UPDATE_ACCOUNT


def action(subject: str, kind: ActionKind = UPDATE, *, needs: tuple[str, ...] = ()) -> Action:
    after = (("name.givenName", subject),)
    return Action(kind, subject, subject, Touch.CHANGE, (), after, "", f"scim-{subject}", needs=needs)


def fresh(*people: str) -> Actual:
    return replace(actual([]), fresh=frozenset(map(OktaId, people)))


EVERYTHING = actual([])


@pytest.mark.parametrize("kind", list(ActionKind))
def test_after_a_complete_read_everything_may_be_done(kind: ActionKind) -> None:
    verdict = Verdict((action("00u1", kind),))
    assert without_old_readings(verdict, EVERYTHING) is verdict
    assert people_to_refresh(verdict, EVERYTHING) == frozenset()


@pytest.mark.parametrize("kind", list(ActionKind))
def test_after_a_small_read_only_what_concerns_the_people_read(kind: ActionKind) -> None:
    verdict = Verdict((action("00u1", kind), action("00u2", kind)))
    found = without_old_readings(verdict, fresh("00u1"))
    if kind is ActionKind.CREATE_PROVIDER_GROUP:
        assert found is verdict
    elif kind in READ_SINGLY:
        assert [one.subject for one in found.run] == ["00u1"]
        assert people_to_refresh(verdict, fresh("00u1")) == {"00u2"}
    else:
        assert found.run == () and people_to_refresh(verdict, fresh("00u1")) == frozenset()


def test_what_needs_something_that_waits_waits_too_and_says_why() -> None:
    first = action("00u1", ActionKind.SAVE_GROUP_TABLE)
    second = action("00u2", needs=(first.key,))
    third = action("00u3")
    held = ((action("00u4"), HoldReason.OUTSIDE_WINDOW),)
    found = without_old_readings(Verdict((first, second, third)), fresh("00u2", "00u3"))
    assert found.run == (third,)
    assert [why for _, why in found.held] == [HoldReason.AWAITING_READ] * 2
    assert found.reason is HoldReason.AWAITING_READ
    assert found.message == "2 actions wait for a complete read, which follows at once"
    assert awaits_read(found)
    before = Verdict((first,), held, HoldReason.OUTSIDE_WINDOW, "closed")
    found = without_old_readings(before, fresh())
    assert (found.reason, found.message, len(found.held)) == (HoldReason.OUTSIDE_WINDOW, "closed", 2)
    assert not awaits_read(before)


def test_what_failed_is_not_tried_again_by_a_run_for_others() -> None:
    one, other, changed = action("00u1"), action("00u2"), action("00u3")
    failures = {
        each.key: Outcome(each, Result.FAILED, "Rejected", "no") for each in (one, other, action("00u9"))
    }
    failures[changed.key] = Outcome(replace(changed, after=(("name.givenName", "old"),)), Result.FAILED)
    verdict = Verdict((one, other, changed, action("00u4")))
    found, told = without_failures(verdict, failures, {OktaId("00u2")})
    assert [each.subject for each in found.run] == ["00u2", "00u3", "00u4"]
    assert [outcome.action for outcome in told] == [one]
    assert without_failures(verdict, {}, frozenset()) == (verdict, ())
