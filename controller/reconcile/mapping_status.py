"""What status of a GroupMapping says beside its conditions: what the rows match, whom they would move. Pure.

Called by related_status. The counts are over everybody who is assigned, so that they can be told anew after
a run for some people only; what a plan would do is known by full runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from controller.api.group_mapping import MOVES_SHOWN, UNMATCHED_VALUES, GroupMappingSpec
from controller.api.status import VALUE
from controller.errors import clip
from controller.model.plan import MappingPreview, Move
from controller.planning.base.inputs import Resource
from controller.planning.base.wording import verbatim
from controller.reconcile.report import Report
from controller.reconcile.totals import Show

Status = dict[str, Any]


def mapping_counts(spec: GroupMappingSpec, preview: MappingPreview) -> Status:
    """How many people have which value; values that no row claims, with what may be meant; people without."""
    groups = {value: row.provider_group for row in spec.mappings for value in row.values}
    unmatched = sorted(preview.unmatched.items(), key=lambda item: (-item[1], item[0]))
    counted = {value: preview.people_by_value.get(value, 0) for value in groups}
    most = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return {
        "values": len(groups),
        "people": sum(counted.values()),
        "peopleByValue": [
            {"value": verbatim(value, VALUE), "group": clip(groups[value], VALUE), "people": people}
            for value, people in most[:UNMATCHED_VALUES]
            if people
        ],
        "unmatched": len(unmatched),
        "unmatchedValues": [
            {
                "value": verbatim(value, VALUE),
                "people": people,
                "suggestion": verbatim(preview.suggestions.get(value, ""), VALUE),
            }
            for value, people in unmatched[:UNMATCHED_VALUES]
        ],
        "unusedValues": [
            verbatim(value, VALUE)
            for value in sorted(set(groups).intersection(preview.unused))[:UNMATCHED_VALUES]
        ],
        "withoutValue": preview.without_value,
    }


def mapping_effect(
    mapping: Resource[GroupMappingSpec], report: Report, moves: Sequence[Move], show: Show
) -> Status:
    """Whom the plan that is held would put into a group of `mapping` or take out of one; and the values that
    another mapping claims too."""
    groups = {row.provider_group for row in mapping.spec.mappings}
    own = [move for move in moves if move.before in groups or move.after in groups]
    return {
        "moving": len(own),
        "moves": [
            {
                "login": clip(show(move.okta_id, move.login), VALUE),
                "before": clip(move.before or "", VALUE),
                "after": clip(move.after, VALUE),
            }
            for move in own[:MOVES_SHOWN]
        ],
        "conflicts": _conflicts(mapping, report),
    }


def _conflicts(mapping: Resource[GroupMappingSpec], report: Report) -> list[Status]:
    own = {value for row in mapping.spec.mappings for value in row.values}
    others = [one for one in report.inputs.mappings if one.name != mapping.name and not one.is_deleting]
    found: dict[str, str] = {}
    for other in sorted(others, key=lambda one: one.name):
        for row in other.spec.mappings:
            for value in own.intersection(row.values):
                found.setdefault(value, other.name)
    return [
        {"value": verbatim(value, VALUE), "by": found[value]} for value in sorted(found)[:UNMATCHED_VALUES]
    ]
