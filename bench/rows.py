"""Rows of the table: one figure each, with the bound that it is held against.

Used by every module that measures. `bound` is text, since some figures have to be low and others high;
`holds` is None where a figure is told without a bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def told(figure: str, value: float, unit: str, peer: str = "") -> Row:
    """A figure without a bound."""
    return _row(figure, value, unit, "", peer, None)


def at_most(figure: str, value: float, unit: str, bound: float, peer: str = "") -> Row:
    """A figure that holds up to `bound`."""
    return _row(figure, value, unit, f"<= {bound:g}", peer, value <= bound)


def at_least(figure: str, value: float, unit: str, bound: float, peer: str = "") -> Row:
    """A figure that holds from `bound` on."""
    return _row(figure, value, unit, f">= {bound:g}", peer, value >= bound)


def exactly(figure: str, value: float, unit: str, bound: float, peer: str = "") -> Row:
    """A figure that holds where it is `bound`."""
    return _row(figure, value, unit, f"= {bound:g}", peer, value == bound)


def _row(figure: str, value: float, unit: str, bound: str, peer: str, holds: bool | None) -> Row:
    shown = round(value, 3) if isinstance(value, float) else value
    return {"figure": figure, "value": shown, "unit": unit, "bound": bound, "peer": peer, "holds": holds}


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that `share` of them do not exceed (nearest rank); ValueError for none."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]
