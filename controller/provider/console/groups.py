"""The screen "Groups": which there are and how many people are in each; new, renamed, deleted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from controller.provider.admin.groups import COLUMNS, dissolve_group, found_group, name_of, shown_group
from controller.provider.console.visits import Visit
from controller.provider.groups import lock_group, rename_group
from controller.provider.tables import groups
from controller.provider.wire import Response

SHOWN = 1000


async def show(visit: Visit, status: int = 200, error: str = "") -> Response:
    """The page."""
    statement = select(*COLUMNS).where(groups.c.org_id == visit.org.id)
    statement = statement.order_by(groups.c.display_name).limit(SHOWN)
    rows = await visit.database.read(lambda unit: unit.all(statement), heavy=True)
    found = [shown_group(row) for row in rows]
    mapped = frozenset(visit.org.mapping.group_names()) if visit.org.mapping.is_on else frozenset[str]()
    return visit.render("groups.html", status, groups=found, mapped=mapped, error=error)


def _named(visit: Visit) -> str:
    body: dict[str, Any] = {"displayName": visit.value("name") or None}
    return name_of(body)


async def create(visit: Visit) -> Response:
    """Creates a group without members."""
    name = _named(visit)
    await visit.change(lambda unit, context: found_group(unit, context, name))
    return visit.back_to("groups", "created")


async def rename(visit: Visit) -> Response:
    """Gives a group another name."""
    name, group_id = _named(visit), visit.identifiers[0]
    await visit.change(
        lambda unit, context: rename_group(unit, context, lock_group(unit, context.org.id, group_id), name)
    )
    return visit.back_to("groups", "renamed")


async def delete(visit: Visit) -> Response:
    """Deletes a group; refused while the mapping leads to it."""
    await visit.change(lambda unit, context: dissolve_group(unit, context, visit.identifiers[0]))
    return visit.back_to("groups", "deleted")
