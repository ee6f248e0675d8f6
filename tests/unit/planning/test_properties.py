"""What holds for every plan, whatever the world looks like."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.model.actions import ORDER, ActionKind, Touch
from controller.model.actual import Actual, Memory
from controller.model.people import Account, OktaId, Person, PersonState, ScimId
from controller.model.plan import Plan
from controller.planning.base.desired import Desired
from controller.planning.base.digest import plan_digest
from controller.planning.groups.memberships import changed_groups
from controller.planning.make_plan import make_plan
from controller.planning.policy.change_limits import allowed
from controller.planning.policy.decision import Circumstances, judge
from controller.planning.state.after_run import Run, remember
from tests.unit.planning.world import (
    NOW,
    URL,
    account_of,
    actual,
    carry_out,
    desired_scim_groups,
    desired_seats,
    done,
    group,
    make_desired,
    memory,
    person,
    ref,
    with_groups,
)

STATES = st.sampled_from(PersonState)
GROUPS = ("Sales", "Engineering", "Legal", "Everyone", "Former", "Board")
VALUES = st.sampled_from(["Sales", "Engineering", "Legal", "", None])
MANY = settings(max_examples=150, deadline=None)


@st.composite
def people(draw: st.DrawFn, count: int = 12) -> list[Person]:
    found = []
    for number in draw(st.sets(st.integers(0, count - 1))):
        made = person(number, state=draw(STATES), assigned_at=f"2026-01-0{draw(st.integers(1, 9))}T00:00:00Z")
        found.append(replace(made, profile=(draw(VALUES), *made.profile[1:])))
    return found


@st.composite
def accounts(draw: st.DrawFn, count: int = 15) -> list[Account]:
    found = []
    for number in draw(st.sets(st.integers(0, count - 1))):
        made = account_of(person(number), active=draw(st.booleans()))
        edited = draw(st.sampled_from(["same", "same", "renamed", "unmarked", "foreign", "department"]))
        if edited == "renamed":
            made = replace(made, user_name=f"old{number}@acme.com")
        elif edited == "unmarked":
            made = replace(made, external_id="")
        elif edited == "foreign":
            made = replace(made, external_id=f"00ux{number}")
        elif edited == "department":
            made = replace(made, values=(*made.values[:2], draw(VALUES)))
        found.append(made)
    return found


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Desired, Actual, Memory]:
    assigned, held = draw(people()), draw(accounts())
    listed = {one.okta_id for one in assigned}
    gone = {OktaId(a.external_id): draw(st.sampled_from([*PersonState, None])) for a in held if a.external_id}
    missing = {okta_id: state for okta_id, state in gone.items() if okta_id not in listed}
    seats = draw(st.none() | st.integers(1, 12).map(desired_seats))
    desired = make_desired(
        seats=seats,
        adopts_orphans=draw(st.booleans()),
        may_deactivate_adopted=draw(st.booleans()),
        corrects_drift=True,
        on_suspended=draw(st.sampled_from(["Keep", "Deactivate"])),
        on_unassigned=draw(st.sampled_from(["Keep", "Deactivate"])),
        create_not_yet_active=draw(st.booleans()),
        protected=frozenset(draw(st.sets(st.sampled_from(["00u1", "p2@acme.com"])))),
    )
    known = memory([one for one in held if draw(st.booleans())])
    return desired, actual(assigned, held, missing=missing), known


@st.composite
def grouped_worlds(draw: st.DrawFn) -> tuple[Desired, Actual, Memory]:
    """The same, where the operator keeps groups; who was placed where is remembered of some."""
    desired, state, known = draw(worlds())
    rule = draw(st.sampled_from(["Keep", "Remove", "UseValue", "Default"]))
    group = desired_scim_groups(
        unmapped=rule,
        unmapped_group="Everyone" if rule == "Default" else "",
        create_groups=draw(st.booleans()),
        contested=draw(st.sampled_from([frozenset[str](), frozenset({"Legal"})])),
    )
    names = draw(st.sets(st.sampled_from(GROUPS), min_size=1))
    members = {name: draw(st.sets(st.integers(0, 14))) for name in sorted(names)}
    placed = {one: draw(st.sampled_from(["", *GROUPS])) for one in known.pairs if draw(st.booleans())}
    claims = draw(st.sampled_from([{}, {"Old": ("teams", "Former")}, {"Legal": ("gone", "Former")}]))
    known = replace(known, placed=placed, claims=claims)
    return replace(desired, group=group), with_groups(state, members), known


def any_worlds() -> st.SearchStrategy[tuple[Desired, Actual, Memory]]:
    return worlds() | grouped_worlds()


def run_once(desired: Desired, state: Actual, known: Memory) -> tuple[Plan, Actual, Memory]:
    """Plans, and carries out everything that the plan holds."""
    plan = make_plan(desired, state, known)
    after = carry_out(state, plan.actions, desired)
    verdict = replace(
        judge(plan, desired, state, known, Circumstances(NOW)), run=plan.actions, is_first=False
    )
    return plan, after, remember(known, Run(desired, state, plan, verdict, done(plan.actions), NOW))


@MANY
@given(worlds())
def test_applying_a_plan_reaches_the_desired_state(world: tuple[Desired, Actual, Memory]) -> None:
    desired, state, known = world
    for _ in range(4):  # a name freed in one run is given away in the next
        _, state, known = run_once(desired, state, known)
    assert make_plan(desired, state, known).actions == ()


@MANY
@given(any_worlds(), st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_what_was_read(
    world: tuple[Desired, Actual, Memory], chance: random.Random
) -> None:
    desired, state, known = world
    people, held = list(state.assignments.people), list(state.accounts.accounts)
    chance.shuffle(people)
    chance.shuffle(held)
    missing = dict(chance.sample(list(state.assignments.missing.items()), len(state.assignments.missing)))
    shuffled = replace(
        state,
        assignments=replace(state.assignments, people=tuple(people), missing=missing),
        accounts=replace(state.accounts, accounts=tuple(held)),
    )
    assert make_plan(desired, shuffled, known) == make_plan(desired, state, known)


@MANY
@given(any_worlds())
def test_keys_are_unique_and_the_order_is_that_of_a_run(world: tuple[Desired, Actual, Memory]) -> None:
    actions = make_plan(*world).actions
    assert len({action.key for action in actions}) == len(actions)
    assert [ORDER[action.kind] for action in actions] == sorted(ORDER[action.kind] for action in actions)
    assert {need for action in actions for need in action.needs} <= {action.key for action in actions}


@MANY
@given(any_worlds())
def test_only_what_is_ours_is_ever_deactivated(world: tuple[Desired, Actual, Memory]) -> None:
    desired, state, known = world
    for action in make_plan(desired, state, known).actions:
        if action.kind is ActionKind.DEACTIVATE_ACCOUNT:
            noted = known.pairs[OktaId(action.subject)]
            carriers = {a.scim_id for a in state.accounts.accounts if a.external_id == action.subject}
            assert action.remote_id in (carriers or {noted})
        assert action.subject not in desired.protected


@MANY
@given(worlds())
def test_accounts_of_others_are_never_touched(world: tuple[Desired, Actual, Memory]) -> None:
    desired, state, known = world
    desired = replace(desired, adopts_orphans=False)
    foreign = {a.scim_id for a in state.accounts.accounts if a.external_id.startswith("00ux")}
    foreign -= set(known.pairs.values())
    assert not foreign & {ScimId(action.remote_id) for action in make_plan(desired, state, known).actions}


@MANY
@given(worlds(), st.integers(0, 6), st.integers(0, 100), st.integers(0, 5))
def test_removals_that_run_stay_within_the_limits(
    world: tuple[Desired, Actual, Memory], count: int, percent: int, minimum: int
) -> None:
    desired, state, known = world
    guards = replace(
        desired.safeguards, removals=replace(desired.safeguards.removals, count=count, percent=percent)
    )
    desired = replace(desired, safeguards=replace(guards, minimum=minimum))
    verdict = judge(make_plan(desired, state, known), desired, state, known, Circumstances(NOW))
    removed = [action for action in verdict.run if action.touch is Touch.REMOVAL]
    ours = set(known.pairs.values())
    owned = sum(account.active and account.scim_id in ours for account in state.accounts.accounts)
    assert len(removed) <= allowed(desired.safeguards.removals, minimum, owned)


@MANY
@given(any_worlds())
def test_what_runs_and_what_is_held_is_the_plan(world: tuple[Desired, Actual, Memory]) -> None:
    plan = make_plan(*world)
    verdict = judge(plan, world[0], world[1], world[2], Circumstances(NOW))
    held = [action for action, _ in verdict.held]
    assert sorted([*verdict.run, *held], key=lambda a: a.key) == sorted(plan.actions, key=lambda a: a.key)
    blocked = {action.key for action in held}
    assert all(blocked.isdisjoint(action.needs) for action in verdict.run)


@MANY
@given(any_worlds())
def test_observe_runs_nothing(world: tuple[Desired, Actual, Memory]) -> None:
    desired, state, known = world
    desired = replace(desired, mode="Observe")
    verdict = judge(make_plan(desired, state, known), desired, state, known, Circumstances(NOW))
    assert verdict.run == ()


@MANY
@given(any_worlds(), any_worlds())
def test_the_digest_changes_exactly_when_the_actions_do(
    one: tuple[Desired, Actual, Memory], other: tuple[Desired, Actual, Memory]
) -> None:
    def content(plan: Plan) -> set[tuple[object, ...]]:
        return {(a.kind, a.subject, a.touch, a.before, a.after, a.people) for a in plan.actions}

    first, second = make_plan(*one), make_plan(*other)
    assert (first.digest == second.digest) == (content(first) == content(second))
    assert plan_digest(reversed(first.actions)) == first.digest


@MANY
@given(any_worlds())
def test_a_restart_does_not_change_what_is_planned(world: tuple[Desired, Actual, Memory]) -> None:
    desired, state, known = world
    confirmed = {OktaId(a.external_id): 1 for a in state.accounts.accounts}
    plan = make_plan(desired, state, replace(known, confirmed=confirmed))
    assert make_plan(desired, state, known).digest == plan.digest


@MANY
@given(people(), st.integers(0, 15), st.sets(st.integers(0, 11)), st.integers(0, 3))
def test_seats_are_given_in_order_and_never_beyond_the_limit(
    assigned: list[Person], seats: int, first: set[int], reserve: int
) -> None:
    favoured = frozenset(OktaId(f"00u{number}") for number in first)
    limit = desired_seats(seats, reserve=reserve, priority=(ref("Executives"),))
    state = actual(assigned, groups={"g1": group("g1", "Executives")}, members={"g1": favoured}, admin=False)
    plan = make_plan(make_desired(seats=limit), state, memory())
    assert plan.seats is not None
    admitted = [a.subject for a in plan.actions if a.kind is ActionKind.CREATE_ACCOUNT]
    waiting = [okta_id for okta_id, _ in plan.seats.waiting]
    assert len(admitted) == min(max(0, seats - reserve), len(admitted) + len(waiting))
    by_id = {one.okta_id: one for one in assigned}
    order = [
        (i not in favoured, by_id[i].assigned_at, by_id[i].login, i)
        for i in map(OktaId, [*admitted, *waiting])
    ]
    assert order == sorted(order)


@MANY
@given(worlds())
def test_nobody_who_sits_is_evicted_for_want_of_seats(world: tuple[Desired, Actual, Memory]) -> None:
    desired, state, known = world
    tight = make_plan(replace(desired, seats=desired_seats(1)), state, known)
    roomy = make_plan(replace(desired, seats=None), state, known)
    gone = {a.key for a in tight.actions if a.kind is ActionKind.DEACTIVATE_ACCOUNT}
    assert gone == {a.key for a in roomy.actions if a.kind is ActionKind.DEACTIVATE_ACCOUNT}


@MANY
@given(any_worlds(), st.integers(0, 200))
def test_an_approval_runs_what_was_shown_and_nothing_else(
    world: tuple[Desired, Actual, Memory], minutes: int
) -> None:
    desired, state, known = world
    desired = replace(desired, mode="Approve")
    plan = make_plan(desired, state, known)
    first = judge(plan, desired, state, known, Circumstances(NOW))
    later = Circumstances(NOW + timedelta(minutes=minutes), frozen=first.frozen)
    approved = replace(desired, approval=first.digest)
    second = judge(plan, approved, state, known, later)
    assert {a.key for a in first.run} == {
        a.key for a in plan.actions if a.touch is Touch.LEAVER
    } or first.tripped
    assert second.run == plan.actions
    assert second.digest == ""


@MANY
@given(grouped_worlds())
def test_applying_a_plan_puts_everybody_where_they_belong(world: tuple[Desired, Actual, Memory]) -> None:
    desired, state, known = world
    for _ in range(4):
        _, state, known = run_once(desired, state, known)
    assert make_plan(desired, state, known).actions == ()


@MANY
@given(grouped_worlds())
def test_only_groups_that_are_managed_are_touched_and_only_for_people_of_ours(
    world: tuple[Desired, Actual, Memory],
) -> None:
    desired, state, known = world
    assert desired.group is not None
    named = {*desired.group.table.values(), desired.group.unmapped_group}
    if desired.group.unmapped == "UseValue":
        named |= {str(one.profile[0]) for one in state.assignments.people}
    accounts = {one.external_id: one.scim_id for one in state.accounts.accounts}
    for action in make_plan(desired, state, known).actions:
        if action.kind is ActionKind.CREATE_PROVIDER_GROUP:
            assert action.subject in named
            assert desired.group.create_groups
        if action.kind is ActionKind.CHANGE_MEMBERSHIPS:
            joined, left = changed_groups(action)
            assert set(joined) <= named
            assert set(left) <= named | {known.placed.get(OktaId(action.subject), "")}
            assert "Former" not in left or ("gone", "Former") not in known.claims.values()
            assert action.needs or accounts.get(action.subject) == action.remote_id
            assert action.subject not in desired.protected


@MANY
@given(grouped_worlds())
def test_with_drift_report_nobody_is_moved_back(world: tuple[Desired, Actual, Memory]) -> None:
    desired, state, known = world
    desired = replace(desired, corrects_drift=False)
    _, after, known = run_once(desired, state, known)
    _, after, known = run_once(desired, after, known)
    groups = after.accounts.groups
    assert groups is not None
    emptied = replace(groups, members={name: frozenset[ScimId]() for name in groups.members})
    edited = replace(after, accounts=replace(after.accounts, groups=emptied))
    moved = {
        a.subject
        for a in make_plan(desired, edited, known).actions
        if a.kind is ActionKind.CHANGE_MEMBERSHIPS
    }
    settled = {a.subject for a in make_plan(desired, after, known).actions}
    assert moved <= settled


def test_the_memory_of_another_tenant_is_not_used() -> None:
    one = person(1)
    known = replace(memory([account_of(one)]), tenant=URL + "-other")
    state = actual([], [account_of(one)], missing={one.okta_id: PersonState.DEACTIVATED})
    assert make_plan(make_desired(), state, known).actions == ()
