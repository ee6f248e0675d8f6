"""Plans for people: what each case leads to, and what leads to nothing."""

from __future__ import annotations

from controller.planning.make_plan import make_plan
from tests.unit.planning.world import account_of, actual, make_desired, memory, person


def test_equal_states_give_the_empty_plan() -> None:
    people = [person(number) for number in range(5)]
    accounts = [account_of(one) for one in people]
    plan = make_plan(make_desired(), actual(people, accounts), memory(accounts))
    assert plan.actions == ()
    assert plan.digest == ""
    assert plan.drift == ()
    assert plan.problems == ()
    assert (plan.counts.assigned, plan.counts.provisioned) == (5, 5)
