"""What may run: modes, safeguards, incomplete readings, first plans, windows; and that leavers wait for
nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, Memory, Probe, Touched
from controller.model.people import OktaId, PersonState
from controller.model.plan import HoldReason, Verdict
from controller.planning.base.desired import Desired, Limit, Window
from controller.planning.make_plan import make_plan
from controller.planning.policy.change_limits import allowed, count_use, find_trips, in_window
from controller.planning.policy.decision import Circumstances, judge
from tests.unit.planning.world import (
    NOW,
    URL,
    account_of,
    actual,
    desired_seats,
    group,
    make_desired,
    memory,
    organization,
    person,
    with_app,
    with_provider,
)

ACTIVE, DEPROVISIONED = PersonState.ACTIVE, PersonState.DEACTIVATED


def verdict(desired: Desired, state: Actual, known: Memory, **at: object) -> Verdict:
    circumstances = replace(Circumstances(NOW), **at)
    return judge(make_plan(desired, state, known), desired, state, known, circumstances)


def reasons(found: Verdict) -> set[HoldReason]:
    return {reason for _, reason in found.held}


def touches(actions: Iterable[Action]) -> list[str]:
    return [action.touch.value for action in actions]


def company(
    count: int, *, unassigned: int = 0, left: int = 0, moved: int = 0, new: int = 0
) -> tuple[Actual, Memory]:
    """`count` people with accounts of ours, of whom some are unassigned, left or moved department; and
    newcomers."""
    people = [person(number) for number in range(count)]
    held = [account_of(one) for one in people]
    gone = {one.okta_id: ACTIVE for one in people[:unassigned]}
    listed = [
        replace(one, state=DEPROVISIONED)
        if number < left
        else replace(one, profile=("Engineering", *one.profile[1:]))
        if number < left + moved
        else one
        for number, one in enumerate(people[unassigned:])
    ]
    listed += [person(f"n{number}") for number in range(new)]
    return actual(listed, held, missing=gone), memory(held)


# Modes.


def test_enforce_runs_the_plan() -> None:
    state, known = company(40, left=1, moved=2, new=3)
    found = verdict(make_desired(), state, known)
    assert len(found.run) == 6
    assert found.held == ()
    assert (found.reason, found.message, found.digest, found.frozen) == (None, "", "", None)


def test_observe_runs_nothing_and_asks_for_nothing() -> None:
    state, known = company(40, left=1, moved=2)
    found = verdict(make_desired(mode="Observe"), state, known)
    assert found.run == ()
    assert reasons(found) == {HoldReason.OBSERVING}
    assert found.digest == ""
    assert verdict(make_desired(mode="Observe"), *company(3)).reason is None


def test_approve_holds_everything_but_leavers() -> None:
    state, known = company(40, left=1, moved=2, new=3)
    found = verdict(make_desired(mode="Approve"), state, known)
    assert touches(found.run) == ["Leaver"]
    assert reasons(found) == {HoldReason.AWAITING_APPROVAL}
    assert found.frozen is not None
    assert found.digest == found.frozen.digest
    assert (
        f"kubectl annotate scimintegration calendly -n team scim-operator.dev/approve={found.digest} "
        "--overwrite scim-operator.dev/approved-by=$(kubectl auth whoami" in found.message
    )


# Safeguards.

LIMITS = (
    ("the count is lower", Limit(3, 50), 5, 100, 5),
    ("the share is lower", Limit(50, 10), 0, 99, 9),
    ("never below the minimum", Limit(0, 0), 5, 1000, 5),
    ("no share", Limit(200, None), 5, 10, 200),
)


@pytest.mark.parametrize(
    ("name", "limit", "minimum", "owned", "most"), LIMITS, ids=[row[0] for row in LIMITS]
)
def test_the_lower_of_count_and_percent_counts(
    name: str, limit: Limit, minimum: int, owned: int, most: int
) -> None:
    assert allowed(limit, minimum, owned) == most, name


def test_only_the_class_that_trips_is_held() -> None:
    state, known = company(100, unassigned=11, moved=3, left=2, new=4)
    found = verdict(make_desired(), state, known)
    assert sorted(set(touches(found.run))) == ["Change", "Create", "Leaver"]
    assert set(touches(action for action, _ in found.held)) == {"Removal"}
    assert found.reason is HoldReason.SAFETY_THRESHOLD_EXCEEDED
    assert found.tripped == (Touch.REMOVAL,)
    assert "11 people in removals, 10 allowed within 24 h" in found.message


def test_ten_of_a_hundred_do_not_trip() -> None:
    assert verdict(make_desired(), *company(100, unassigned=10)).tripped == ()


def test_changes_and_leavers_have_limits_of_their_own() -> None:
    assert verdict(make_desired(), *company(100, moved=21)).tripped == (Touch.CHANGE,)
    guards = replace(make_desired().safeguards, leavers=Limit(6, None))
    state, known = company(100, left=7)
    found = verdict(make_desired(safeguards=guards), state, known)
    assert found.tripped == (Touch.LEAVER,)
    assert found.run == ()


def test_creations_never_count() -> None:
    state, known = company(10, new=500)
    assert len(verdict(make_desired(), state, known).run) == 500


def earlier(count: int, hours: float, touch: Touch = Touch.REMOVAL) -> tuple[Touched, ...]:
    moment = (NOW - timedelta(hours=hours)).isoformat()
    return tuple(Touched(f"00ue{number}", touch.value, moment) for number in range(count))


WINDOWS = (
    ("within", earlier(6, 23), True),
    ("long ago", earlier(6, 25), False),
    ("another class", earlier(6, 1, Touch.CHANGE), False),
    ("dated in the future", earlier(6, -48), True),
    (
        "the same people",
        tuple(replace(one, okta_id=f"00u{number}") for number, one in enumerate(earlier(5, 1))),
        False,
    ),
)


@pytest.mark.parametrize(("name", "window", "trips"), WINDOWS, ids=[row[0] for row in WINDOWS])
def test_distinct_people_count_over_the_window(name: str, window: tuple[Touched, ...], trips: bool) -> None:
    state, known = company(100, unassigned=5)
    found = verdict(make_desired(), state, replace(known, window=window))
    assert bool(found.tripped) is trips, name


def test_an_entry_without_a_zone_is_read_as_utc() -> None:
    naive = (Touched("00u1", "Removal", "2026-03-02T11:00:00"),)
    assert in_window(naive, NOW, timedelta(hours=2)) == naive
    assert in_window(naive, NOW, timedelta(minutes=59)) == ()


def test_without_anything_of_a_class_its_full_window_holds_nothing() -> None:
    state, known = company(100, moved=1)
    assert verdict(make_desired(), state, replace(known, window=earlier(50, 1))).tripped == ()


def test_where_okta_provisions_the_share_is_of_what_arrived() -> None:
    state, known = company(100, unassigned=11)
    removals = make_plan(make_desired(), state, known)
    plan = replace(removals, counts=replace(removals.counts, provisioned=100))
    (trip,) = find_trips(make_desired(by="Okta"), state, known, plan, NOW)
    assert (trip.people, trip.limit) == (11, 10)
    roomy = replace(removals, counts=replace(removals.counts, provisioned=110))
    assert find_trips(make_desired(by="Okta"), state, known, roomy, NOW) == ()


# Readings that prove nothing.


def test_a_listing_shorter_than_its_largest_group_removes_nobody() -> None:
    state, known = company(40, unassigned=2, moved=1)
    assigned = {"g1": None, "g2": None, "g3": None}
    groups = {"g1": group("g1", "Everyone", 39), "g2": group("g2", "Few", 3)}
    state = replace(state, assignments=replace(state.assignments, app_groups=assigned, groups=groups))
    found = verdict(make_desired(mode="Approve"), state, known)
    removals = [action for action, reason in found.held if reason is HoldReason.READ_INCOMPLETE]
    assert set(touches(removals)) == {"Removal"}
    assert found.message.startswith(
        "2 removals are held: the app lists 38 people, its group Everyone alone counts 39"
    )
    assert found.frozen is not None
    assert set(touches(found.frozen.actions)) == {"Change"}


def test_an_empty_listing_is_no_doubt_where_we_have_emptied_it() -> None:
    state, known = company(3, unassigned=3)
    at = NOW.isoformat()
    removed = replace(known, window=tuple(Touched(one, "Removal", at) for one in known.pairs))
    assert "lists nobody" not in verdict(make_desired(), state, removed).message
    changed = replace(known, window=tuple(Touched(one, "Change", at) for one in known.pairs))
    assert "lists nobody" in verdict(make_desired(), state, changed).message


def test_an_empty_listing_removes_nobody_without_a_yes() -> None:
    state, known = company(3, unassigned=3)
    found = verdict(make_desired(), state, known)
    assert reasons(found) == {HoldReason.READ_INCOMPLETE}
    assert "the app lists nobody, though 3 accounts are ours" in found.message
    again = verdict(make_desired(approval=found.digest), state, known, frozen=found.frozen)
    assert len(again.run) == 3


CREDENTIALS = (
    ("another credential, fewer people", "new", 40, True),
    ("another credential, as many people", "new", 38, False),
    ("the same credential", "old", 40, False),
)


@pytest.mark.parametrize(
    ("name", "credential", "before", "is_held"), CREDENTIALS, ids=[row[0] for row in CREDENTIALS]
)
def test_a_narrower_role_removes_nobody_without_a_yes(
    name: str, credential: str, before: int, is_held: bool
) -> None:
    state, known = company(40, unassigned=2)
    known = replace(known, credential="old", people_read=before)
    found = verdict(make_desired(), state, known, credential=credential)
    assert (HoldReason.READ_INCOMPLETE in reasons(found)) is is_held, name


# First plans.


def test_the_first_plan_of_a_tenant_with_accounts_waits() -> None:
    state, _ = company(3, moved=2)
    found = verdict(make_desired(), state, Memory())
    assert reasons(found) == {HoldReason.AWAITING_APPROVAL}
    assert found.is_first
    assert "the first plan for a tenant that has accounts" in found.message


def test_the_first_plan_of_an_empty_tenant_runs() -> None:
    found = verdict(make_desired(), actual([person(1)]), Memory())
    assert len(found.run) == 1


def test_a_resource_that_wrote_before_does_not_start_anew_unseen() -> None:
    found = verdict(make_desired(has_written=True), actual([person(1)]), Memory())
    assert found.is_first
    assert found.run == ()


def test_a_run_that_only_cleared_the_way_is_no_lost_state() -> None:
    """SCIM was off, so that the first run wrote and looked at nobody."""
    found = verdict(make_desired(has_written=True), actual([person(1)]), Memory(tenant=URL))
    assert len(found.run) == 1


def test_another_base_url_is_held_even_where_nobody_is() -> None:
    state, known = company(3, moved=2)
    found = verdict(
        make_desired(base_url=URL + "-2"),
        replace(state, accounts=replace(state.accounts, accounts=())),
        known,
    )
    assert found.is_first
    assert found.run == ()


def test_a_tenant_that_lost_all_accounts_is_not_filled_again_unseen() -> None:
    state, known = company(10)
    found = verdict(make_desired(), replace(state, accounts=replace(state.accounts, accounts=())), known)
    assert reasons(found) == {HoldReason.AWAITING_APPROVAL}
    assert "lists no account at all" in found.message


# Prerequisites, steps, windows.

CLOSED = (Window(False, "0 0 * * *", timedelta(hours=24), "Etc/UTC"),)
LATER = (Window(True, "0 20 * * *", timedelta(hours=2), "Etc/UTC"),)


def test_a_plan_that_is_too_low_blocks_all_but_leavers() -> None:
    state, known = company(10, left=1, moved=1, new=1)
    state = with_provider(state, organization=organization(plan="Standard"))
    found = verdict(make_desired(required_plan="Enterprise", mode="Approve"), state, known)
    assert touches(found.run) == ["Leaver"]
    assert reasons(found) == {HoldReason.BLOCKED_BY_STEP}
    assert found.digest == ""


def test_a_step_that_blocks_holds_people_and_not_settings() -> None:
    state, known = company(10, new=1)
    state = with_provider(state, organization=None, table=None)
    state = with_provider(state, probe=replace(state.provider.probe, ok=False, cause="401"))
    state = with_app(state, username_template="${source.login}")
    found = verdict(make_desired(username_format="Email"), state, known)
    assert [action.kind for action in found.run] == [ActionKind.SET_USERNAME_FORMAT]
    assert reasons(found) == {HoldReason.BLOCKED_BY_STEP}


def test_outside_a_window_only_leavers_go() -> None:
    state, known = company(10, left=1, moved=1)
    found = verdict(make_desired(windows=LATER), state, known)
    assert touches(found.run) == ["Leaver"]
    assert found.reason is HoldReason.OUTSIDE_WINDOW
    assert found.opens_at == NOW.replace(hour=20)
    assert found.digest == ""


def test_what_is_approved_still_waits_for_its_window() -> None:
    state, known = company(10, moved=1)
    first = verdict(make_desired(mode="Approve", windows=LATER), state, known)
    assert first.reason is HoldReason.AWAITING_APPROVAL
    desired = make_desired(mode="Approve", windows=LATER, approval=first.digest)
    second = verdict(desired, state, known, frozen=first.frozen)
    assert second.reason is HoldReason.OUTSIDE_WINDOW
    known = replace(known, approved=second.memory_approved, approved_keys=second.approved_keys)
    opened = verdict(make_desired(mode="Approve", windows=LATER), state, known, now=NOW.replace(hour=21))
    assert len(opened.run) == 1


def test_what_needs_something_that_is_held_is_held_too() -> None:
    state, known = company(60, unassigned=25, new=25)
    desired = make_desired(seats=desired_seats(60))
    found = verdict(desired, state, known)
    held = {action.kind for action, _ in found.held}
    assert held == {ActionKind.DEACTIVATE_ACCOUNT, ActionKind.CREATE_ACCOUNT}
    assert reasons(found) == {HoldReason.SAFETY_THRESHOLD_EXCEEDED}


def test_one_person_now_is_judged_like_everybody() -> None:
    state, known = company(3, moved=1)
    small = replace(state, fresh=frozenset({OktaId("00u0")}))
    assert len(verdict(make_desired(), small, known).run) == 1
    assert verdict(make_desired(), small, Memory()).is_first
    assert OktaId("00u0") in known.pairs


def test_a_doubtful_listing_holds_nobody_who_was_asked_for_singly() -> None:
    state, known = company(40, unassigned=2)
    gone = sorted(one for one, state_ in state.assignments.missing.items() if state_ is not None)
    doubted = replace(state, assignments=replace(state.assignments, left_out=1))
    assert verdict(make_desired(), doubted, known).run == ()
    small = replace(doubted, fresh=frozenset(gone[:1]))
    found = verdict(make_desired(), small, known)
    assert [action.subject for action in found.run] == gone[:1]
    assert [action.subject for action, _ in found.held] == gone[1:]


def test_where_steps_block_some_actions_a_yes_still_lets_the_others_go() -> None:
    state, known = company(3, new=1)
    state = with_provider(state, probe=Probe(False, 0.1, NOW, "401"), organization=None, table=None)
    plan = make_plan(make_desired(mode="Approve"), state, known)
    setting = Action(ActionKind.SET_USERNAME_FORMAT, "0oa1", "Calendly", Touch.SETTING, (), (), "x")
    plan = replace(plan, actions=(setting, *plan.actions))
    made = judge(plan, make_desired(mode="Approve"), state, known, Circumstances(NOW))
    assert made.reason is HoldReason.BLOCKED_BY_STEP
    assert "others need only a yes; approve with: kubectl annotate" in made.message


def test_a_window_of_a_clock_that_was_set_back_counts_from_now_on() -> None:
    ahead = Touched("00u1", "Removal", "2036-03-02T12:00:00+00:00")
    (entry,) = in_window((ahead,), NOW, timedelta(hours=24))
    assert (entry.okta_id, entry.at) == ("00u1", "2026-03-02T12:00:00+00:00")
    assert in_window((entry,), NOW + timedelta(hours=23), timedelta(hours=24)) == (entry,)
    assert in_window((entry,), NOW + timedelta(hours=24), timedelta(hours=24)) == ()


def test_how_far_each_class_is_used_up() -> None:
    state, known = company(100, unassigned=6, left=1)
    known = replace(known, window=(*earlier(4, 1), Touched("00u1", "Removal", NOW.isoformat())))
    plan = make_plan(make_desired(), state, known)
    uses = {use.touch: use for use in count_use(make_desired(), state, known, plan, plan.actions, NOW)}
    removals, changes, leavers = (uses[touch] for touch in (Touch.REMOVAL, Touch.CHANGE, Touch.LEAVER))
    assert removals.counted + removals.planned == len(
        {e.okta_id for e in known.window if e.touch == "Removal"}
        | {a.subject for a in plan.actions if a.touch is Touch.REMOVAL}
    )
    assert (removals.limit, changes.counted, changes.planned, leavers.planned) == (10, 0, 0, 1)
    assert count_use(make_desired(), state, known, plan, (), NOW)[0].planned == 0
