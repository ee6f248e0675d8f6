"""Who seems to have left, and whether that is proved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.actual import Actual, Memory
from controller.model.people import Account, OktaId, Person, PersonState
from controller.model.plan import HoldReason, Verdict
from controller.planning.base.desired import Limit, Safeguards
from controller.planning.make_plan import make_plan
from controller.planning.policy.absences import people_to_prove
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.state.after_run import Run, remember
from tests.unit.planning.world import NOW, URL, account_of, actual, done, make_desired, memory, person

PEOPLE = [person(number) for number in range(4)]
ACCOUNTS = [account_of(one) for one in PEOPLE]
LOOSE = Safeguards(make_desired().safeguards.window, 5, Limit(900, 100), Limit(900, 100), Limit(900, 100))


def left(state: PersonState | None = PersonState.ACTIVE, **more: Any) -> Actual:
    """Two are listed, two are not."""
    missing = {one.okta_id: state for one in PEOPLE[2:]}
    return actual(PEOPLE[:2], ACCOUNTS, missing=missing, **more)


def to_prove(state: Actual, known: Memory, **changes: Any) -> tuple[OktaId, ...]:
    return people_to_prove(make_desired(**changes), state.assignments, state.accounts, known)


def test_people_of_ours_with_an_active_account_are_to_be_proved() -> None:
    known = memory(ACCOUNTS)
    assert to_prove(left(), known) == ("00u2", "00u3")
    assert to_prove(left(None), known) == ("00u2", "00u3")
    assert to_prove(left(PersonState.DEACTIVATED), known) == (), "their own state is the proof"
    assert to_prove(left(), memory(ACCOUNTS[:3])) == ("00u2",)
    idle = replace(left(), accounts=replace(left().accounts, accounts=tuple(map(inactive, ACCOUNTS))))
    assert to_prove(idle, known) == ()
    assert to_prove(left(), replace(known, tenant=URL + "-other")) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"by": "Okta"},
        {"on_unassigned": "Keep"},
        {"actions": frozenset({"Create", "Update"})},
        {"is_departing": True},
    ],
)
def test_nobody_is_asked_for_whose_account_stays(changes: dict[str, Any]) -> None:
    assert to_prove(left(), memory(ACCOUNTS), **changes) == ()


def test_an_adopted_account_that_stays_needs_no_proof() -> None:
    known = replace(memory(ACCOUNTS), adopted=frozenset({OktaId("00u2")}))
    assert to_prove(left(), known) == ("00u3",)
    assert to_prove(left(), known, may_deactivate_adopted=True) == ("00u2", "00u3")


def inactive(account: Account) -> Account:
    return replace(account, active=False)


def judged(state: Actual, known: Memory, **changes: Any) -> tuple[Verdict, Memory]:
    desired = make_desired(safeguards=LOOSE, **changes)
    plan = make_plan(desired, state, known)
    verdict = judge(plan, desired, state, known, Circumstances(NOW))
    return verdict, remember(known, Run(desired, state, plan, verdict, done(verdict.run), NOW))


def read(listed: list[Person], unproven: list[Person], **more: Any) -> Actual:
    missing = {one.okta_id: PersonState.ACTIVE for one in PEOPLE if one not in listed}
    names = frozenset(one.okta_id for one in unproven)
    seen = frozenset(more.pop("unlisted", ()))
    return actual(listed, ACCOUNTS, missing=missing, unproven=names, unconfirmed=names - seen, **more)


def test_a_second_complete_read_has_to_agree() -> None:
    known = replace(memory(ACCOUNTS), people_read=4)
    first, known = judged(read(PEOPLE[:2], PEOPLE[2:]), known)
    assert {why for _, why in first.held} == {HoldReason.READ_INCOMPLETE} and not first.run
    assert first.wants_second_read
    assert "the app lists 2 people, 4 in the last complete read; 2 people of ours" in first.message
    assert (known.unlisted, known.people_read) == ({"00u2", "00u3"}, 4)
    second, known = judged(read(PEOPLE[:2], PEOPLE[2:], unlisted=known.unlisted), known)
    assert {action.subject for action in second.run} == {"00u2", "00u3"} and not second.held
    assert (known.people_read, second.wants_second_read) == (2, False)


def test_a_second_read_that_lacks_somebody_else_confirms_only_those_seen_twice() -> None:
    known = replace(memory(ACCOUNTS), people_read=4, unlisted=frozenset({OktaId("00u2")}))
    verdict, after = judged(read(PEOPLE[:2], PEOPLE[2:], unlisted=known.unlisted), known)
    assert [action.subject for action in verdict.run] == ["00u2"]
    assert [action.subject for action, _ in verdict.held] == ["00u3"]
    assert after.unlisted == {"00u2", "00u3"}
    back, after = judged(read(PEOPLE, []), known)
    assert (back.run, after.unlisted) == ((), frozenset())


def test_somebody_may_approve_without_a_second_read() -> None:
    known, state = memory(ACCOUNTS), read(PEOPLE[:2], PEOPLE[2:])
    waiting, _ = judged(state, known)
    verdict, _ = judged(state, known, approval=waiting.digest)
    assert {action.subject for action in verdict.run} == {"00u2", "00u3"}


def test_people_whom_okta_does_not_show_wait_for_approval_however_often_they_are_missing() -> None:
    known = memory(ACCOUNTS)
    for _ in range(3):
        verdict, known = judged(left(None), known)
        assert verdict.run == () and verdict.digest and not verdict.wants_second_read
        assert "Okta shows 2 people no longer" in verdict.message
    approved, _ = judged(left(None), known, approval=verdict.digest)
    assert len(approved.run) == 2


def test_people_whom_the_listing_left_out_hold_every_removal() -> None:
    state, known = left(left_out=1), replace(memory(ACCOUNTS), people_read=4)
    verdict, after = judged(state, known)
    assert after.people_read == 4
    assert {why for _, why in verdict.held} == {HoldReason.READ_INCOMPLETE} and not verdict.digest
    assert "the app lists 2 people, and another is assigned as well" in verdict.message
    several = replace(state, assignments=replace(state.assignments, left_out=2))
    assert "the app lists 2 people, and 2 others are" in judged(several, memory(ACCOUNTS))[0].message


def test_a_run_for_a_few_others_neither_confirms_nor_forgets_who_was_missing() -> None:
    known = replace(memory(ACCOUNTS), people_read=4)
    state = read(PEOPLE[:2], PEOPLE[2:])
    _, known = judged(state, known)
    small = replace(state, fresh=frozenset({PEOPLE[0].okta_id}))
    verdict, after = judged(small, known)
    assert verdict.run == () and {why for _, why in verdict.held} == {HoldReason.READ_INCOMPLETE}
    assert (after.unlisted, after.people_read, after.credential) == (
        known.unlisted,
        known.people_read,
        known.credential,
    )
