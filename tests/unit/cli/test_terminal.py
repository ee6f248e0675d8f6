"""Lines for a person: folded on a terminal, whole in a pipe, and no word lost."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.cli.terminal import NARROWEST, fold_lines, tell, tell_columns, terminal_width

LONG = "ada.augusta.wilhelmina.lovelace@subsidiary.of.example.com"
APPROVE = "kubectl annotate scimintegration calendly scim-operator.dev/approve=" + "ab" * 32
WORDS = st.lists(st.text("ab:>-. ", min_size=1, max_size=30), min_size=1, max_size=8)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def folded(line: str, width: int = 60) -> list[str]:
    return fold_lines([line], width)


def test_what_fits_stays_and_a_pipe_gets_every_line_whole() -> None:
    assert folded("short", 60) == ["short"]
    assert fold_lines([f"  UpdateAccount  {LONG}  edited", ""], None) == [
        f"  UpdateAccount  {LONG}  edited",
        "",
    ]


def test_a_row_goes_on_under_the_last_column_that_has_room() -> None:
    why = "displayName is now Ada Augusta in Okta, and 1 more"
    assert folded(f"  UpdateAccount  {LONG}  {why}", 80) == [
        f"  UpdateAccount  {LONG}",
        f"                 {why}",
    ]
    assert folded(f"  UpdateAccount  ada@acme.com  {why}", 60) == [
        "  UpdateAccount  ada@acme.com  displayName is now Ada",
        "                               Augusta in Okta, and 1 more",
    ]


def test_values_stand_under_each_other() -> None:
    assert folded("      displayName: Ada Smith -> Ada Augusta Wilhelmina Lovelace") == [
        "      displayName: Ada Smith",
        "                -> Ada Augusta Wilhelmina Lovelace",
    ]
    assert folded(f"      urn:calendly:scim:schemas:2.0:User:group: Sales -> {'Research ' * 6}and more") == [
        "      urn:calendly:scim:schemas:2.0:User:group:",
        "          Sales",
        "       -> Research Research Research Research Research",
        "          Research and more",
    ]


def test_a_value_that_is_empty_keeps_its_arrow() -> None:
    assert folded(f"    {'x' * 40}: {'y' * 30} -> ")[-1] == "     ->"


def test_a_paragraph_is_told_from_what_follows() -> None:
    assert folded("    23 people with a value that a row claims: Engineering 7, Finance 4") == [
        "    23 people with a value that a row claims: Engineering 7,",
        "        Finance 4",
    ]
    assert folded("calendly: Paid by invoice: ask for more seats at the contact of the contract") == [
        "calendly: Paid by invoice: ask for more seats at the contact",
        "    of the contract",
    ]


def test_a_command_is_not_cut_since_a_shell_would_run_its_first_half() -> None:
    assert folded(f"    3 actions wait for approval; approve with: {APPROVE}") == [
        "    3 actions wait for approval; approve with:",
        f"        {APPROVE}",
    ]
    assert folded(f"  {APPROVE}") == [f"  {APPROVE}"]


@given(st.integers(0, 8), WORDS, st.sampled_from([" ", "  ", ": ", " -> "]), st.integers(NARROWEST, 90))
def test_no_word_is_lost_or_moved(indent: int, words: list[str], between: str, width: int) -> None:
    line = (" " * indent + between.join(words)).rstrip()
    assert " ".join(folded(line, width)).split() == line.split()


@given(st.lists(st.text("ab", min_size=1, max_size=12), max_size=30), st.integers(NARROWEST, 90))
def test_no_line_is_longer_than_the_terminal_where_words_allow(words: list[str], width: int) -> None:
    assert all(len(line) <= width for line in folded("    " + " ".join(words), width))


def test_the_width_is_the_terminals_and_a_pipe_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setenv("COLUMNS", "72")
    assert terminal_width() is None
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert terminal_width() == 72
    monkeypatch.setenv("COLUMNS", "3")
    assert terminal_width() == NARROWEST


def test_what_is_told_is_folded_for_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("calendly", "1", LONG, "2026-11-26T20:52:42Z")]
    monkeypatch.setenv("COLUMNS", "80")
    told = {}
    for screen in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stdout", screen)
        tell(f"calendly: {LONG} has waited for a seat the longest")
        tell_columns(("LIMIT", "PLACE", "LOGIN", "SINCE"), rows, "  ")
        told[screen.isatty()] = screen.getvalue().splitlines()
    assert told[True] == [
        f"calendly: {LONG} has waited",
        "    for a seat the longest",
        "  LIMIT     PLACE  LOGIN",
        "                   SINCE",
        f"  calendly  1      {LONG}",
        "                   2026-11-26T20:52:42Z",
    ]
    assert told[False][0] == f"calendly: {LONG} has waited for a seat the longest"
    assert [len(told[False]), told[False][2].split()] == [3, list(rows[0])]
