"""Sets of field paths, their FieldsV1 form, and the bookkeeping of who owns which field.

Called by writes for every write (an Update owns what it changes) and by apply. Pure. The rules are those of
sigs.k8s.io/structured-merge-diff. A path is a tuple of FieldsV1 elements: ("f:spec", 'k:{"name":"a"}').
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from scim_sandbox.kubernetes.shapes import Shape

Path = tuple[str, ...]
Paths = frozenset[Path]

_SYSTEM = frozenset(
    ("f:metadata", "f:" + name)
    for name in (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    )
)
_UNOWNED_ROOTS = frozenset({"f:apiVersion", "f:kind"})


def _is_ownable(path: Path) -> bool:
    return path != ("f:metadata",) and path[:1][0] not in _UNOWNED_ROOTS and path[:2] not in _SYSTEM


def applied_paths(value: Any, shape: Shape) -> Paths:
    """What an applied configuration claims: its leaves, and the elements of its sets and keyed lists."""
    found: set[Path] = set()
    _collect(value, shape, (), found, containers=False)
    return frozenset(path for path in found if path and _is_ownable(path))


def _collect(value: Any, shape: Shape, path: Path, found: set[Path], *, containers: bool) -> None:
    """Adds the paths of `value` to `found`; `containers` asks for those of inner maps and lists too."""
    members: list[tuple[str, Any, Shape]] | None = _members(value, shape)
    if not members or containers or (path[-1:] and path[-1][:2] in ("k:", "v:")):
        found.add(path)
    for element, inner, inner_shape in members or ():
        _collect(inner, inner_shape, (*path, element), found, containers=containers)


def _members(value: Any, shape: Shape) -> list[tuple[str, Any, Shape]] | None:
    """The parts that are owned one by one, or None where `value` is owned in one piece."""
    if isinstance(value, dict) and not shape.is_atomic_map:
        return [("f:" + name, inner, shape.field(name)) for name, inner in value.items()]
    if isinstance(value, list):
        identities = shape.identities(value)
        if identities is not None:
            return [(element, inner, shape.item()) for element, inner in identities.items()]
    return None


def compared(old: Any, new: Any, shape: Shape) -> tuple[Paths, Paths]:
    """Paths that were changed or added, and paths that were removed, between two versions of an object."""
    changed: set[Path] = set()
    removed: set[Path] = set()
    _compare(old, new, shape, (), changed, removed)
    return (
        frozenset(path for path in changed if path and _is_ownable(path)),
        frozenset(path for path in removed if path and _is_ownable(path)),
    )


def _compare(old: Any, new: Any, shape: Shape, path: Path, changed: set[Path], removed: set[Path]) -> None:
    if old is new or old == new:
        return
    before, after = _members(old, shape), _members(new, shape)
    if before is None and after is None:
        changed.add(path)
        return
    old_parts = {element: (inner, part) for element, inner, part in before or ()}
    new_parts = {element: (inner, part) for element, inner, part in after or ()}
    if before is None or after is None:
        changed.add(path)
    for element, (inner, part) in new_parts.items():
        here = (*path, element)
        if element in old_parts:
            _compare(old_parts[element][0], inner, part, here, changed, removed)
        else:
            _collect(inner, part, here, changed, containers=True)
    for element, (inner, part) in old_parts.items():
        if element not in new_parts:
            _collect(inner, part, (*path, element), removed, containers=True)


def fields_v1(paths: Iterable[Path]) -> dict[str, Any]:
    """The trie that managedFields holds; `.` marks a container that is a member itself."""
    root: dict[str, Any] = {}
    for path in sorted(paths):
        node = root
        for element in path:
            node = node.setdefault(element, {})
        node["."] = {}
    _drop_lone_dots(root)
    return root


def _drop_lone_dots(node: dict[str, Any]) -> None:
    if set(node) == {"."}:
        node.clear()
    for element, inner in node.items():
        if element != ".":
            _drop_lone_dots(inner)


def paths_of(trie: dict[str, Any]) -> Paths:
    """The inverse of fields_v1; raises ValueError for what is no FieldsV1."""
    found: set[Path] = set()
    _read(trie, (), found)
    return frozenset(found)


def _read(node: Any, path: Path, found: set[Path]) -> None:
    if not isinstance(node, dict):
        raise ValueError("fieldsV1 must be an object of objects")
    if path and (not node or "." in node):
        found.add(path)
    for element, inner in node.items():
        if element != ".":
            if element[:2] not in ("f:", "k:", "v:", "i:"):
                raise ValueError(f"fieldsV1 has the unknown key {element!r}")
            _read(inner, (*path, element), found)


@dataclass(frozen=True)
class Entry:
    """One item of metadata.managedFields."""

    manager: str
    operation: str
    api_version: str
    subresource: str = ""
    time: str = ""
    paths: Paths = field(default_factory=frozenset)

    @property
    def identity(self) -> tuple[str, str, str]:
        """What tells entries apart; an upgrade of the API version keeps its owner."""
        return self.manager, self.operation, self.subresource

    def rendered(self) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.api_version,
        }
        if self.time:
            entry["time"] = self.time
        entry["fieldsType"] = "FieldsV1"
        entry["fieldsV1"] = fields_v1(self.paths)
        if self.subresource:
            entry["subresource"] = self.subresource
        return entry


def parse_entries(managed: Any) -> list[Entry]:
    """The entries of metadata.managedFields; raises ValueError where they are not well formed."""
    entries = []
    for item in managed or []:
        if not isinstance(item, dict) or item.get("operation") not in ("Apply", "Update"):
            raise ValueError("managedFields entries need an operation, Apply or Update")
        if item.get("fieldsType", "FieldsV1") != "FieldsV1":
            raise ValueError("managedFields.fieldsType must be FieldsV1")
        entries.append(
            Entry(
                manager=str(item.get("manager", "")),
                operation=item["operation"],
                api_version=str(item.get("apiVersion", "")),
                subresource=str(item.get("subresource", "")),
                time=str(item.get("time", "")),
                paths=paths_of(item.get("fieldsV1") or {}),
            )
        )
    return entries


def after_update(entries: list[Entry], writer: Entry, changed: Paths, removed: Paths) -> list[Entry]:
    """Entries once `writer` (its `paths` are ignored) has changed and removed these paths without asking."""
    touched = changed | removed
    result, own = [], frozenset[Path]()
    for entry in entries:
        if entry.identity == writer.identity:
            own = entry.paths
            if not touched:
                result.append(entry)
            continue
        left = entry.paths - touched
        if left:
            result.append(entry if left == entry.paths else replace(entry, paths=left))
    if not touched:
        return result
    mine = (own | changed) - removed
    if mine:
        result.append(replace(writer, paths=mine))
    return result


def path_text(path: Path) -> str:
    """`.spec.parts[name="a"].count`, as conflicts name a field."""
    text = ""
    for element in path:
        kind, rest = element[:2], element[2:]
        if kind == "f:":
            text += "." + rest
        elif kind == "k:":
            pairs = (f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items())
            text += f"[{','.join(pairs)}]"
        elif kind == "v:":
            text += f"[={rest}]"
        else:
            text += f"[{rest}]"
    return text
