"""The provider's value -> group table: what it should hold, and the action that saves it.

Called by provider_settings; targets read the whole table to save out of the action by `table_of`. Rows are
owned by the GroupMapping that declared them: what a deleted mapping owned, and what nobody here ever put
there, stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import GroupTable, Memory
from controller.model.people import Person, Value
from controller.model.plan import DriftItem, DriftKind, Problem
from controller.planning.base.desired import Desired, DesiredGroups
from controller.planning.base.mapping_rules import Placing, is_moved
from controller.planning.base.wording import shown
from controller.planning.people.matching import is_protected

SUBJECT = "group-mapping"
_ROW = "row "
Settings = tuple[tuple[str, Value], ...]
GroupedRows = tuple[tuple[tuple[str, ...], str], ...]


@dataclass(frozen=True, slots=True)
class SavedTable:
    """A table as it is saved."""

    attribute: str
    create_groups: str
    unmapped: str
    """Keep, Remove, UseValue, or `Default/<group>`."""
    rows: GroupedRows


def table_of(action: Action) -> SavedTable:
    """The whole table that a SAVE_GROUP_TABLE action stores; rows grouped and sorted by group."""
    fields = dict(action.after)
    rows = {name.removeprefix(_ROW): str(group) for name, group in fields.items() if name.startswith(_ROW)}
    return SavedTable(
        str(fields["attribute"]), str(fields["createGroups"]), str(fields["unmapped"]), grouped(rows)
    )


def grouped(rows: Mapping[str, str]) -> GroupedRows:
    """Rows of one group together, sorted."""
    values: dict[str, list[str]] = {}
    for value, group in rows.items():
        values.setdefault(group, []).append(value)
    return tuple((tuple(sorted(values[group])), group) for group in sorted(values))


def unmapped_text(group: DesiredGroups) -> str:
    """`Keep`, `Remove`, `UseValue` or `Default/<group>`."""
    return f"Default/{group.unmapped_group}" if group.unmapped == "Default" else group.unmapped


def rows_of(table: GroupTable) -> dict[str, str]:
    """Value -> group."""
    return {value: group for values, group in table.entries for value in values}


def declared_rows(group: DesiredGroups, present: Mapping[str, str], memory: Memory) -> dict[str, str]:
    """Value -> group as it should be: what is declared; what others put there; nothing that a mapping which
    still exists has dropped. A contested value keeps the row it has."""
    kept = {
        value: name
        for value, name in present.items()
        if value in group.contested or memory.rows.get(value, ("", ""))[0] not in group.mappings
    }
    return {**kept, **group.table}


Having = Mapping[str | None, Sequence[Person]]
PeopleOf = Callable[[Callable[[str | None], bool]], Having]
"""From a question about a value of the group attribute to the people for whose value the answer is yes, by
value; None for people without one."""


@dataclass(frozen=True, slots=True)
class TablePlan:
    """The action that saves the table, or None if it is up to date; edits made by hand; rows that have to
    stay as they are, because their group lacks or because they would move a protected person."""

    action: Action | None = None
    drift: tuple[DriftItem, ...] = ()
    problems: tuple[Problem, ...] = ()


def compare_table(
    desired: Desired, table: GroupTable | None, memory: Memory, people_of: PeopleOf
) -> TablePlan:
    """What the table needs; nothing where there is none, or no GroupMapping that declares one."""
    group = desired.group
    if group is None or table is None or not group.mappings or group.via != "UserAttribute":
        return TablePlan()
    present = rows_of(table)
    rows, lacking = _with_groups(desired, table, declared_rows(group, present, memory), present)
    before = Placing(present, table.unmapped) if table.attribute == group.path else Placing({}, "Keep")
    after = Placing(rows, unmapped_text(group))
    people = _movers(before, after, people_of)
    after, immune = _without_protected(desired, memory, before, after, people)
    problems = lacking + immune
    creates = "WhenMissing" if group.create_groups else "Never"
    was = _settings(table.attribute, table.create_groups, table.unmapped, present)
    will_be = _settings(group.path, creates, after.unmapped, after.rows)
    if was == will_be:
        return TablePlan(problems=problems)
    drift = _drift(present, after.rows, memory)
    if drift and not desired.corrects_drift:
        return TablePlan(None, drift, problems)
    moving = (person for value, found in people.items() if _moves(before, after, value) for person in found)
    moved = sorted({person.okta_id for person in moving})
    action = Action(
        ActionKind.SAVE_GROUP_TABLE,
        SUBJECT,
        "group table",
        Touch.CHANGE if moved else Touch.SETTING,
        was,
        will_be,
        _why(changed_values(present, after.rows), after.rows),
        remote_id=table.digest,
        people=tuple(moved),
    )
    return TablePlan(action, drift, problems)


def _moves(before: Placing, after: Placing, value: str | None) -> bool:
    return is_moved(before.group(value), after.group(value))


def _movers(before: Placing, after: Placing, people_of: PeopleOf) -> Having:
    """The people whom the change of the table moves; nobody is looked at where it is the same."""
    return {} if before == after else people_of(lambda value: _moves(before, after, value))


def changed_values(present: Mapping[str, str], rows: Mapping[str, str]) -> tuple[str, ...]:
    """Values whose group differs, sorted."""
    both = present.keys() | rows.keys()
    return tuple(sorted(value for value in both if present.get(value) != rows.get(value)))


def _with_groups(
    desired: Desired, table: GroupTable, rows: dict[str, str], present: Mapping[str, str]
) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """The rows without those whose group the provider lacks and may not be created for us; those stay as
    they are."""
    assert desired.group is not None
    if desired.group.create_groups:
        return rows, ()
    lacking = sorted(
        {name for value, name in rows.items() if name not in table.groups and value in desired.group.table}
    )
    problems = tuple(group_lacks(desired.name, desired.group, name) for name in lacking)
    stays = {value for value, name in rows.items() if name in lacking}
    return _keeping(stays, rows, present), problems


def _keeping(stays: Collection[str], rows: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """`rows`, with the rows of the values in `stays` as they are at present."""
    rows = {value: name for value, name in rows.items() if value not in stays}
    return {**rows, **{value: present[value] for value in stays if value in present}}


def _without_protected(
    desired: Desired, memory: Memory, before: Placing, after: Placing, people: Having
) -> tuple[Placing, tuple[Problem, ...]]:
    """`after` without the changes that would move somebody protected."""
    immune = {
        value: next(person for person in found if is_protected(desired, memory, person.okta_id, person.login))
        for value, found in people.items()
        if any(is_protected(desired, memory, person.okta_id, person.login) for person in found)
    }
    rows = {value for value in immune if value is not None and value in {**before.rows, **after.rows}}
    problems = tuple(
        Problem(
            "ScimIntegration",
            desired.name,
            "Protected",
            f"{_told_of(value, rows)} of the group table stays as it is: it would move "
            f"{shown(person.login)}, who is protected by the OktaOrg",
            "spec.protected",
            person.okta_id,
        )
        for value, person in sorted(immune.items(), key=lambda item: item[0] or "")
    )
    unmapped = after.unmapped if immune.keys() <= rows else before.unmapped
    return Placing(_keeping(rows, after.rows, before.rows), unmapped), problems


def _told_of(value: str | None, rows: Collection[str | None]) -> str:
    return f"the row {shown(value)}" if value in rows else "the rule for unmapped values"


def group_lacks(integration: str, group: DesiredGroups, name: str) -> Problem:
    """A group that a row names and the provider lacks, told on the mapping."""
    return Problem(
        "GroupMapping",
        owner_of_group(group, name),
        "ProviderGroupMissing",
        f"spec.mappings: the provider has no group {shown(name)}; create it there, correct providerGroup, "
        f"or set spec.groups.createGroups of ScimIntegration {integration} to WhenMissing",
        "spec.mappings",
    )


def owner_of_group(group: DesiredGroups, name: str) -> str:
    """The GroupMapping whose row names the group; of several the first by name."""
    return min(group.owners[value] for value, target in group.table.items() if target == name)


def _settings(attribute: str, create_groups: str, unmapped: str, rows: Mapping[str, str]) -> Settings:
    return (
        ("attribute", attribute),
        ("createGroups", create_groups),
        ("unmapped", unmapped),
        *((f"{_ROW}{value}", rows[value]) for value in sorted(rows)),
    )


def _drift(present: Mapping[str, str], rows: Mapping[str, str], memory: Memory) -> tuple[DriftItem, ...]:
    """Rows that we had put there and that are gone or lead elsewhere now, as long as they are still declared
    the way they were put there; a changed declaration is no drift."""
    return tuple(
        DriftItem(
            DriftKind.SETTING,
            "Provider",
            f"group table row {shown(value)}",
            rows[value],
            present.get(value),
        )
        for value in sorted(memory.rows)
        if memory.rows[value][1] == rows.get(value) != present.get(value)
    )


def _why(changed: tuple[str, ...], rows: Mapping[str, str]) -> str:
    if not changed:
        return "the table's settings are declared otherwise"
    first = changed[0]
    told = (
        f"{shown(first)} -> {shown(rows[first])}" if first in rows else f"{shown(first)} is no longer mapped"
    )
    return told + (f", and {len(changed) - 1} more rows" if len(changed) > 1 else "")
