"""Values of people that no provider should get: each is told with the field and the fix, the rest goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.people import Person, PersonState
from controller.model.plan import Plan
from controller.planning.base.desired import Desired
from controller.planning.base.wording import MAX_VALUE, quoted, shown, verbatim
from controller.planning.make_plan import make_plan
from controller.planning.people.attribute_diff import owner_of
from tests.unit.planning.world import GROUP, account_of, actual, expression, make_desired, memory, person

LONG = "x" * 10_000
ODD: tuple[tuple[str, Any, str], ...] = (
    ("ten thousand characters", LONG, "has 10000 characters, more than 1024"),
    ("a line break", "Sales\nEMEA", "holds control characters"),
    ("a null", "Sales\x00", "holds control characters"),
    ("a terminal's escape", "\x1b[31mSales", "holds control characters"),
    ("a right-to-left override", "Sales\u202e", "marks that turn the direction of text"),
    ("an Arabic letter mark", "Sales\u061c", "marks that turn the direction of text"),
    ("a line separator", "Sales\u2028EMEA", "holds control characters"),
    ("an isolate", "\u2066Sales\u2069", "marks that turn the direction of text"),
    ("a lone surrogate", "Sales\ud800", "holds control characters"),
)


def planned(*people: Person, **known: Any) -> Plan:
    return make_plan(make_desired(), actual(people, **known), memory())


def told(plan: Plan) -> list[tuple[str, str]]:
    return [(problem.reason, problem.okta_id) for problem in plan.problems]


@pytest.mark.parametrize(("case", "value", "words"), ODD, ids=[row[0] for row in ODD])
def test_a_value_that_cannot_be_sent_is_told_and_the_other_fields_are_sent(
    case: str, value: str, words: str
) -> None:
    odd = replace(person(1), profile=(value, "p1@acme.com", "Ada"))
    plan = planned(odd, person(2))
    assert told(plan) == [("ValueNotSent", "00u1")], case
    message = plan.problems[0].message
    assert message.startswith("department of p1@acme.com") and words in message
    assert "correct it in Okta. The other fields are sent" in message
    assert [action.subject for action in plan.actions] == ["00u1", "00u2"]
    assert GROUP not in dict(plan.actions[0].after)
    assert dict(plan.actions[0].after)["name.givenName"] == "Ada"


def test_a_value_that_cannot_be_sent_changes_nothing_that_is_there() -> None:
    odd = replace(person(1), profile=(LONG, "p1@acme.com", "p1"))
    there = account_of(person(1))
    plan = make_plan(make_desired(), actual([odd], [there]), memory([there]))
    assert (plan.actions, told(plan)) == ((), [("ValueNotSent", "00u1")])


def middle_name() -> Desired:
    """Somebody's first name by an expression that joins what may be missing."""
    joined = expression('user.firstName + " " + user.department')
    base = make_desired()
    return replace(
        base,
        attributes=(replace(base.attributes[0], expression=joined), *base.attributes[1:]),
        group=replace(base.group, sources={"default": joined}) if base.group is not None else None,
    )


def test_a_value_that_only_okta_can_tell_is_not_written_and_reported() -> None:
    without = replace(person(1), profile=(None, "p1@acme.com", "Ada"))
    plan = make_plan(middle_name(), actual([without]), memory([]))
    assert told(plan) == [("ValueUnknown", "00u1"), ("ValueUnknown", "00u1")]
    assert "only Okta can tell what user.firstName" in plan.problems[0].message
    written = dict(plan.actions[0].after)
    assert "name.givenName" not in written and GROUP not in written
    assert written["emails[primary]"] == "p1@acme.com"


def test_a_value_that_only_okta_can_tell_leaves_what_is_there() -> None:
    without = replace(person(1), profile=(None, "p1@acme.com", "Ada"))
    there = account_of(person(1))
    plan = make_plan(middle_name(), actual([without], [there]), memory([there]))
    assert plan.actions == () and {reason for reason, _ in told(plan)} == {"ValueUnknown"}


def test_the_longest_value_and_a_tab_are_sent() -> None:
    fine = replace(person(1), profile=("a\t" + "x" * (MAX_VALUE - 2), "p1@acme.com", "p1"))
    assert planned(fine).problems == ()


def test_somebody_without_a_user_name_is_told_and_the_others_get_theirs() -> None:
    plan = planned(replace(person(1), user_name=""), person(2))
    assert told(plan) == [("UserNameMissing", "00u1")]
    assert "give one in Okta under Assignments" in plan.problems[0].message
    assert [action.subject for action in plan.actions] == ["00u2"]


def test_somebody_without_any_name_is_called_by_id() -> None:
    plan = planned(replace(person(1), user_name="", login=""))
    assert plan.problems[0].message.startswith("00u1 has no user name")


def test_user_names_that_differ_in_case_only_are_refused_on_both() -> None:
    one, other = replace(person(1), user_name="ada@acme.com"), replace(person(2), user_name="ADA@acme.com")
    plan = planned(one, other, person(3))
    assert told(plan) == [("DuplicateUserName", "00u1"), ("DuplicateUserName", "00u2")]
    assert "change all but one in Okta" in plan.problems[0].message
    assert [action.subject for action in plan.actions] == ["00u3"]


def test_a_name_that_is_taken_by_somebody_who_needs_no_account_is_free() -> None:
    gone = replace(person(1), user_name="ada@acme.com", state=PersonState.DEACTIVATED)
    assert [a.subject for a in planned(gone, replace(person(2), user_name="Ada@acme.com")).actions] == [
        "00u2"
    ]


def test_accounts_of_one_name_are_told_apart_by_the_lowest_id() -> None:
    one = person(1)
    twins = [replace(account_of(one), external_id="", scim_id=number) for number in ("s2", "s1", "s3")]
    plan = make_plan(make_desired(), actual([one], twins), memory())
    assert [action.remote_id for action in plan.actions] == ["s1"]


def test_an_edit_by_hand_that_is_only_reported_is_kept() -> None:
    one = person(1)
    edited = replace(account_of(one), values=("Hand", "p1@acme.com", "Sales"))
    known = memory([edited], confirmed={one.okta_id: 1})
    plan = make_plan(make_desired(corrects_drift=False), actual([one], [edited]), known)
    assert (plan.actions, [item.what for item in plan.drift]) == ((), ["p1@acme.com name.givenName"])


def test_texts_for_readers_are_short_harmless_and_where_it_matters_to_the_letter() -> None:
    assert shown("a\u202e b c") == "a� b c"
    assert (shown(" a  b"), shown("a\nb")) == ('" a  b"', '"a�b"')
    assert (shown(None), shown(True), shown(7)) == ("empty", "true", "7")
    assert verbatim(" a  b\t\x1b", 10) == " a  b��"
    assert verbatim(LONG, 10) == "x" * 9 + "…"
    assert quoted("a ") == '"a "'
    assert owner_of(account_of(person(1))) == "00u1"
