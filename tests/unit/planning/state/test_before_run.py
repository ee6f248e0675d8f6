"""What is noted down before a run writes, and what a restart makes of it when the run came to no end."""

from __future__ import annotations

from dataclasses import replace

from controller.model.actual import Actual, Memory, Touched
from controller.model.people import OktaId, PersonState
from controller.model.plan import Verdict
from controller.planning.base.desired import Desired, DesiredAssignments
from controller.planning.make_plan import make_plan
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.state.before_run import note_intent, recover
from tests.unit.planning.world import (
    GENERIC,
    NOW,
    URL,
    account_of,
    actual,
    group,
    make_desired,
    memory,
    organization,
    person,
    ref,
    with_provider,
)

NAMELESS = replace(GENERIC, keeps_external_id=False)


def decided(desired: Desired, state: Actual, known: Memory) -> tuple[Memory, Verdict]:
    plan = make_plan(desired, state, known)
    verdict = judge(plan, desired, state, known, Circumstances(NOW))
    return note_intent(known, desired, state, plan, verdict, NOW), verdict


NAMELESS_DESIRED = make_desired(profile=NAMELESS)


def test_whom_a_run_may_touch_counts_before_it_does() -> None:
    gone, moved, new = person(1), person(2), person(3)
    accounts = [account_of(gone), replace(account_of(moved), values=("x", "y", "Sales"))]
    state = actual([moved, new], accounts, missing={gone.okta_id: PersonState.ACTIVE})
    intent, _ = decided(make_desired(), state, memory(accounts))
    at = "2026-03-02T12:00:00+00:00"
    assert intent.window == (Touched("00u1", "Removal", at), Touched("00u2", "Change", at))
    assert replace(intent, window=(), creating={}) == memory(accounts)
    assert intent.creating == {"00u3": "p3@acme.com"}


def test_a_restart_counts_nobody_twice() -> None:
    """The same people are planned again, and distinct people count."""
    people = [person(number) for number in range(5)]
    accounts = [account_of(one) for one in people]
    state = actual([], accounts, missing=dict.fromkeys((one.okta_id for one in people), PersonState.ACTIVE))
    state = replace(state, assignments=replace(state.assignments, people=(person(9),)))
    known = memory(accounts)
    intent, first = decided(make_desired(), state, known)
    assert len(first.run) == 6
    again, second = decided(make_desired(), state, intent)
    assert second.run == first.run
    assert again.window == intent.window


def test_an_account_that_is_about_to_be_taken_over_counts_as_taken_over() -> None:
    one = person(1)
    state = actual([one], [replace(account_of(one), external_id="")])
    intent, _ = decided(make_desired(), state, memory())
    assert intent.adopted == {"00u1"}
    ours = memory([account_of(one)])
    assert decided(make_desired(), state, ours)[0].adopted == set()


def test_an_approval_is_in_force_from_the_first_write_on() -> None:
    one = person(1)
    desired = make_desired(mode="Approve")
    state = actual([one])
    _, waiting = decided(desired, state, memory())
    approved = replace(desired, approval=waiting.digest)
    intent, verdict = decided(approved, state, memory())
    assert (intent.approved, intent.approved_keys) == (waiting.digest, verdict.approved_keys)
    after = actual([one], [account_of(one)])
    plan = make_plan(approved, after, intent)
    restarted = judge(plan, approved, after, intent, Circumstances(NOW, frozen=waiting.frozen))
    assert (restarted.handled_approval, restarted.is_approval_ignored) == (waiting.digest, False)


def test_an_account_created_without_an_id_is_ours_after_a_crash() -> None:
    one, desired = person(1, user_name="P1@acme.com"), NAMELESS_DESIRED
    intent, _ = decided(desired, actual([one]), memory())
    assert intent.creating == {"00u1": "p1@acme.com"}
    made = replace(account_of(one), external_id="", user_name="p1@ACME.com")
    assert recover(desired, intent, [made]).pairs == {"00u1": "s-00u1"}
    left = actual([], [made], missing={OktaId("00u1"): PersonState.DEACTIVATED})
    plan = make_plan(desired, left, recover(desired, intent, [made]))
    assert [action.kind.value for action in plan.actions] == ["DeactivateAccount"]


def test_only_what_carries_no_id_and_is_nobodys_is_recovered() -> None:
    one, desired = person(1), NAMELESS_DESIRED
    intent = replace(memory(), creating={OktaId("00u1"): "p1@acme.com"})
    marked = account_of(one)
    assert recover(desired, intent, [marked]).pairs == {}
    unmarked = replace(marked, external_id="")
    noted = replace(intent, pairs={OktaId("00u7"): unmarked.scim_id})
    assert recover(desired, noted, [unmarked]).pairs == noted.pairs
    elsewhere = replace(intent, tenant=URL + "-other")
    assert recover(desired, elsewhere, [unmarked]) is elsewhere
    assert recover(desired, memory(), [unmarked]).pairs == {}


def test_what_a_run_may_set_up_in_okta_is_noted_before_it_does() -> None:
    users = DesiredAssignments("Direct", "", (ref("Users"),), (), prune=False, is_declared=True)
    state = actual([], [], groups={"g1": group("g1", "Users")})
    intent, _ = decided(make_desired(assignments=users), state, memory())
    assert list(intent.made) == ["AssignGroup/g1"]
    leaving = make_desired(assignments=users, is_departing=True)
    assert decided(leaving, state, memory())[0].made == {}, "undoing begins anew with what it began with"


def test_an_account_with_an_id_is_ours_after_a_crash_even_if_its_person_left_since() -> None:
    one, other = person(1), person(2)
    intent, _ = decided(make_desired(), actual([one, other]), Memory())
    assert (intent.tenant, intent.app_id, intent.is_new) == (URL, "0oa1", False)
    found = recover(make_desired(), intent, [account_of(one), account_of(person(3))])
    assert found.pairs == {"00u1": "s-00u1"}, "neither what was not made nor what is another's"
    left = actual([], [account_of(one)], missing={OktaId("00u1"): PersonState.DEACTIVATED})
    assert [action.kind.value for action in make_plan(make_desired(), left, found).actions] == [
        "DeactivateAccount"
    ]


def test_a_crash_in_the_first_push_leaves_nothing_to_approve() -> None:
    people = [person(number) for number in range(3)]
    intent, first = decided(make_desired(), actual(people), Memory())
    assert len(first.run) == 3
    half = actual(people, [account_of(people[0])])
    _, second = decided(make_desired(), half, recover(make_desired(), intent, half.accounts.accounts))
    assert {action.subject for action in second.run} == {"00u1", "00u2"}
    assert not second.is_first


def test_a_tenant_that_had_accounts_before_is_new_until_its_first_plan_was_carried_out() -> None:
    one, there = person(1), account_of(person(7))
    intent, held = decided(make_desired(), actual([one], [there]), Memory())
    assert held.is_first and held.run == ()
    assert (intent.tenant, intent.is_new, intent.creating) == ("", True, {})
    approved, verdict = decided(make_desired(approval=held.digest), actual([one], [there]), Memory())
    assert len(verdict.run) == 1
    assert approved.is_new


def test_a_run_that_could_not_list_accounts_says_nothing_of_them() -> None:
    off = with_provider(actual([person(1)]), organization=organization(scim_enabled=False))
    intent, verdict = decided(make_desired(), off, Memory())
    assert [action.kind.value for action in verdict.run] == ["EnableScim"]
    assert intent.is_new
