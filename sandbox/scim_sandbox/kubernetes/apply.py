"""Server-side apply: merge a configuration into the live object under field ownership.

Called by writes for `application/apply-patch+yaml`. Pure. Follows the Updater of
sigs.k8s.io/structured-merge-diff: merge, prune what the manager no longer applies and nobody else owns,
then refuse what another manager owns and this one would change, unless forced.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from scim_sandbox.kubernetes.failures import Refusal
from scim_sandbox.kubernetes.fields import Entry, Path, Paths, applied_paths, compared, path_text
from scim_sandbox.kubernetes.shapes import Shape

Object = dict[str, Any]


def applied(
    live: Object, config: Object, shape: Shape, entries: list[Entry], writer: Entry, *, force: bool
) -> tuple[Object, list[Entry]]:
    """The merged object (sharing parts with both) and the entries after it.

    Raises a 409 Refusal that names every conflicting manager and field.
    """
    claimed = applied_paths(config, shape)
    before = next((entry for entry in entries if entry.identity == writer.identity), None)
    others = [entry for entry in entries if entry.identity != writer.identity]
    merged = _merge(live, config, shape)
    if before is not None:
        merged = _pruned(merged, before.paths - claimed, claimed, others, shape)
    changed, removed = compared(live, merged, shape)
    if not force:
        _refuse_conflicts(others, changed & claimed)
    result = [replace(entry, paths=entry.paths - changed - removed) for entry in others]
    if before is not None and before.paths == claimed:
        writer = before
    return merged, [*(entry for entry in result if entry.paths), replace(writer, paths=claimed)]


def _merge(live: Any, config: Any, shape: Shape) -> Any:
    if isinstance(live, dict) and isinstance(config, dict) and not shape.is_atomic_map:
        merged = dict(live)
        for name, value in config.items():
            merged[name] = _merge(live[name], value, shape.field(name)) if name in live else value
        return merged
    if isinstance(live, list) and isinstance(config, list):
        before, wanted = shape.identities(live), shape.identities(config)
        if before is not None and wanted is not None:
            return _merged_items(before, wanted, shape.item())
    return config


def _merged_items(before: dict[str, Any], wanted: dict[str, Any], shape: Shape) -> list[Any]:
    kept = {
        element: _merge(item, wanted[element], shape) if element in wanted else item
        for element, item in before.items()
    }
    return list({**kept, **{key: item for key, item in wanted.items() if key not in before}}.values())


def _pruned(merged: Object, gone: Paths, claimed: Paths, others: list[Entry], shape: Shape) -> Object:
    """`merged` without the paths in `gone`, and without the containers that only they held open."""
    kept = _with_ancestors(claimed.union(*(entry.paths for entry in others)))
    result: Any = merged
    for path in sorted(gone - kept, key=len):
        if not _is_key(path):
            result = _without(result, path, shape, keep=False)
    emptied = {path[:end] for path in gone for end in range(1, len(path))} - kept
    for path in sorted(emptied, key=len, reverse=True):
        result = _without(result, path, shape, keep=True)
    return result if isinstance(result, dict) else {}


def _is_key(path: Path) -> bool:
    """Whether this is a field by which an element of a list is found: it stays while the element does."""
    return len(path) > 1 and path[-2].startswith("k:") and path[-1][2:] in json.loads(path[-2][2:])


def _with_ancestors(paths: Paths) -> set[Path]:
    return {path[:end] for path in paths for end in range(1, len(path) + 1)}


def _without(value: Any, path: Path, shape: Shape, *, keep: bool) -> Any:
    """A copy of `value` without what is at `path`; with `keep` only where an empty container is there."""
    element, rest = path[0], path[1:]
    if element.startswith("f:"):
        name = element[2:]
        if not isinstance(value, dict) or name not in value:
            return value
        inner = value[name]
        if rest:
            return {**value, name: _without(inner, rest, shape.field(name), keep=keep)}
        if keep and inner not in ({}, []):
            return value
        return {key: item for key, item in value.items() if key != name}
    return _without_item(value, element, rest, shape, keep=keep)


def _without_item(value: Any, element: str, rest: Path, shape: Shape, *, keep: bool) -> Any:
    identities = shape.identities(value) if isinstance(value, list) else None
    if identities is None or element not in identities:
        return value
    if rest:
        identities[element] = _without(identities[element], rest, shape.item(), keep=keep)
    elif not keep:
        del identities[element]
    return list(identities.values())


def _refuse_conflicts(others: list[Entry], changed: Paths) -> None:
    found = [
        (entry, path)
        for entry in sorted(others, key=lambda entry: entry.identity)
        for path in sorted(entry.paths & changed)
    ]
    if not found:
        return
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {_named(entry)}",
            "field": path_text(path),
        }
        for entry, path in found
    ]
    raise Refusal(409, "Conflict", _message(found), {"causes": causes})


def _message(found: list[tuple[Entry, Path]]) -> str:
    if len(found) == 1:
        entry, path = found[0]
        return f"Apply failed with 1 conflict: conflict with {_named(entry)}: {path_text(path)}"
    lines: list[str] = []
    for entry, path in found:
        header = f"conflicts with {_named(entry)}:"
        if header not in lines:
            lines.append(header)
        lines.append(f"- {path_text(path)}")
    return f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)


def _named(entry: Entry) -> str:
    name = f'"{entry.manager}"'
    if entry.subresource:
        name += f' with subresource "{entry.subresource}"'
    if entry.operation == "Update":
        name += f" using {entry.api_version}" + (f" at {entry.time}" if entry.time else "")
    return name
