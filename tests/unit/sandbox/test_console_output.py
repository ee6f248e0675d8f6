"""How the demo looks: 80 columns, marks, what was expected and seen."""

from __future__ import annotations

import io

from rich.console import Console

from scim_sandbox.console_output import Stage
from scim_sandbox.demo_checks import Check, Checks


def stage() -> tuple[Stage, io.StringIO]:
    text = io.StringIO()
    return Stage(Console(file=text, width=80, highlight=False, soft_wrap=True)), text


def test_everything_stays_within_80_columns() -> None:
    shown, text = stage()
    shown.say("word " * 60)
    shown.detail("word " * 60)
    shown.block(["x" * 200])
    shown.check(Check("part", "claim " * 40, False, "a " * 100, "b " * 100))
    with shown.progress("waiting"):
        pass
    assert max(map(len, text.getvalue().splitlines())) <= 80


def test_a_claim_that_holds_is_one_line_and_a_broken_one_tells_both_sides() -> None:
    shown, text = stage()
    shown.check(Check("part", "it is so", True, "1", "1"))
    shown.check(Check("part", "it is so", False, "1", "2"))
    lines = ["  ✓ it is so", "  ✗ it is so", "    expected: 1", "    seen:     2"]
    assert text.getvalue().splitlines() == lines


def test_brackets_are_shown_as_they_are_and_never_taken_for_markup() -> None:
    shown, text = stage()
    shown.block(["[red]x[/red]"])
    assert text.getvalue() == "[red]x[/red]\n"


def test_claims_are_counted_by_part() -> None:
    told: list[Check] = []
    checks = Checks(told.append)
    checks.part = "one"
    assert checks.equal("a", 1, 1)
    checks.part = "two"
    assert not checks.equal("b", 1, 2)
    assert checks.that("c", True, "x", "x")
    assert checks.by_part() == {"one": (1, 1), "two": (1, 2)}
    assert [check.claim for check in checks.failed] == ["b"]
    assert told == checks.made
