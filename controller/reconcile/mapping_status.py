"""What status of a GroupMapping says beside its conditions: what the rows match, whom they would move. Pure.

Called by related_status. The counts are over everybody who is assigned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controller.api.group_mapping import (
    MOVES_SHOWN,
    UNMATCHED_VALUES,
    ClaimedTwice,
    ClaimedValue,
    GroupMappingSpec,
    GroupMappingStatus,
    MoveStatus,
    UnmatchedValue,
)
from controller.api.status import VALUE
from controller.errors import clip
from controller.model.plan import MappingPreview, Move
from controller.planning.base.inputs import Resource
from controller.planning.base.wording import verbatim
from controller.reconcile.report import Report
from controller.reconcile.totals import Show


def note_counts(status: GroupMappingStatus, spec: GroupMappingSpec, preview: MappingPreview) -> None:
    """How many people have which value; values that no row claims, with what may be meant; people without."""
    groups = {value: row.provider_group for row in spec.mappings for value in row.values}
    counted = {value: preview.people_by_value.get(value, 0) for value in groups}
    status.values = len(groups)
    status.people = sum(counted.values())
    status.people_by_value = tuple(
        ClaimedValue(value=verbatim(value, VALUE), group=clip(groups[value], VALUE), people=people)
        for value, people in _most(counted)
        if people
    )
    status.unmatched = len(preview.unmatched)
    status.unmatched_values = tuple(
        UnmatchedValue(
            value=verbatim(value, VALUE),
            people=people,
            suggestion=verbatim(preview.suggestions.get(value, ""), VALUE),
        )
        for value, people in _most(preview.unmatched)
    )
    unused = sorted(set(groups).intersection(preview.unused))[:UNMATCHED_VALUES]
    status.unused_values = tuple(verbatim(value, VALUE) for value in unused)
    status.without_value = preview.without_value


def _most(people: Mapping[str, int]) -> list[tuple[str, int]]:
    """The values that most people have."""
    return sorted(people.items(), key=lambda item: (-item[1], item[0]))[:UNMATCHED_VALUES]


def note_effect(
    status: GroupMappingStatus,
    mapping: Resource[GroupMappingSpec],
    report: Report,
    moves: Sequence[Move],
    show: Show,
) -> None:
    """Whom the plan that is held would put into a group of `mapping` or take out of one; and the values that
    another mapping claims too."""
    groups = {row.provider_group for row in mapping.spec.mappings}
    own = [move for move in moves if move.before in groups or move.after in groups]
    status.moving = len(own)
    status.moves = tuple(
        MoveStatus(
            login=clip(show(move.okta_id, move.login), VALUE),
            before=clip(move.before or "", VALUE),
            after=clip(move.after, VALUE),
        )
        for move in own[:MOVES_SHOWN]
    )
    status.conflicts = _conflicts(mapping, report)


def _conflicts(mapping: Resource[GroupMappingSpec], report: Report) -> tuple[ClaimedTwice, ...]:
    own = {value for row in mapping.spec.mappings for value in row.values}
    others = [one for one in report.inputs.mappings if one.name != mapping.name and not one.is_deleting]
    found: dict[str, str] = {}
    for other in sorted(others, key=lambda one: one.name):
        for row in other.spec.mappings:
            for value in own.intersection(row.values):
                found.setdefault(value, other.name)
    return tuple(
        ClaimedTwice(value=verbatim(value, VALUE), by=found[value])
        for value in sorted(found)[:UNMATCHED_VALUES]
    )
