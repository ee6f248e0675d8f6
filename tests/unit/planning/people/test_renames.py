"""Logins that change hands: whatever the order, everybody ends with their own."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from controller.model.people import Account, OktaId, Person
from controller.names import fold
from controller.planning.make_plan import make_plan
from controller.planning.state.picture import after_writes
from tests.unit.planning.world import GENERIC, account_of, actual, done, make_desired, memory, person

PEOPLE = [person(number) for number in range(6)]


def named(one: Person, name: str) -> Person:
    return replace(one, user_name=name, login=name)


def plan_once(people: list[Person], accounts: list[Account]) -> tuple[list[Account], bool]:
    """The accounts after one run, and whether another follows. A provider refuses a name that is taken."""
    state, known = actual(people, accounts), memory(accounts)
    plan = make_plan(make_desired(), state, known)
    taken = {fold(account.user_name) for account in accounts}
    for action in plan.actions:
        before, after = dict(action.before), dict(action.after)
        if "userName" in after and fold(str(before["userName"])) != fold(str(after["userName"])):
            assert fold(str(after["userName"])) not in taken, "the provider would refuse it"
    written = after_writes(make_desired(), state, done(plan.actions))
    assert written is not None
    return list(written.accounts.accounts), plan.goes_on


@given(st.permutations(range(6)))
def test_whoever_gets_whose_login_all_have_their_own_in_the_end(order: list[int]) -> None:
    accounts = [account_of(one) for one in PEOPLE]
    people = [named(one, PEOPLE[order[n]].user_name) for n, one in enumerate(PEOPLE)]
    for _ in range(8):
        accounts, goes_on = plan_once(people, accounts)
        if not goes_on:
            break
    accounts, _ = plan_once(people, accounts)
    held = {account.external_id: account.user_name for account in accounts}
    assert held == {one.okta_id: one.user_name for one in people}


def test_other_changes_do_not_wait_for_a_name() -> None:
    swapped = [named(PEOPLE[0], PEOPLE[1].user_name), named(PEOPLE[1], PEOPLE[0].user_name)]
    swapped[1] = replace(swapped[1], profile=("Legal", *swapped[1].profile[1:]))
    accounts = [account_of(one) for one in PEOPLE[:2]]
    plan = make_plan(make_desired(), actual(swapped, accounts), memory(accounts))
    first, second = sorted(plan.actions, key=lambda one: one.subject)
    assert dict(first.after)["userName"] == "p0+00u0@acme.com" and "steps aside" in first.why
    assert "userName" not in dict(second.after) and dict(second.after)
    assert plan.goes_on


def test_a_name_that_somebody_has_to_confirm_is_not_made_up() -> None:
    swapped = [named(PEOPLE[0], PEOPLE[1].user_name), named(PEOPLE[1], PEOPLE[0].user_name)]
    accounts = [account_of(one) for one in PEOPLE[:2]]
    desired = make_desired(profile=replace(GENERIC, defers=frozenset({"userName"})))
    plan = make_plan(desired, actual(swapped, accounts), memory(accounts))
    names = {one.subject: dict(one.after)["userName"] for one in plan.actions}
    assert names == {one.okta_id: one.user_name for one in swapped}
    assert not plan.goes_on


def test_a_chain_is_given_from_its_free_end() -> None:
    accounts = [account_of(one) for one in PEOPLE[:2]]
    people = [named(PEOPLE[0], PEOPLE[1].user_name), named(PEOPLE[1], "free@acme.com")]
    plan = make_plan(make_desired(), actual(people, accounts), memory(accounts))
    assert [one.subject for one in plan.actions] == [OktaId("00u1")] and plan.goes_on
