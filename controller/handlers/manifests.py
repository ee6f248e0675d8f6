"""Resources as files hold them: YAML or JSON, several documents a file, with the line of every field.

Used by scimctl (plan, validate) and by the sandbox, which applies the examples. YAML is read as kubectl
reads it: to JSON values, so a date stays text. A key that is there twice is an error, as it is under
fieldValidation=Strict.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from controller.api import GROUP, KINDS, VERSION
from controller.errors import SpecError
from controller.handlers.paths import ApiPath, object_path

PLURALS = {
    ("v1", "Secret"): "secrets",
    ("v1", "ConfigMap"): "configmaps",
    **{(f"{GROUP}/{VERSION}", kind.kind): kind.plural for kind in KINDS.values()},
}
CLUSTER_WIDE = {
    ("v1", "Namespace"): "namespaces",
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): "customresourcedefinitions",
}


class _Loader(yaml.SafeLoader):
    """SafeLoader without dates: what JSON cannot say stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document: `lines` has the 1-based line of each field by its path, `spec.mappings[0].values`."""

    file: str
    line: int
    body: dict[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return str(self.body.get("kind", ""))

    @property
    def name(self) -> str:
        return str((self.body.get("metadata") or {}).get("name", ""))

    @property
    def namespace(self) -> str:
        """The one that it names; "" where it leaves it to the caller."""
        return str((self.body.get("metadata") or {}).get("namespace", ""))

    def line_of(self, path: str) -> int:
        """Line of the field, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, self.line)

    def where(self, path: str = "") -> str:
        """`file:line` as editors take it."""
        return f"{self.file}:{self.line_of(path)}"


def resource_path(body: Mapping[str, Any], namespace: str) -> ApiPath:
    """The path of the object at the API; SpecError for a kind that is none of ours nor of what we need."""
    key = (str(body.get("apiVersion", "")), str(body.get("kind", "")))
    name = str((body.get("metadata") or {}).get("name", ""))
    if key in CLUSTER_WIDE:
        return object_path(key[0], CLUSTER_WIDE[key], name=name)
    if key not in PLURALS:
        raise SpecError(
            f"{' '.join(key).strip() or 'a document without kind'} is not known here", field="kind"
        )
    return object_path(key[0], PLURALS[key], (body.get("metadata") or {}).get("namespace") or namespace, name)


def read_manifests(paths: Iterable[str | Path]) -> list[Manifest]:
    """The documents of files and of the *.yaml, *.yml and *.json files of folders, in order of name; `-` is
    standard input. Empty documents are left out, a List is taken apart."""
    return [
        manifest for path in paths for name, text in _texts(path) for manifest in parse_manifests(text, name)
    ]


def parse_manifests(text: str, file: str) -> list[Manifest]:
    """The documents of one text. SpecError names file and line of what is not YAML or not an object."""
    loader = _Loader(text)
    try:
        return list(_documents(loader, file))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SpecError(f"not YAML: {error.problem or error.context}", field=f"{file}:{line}") from None
    except yaml.YAMLError as error:
        raise SpecError(f"not YAML: {error}", field=file) from None
    finally:
        loader.dispose()


def _texts(path: str | Path) -> Iterator[tuple[str, str]]:
    if str(path) == "-":
        yield "-", sys.stdin.read()
        return
    place = Path(path)
    files = [place]
    if place.is_dir():
        files = sorted(file for file in place.iterdir() if file.suffix in (".yaml", ".yml", ".json"))
        if not files:
            raise SpecError("there is no *.yaml, *.yml or *.json file in it", field=str(path))
    for file in files:
        try:
            yield str(file), file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SpecError(f"cannot be read: {reason}", field=str(file)) from None


def _documents(loader: _Loader, file: str) -> Iterator[Manifest]:
    while loader.check_node():
        node = loader.get_node()
        assert node is not None
        lines: dict[str, int] = {}
        _LineNotes(file, lines).take(node, "")
        body = loader.construct_document(node)
        line = node.start_mark.line + 1
        if body is None:
            continue
        if not isinstance(body, dict):
            raise SpecError("a document is not an object with apiVersion and kind", field=f"{file}:{line}")
        yield from _taken_apart(Manifest(file, line, body, lines))


def _taken_apart(manifest: Manifest) -> Iterator[Manifest]:
    if manifest.kind != "List" or not isinstance(manifest.body.get("items"), list):
        yield manifest
        return
    for number, item in enumerate(manifest.body["items"]):
        prefix = f"items[{number}]"
        lines = {
            path[len(prefix) + 1 :]: line
            for path, line in manifest.lines.items()
            if path.startswith(f"{prefix}.")
        }
        yield Manifest(manifest.file, manifest.line_of(prefix), item, lines)


class _LineNotes:
    """Notes the line of each key of a document; a key twice in one object is an error."""

    def __init__(self, file: str, lines: dict[str, int]) -> None:
        self._file, self._lines = file, lines
        self._visited: set[int] = set()

    def take(self, node: yaml.Node, path: str) -> None:
        """Notes what is below `node`; what an alias repeats is noted once, so that cycles end."""
        if id(node) in self._visited:
            return
        self._visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._take_mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                self._lines[f"{path}[{number}]"] = value.start_mark.line + 1
                self.take(value, f"{path}[{number}]")

    def _take_mapping(self, node: yaml.MappingNode, path: str) -> None:
        seen: dict[str, int] = {}
        for key, value in node.value:
            line, name = key.start_mark.line + 1, str(key.value)
            if name in seen:
                where = f"{self._file}:{line}"
                raise SpecError(f"{name} is there twice, first on line {seen[name]}", field=where)
            inner = f"{path}.{name}" if path else name
            seen[name] = self._lines[inner] = line
            self.take(value, inner)
