"""What a run leaves behind: pairs, the window, what was confirmed, what waits for somebody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.model.actions import ActionKind, Outcome, Result
from controller.model.actual import DAY_ZERO, Actual, Deferred, Made, Memory, Touched
from controller.model.people import OktaId, PersonState, ScimId
from controller.planning.base.desired import Desired, DesiredAssignments
from controller.planning.make_plan import make_plan
from controller.planning.people.attribute_diff import paths_key
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.state.after_run import HISTORY_DAYS, Run, remember
from controller.planning.teardown.plan import plan_departure
from tests.unit.planning.world import (
    GENERIC,
    NOW,
    PATHS,
    URL,
    account_of,
    actual,
    carry_out,
    desired_seats,
    done,
    group,
    make_desired,
    memory,
    organization,
    person,
    ref,
    with_provider,
)

DEPROVISIONED = PersonState.DEACTIVATED


def run(
    desired: Desired,
    state: Actual,
    known: Memory,
    result: Result = Result.DONE,
    reason: str = "",
    **run_changes: object,
) -> Memory:
    """The memory after everything that the plan holds ended with `result`."""
    plan = make_plan(desired, state, known)
    verdict = judge(plan, desired, state, known, Circumstances(NOW))
    outcomes = tuple(replace(one, result=result, reason=reason) for one in done(plan.actions))
    return remember(known, replace(Run(desired, state, plan, verdict, outcomes, NOW), **run_changes))


def test_accounts_that_carry_an_okta_id_and_created_ones_are_ours() -> None:
    known, new = person(1), person(2)
    after = run(make_desired(), actual([known, new], [account_of(known)]), memory())
    assert after.pairs == {"00u1": "s-00u1", "00u2": "s-00u2"}
    assert after.adopted == frozenset()
    assert (after.tenant, after.app_id, after.is_new) == (URL, "0oa1", False)


def test_an_account_that_was_there_before_is_marked() -> None:
    one = person(1)
    after = run(make_desired(), actual([one], [account_of(one, external_id="")]), memory())
    assert after.pairs == {"00u1": "s-00u1"}
    assert after.adopted == {"00u1"}
    again = run(make_desired(), actual([one], [account_of(one)]), after)
    assert again.adopted == {"00u1"}


def test_who_left_stays_known_with_the_day() -> None:
    one, other = person(1), person(2)
    held = [account_of(one), account_of(other)]
    state = actual([other], held, missing={one.okta_id: DEPROVISIONED})
    after = run(make_desired(), state, memory(held))
    assert set(after.pairs) == {"00u1", "00u2"}
    assert after.left == {"00u1": (NOW - DAY_ZERO).days}
    assert after.in_use == {"00u2"}
    failed = run(make_desired(), state, memory(held), Result.FAILED)
    assert (set(failed.pairs), failed.left) == ({"00u1", "00u2"}, {})


def test_the_pair_stays_where_the_provider_keeps_no_external_id() -> None:
    one = person(1)
    held = account_of(one, external_id="")
    desired = make_desired(profile=replace(GENERIC, keeps_external_id=False))
    state = actual([person(2)], [held], missing={one.okta_id: DEPROVISIONED})
    after = run(desired, state, memory(pairs={one.okta_id: held.scim_id}))
    assert after.pairs[one.okta_id] == held.scim_id


def test_a_small_run_notes_no_measure_of_the_listing() -> None:
    known = replace(memory([account_of(person(1))]), people_read=7, credential="old")
    after = run(make_desired(), replace(actual([], []), fresh=frozenset()), known)
    assert (set(after.pairs), after.people_read, after.credential) == ({"00u1"}, 7, "old")


UNDECIDED = (
    ("a first plan that waits", make_desired(mode="Enforce"), Memory()),
    ("an observing one", make_desired(mode="Observe"), memory()),
)


@pytest.mark.parametrize(("name", "desired", "known"), UNDECIDED, ids=[row[0] for row in UNDECIDED])
def test_nothing_is_noted_down_as_ours_before_somebody_agreed(
    name: str, desired: Desired, known: Memory
) -> None:
    one = person(1)
    state = actual([one], [account_of(one, user_name="old@acme.com")])
    plan = make_plan(desired, state, known)
    verdict = judge(plan, desired, state, known, Circumstances(NOW))
    after = remember(known, Run(desired, state, plan, verdict, (), NOW))
    assert after.pairs == {}, name
    assert after.is_new is known.is_new


def test_a_first_plan_that_was_approved_is_decided() -> None:
    one = person(1)
    state = actual([one], [account_of(one, user_name="old@acme.com")])
    plan = make_plan(make_desired(), state, Memory())
    verdict = judge(plan, make_desired(approval=plan.digest), state, Memory(), Circumstances(NOW))
    after = remember(Memory(), Run(make_desired(), state, plan, verdict, done(verdict.run), NOW))
    assert not after.is_new
    assert after.pairs == {"00u1": "s-00u1"}


def test_another_tenant_starts_anew_and_the_old_one_is_kept_while_it_waits() -> None:
    one = person(1)
    held = account_of(one)
    known = memory([held])
    desired = make_desired(base_url=URL + "-2")
    plan = make_plan(desired, actual([one], []), known)
    verdict = judge(plan, desired, actual([one], []), known, Circumstances(NOW))
    waiting = remember(known, Run(desired, actual([one], []), plan, verdict, (), NOW))
    assert (waiting.tenant, waiting.pairs) == (URL, known.pairs)


# The window.


def test_people_who_were_touched_count_once_a_class() -> None:
    state = actual(
        [person(1, state=DEPROVISIONED), replace(person(2), user_name="new@x")],
        map(account_of, [person(1), person(2)]),
    )
    known = memory(
        state.accounts.accounts, window=(Touched("00u2", "Change", (NOW - timedelta(hours=3)).isoformat()),)
    )
    after = run(make_desired(), state, known)
    assert [(e.okta_id, e.touch) for e in after.window] == [("00u1", "Leaver"), ("00u2", "Change")]
    assert {e.at for e in after.window} == {"2026-03-02T12:00:00+00:00"}


COUNTED = (
    ("not confirmed", Result.FAILED, "NotConfirmed", 1),
    ("refused", Result.FAILED, "Rejected", 0),
    ("not tried", Result.SKIPPED, "", 0),
    ("waits for its owner", Result.PENDING_CONFIRMATION, "", 1),
)


@pytest.mark.parametrize(("name", "result", "reason", "count"), COUNTED, ids=[row[0] for row in COUNTED])
def test_what_may_have_happened_counts(name: str, result: Result, reason: str, count: int) -> None:
    one = person(1, state=DEPROVISIONED)
    state = actual([one], [account_of(one)])
    assert len(run(make_desired(), state, memory(state.accounts.accounts), result, reason).window) == count, (
        name
    )


def test_creations_are_not_in_the_window() -> None:
    assert run(make_desired(), actual([person(1)]), memory()).window == ()


def test_what_is_older_than_the_window_goes() -> None:
    old = Touched("00u9", "Removal", (NOW - timedelta(hours=25)).isoformat())
    assert run(make_desired(), actual([]), memory(window=(old,))).window == ()


# What was read back.


def test_after_a_write_the_same_account_read_back_is_known() -> None:
    one = replace(person(1), profile=("Engineering", "p1@acme.com", "p1"))
    state = actual([one, person(2), person(3)], [account_of(person(1)), account_of(person(2))])
    desired = make_desired()
    after = run(desired, state, memory(state.accounts.accounts))
    assert set(after.confirmed) == {"00u1", "00u2", "00u3"}
    later = carry_out(state, make_plan(desired, state, memory(state.accounts.accounts)).actions, desired)
    edited = replace(
        later,
        accounts=replace(
            later.accounts,
            accounts=tuple(
                replace(account, values=("Eve", *account.values[1:])) for account in later.accounts.accounts
            ),
        ),
    )
    plan = make_plan(desired, edited, after)
    assert {action.why for action in plan.actions} == {f"{PATHS[0]} was changed at the provider by hand"}


def test_what_differs_and_was_not_written_is_not_confirmed() -> None:
    one = person(1)
    state = actual([one], [account_of(one, user_name="old@acme.com")])
    after = run(make_desired(), state, memory(state.accounts.accounts), Result.FAILED)
    assert after.confirmed == {}


AT = "2026-03-02T12:00:00Z"


def deferring() -> Desired:
    return make_desired(profile=replace(GENERIC, defers=frozenset({PATHS[1], "userName"})))


def test_what_waits_for_its_owner_is_not_sent_again_until_it_is_read_back() -> None:
    before = person(1)
    one = replace(before, user_name="new@acme.com", profile=("Sales", "new@acme.com", "p1"))
    state = actual([one], [account_of(before)])
    waiting = run(deferring(), state, memory(state.accounts.accounts), Result.PENDING_CONFIRMATION)
    sent = dict.fromkeys((PATHS[1], "userName"), Deferred("new@acme.com", "p1@acme.com", AT))
    assert waiting.deferred == {"00u1": sent}
    assert make_plan(deferring(), state, waiting).actions == ()
    agreed = actual([one], [account_of(one)])
    assert run(deferring(), agreed, waiting).deferred == {}


def test_another_value_takes_the_place_of_the_one_that_waits() -> None:
    one = replace(person(1), profile=("Sales", "newer@acme.com", "p1"))
    state = actual([one], [account_of(person(1))])
    known = memory(state.accounts.accounts, deferred={OktaId("00u1"): {PATHS[1]: Deferred("new@acme.com")}})
    assert run(deferring(), state, known).deferred == {}
    again = run(deferring(), state, known, Result.PENDING_CONFIRMATION)
    assert again.deferred == {"00u1": {PATHS[1]: Deferred("newer@acme.com", "p1@acme.com", AT)}}


# What was read.


def test_former_logins_of_protected_people_are_kept() -> None:
    desired = make_desired(protected=frozenset({"root@acme.com", "00u2"}))
    people = [person(1, login="Root@acme.com"), person(2), person(3)]
    after = run(desired, actual(people), memory())
    assert after.logins == {"00u1": ("root@acme.com",), "00u2": ("p2@acme.com",)}
    renamed = run(desired, actual([person(1, login="ada@acme.com")]), after)
    assert renamed.logins["00u1"] == ("ada@acme.com", "root@acme.com")


READINGS = (
    ("the first", "", 0, "new", 3),
    ("the same credential, fewer", "new", 9, "new", 3),
    ("another credential, more", "old", 2, "new", 3),
    ("another credential, fewer", "old", 9, "old", 9),
)


@pytest.mark.parametrize(
    ("name", "had", "people", "credential", "read"), READINGS, ids=[row[0] for row in READINGS]
)
def test_a_shrunken_reading_does_not_become_the_measure(
    name: str, had: str, people: int, credential: str, read: int
) -> None:
    known = memory(credential=had, people_read=people)
    after = run(make_desired(), actual([person(1), person(2), person(3)]), known, credential="new")
    assert (after.credential, after.people_read) == (credential, read), name


def test_seats_are_noted_once_a_day() -> None:
    desired = make_desired(seats=desired_seats(5))
    state = actual([person(1)], [account_of(person(1))])
    known = memory(state.accounts.accounts, seat_history=(("2026-03-01", 7), ("2026-03-02", 9)))
    assert run(desired, state, known).seat_history == (("2026-03-01", 7), ("2026-03-02", 1))
    long = tuple((f"{2000 + n // 300}-01-{n:05}", n) for n in range(HISTORY_DAYS))
    assert len(run(desired, state, replace(known, seat_history=long)).seat_history) == HISTORY_DAYS
    assert run(make_desired(), state, known).seat_history == known.seat_history


def test_the_seats_that_are_noted_are_those_after_the_run() -> None:
    desired = make_desired(seats=desired_seats(5))
    known = run(desired, actual([person(1), person(2)]), memory())
    assert known.seat_history == (("2026-03-02", 2),)


def test_why_okta_could_not_push_somebody_is_kept_until_it_did() -> None:
    failed, fine = person(1, sync_state="ERROR"), person(2)
    reasons = {OktaId(f"00u{number}"): "no seat" for number in (1, 2, 3)}
    okta, known = make_desired(by="Okta"), memory(failures=reasons)
    assert set(run(okta, actual([failed, fine], [account_of(fine)]), known).failures) == {"00u1"}
    assert run(make_desired(), actual([failed]), known).failures == {}


def test_an_outcome_without_an_id_makes_no_pair() -> None:
    one = person(1)
    state = actual([one])
    plan = make_plan(make_desired(), state, memory())
    verdict = judge(plan, make_desired(), state, memory(), Circumstances(NOW))
    outcomes = (Outcome(plan.actions[0], Result.PENDING_CONFIRMATION),)
    assert remember(memory(), Run(make_desired(), state, plan, verdict, outcomes, NOW)).pairs == {}
    assert ScimId("s-00u1") == account_of(one).scim_id


SET_UP = make_desired(
    by="Okta",
    assignments=DesiredAssignments("Direct", "", (ref("Users"),), (), prune=False, is_declared=True),
)


@pytest.mark.parametrize(
    ("result", "reason", "count"),
    [(Result.DONE, "", 1), (Result.FAILED, "NotConfirmed", 1), (Result.FAILED, "Rejected", 0)],
)
def test_what_may_have_been_set_up_in_okta_is_noted(result: Result, reason: str, count: int) -> None:
    state = actual([], [], groups={"g1": group("g1", "Users")})
    after = run(SET_UP, state, memory(), result, reason)
    assert list(after.made) == ["AssignGroup/g1"] * count


def test_what_may_have_been_taken_away_is_not_forgotten() -> None:
    one = replace(person(1), direct=True)
    made = Made(ActionKind.ASSIGN_USER, one.okta_id)
    known = memory([account_of(one)], made={made.key: made})
    state = actual([one], [account_of(one)])
    plan = plan_departure(replace(SET_UP, is_departing=True), state, known)
    verdict = judge(plan, SET_UP, state, known, Circumstances(NOW))
    for result, reason, left in ((Result.FAILED, "NotConfirmed", [made.key]), (Result.DONE, "", [])):
        outcomes = tuple(replace(one, result=result, reason=reason) for one in done(plan.actions))
        assert list(remember(known, Run(SET_UP, state, plan, verdict, outcomes, NOW)).made) == left


def test_hashes_of_other_attributes_are_forgotten() -> None:
    one, two = person(1), person(2)
    state = actual([one], [account_of(one)])
    for paths, left in ((paths_key(PATHS), {one.okta_id, two.okta_id}), ("other", {one.okta_id})):
        after = run(
            make_desired(),
            state,
            memory([account_of(one)], confirmed={two.okta_id: 7}, confirmed_paths=paths),
        )
        assert set(after.confirmed) == left
        assert after.confirmed_paths == paths_key(PATHS)


def test_while_accounts_cannot_be_listed_nobody_is_forgotten() -> None:
    """SCIM is switched off: nothing was looked at, neither people nor settings."""
    off = with_provider(actual([person(2)], []), organization=organization(scim_enabled=False))
    known = memory(
        [account_of(person(1))], left={OktaId("00u1"): 20_000}, settled=frozenset({"x"}), is_new=True
    )
    after = run(make_desired(), off, known)
    assert (after.left, after.settled, after.is_new) == (known.left, known.settled, True)
    assert set(after.pairs) == {"00u1"}
