"""Groups over SCIM. Members are rows, so that changing one of them costs the same in any group.

Called by scim and bulk. While the value -> group mapping is on, memberships belong to it and every change
of them here is refused with 409 and the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scim2_models import (
    ConflictException,
    InvalidPathException,
    InvalidValueException,
    MutabilityException,
    NotFoundException,
    UniquenessException,
)
from sqlalchemy import bindparam, delete, literal_column, select, union_all, update

from controller.provider.casefold import fold
from controller.provider.documents import JsonObject, content_of, content_of_model, document, dumps
from controller.provider.filters import SearchTarget, members_matching
from controller.provider.journal import Write, record
from controller.provider.memberships import (
    ADD_MEMBER,
    drop_member,
    has_member,
    insert_group,
    leave_all,
    touch_group,
)
from controller.provider.models import AnyPatch, Member, NamedGroup, PatchPart
from controller.provider.organizations import CounterChange, Organization, count
from controller.provider.people import Context, check_key
from controller.provider.protocol import Protocol
from controller.provider.statements import Prepared, Taken, Unit
from controller.provider.tables import groups, memberships, people

CORE_GROUP = "urn:ietf:params:scim:schemas:core:2.0:group:"
CHUNK = 500
FEW = 20  # up to this many members are looked up one by one
MAX_MEMBERS = 100_000
_ONE_MEMBER = re.compile(r'members\[\s*value\s+eq\s+"([^"\\]*)"\s*\]', re.IGNORECASE)


class Group(NamedTuple):
    """One row of groups; `doc` is the stored text, without members."""

    seq: int
    id: str
    display_name: str
    external_id: str | None
    members_total: int
    created: str
    modified: str
    version: int
    doc: str


COLUMNS = tuple(groups.c[name] for name in Group._fields)
_ONE = Prepared(
    select(*COLUMNS).where(groups.c.org_id == bindparam("org_id"), groups.c.id == bindparam("group_id"))
)
_LOCKED = Prepared(
    select(*COLUMNS)
    .where(groups.c.org_id == bindparam("org_id"), groups.c.id == bindparam("group_id"))
    .with_for_update()
)
_UPDATE = Prepared(
    update(groups)
    .where(groups.c.seq == bindparam("at_seq"))
    .values(
        display_name=bindparam("display_name"),
        display_name_key=bindparam("display_name_key"),
        external_id=bindparam("external_id"),
        modified=bindparam("now"),
        version=bindparam("version"),
        doc=bindparam("doc"),
    )
)
_DELETE = Prepared(delete(groups).where(groups.c.seq == bindparam("at_seq")))
_KIND = Prepared(
    union_all(
        select(literal_column("'User'")).where(
            people.c.org_id == bindparam("org_id"), people.c.id == bindparam("member_id")
        ),
        select(literal_column("'Group'")).where(
            groups.c.org_id == bindparam("org_id"), groups.c.id == bindparam("member_id")
        ),
    )
)
_MEMBER_IDS = Prepared(
    select(memberships.c.member_id).where(
        memberships.c.org_id == bindparam("org_id"), memberships.c.group_id == bindparam("group_id")
    )
)
_DROP_ALL = Prepared(
    delete(memberships).where(
        memberships.c.org_id == bindparam("org_id"), memberships.c.group_id == bindparam("group_id")
    )
)


def find_group(unit: Unit, org_id: str, group_id: str) -> Group | None:
    """The group, or None."""
    row = unit.one(_ONE, org_id=org_id, group_id=group_id)
    return Group._make(row) if row else None


def lock_group(unit: Unit, org_id: str, group_id: str) -> Group:
    """The group as of now; raises the SCIM 404."""
    row = unit.one(_LOCKED, org_id=org_id, group_id=group_id)
    if row is None:
        raise NotFoundException(detail=f"Group {group_id!r} not found")
    return Group._make(row)


def _taken(name: str) -> UniquenessException:
    return UniquenessException(detail=f"displayName {name!r} is taken")


def create_group(unit: Unit, context: Context, model: NamedGroup) -> Group:
    """The group created from `model` with its members. Raises 409, and 400 for a member that is not there."""
    _check_name(model)
    wanted = members_in(model.members)
    if wanted:
        refuse_by_hand(context.org)
    model.members = None
    try:
        group_id, _ = insert_group(unit, context.org, model, context.actor, context.now)
    except Taken as error:
        raise _taken(str(model.display_name)) from error
    added = _add_all(unit, context.org.id, group_id, wanted)
    if added:
        touch_group(unit, context.org.id, group_id, len(added), context.now, is_new=True)
        _record_members(unit, context, group_id, added, ())
    return lock_group(unit, context.org.id, group_id)


def _check_name(model: NamedGroup) -> None:
    if not (model.display_name or "").strip():
        raise InvalidValueException(detail="displayName must not be empty")
    check_key("displayName", model.display_name)
    check_key("externalId", model.external_id)


def refuse_by_hand(org: Organization) -> None:
    """Raises 409 while the mapping decides memberships."""
    if org.mapping.is_on:
        raise ConflictException(
            detail="Memberships follow the value to group mapping of this organization and cannot be edited"
        )


Displays = dict[str, str | None]
Part = tuple[str, str, object]
"""op, path and value of an operation about members."""


def members_in(members: Iterable[Member | JsonObject] | None) -> Displays:
    """The display that was sent, if any, by id; from a `members` attribute."""
    found: Displays = {}
    for member in members or ():
        value, display = (
            (member.get("value"), member.get("display"))
            if isinstance(member, dict)
            else (member.value, member.display)
        )
        if not isinstance(value, str) or not value:
            raise InvalidValueException(detail="Each member needs a value: the id of a user or a group")
        found[value] = display if isinstance(display, str) else None
    if len(found) > MAX_MEMBERS:
        raise InvalidValueException(detail=f"At most {MAX_MEMBERS} members in one request")
    return found


def _kinds(unit: Unit, org_id: str, ids: Sequence[str]) -> dict[str, str]:
    """User or Group by id. Raises 400 for an id that is neither: there are no ghost members."""
    found: dict[str, str] = {}
    for each in ids if len(ids) <= FEW else ():
        row = unit.one(_KIND, org_id=org_id, member_id=each)
        if row:
            found[each] = row[0]
    for start in range(0, len(ids) if len(ids) > FEW else 0, CHUNK):
        chunk = ids[start : start + CHUNK]
        for table, kind in ((people, "User"), (groups, "Group")):
            rows = unit.all(select(table.c.id).where(table.c.org_id == org_id, table.c.id.in_(chunk)))
            found.update({row[0]: kind for row in rows})
    missing = next((each for each in ids if each not in found), None)
    if missing is not None:
        raise InvalidValueException(detail=f"There is no user or group {missing!r} to be a member")
    return found


def _add_all(unit: Unit, org_id: str, group_id: str, wanted: Displays) -> list[str]:
    """Those of `wanted` who were not members before and are now."""
    kinds = _kinds(unit, org_id, list(wanted))
    if group_id in kinds:
        raise InvalidValueException(detail="A group cannot be a member of itself")
    if len(wanted) <= FEW:
        new = [each for each in wanted if not has_member(unit, org_id, group_id, each)]
    else:
        present = {row[0] for row in unit.all(_MEMBER_IDS, org_id=org_id, group_id=group_id)}
        new = [each for each in wanted if each not in present]
    same = {"org_id": org_id, "group_id": group_id}
    unit.run_many(
        ADD_MEMBER,
        (same | {"member_id": each, "kind": kinds[each], "display": wanted[each]} for each in new),
    )
    return new


def _record_members(
    unit: Unit, context: Context, group_id: str, added: Sequence[str], removed: Sequence[str]
) -> None:
    before = dumps({"members": list(removed)}) if removed else None
    after = dumps({"members": list(added)}) if added else None
    write = Write("group.members", "Group", group_id, before, after)
    record(unit, context.org.id, write, context.actor, context.now)


def replace_group(
    unit: Unit, context: Context, before: Group, model: NamedGroup, protocol: Protocol
) -> Group:
    """The group after a PUT: attributes and members are what `model` says, absent members are none."""
    _check_name(model)
    wanted = members_in(model.members)
    model.members = None
    with protocol.provider:
        stored = protocol.group.model_validate_json(before.doc)
        model.replace(stored)
    _store_attributes(unit, context, before, model)
    present = {row[0] for row in unit.all(_MEMBER_IDS, org_id=context.org.id, group_id=before.id)}
    _change_members(unit, context, before.id, wanted, [each for each in present if each not in wanted])
    return lock_group(unit, context.org.id, before.id)


def _change_members(
    unit: Unit, context: Context, group_id: str, wanted: Displays, unwanted: Iterable[str]
) -> bool:
    """Whether adding `wanted` and removing `unwanted` changed anything."""
    removed = [each for each in unwanted if drop_member(unit, context.org.id, group_id, each)]
    added = _add_all(unit, context.org.id, group_id, wanted)
    if not added and not removed:
        return False
    refuse_by_hand(context.org)
    touch_group(unit, context.org.id, group_id, len(added) - len(removed), context.now)
    _record_members(unit, context, group_id, added, removed)
    return True


def _store_attributes(unit: Unit, context: Context, before: Group, model: NamedGroup) -> bool:
    """Whether the attributes, members aside, differ from what was stored; they are stored then."""
    _check_name(model)
    times, version = (before.created, context.now), before.version + 1
    doc = document(content_of_model(model), "Group", before.id, times, version)
    if content_of(doc) == content_of(before.doc):
        return False
    try:
        unit.run(
            _UPDATE, at_seq=before.seq, display_name=model.display_name,
            display_name_key=fold(model.display_name), external_id=model.external_id, now=context.now,
            version=version, doc=doc,
        )  # fmt: skip
    except Taken as error:
        raise _taken(str(model.display_name)) from error
    write = Write("group.update", "Group", before.id, before.doc, doc)
    record(unit, context.org.id, write, context.actor, context.now)
    return True


def rename_group(unit: Unit, context: Context, group: Group, name: str) -> None:
    """Gives the group another displayName; raises 409 if it is taken."""
    model = NamedGroup.model_validate_json(group.doc)
    model.display_name = name
    _store_attributes(unit, context, group, model)


class GroupPatch:
    """A validated PATCH of a group, taken apart: what concerns members, and the rest."""

    def __init__(self, patch: AnyPatch, protocol: Protocol) -> None:
        self._protocol = protocol
        self.members: list[Part] = []
        attributes = []
        for operation in patch.operations or ():
            rest = self._take(operation)
            if rest is not None:
                attributes.append(rest)
        self.attributes = patch.model_copy(update={"operations": attributes}) if attributes else None

    def _take(self, operation: PatchPart) -> PatchPart | None:
        """The part of the operation that is not about members, or None."""
        path = str(operation.path or "")
        local = path[len(CORE_GROUP) :] if path.lower().startswith(CORE_GROUP) else path
        if local.lower() == "members" or local.lower().startswith(("members[", "members.")):
            self.members.append((operation.op.value, local, operation.value))
            return None
        if path or not isinstance(operation.value, dict):
            return operation
        rest = dict(operation.value)
        for name in operation.value:
            if name.lower() in ("members", CORE_GROUP + "members"):
                self.members.append((operation.op.value, "members", rest.pop(name)))
        return operation.model_copy(update={"value": rest}) if rest or not operation.value else None

    def apply(self, unit: Unit, context: Context, group: Group, base_url: str) -> Group:
        """The group after the PATCH; the same version if nothing changed."""
        changed = False
        if self.attributes is not None:
            with self._protocol.provider:
                model = self._protocol.group.model_validate_json(group.doc)
                self.attributes.patch(model)
            changed = _store_attributes(unit, context, group, model)
        for op, path, value in self.members:
            changed |= self._apply_members(unit, context, group, (op, path, value), base_url)
        return lock_group(unit, context.org.id, group.id) if changed else group

    def _apply_members(
        self, unit: Unit, context: Context, group: Group, operation: Part, base_url: str
    ) -> bool:
        op, path, value = operation
        if path.lower() != "members":
            return self._apply_filtered(unit, context, group, operation, base_url)
        values = value if isinstance(value, list) else [value] if value is not None else []
        objects = [each for each in values if isinstance(each, dict)]
        if len(objects) < len(values):
            raise InvalidValueException(detail='members is a list of objects such as {"value": "<id>"}')
        named = members_in(objects)
        if op == "add":
            return _change_members(unit, context, group.id, named, ())
        if op == "remove" and values:
            return _change_members(unit, context, group.id, {}, named)
        present = [row[0] for row in unit.all(_MEMBER_IDS, org_id=context.org.id, group_id=group.id)]
        wanted = named if op == "replace" else {}
        gone = [each for each in present if each not in wanted]
        return _change_members(unit, context, group.id, wanted, gone)

    def _apply_filtered(
        self, unit: Unit, context: Context, group: Group, operation: Part, base_url: str
    ) -> bool:
        """Removes the members that the filter of the path selects."""
        op, path, _ = operation
        if not path.endswith("]"):
            raise InvalidPathException(
                path=path, detail=f"{path!r} is not something of a member to be changed"
            )
        if op != "remove":
            raise MutabilityException(
                attribute="members", detail="A member is added or removed, never changed in place"
            )
        one = _ONE_MEMBER.fullmatch(path)
        if one:
            return _change_members(unit, context, group.id, {}, [one.group(1)])
        typed = self._protocol.group_filter(path)
        target = SearchTarget("Group", self._protocol.group, base_url, context.org.id)
        statement = members_matching(typed, target, unit.dialect, group.id)
        ids = [row[0] for row in unit.all(statement)]
        return _change_members(unit, context, group.id, {}, ids)


def remove_group(unit: Unit, context: Context, group: Group) -> None:
    """Deletes the group and every membership in it and of it."""
    org_id = context.org.id
    unit.run(_DROP_ALL, org_id=org_id, group_id=group.id)
    leave_all(unit, org_id, group.id, context.now)
    unit.run(_DELETE, at_seq=group.seq)
    count(unit, org_id, CounterChange(groups_total=-1))
    write = Write("group.delete", "Group", group.id, group.doc)
    record(unit, org_id, write, context.actor, context.now)
