"""The page "Groups": which there are and how many people are in each; new, renamed, deleted."""

from __future__ import annotations

from sqlalchemy import select
from starlette.responses import Response

from controller.provider.admin.bodies import GroupBody, checked_body
from controller.provider.admin.groups import (
    COLUMNS,
    deletable_group,
    dissolve_group,
    found_group,
    group_answer,
)
from controller.provider.console.confirm import Consequences, ask_first, counted
from controller.provider.console.context import ConsoleCall
from controller.provider.groups import lock_group, rename_group
from controller.provider.people import Context
from controller.provider.statements import Unit
from controller.provider.tables import groups

SHOWN = 1000


async def show(call: ConsoleCall, status: int = 200, error: str = "") -> Response:
    """The page."""
    statement = select(*COLUMNS).where(groups.c.org_id == call.org.id)
    statement = statement.order_by(groups.c.display_name).limit(SHOWN)
    rows = await call.database.read(lambda unit: unit.all(statement), heavy=True)
    found = [group_answer(row) for row in rows]
    mapped = frozenset(call.org.mapping.group_names()) if call.org.mapping.is_on else frozenset[str]()
    return call.render("groups.html", status, groups=found, mapped=mapped, error=error)


def _named(call: ConsoleCall) -> str:
    return checked_body(GroupBody, {"displayName": call.value("name") or None}).display_name


async def create(call: ConsoleCall) -> Response:
    """Creates a group without members."""
    name = _named(call)
    await call.change(lambda unit, context: found_group(unit, context, name))
    return call.back_to("groups", "created")


async def rename(call: ConsoleCall) -> Response:
    """Gives a group another name; asks first if the mapping leads to the old one."""
    name, group_id = _named(call), call.id
    asked = await ask_first(
        call,
        lambda unit, context: _renamed(unit, context, group_id, name),
        lambda unit, context: rename_group(unit, context, lock_group(unit, context.org.id, group_id), name),
    )
    return asked or call.back_to("groups", "renamed")


def _renamed(unit: Unit, context: Context, group_id: str, name: str) -> Consequences | None:
    group = lock_group(unit, context.org.id, group_id)
    if name == group.display_name or group.display_name not in context.org.mapping.group_names():
        return None
    lines = (
        f"The mapping leads to {group.display_name}, and there is no group of that name then: values that "
        "lead to it no longer put anybody into this group.",
        "Change the mapping to the new name as well.",
    )
    notes = (f"{counted(group.members_total, 'person is', 'people are')} in the group now.",)
    return Consequences(f"Rename {group.display_name} to {name}?", "Rename the group", lines, notes)


async def delete(call: ConsoleCall) -> Response:
    """Deletes a group after asking; refused while the mapping leads to it."""
    group_id = call.id
    asked = await ask_first(
        call,
        lambda unit, context: _without_group(unit, context, group_id),
        lambda unit, context: dissolve_group(unit, context, group_id),
    )
    return asked or call.back_to("groups", "deleted")


def _without_group(unit: Unit, context: Context, group_id: str) -> Consequences:
    group = deletable_group(unit, context, group_id)
    lines = (
        f"{counted(group.members_total, 'person leaves', 'people leave')} the group, and what it gave them.",
        "The group is deleted. This can't be undone.",
    )
    return Consequences(f"Delete the group {group.display_name}?", "Delete the group", lines)
