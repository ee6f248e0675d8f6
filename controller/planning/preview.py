"""What the value -> group table does to people, before anything is saved.

Called by people with how many people have which value; status of GroupMapping and the plan show it.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.model.people import Value
from controller.model.plan import MappingPreview
from controller.planning.fields import text
from controller.planning.wish import Desired, GroupWish


def build_preview(desired: Desired, people_by_value: Mapping[Value, int]) -> MappingPreview:
    """The preview over all mappings of the integration; empty where people get into groups in no way."""
    if desired.group is None:
        return MappingPreview()
    counts: dict[str, int] = {}
    without = 0
    for raw, count in people_by_value.items():
        value = text(raw)
        if value is None:
            without += count
        else:
            counts[value] = counts.get(value, 0) + count
    table = desired.group.table
    claimed = {value: counts.get(value, 0) for value in sorted(table)}
    unmatched = {
        v: n for v, n in sorted(counts.items()) if v not in table and v not in desired.group.contested
    }
    unused = tuple(value for value, count in claimed.items() if not count)
    return MappingPreview(claimed, unmatched, unused, without, _suggestions(desired.group, unmatched))


def _suggestions(group: GroupWish, unmatched: Mapping[str, int]) -> dict[str, str]:
    """Unmatched value -> the claimed value that differs in case or spacing only."""
    by_shape: dict[str, str] = {}
    for value in sorted(group.table, reverse=True):
        by_shape[_shape(value)] = value
    return {value: by_shape[_shape(value)] for value in unmatched if _shape(value) in by_shape}


def _shape(value: str) -> str:
    return "".join(value.split()).casefold()
