"""The admin API's handlers about groups.

Called by routes, and by the console for the same acts.
"""

from __future__ import annotations

from sqlalchemy import select
from starlette.responses import Response

from controller.provider.admin.answers import GroupAnswer, GroupsAnswer
from controller.provider.admin.bodies import GroupBody
from controller.provider.admin.calls import AdminCall, answer_json
from controller.provider.admin.problems import Problem
from controller.provider.groups import Group, lock_group, remove_group, rename_group
from controller.provider.memberships import insert_group
from controller.provider.models import NamedGroup
from controller.provider.people import Context
from controller.provider.statements import Row, Taken, Unit
from controller.provider.tables import groups

COLUMNS = (
    groups.c.id, groups.c.display_name, groups.c.external_id, groups.c.members_total, groups.c.created,
    groups.c.modified,
)  # fmt: skip


def group_answer(row: Row) -> GroupAnswer:
    """A group, from a row of COLUMNS."""
    group_id, name, external_id, members, created, modified = row
    return GroupAnswer(
        id=group_id,
        display_name=name,
        external_id=external_id,
        members=members,
        created=created,
        last_modified=modified,
    )


async def list_groups(call: AdminCall) -> Response:
    """GET groups: every group with its number of members."""
    statement = select(*COLUMNS).where(groups.c.org_id == call.org.id).order_by(groups.c.display_name)
    rows = await call.database.read(lambda unit: unit.all(statement), heavy=True)
    return answer_json(GroupsAnswer(groups=[group_answer(row) for row in rows], total=len(rows)))


def one_group(unit: Unit, org_id: str, group_id: str) -> GroupAnswer:
    """The group; it must be there."""
    row = unit.one(select(*COLUMNS).where(groups.c.org_id == org_id, groups.c.id == group_id))
    assert row is not None
    return group_answer(row)


async def create_group(call: AdminCall) -> Response:
    """POST groups {displayName}."""
    name = call.body(GroupBody).display_name

    def job(unit: Unit) -> GroupAnswer:
        return found_group(unit, call.context(unit), name)

    return answer_json(await call.database.write(job), 201)


def found_group(unit: Unit, context: Context, name: str) -> GroupAnswer:
    """The new group `name`; raises Problem 409 if there is one."""
    try:
        group_id, _ = insert_group(
            unit, context.org, NamedGroup(display_name=name), context.actor, context.now
        )
    except Taken as error:
        raise Problem(409, "Conflict", f"A group {name!r} exists", field="displayName") from error
    return one_group(unit, context.org.id, group_id)


async def edit_group(call: AdminCall) -> Response:
    """PATCH groups/{id} {displayName}."""
    name = call.body(GroupBody).display_name

    def job(unit: Unit) -> GroupAnswer:
        context = call.context(unit)
        rename_group(unit, context, lock_group(unit, context.org.id, call.id), name)
        return one_group(unit, context.org.id, call.id)

    return answer_json(await call.database.write(job))


async def delete_group(call: AdminCall) -> Response:
    """DELETE groups/{id}; refused while the mapping leads to it."""
    await call.database.write(lambda unit: dissolve_group(unit, call.context(unit), call.id))
    return Response(status_code=204)


def dissolve_group(unit: Unit, context: Context, group_id: str) -> None:
    """Deletes the group; raises Problem 409 while the mapping leads to it."""
    remove_group(unit, context, deletable_group(unit, context, group_id))


def deletable_group(unit: Unit, context: Context, group_id: str) -> Group:
    """The group; raises Problem 409 while the mapping leads to it."""
    group = lock_group(unit, context.org.id, group_id)
    if group.display_name in context.org.mapping.group_names():
        raise Problem(409, "InUse", f"The mapping leads to {group.display_name!r}; change it first")
    return group
