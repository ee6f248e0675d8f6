"""The page "Journal": every write, newest first, with what it changed; and the same as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from controller.provider.admin.answers import EntryAnswer, entry_answer
from controller.provider.console.context import ConsoleCall
from controller.provider.journal import LAST, export_lines, read_newest
from controller.provider.statements import Row

PAGE = 50
LONGEST_EXPORT = 100_000
BOOKKEEPING = ("meta", "id", "schemas")
LONGEST = 120


async def show(call: ConsoleCall) -> Response:
    """The page."""
    text = call.request.query().get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) < 18 else LAST
    rows = await call.database.read(lambda unit: read_newest(unit, call.org.id, before, PAGE), heavy=True)
    older = f"?before={rows[-1][0]}" if len(rows) == PAGE else ""
    return call.render("journal.html", entries=[shown_entry(row) for row in rows], older=older)


async def export(call: ConsoleCall) -> Response:
    """The oldest entries first, as JSON lines."""
    body = await call.database.read(
        lambda unit: export_lines(unit, call.org.id, 0, LONGEST_EXPORT), heavy=True
    )
    headers = {"content-disposition": f'attachment; filename="{call.org.id}-journal.jsonl"'}
    return Response(body, headers=headers, media_type="application/jsonl")


class ShownEntry(EntryAnswer):
    """An entry as pages show it: with who wrote it, by name, and what it changed."""

    who: str
    changes: list[tuple[str, str, str]]


def shown_entry(row: Row) -> ShownEntry:
    """A row of the journal as pages show it."""
    entry = entry_answer(row)
    who = entry.actor.partition(" (")[0]
    return ShownEntry(**dict(entry), who=who, changes=changes(entry))


def changes(entry: EntryAnswer) -> list[tuple[str, str, str]]:
    """(attribute, before, after) of what an entry changed, "" for absent; bookkeeping is left out."""
    before, after = _flat(entry.before), _flat(entry.after)
    return [
        (name, _shown(before.get(name)), _shown(after.get(name)))
        for name in before | after
        if before.get(name) != after.get(name)
    ]


def _flat(content: Mapping[str, object] | None) -> dict[str, object]:
    """Attributes by name, those of an object in it as `name.part`."""
    flat: dict[str, object] = {}
    for name, value in (content or {}).items():
        short = "" if name == "provider" or name.startswith("urn:") else name
        if name in BOOKKEEPING:
            continue
        if isinstance(value, dict):
            flat |= {f"{short}.{part}".strip("."): item for part, item in value.items()}
        else:
            flat[short] = value
    return flat


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        parts = [item.get("value", item) if isinstance(item, dict) else item for item in value]
        text = ", ".join(map(str, parts))
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
