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
from controller.kube.paths import ApiPath, object_path
from controller.kube.yaml_documents import YamlError, read_documents
from controller.parsing import as_object, as_text

PLURALS = {
    ("v1", "Secret"): "secrets",
    ("v1", "ConfigMap"): "configmaps",
    **{(f"{GROUP}/{VERSION}", kind.kind): kind.plural for kind in KINDS.values()},
}
CLUSTER_WIDE = {
    ("v1", "Namespace"): "namespaces",
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): "customresourcedefinitions",
}


MAX_BYTES = 8 * 1024 * 1024
"""Of one file; an API server takes 3 MiB in one request."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document: `lines` has the 1-based line of each field by its path, `spec.mappings[0].values`."""

    file: str
    line: int
    body: dict[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return as_text(self.body.get("kind"))

    @property
    def name(self) -> str:
        return as_text(as_object(self.body.get("metadata")).get("name"))

    @property
    def namespace(self) -> str:
        """The one that it names; "" where it leaves it to the caller."""
        return as_text(as_object(self.body.get("metadata")).get("namespace"))

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
    metadata = as_object(body.get("metadata"))
    name = as_text(metadata.get("name"))
    if key in CLUSTER_WIDE:
        return object_path(key[0], CLUSTER_WIDE[key], name=name)
    if key not in PLURALS:
        raise SpecError(
            f"{' '.join(key).strip() or 'a document without kind'} is not known here", field="kind"
        )
    return object_path(key[0], PLURALS[key], as_text(metadata.get("namespace")) or namespace, name)


def read_manifests(paths: Iterable[str | Path]) -> list[Manifest]:
    """The documents of files and of the *.yaml, *.yml and *.json files of folders, in order of name; `-` is
    standard input. Empty documents are left out, a List is taken apart."""
    return [
        manifest for path in paths for name, text in _texts(path) for manifest in parse_manifests(text, name)
    ]


def parse_manifests(text: str, file: str) -> list[Manifest]:
    """The documents of one text. SpecError names file and line of what is not YAML or not an object."""
    try:
        return list(_documents(text, file))
    except YamlError as error:
        raise SpecError(f"not YAML: {error}", field=f"{file}:{error.line}") from None


def _texts(path: str | Path) -> Iterator[tuple[str, str]]:
    if str(path) == "-":
        yield "-", _text(sys.stdin.buffer.read(MAX_BYTES + 1), "-")
        return
    try:
        files = _files(Path(path))
    except (OSError, ValueError) as error:
        raise _unreadable(str(path), error) from None
    for file in files:
        try:
            with file.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise _unreadable(str(file), error) from None
        yield str(file), _text(content, str(file))


def _files(place: Path) -> list[Path]:
    """`place`, or the files of a folder: what is no regular file there, such as a pipe, is left out."""
    if not place.is_dir():
        return [place]
    files = [file for file in sorted(place.iterdir()) if file.suffix in (".yaml", ".yml", ".json")]
    files = [file for file in files if file.is_file()]
    if not files:
        raise SpecError("there is no *.yaml, *.yml or *.json file in it", field=str(place))
    return files


def _text(content: bytes, file: str) -> str:
    if len(content) > MAX_BYTES:
        raise SpecError(f"is larger than {MAX_BYTES} bytes; split it", field=file)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SpecError("cannot be read: it is not UTF-8", field=file) from None


def _unreadable(file: str, error: OSError | ValueError) -> SpecError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return SpecError(f"cannot be read: {reason}", field=file)


def _documents(text: str, file: str) -> Iterator[Manifest]:
    for node, body in read_documents(text):
        lines: dict[str, int] = {}
        _LineNotes(file, lines).take(node, "")
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
    found = _lines_of_items(manifest.lines)
    for number, item in enumerate(manifest.body["items"]):
        prefix = f"items[{number}]"
        lines = found.get(prefix, {})
        line = manifest.line_of(prefix)
        if not isinstance(item, dict):
            told = "an item of the List is not an object with apiVersion and kind"
            raise SpecError(told, field=f"{manifest.file}:{line}")
        yield Manifest(manifest.file, line, item, lines)


def _lines_of_items(lines: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """The lines below each `items[n]`, by paths from there."""
    found: dict[str, dict[str, int]] = {}
    for path, line in lines.items():
        prefix, dot, rest = path.partition(".")
        if dot and prefix.startswith("items["):
            found.setdefault(prefix, {})[rest] = line
    return found


class _LineNotes:
    """Notes the line of each key of a document; a key twice in one object is an error."""

    def __init__(self, file: str, lines: dict[str, int]) -> None:
        self._file, self._lines = file, lines
        self._visited: set[int] = set()

    def take(self, node: yaml.Node, path: str) -> None:
        """Notes what is below `node`; what an alias repeats is noted once."""
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
