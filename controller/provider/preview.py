"""What a value -> group table would do, and doing exactly that: preview and save are bound by a digest.

Called by admin and console. The digest stands for the table that is asked for, the one in force and every
membership that would change; when any of them is another by the time of saving, the save is refused and
previewed anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select

from controller.errors import SpecError
from controller.provider.documents import dumps
from controller.provider.journal import Actor, record
from controller.provider.journal import Write as JournalWrite
from controller.provider.mapping import MappingTable, ValueMapping, digest, mapping_text
from controller.provider.memberships import add_person, drop_member, ensure_group, touch_group
from controller.provider.organizations import Organization, update_organization
from controller.provider.statements import Prepared, Unit
from controller.provider.tables import groups, memberships, people

SHOWN = 100
_PEOPLE = Prepared(
    select(people.c.id, people.c.user_name, people.c.group_value)
    .where(people.c.org_id == bindparam("org_id"))
    .order_by(people.c.seq)
)
_MEMBERSHIPS = Prepared(
    select(memberships.c.member_id, memberships.c.group_id).where(
        memberships.c.org_id == bindparam("org_id"), memberships.c.kind == "User"
    )
)
_GROUPS = Prepared(select(groups.c.id, groups.c.display_name).where(groups.c.org_id == bindparam("org_id")))


@dataclass(frozen=True, slots=True)
class Move:
    """One person whose groups change; `before` and `after` are displayNames."""

    person_id: str
    user_name: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(slots=True)
class Preview:
    """What saving `mapping` would do to the people of an organization."""

    mapping: ValueMapping
    digest: str = ""
    people: Counter[str] = field(default_factory=Counter)
    without_value: int = 0
    moves: list[Move] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def preview_mapping(unit: Unit, org: Organization, table: MappingTable) -> Preview:
    """The preview of saving `table` now."""
    text = mapping_text(table)
    preview = Preview(ValueMapping(text, table))
    names: dict[str, str] = dict(unit.all(_GROUPS, org_id=org.id))
    known = set(names.values())
    present: dict[str, list[str]] = {}
    for member_id, group_id in unit.all(_MEMBERSHIPS, org_id=org.id):
        present.setdefault(member_id, []).append(names[group_id])
    missing = dict.fromkeys(name for name in preview.mapping.group_names() if name not in known)
    for person_id, user_name, value in unit.all(_PEOPLE, org_id=org.id):
        if value is None:
            preview.without_value += 1
        else:
            preview.people[value] += 1
        after = _after(preview.mapping, value, present.get(person_id, []), known, missing)
        before = tuple(sorted(present.get(person_id, [])))
        if before != after:
            preview.moves.append(Move(person_id, user_name, before, after))
    preview.missing = list(missing)
    effect = [(move.person_id, move.before, move.after) for move in preview.moves]
    preview.digest = digest(text, org.mapping.text, effect, preview.missing)
    return preview


def _after(
    mapping: ValueMapping, value: str | None, present: list[str], known: set[str], missing: dict[str, None]
) -> tuple[str, ...]:
    """The groups of a person once `mapping` is in force; notes a group that is not there yet."""
    if not mapping.is_on:
        return tuple(sorted(present))
    target = mapping.destination(value)
    if target.keep:
        return tuple(sorted(present))
    if target.group is None:
        return ()
    if target.group not in known:
        if mapping.table.create_groups == "Never":
            return ()
        missing[target.group] = None
    return (target.group,)


class StaleDigest(Exception):
    """The digest that was named is not the one of what saving would do now."""

    def __init__(self, preview: Preview) -> None:
        self.preview = preview
        super().__init__(preview.digest)


def save_mapping(
    unit: Unit, org: Organization, table: MappingTable, named: str, actor: Actor, now: str
) -> Preview:
    """Puts `table` in force and moves people as previewed. Raises StaleDigest, SpecError for a missing group.

    The caller holds the lock on the organization.
    """
    preview = preview_mapping(unit, org, table)
    if preview.digest != named:
        raise StaleDigest(preview)
    if preview.missing and table.create_groups == "Never":
        raise SpecError(
            f"there is no group {preview.missing[0]!r}; create it, or set createGroups to WhenMissing",
            field="entries",
        )
    update_organization(unit, org.id, {"mapping": preview.mapping.text}, actor, now)
    ids = {name: ensure_group(unit, org, name, actor, now) for name in preview.missing}
    ids |= {name: group_id for group_id, name in unit.all(_GROUPS, org_id=org.id)}
    _move(unit, org.id, preview.moves, ids, actor, now)
    return preview


def _move(unit: Unit, org_id: str, moves: list[Move], ids: dict[str, str], actor: Actor, now: str) -> None:
    """Changes the memberships of everybody concerned and each group's version once."""
    deltas: Counter[str] = Counter()
    for move in moves:
        for name in set(move.before) - set(move.after):
            deltas[name] -= int(drop_member(unit, org_id, ids[name], move.person_id))
        for name in set(move.after) - set(move.before):
            deltas[name] += int(add_person(unit, org_id, ids[name], move.person_id))
        before, after = dumps({"groups": list(move.before)}), dumps({"groups": list(move.after)})
        record(unit, org_id, JournalWrite("person.groups", "User", move.person_id, before, after), actor, now)
    for name, delta in deltas.items():
        touch_group(unit, org_id, ids[name], delta, now)
