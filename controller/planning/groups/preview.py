"""What the value -> group table does to people, before anything is saved.

Called by make_plan with the value of everybody, and again for who would move; status of GroupMapping and the
plan show it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from controller.model.actions import Action, ActionKind
from controller.model.actual import Actual
from controller.model.people import Account, OktaId, Value
from controller.model.plan import MappingPreview, Move
from controller.names import fold, shape
from controller.planning.base.desired import Desired, DesiredGroups
from controller.planning.base.mapping_rules import NOWHERE, Placing, is_moved
from controller.planning.base.wording import text
from controller.planning.groups.mapping_table import rows_of, table_of, unmapped_text
from controller.planning.groups.memberships import group_after, groups_before, keeps_memberships

_CHANGES = frozenset({ActionKind.UPDATE_ACCOUNT, ActionKind.REACTIVATE_ACCOUNT})


def build_preview(desired: Desired, values: Mapping[OktaId, Value]) -> MappingPreview:
    """The preview over all mappings of the integration, of the values that people have; without counts where
    people get into groups in no way."""
    if desired.group is None:
        return MappingPreview()
    counts: dict[str, int] = {}
    without = 0
    for raw, count in Counter(values.values()).items():
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


def _suggestions(group: DesiredGroups, unmatched: Mapping[str, int]) -> dict[str, str]:
    """Unmatched value -> the claimed value that differs in case or spacing only."""
    by_shape: dict[str, str] = {}
    for value in sorted(group.table, reverse=True):
        by_shape[shape(value)] = value
    return {value: by_shape[shape(value)] for value in unmatched if shape(value) in by_shape}


def find_moves(desired: Desired, actual: Actual, actions: Sequence[Action]) -> tuple[Move, ...]:
    """Who among the people with an active account would be put into another group by `actions`, by name.

    A quiet plan costs nothing: everybody is looked at only where the table itself changes."""
    group = desired.group
    if group is None:
        return ()
    if keeps_memberships(desired):
        return tuple(sorted(_membership_moves(actions), key=_by_name))
    before, after = _placings(desired, actual, actions)
    values = {a.remote_id: text(dict(a.after)[group.path]) for a in actions if _changes_group(a, group.path)}
    if before == after and not values:
        return ()
    is_table = before != after
    found = []
    for account in actual.accounts.accounts:
        if account.active and (is_table or account.scim_id in values):
            value = text(account.values[group.index])
            move = _move(account, before.group(value), after.group(values.get(account.scim_id, value)))
            found += [move] if move is not None else []
    return tuple(sorted(found, key=_by_name))


def _by_name(move: Move) -> tuple[str, str]:
    return fold(move.login), move.okta_id


def _membership_moves(actions: Sequence[Action]) -> Iterator[Move]:
    """The moves that are actions of their own; who has no account yet moves from nowhere."""
    for action in actions:
        if action.kind is ActionKind.CHANGE_MEMBERSHIPS and action.remote_id:
            before = ", ".join(groups_before(action))
            yield Move(OktaId(action.subject), action.label, before, group_after(action))


def _changes_group(action: Action, path: str) -> bool:
    return action.kind in _CHANGES and any(name == path for name, _ in action.after)


def _placings(desired: Desired, actual: Actual, actions: Sequence[Action]) -> tuple[Placing, Placing]:
    """The table as it is and as it will be; as declared where nobody can ask for it."""
    group, table = desired.group, actual.provider.table
    assert group is not None
    present = Placing(group.table, unmapped_text(group))
    if table is not None:
        present = Placing(rows_of(table), table.unmapped)
    for action in actions:
        if action.kind is ActionKind.SAVE_GROUP_TABLE:
            saved = table_of(action)
            rows = {value: name for values, name in saved.rows for value in values}
            return present, Placing(rows, saved.unmapped)
    return present, present


def _move(account: Account, before: str | None, after: str | None) -> Move | None:
    if not is_moved(before, after):
        return None
    return Move(OktaId(account.external_id), account.user_name, before, after or NOWHERE)
