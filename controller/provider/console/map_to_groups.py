"""The page "Map to groups": values on the left, a group on the right; preview, then save.

A preview is bound to its digest, as at the admin API: what is saved is what was shown, or it is shown anew.
"""

from __future__ import annotations

from sqlalchemy import select
from starlette.responses import Response

from controller.errors import SpecError
from controller.provider.admin.answers import PreviewAnswer, preview_answer
from controller.provider.console.context import ConsoleCall
from controller.provider.mapping import MappingTable, read_table
from controller.provider.preview import StaleDigest, preview_mapping, save_mapping
from controller.provider.tables import groups

BLANK_ROWS = 3
MAX_OFFERED = 1000
UNMAPPED = {
    "Keep": "stay in the groups they are in",
    "Remove": "leave every group",
    "UseValue": "join the group named like their value",
    "Default": "join the default group",
}
Row = dict[str, str]


def _blank() -> list[Row]:
    return [{"values": "", "group": ""} for _ in range(BLANK_ROWS)]


async def _form(
    call: ConsoleCall, rows: list[Row], options: dict[str, str], error: str = "", status: int = 200
) -> Response:
    statement = select(groups.c.display_name).where(groups.c.org_id == call.org.id)
    statement = statement.order_by(groups.c.display_name).limit(MAX_OFFERED)
    found = await call.database.read(lambda unit: unit.all(statement), heavy=True)
    return call.render(
        "map_to_groups.html", status, rows=rows, options=options, group_names=[row[0] for row in found],
        unmapped=UNMAPPED, error=error,
    )  # fmt: skip


async def show(call: ConsoleCall) -> Response:
    """The table in force, to be edited."""
    table = call.org.mapping.table
    rows = [{"values": "\n".join(entry.values), "group": entry.group} for entry in table.entries]
    return await _form(call, rows + _blank(), _options_of(table))


def _options_of(table: MappingTable) -> dict[str, str]:
    return {
        "create": "on" if table.create_groups == "WhenMissing" else "",
        "action": table.unmapped.action,
        "default": table.unmapped.group or "",
    }


async def change(call: ConsoleCall) -> Response:
    """More rows, the preview, or saving what was previewed, by the button that was pressed."""
    pairs = zip(call.form.getlist("values"), call.form.getlist("group"), strict=False)
    rows = [{"values": values, "group": group.strip()} for values, group in pairs]
    options = {name: call.value(name) for name in ("create", "action", "default")}
    what = call.value("do")
    if what == "more":
        return await _form(call, rows + _blank(), options)
    if what == "edit":
        return await _form(call, rows, options)
    try:
        table = table_of(rows, options)
        if what == "save":
            return await _save(call, table, rows, options)
    except SpecError as error:
        return await _form(call, rows, options, error.message, 400)
    preview = await call.database.read(lambda unit: preview_mapping(unit, call.org, table), heavy=True)
    return _preview(call, preview_answer(preview), rows, options)


def table_of(rows: list[Row], options: dict[str, str]) -> MappingTable:
    """The table in a form, whose rows have values a line each; empty rows are left out. Raises SpecError."""
    entries = []
    for row in rows:
        values = [line.strip() for line in row["values"].splitlines() if line.strip()]
        if values and not row["group"]:
            raise SpecError(f"Choose a group for {values[0]!r}.", field="group")
        if row["group"] and not values:
            raise SpecError(f"Type the values that lead to {row['group']!r}.", field="values")
        if values:
            entries.append({"values": values, "group": row["group"]})
    action = options["action"] or "Keep"
    unmapped = {"action": action} | ({"group": options["default"] or None} if action == "Default" else {})
    creates = "WhenMissing" if options["create"] else "Never"
    return read_table({"entries": entries, "createGroups": creates, "unmapped": unmapped})


def _preview(
    call: ConsoleCall, preview: PreviewAnswer, rows: list[Row], options: dict[str, str], error: str = ""
) -> Response:
    """The preview, with the form in hidden fields; saving is offered if nothing is in its way."""
    return call.render(
        "preview.html", 409 if error else 200, preview=preview, rows=rows, options=options, error=error,
        unmapped=UNMAPPED, blocked=bool(preview.missing_groups),
    )  # fmt: skip


async def _save(call: ConsoleCall, table: MappingTable, rows: list[Row], options: dict[str, str]) -> Response:
    digest = call.value("digest")
    try:
        await call.change(
            lambda unit, context: save_mapping(unit, context.org, table, digest, context.actor, context.now),
            heavy=True,
        )
    except StaleDigest as error:
        detail = "Something has changed since the preview. This is what saving would do now."
        return _preview(call, preview_answer(error.preview), rows, options, detail)
    return call.back_to("map-to-groups", "mapped")
