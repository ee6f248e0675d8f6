"""Who is in which group: rows of a link table, changed by SQL whatever the size of the group.

Called by people (if the mapping decides), groups (SCIM) and admin (by hand). Every function runs inside
the caller's transaction and keeps the member count, version and lastModified of the groups it touches.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select, update

from controller.provider.casefold import fold
from controller.provider.documents import content_of_model, document, etag
from controller.provider.journal import Actor, Write, record
from controller.provider.models import NamedGroup
from controller.provider.organizations import CounterChange, Organization, count
from controller.provider.statements import Prepared, Unit
from controller.provider.tables import groups, memberships, people

_SAME_GROUP = (groups.c.org_id == memberships.c.org_id) & (groups.c.id == memberships.c.group_id)
_OF_MEMBER = Prepared(
    select(groups.c.id, groups.c.display_name)
    .join_from(memberships, groups, _SAME_GROUP)
    .where(memberships.c.org_id == bindparam("org_id"), memberships.c.member_id == bindparam("member_id"))
    .order_by(groups.c.seq)
)  # fmt: skip
_BY_NAME = Prepared(
    select(groups.c.id).where(
        groups.c.org_id == bindparam("org_id"), groups.c.display_name == bindparam("name")
    )
)
_INSERT_GROUP = Prepared(
    insert(groups).values(
        {column.name: bindparam(column.name) for column in groups.c if column.name != "seq"}
    )
)
ADD_MEMBER = Prepared(
    insert(memberships).values({column.name: bindparam(column.name) for column in memberships.c})
)
_HAS = Prepared(
    select(memberships.c.kind).where(
        memberships.c.org_id == bindparam("org_id"),
        memberships.c.group_id == bindparam("group_id"),
        memberships.c.member_id == bindparam("member_id"),
    )
)
_DROP = Prepared(
    delete(memberships).where(
        memberships.c.org_id == bindparam("org_id"),
        memberships.c.group_id == bindparam("group_id"),
        memberships.c.member_id == bindparam("member_id"),
    )
)
_DROP_MEMBER = Prepared(
    delete(memberships).where(
        memberships.c.org_id == bindparam("org_id"), memberships.c.member_id == bindparam("member_id")
    )
)
_GROUP_DOC = Prepared(
    select(groups.c.doc, groups.c.version)
    .where(groups.c.org_id == bindparam("org_id"), groups.c.id == bindparam("group_id"))
    .with_for_update()
)
_TOUCH = Prepared(
    update(groups)
    .where(groups.c.org_id == bindparam("org_id"), groups.c.id == bindparam("group_id"))
    .values(
        version=bindparam("new_version"),
        modified=bindparam("now"),
        doc=bindparam("new_doc"),
        members_total=groups.c.members_total + bindparam("delta"),
    )
)


@dataclass(frozen=True, slots=True)
class GroupName:
    """A group by id and displayName."""

    id: str
    name: str


def groups_of(unit: Unit, org_id: str, member_id: str) -> list[GroupName]:
    """The groups that `member_id` is directly in, oldest first."""
    return [GroupName(*row) for row in unit.all(_OF_MEMBER, org_id=org_id, member_id=member_id)]


def groups_of_many(unit: Unit, org_id: str, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """(group id, displayName) by member id, for those of `ids` who are in any group."""
    statement = (
        select(memberships.c.member_id, groups.c.id, groups.c.display_name)
        .join_from(memberships, groups, _SAME_GROUP)
        .where(memberships.c.org_id == org_id, memberships.c.member_id.in_(ids))
        .order_by(groups.c.seq)
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for member_id, group_id, name in unit.all(statement):
        found.setdefault(member_id, []).append((group_id, name))
    return found


def find_group_by_name(unit: Unit, org_id: str, name: str) -> str | None:
    """The id of the group with exactly this displayName, or None."""
    row = unit.one(_BY_NAME, org_id=org_id, name=name)
    return row[0] if row else None


def insert_group(unit: Unit, org: Organization, model: NamedGroup, actor: Actor, now: str) -> tuple[str, str]:
    """The id and the stored text of a new group without members; raises Taken if the name is in use."""
    group_id = uuid.uuid4().hex
    doc = document(content_of_model(model), "Group", group_id, (now, now), 1)
    unit.run(
        _INSERT_GROUP,
        org_id=org.id,
        id=group_id,
        display_name=model.display_name,
        display_name_key=fold(model.display_name),
        external_id=model.external_id,
        members_total=0,
        created=now,
        modified=now,
        version=1,
        doc=doc,
    )
    count(unit, org.id, CounterChange(groups_total=1))
    record(unit, org.id, Write("group.create", "Group", group_id, after=doc), actor, now)
    return group_id, doc


def ensure_group(unit: Unit, org: Organization, name: str, actor: Actor, now: str) -> str:
    """The id of the group called `name`, created if there is none."""
    found = find_group_by_name(unit, org.id, name)
    return found or insert_group(unit, org, NamedGroup(display_name=name), actor, now)[0]


def touch_group(
    unit: Unit, org_id: str, group_id: str, delta: int, now: str, *, is_new: bool = False
) -> None:
    """Gives the group a new version and lastModified, and changes its member count by `delta`.

    A group that is being created keeps its first version.
    """
    row = unit.one(_GROUP_DOC, org_id=org_id, group_id=group_id)
    if row is None:
        return
    doc, version = row
    parsed = json.loads(doc[doc.rindex('"meta":{') + len('"meta":') : -1])
    version = version if is_new else version + 1
    parsed |= {"lastModified": now, "version": etag(version)}
    head = doc[: doc.rindex('"meta":{')]
    new_doc = head + '"meta":' + json.dumps(parsed, separators=(",", ":")) + "}"
    unit.run(
        _TOUCH,
        org_id=org_id,
        group_id=group_id,
        new_version=version,
        now=now,
        new_doc=new_doc,
        delta=delta,
    )


def add_person(unit: Unit, org_id: str, group_id: str, person_id: str) -> bool:
    """Whether the person was not there before. The caller touches the group."""
    if has_member(unit, org_id, group_id, person_id):
        return False
    values = {"org_id": org_id, "group_id": group_id, "member_id": person_id, "kind": "User", "display": None}
    unit.run(ADD_MEMBER, **values)
    return True


def has_member(unit: Unit, org_id: str, group_id: str, member_id: str) -> bool:
    """Whether the member is directly in the group."""
    return unit.one(_HAS, org_id=org_id, group_id=group_id, member_id=member_id) is not None


def drop_member(unit: Unit, org_id: str, group_id: str, member_id: str) -> bool:
    """Whether the member was there before. The caller touches the group."""
    return unit.run(_DROP, org_id=org_id, group_id=group_id, member_id=member_id) > 0


def leave_all(unit: Unit, org_id: str, member_id: str, now: str) -> list[GroupName]:
    """The groups that `member_id` was in and is in no longer."""
    left = groups_of(unit, org_id, member_id)
    if left:
        unit.run(_DROP_MEMBER, org_id=org_id, member_id=member_id)
        for group in left:
            touch_group(unit, org_id, group.id, -1, now)
    return left


def follow_mapping(
    unit: Unit, org: Organization, person_id: str, value: str | None, actor: Actor, now: str
) -> None:
    """Puts a person into the group that the mapping gives for `value`, and out of every other one."""
    if not org.mapping.is_on:
        return
    target = org.mapping.destination(value)
    if target.keep:
        return
    wanted = _wanted_group(unit, org, target.group, actor, now)
    set_groups(unit, org.id, person_id, [wanted] if wanted else [], actor, now)


def _wanted_group(unit: Unit, org: Organization, name: str | None, actor: Actor, now: str) -> str | None:
    """The id of the group `name`; created if the table allows it, None if it is missing."""
    if name is None:
        return None
    if org.mapping.table.create_groups == "WhenMissing":
        return ensure_group(unit, org, name, actor, now)
    return find_group_by_name(unit, org.id, name)


def set_groups(
    unit: Unit, org_id: str, person_id: str, wanted: Sequence[str], actor: Actor, now: str
) -> bool:
    """Whether anything changed in making `wanted` (ids) the groups that the person is in."""
    present = [group.id for group in groups_of(unit, org_id, person_id)]
    gone = [group_id for group_id in present if group_id not in wanted]
    new = [group_id for group_id in wanted if group_id not in present]
    for group_id in gone:
        drop_member(unit, org_id, group_id, person_id)
        touch_group(unit, org_id, group_id, -1, now)
    for group_id in new:
        add_person(unit, org_id, group_id, person_id)
        touch_group(unit, org_id, group_id, 1, now)
    if gone or new:
        before, after = json.dumps({"groups": present}), json.dumps({"groups": list(wanted)})
        record(unit, org_id, Write("person.groups", "User", person_id, before, after), actor, now)
    return bool(gone or new)


_NESTED = groups.alias("nested")
_MEMBERS = Prepared(
    select(
        memberships.c.member_id,
        memberships.c.kind,
        func.coalesce(
            memberships.c.display, people.c.display_name, people.c.user_name, _NESTED.c.display_name
        ),
    )
    .join_from(
        memberships,
        people,
        (people.c.org_id == memberships.c.org_id) & (people.c.id == memberships.c.member_id),
        isouter=True,
    )
    .join(
        _NESTED,
        (_NESTED.c.org_id == memberships.c.org_id) & (_NESTED.c.id == memberships.c.member_id),
        isouter=True,
    )
    .where(memberships.c.org_id == bindparam("org_id"), memberships.c.group_id == bindparam("group_id"))
    .order_by(memberships.c.member_id)
)


def members_of(unit: Unit, org_id: str, group_id: str) -> Sequence[tuple[str, str, str | None]]:
    """(id, kind, display) of every direct member, in order of id."""
    rows: Sequence[tuple[str, str, str | None]] = unit.all(_MEMBERS, org_id=org_id, group_id=group_id)
    return rows
