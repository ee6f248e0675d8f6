"""Names that look like a person's and are another's, in plans and in problems."""

from __future__ import annotations

import pytest

from controller.model.people import ScimId
from controller.planning.make_plan import make_plan
from controller.planning.people.lookalikes import find_twin, spelled, twin_words
from controller.planning.people.matching import Register
from tests.unit.planning.grouped import desired, world
from tests.unit.planning.world import account_of, actual, make_desired, memory, person


def test_a_twin_that_belongs_to_nobody_comes_first() -> None:
    owned = account_of(person(1), user_name="strasse")
    free = account_of(person(2), user_name="STRASSE", external_id="")
    register = Register([owned, free], {})
    assert find_twin(register, "straße") is free
    assert find_twin(Register([owned], {}), "straße") is owned
    assert find_twin(register, "strasse") is None
    assert twin_words("straße", free).startswith("the account STRASSE looks the same and differs in letters")


def test_spellings_are_told_where_nobody_sees_them() -> None:
    assert spelled(["Ada", "ada"]) == ""
    told = "; their spellings look the same and differ only in Unicode normalization"
    assert spelled(["jos\u00e9", "jose\u0301", "JOS\u00c9"]).startswith(told)


def test_a_twin_of_somebody_else_is_in_the_plan_and_no_problem() -> None:
    other = person(2, user_name="strasse@acme.com")
    held = account_of(other)
    people = [person(1, user_name="straße@acme.com"), other]
    plan = make_plan(make_desired(), actual(people, [held]), memory([held]))
    assert [action.subject for action in plan.actions] == ["00u1"]
    assert "strasse@acme.com looks the same" in plan.actions[0].why
    assert plan.problems == ()


def test_namesakes_are_found_to_the_letter_or_all() -> None:
    one, other = person(1, user_name="ADA"), person(2, user_name="Ada")
    accounts = [account_of(other), account_of(one), account_of(person(3))]
    register = Register(accounts, {})
    assert [one.scim_id for one in register.named("Ada")] == [ScimId("s-00u2")]
    assert [one.scim_id for one in register.named("ada")] == [ScimId("s-00u1"), ScimId("s-00u2")]
    assert [one.scim_id for one in register.named("P3@acme.com")] == [ScimId("s-00u3")]
    assert register.named("nobody") == ()


@pytest.mark.parametrize(
    ("held", "told"), [("Cafe\u0301", "only in Unicode normalization"), ("CAF\u00c9", "write the name as")]
)
def test_a_group_in_another_spelling_says_in_what_it_differs(held: str, told: str) -> None:
    state, known = world({1: "caf\u00e9"}, {held: []})
    plan = make_plan(desired({"caf\u00e9": "Caf\u00e9"}, create_groups=True), state, known)
    assert plan.actions == ()
    assert told in plan.problems[0].message


def test_a_twin_of_nobody_is_told_and_not_adopted() -> None:
    free = account_of(person(2), user_name="strasse@acme.com", external_id="")
    plan = make_plan(make_desired(), actual([person(1, user_name="straße@acme.com")], [free]), memory())
    assert [action.kind.value for action in plan.actions] == ["CreateAccount"]
    assert [problem.reason for problem in plan.problems] == ["LooksAlike"]


def test_of_accounts_in_other_spellings_none_is_guessed() -> None:
    spellings = ("ADA@acme.com", "Ada@acme.com")
    held = [account_of(person(n), user_name=name, external_id="") for n, name in enumerate(spellings)]
    plan = make_plan(make_desired(), actual([person(9, user_name="ada@acme.com")], held), memory())
    assert plan.actions == ()
    assert [problem.reason for problem in plan.problems] == ["AccountAmbiguous"]
