"""What an account should hold: lenses over none, one, many and computed attributes."""

from __future__ import annotations

from typing import Any

import pytest

from controller.planning.base.desired import Attribute
from controller.planning.make_plan import make_plan
from controller.planning.people.attribute_diff import build_lenses, same
from tests.unit.planning.world import PATHS, account_of, actual, expression, make_desired, memory, person

FIRST = Attribute("givenName", PATHS[0], 0, expression("user.firstName"), always=True)
SHOUTED = Attribute("givenName", PATHS[0], 0, expression("String.toUpperCase(user.firstName)"), always=True)
ONCE = Attribute("email", PATHS[1], 1, expression("user.email"), always=False)
LENSES: tuple[tuple[str, Any, tuple[Any, ...], tuple[Any, ...]], ...] = (
    ("nothing is pushed", (), (), ()),
    ("one attribute", (FIRST,), ("p1",), ("p1",)),
    ("one that is computed", (SHOUTED,), ("P1",), ("p1",)),
    ("one that is pushed at creation only", (ONCE,), (), ()),
)


@pytest.mark.parametrize(("case", "attributes", "expected", "seen"), LENSES, ids=[row[0] for row in LENSES])
def test_a_lens_compares_what_is_always_pushed(
    case: str, attributes: Any, expected: tuple[Any, ...], seen: tuple[Any, ...]
) -> None:
    desired = make_desired(attributes=attributes, group=None)
    lens = build_lenses(desired, {})("oty1")
    one = person(1)
    assert lens.expected(one.profile) == expected, case
    assert lens.seen is not None
    assert lens.seen(account_of(one).values) == seen


def test_a_computed_attribute_is_written_where_it_differs() -> None:
    one = person(1)
    state = actual([one], [account_of(one)])
    (action,) = make_plan(
        make_desired(attributes=(SHOUTED,), group=None), state, memory([account_of(one)])
    ).actions
    assert action.after == ((PATHS[0], "P1"),)


SAME = (
    ("emails[primary]", "A@acme.com", "a@ACME.com", True),
    ("displayName", "A", "a", False),
    ("displayName", "", None, True),
    ("displayName", None, "x", False),
    ("active", True, "true", True),
    ("title", 7, "7", True),
)


@pytest.mark.parametrize(("path", "one", "other", "equal"), SAME)
def test_what_means_the_same_to_a_provider(path: str, one: Any, other: Any, equal: bool) -> None:
    assert same(path, one, other) is equal
    assert same(path, other, one) is equal
