"""One table of expressions against both evaluators, which share no code: the operator and the simulator."""

from __future__ import annotations

from typing import Any

import pytest

from controller.errors import SpecError
from controller.model.people import UNKNOWN as ONLY_OKTA
from controller.planning.desired.expression import compile_expression, compile_node, parse_expression
from scim_sandbox.okta import expressions
from tests.contract.okta.expression_table import ELSEWHERE, PROFILE, REFUSED, ROWS, UNKNOWN

NAMES = tuple(PROFILE)
VALUES = tuple(PROFILE.values())


def test_the_table_is_as_long_as_promised() -> None:
    assert len({text for text, _ in ROWS}) == len(ROWS) >= 150


@pytest.mark.parametrize(("text", "expected"), ROWS, ids=[text for text, _ in ROWS])
def test_the_operator_gives_the_documented_answer(text: str, expected: Any) -> None:
    if expected is ELSEWHERE:
        with pytest.raises(SpecError, match="cannot be evaluated here"):
            compile_expression(text, NAMES)
        left_to_okta = compile_node(text, parse_expression(text, "", only_here=False), NAMES)
        assert left_to_okta.evaluate(VALUES) is ONLY_OKTA and left_to_okta.needs
        return
    value = compile_expression(text, NAMES).evaluate(VALUES)
    wanted = ONLY_OKTA if expected is UNKNOWN else expected
    assert value == wanted and type(value) is type(wanted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [row for row in ROWS if row[1] is not ELSEWHERE],
    ids=[text for text, expected in ROWS if expected is not ELSEWHERE],
)
def test_the_simulator_gives_the_documented_answer(text: str, expected: Any) -> None:
    scope = {"user": PROFILE, "source": PROFILE, "groups": set(), "group_ids": set()}
    if expected is UNKNOWN:
        with pytest.raises(expressions.Undetermined):
            expressions.evaluate(text, scope)
        return
    value = expressions.evaluate(text, scope)
    assert value == expected and type(value) is type(expected)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_expression_is_refused_by_both(text: str) -> None:
    with pytest.raises(SpecError, match="at character"):
        compile_expression(text, NAMES)
    with pytest.raises(expressions.ExpressionError):
        expressions.evaluate(text, {"user": PROFILE})
