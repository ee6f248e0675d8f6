"""Table answers in the lines of kubectl."""

from __future__ import annotations

from typing import Any

from controller.kube.tables import render_columns, render_table

TABLE: dict[str, Any] = {
    "columnDefinitions": [
        {"name": "Name", "priority": 0},
        {"name": "Ready", "priority": 0},
        {"name": "Message", "priority": 1},
    ],
    "rows": [{"cells": ["calendly", True, "all is well"]}, {"cells": ["x", None, "y"]}],
}


def test_columns_are_padded_and_wide_ones_left_out() -> None:
    assert render_table(TABLE) == ["NAME       READY", "calendly   true", "x"]


def test_wide_shows_every_column() -> None:
    assert render_table(TABLE, wide=True)[1] == "calendly   true    all is well"


def test_columns_stand_closer_where_the_terminal_is_narrow() -> None:
    assert render_table(TABLE, wide=True, width=28)[1] == "calendly  true   all is well"
    assert render_table(TABLE, wide=True, width=5)[1] == "calendly true  all is well"


def test_no_rows_leave_the_heading() -> None:
    assert render_table({**TABLE, "rows": []}) == ["NAME   READY"]
    assert render_columns(("A",), ()) == ["A"]
