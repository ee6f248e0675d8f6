"""`scimctl validate`: what the API server, and then the operator, would refuse of files, with file and line.

Needs no cluster. Three passes: the CRD's schema with its rules, the names of fields (with a did-you-mean),
and what spans resources, for what is there in the files.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from controller.api import GROUP, KINDS, VERSION, parse
from controller.api.crds import build_schema
from controller.api.meta import ALLOWED_HOSTS
from controller.cli.options import Output
from controller.cli.terminal import emit
from controller.errors import SpecError, clip
from controller.kube.manifests import PLURALS, Manifest, read_manifests
from controller.parsing import as_object, as_text
from controller.schema import Structural, compile_schema

API_VERSION = f"{GROUP}/{VERSION}"
MOST = 50
"""Problems of one resource that are printed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `where` is file:line."""

    where: str
    kind: str
    name: str
    field: str
    message: str

    def __str__(self) -> str:
        subject = " ".join(part for part in (self.kind, self.name) if part)
        told = f"{self.field}: {self.message}" if self.field else self.message
        return f"{self.where}: {subject + ': ' if subject else ''}{told}"


def validate(files: list[str], output: Output) -> bool:
    """Whether nothing was found; prints the findings."""
    manifests = read_manifests(files)
    problems = find_problems(manifests)
    _print(output, problems, len(manifests))
    return not problems


def find_problems(manifests: Iterable[Manifest]) -> list[Problem]:
    """Every finding, in the order of the files; [] when all would be taken."""
    known = list(manifests)
    problems = [problem for manifest in known for problem in _of_one(manifest)]
    return [*problems, *_across(known)]


def _of_one(manifest: Manifest) -> list[Problem]:
    """What is wrong with one resource; of hundreds of findings the first and how many more."""
    found = list(_findings(manifest))
    more = len(found) - MOST
    if more <= 0:
        return found
    return [*found[:MOST], _problem(manifest, "", f"{more} more problems; correct the first ones")]


def _findings(manifest: Manifest) -> Iterator[Problem]:
    key = (as_text(manifest.body.get("apiVersion")), manifest.kind)
    if not isinstance(manifest.body.get("metadata", {}), dict):
        yield _problem(manifest, "metadata", "has to be an object with a name")
    if key[0].split("/")[0] == GROUP and key not in PLURALS:
        kinds = ", ".join(sorted(KINDS))
        yield _problem(manifest, "kind", f"no such kind in {API_VERSION}; there are {kinds}")
    elif key[0] == API_VERSION:
        yield from _of_ours(manifest)
    elif manifest.kind == "Secret" and not _hosts(manifest):
        yield _problem(
            manifest,
            "metadata.annotations",
            f"{ALLOWED_HOSTS} is missing: without the hosts it may be sent to, this Secret is not used",
        )


def _of_ours(manifest: Manifest) -> Iterator[Problem]:
    if not manifest.name and isinstance(manifest.body.get("metadata", {}), dict):
        yield _problem(manifest, "metadata.name", "is required, as a text")
    body = copy.deepcopy(manifest.body)
    body.pop("metadata", None)
    strict: Problem | None = None
    try:
        parse(KINDS[manifest.kind].spec, manifest.body, strict=True)
    except SpecError as error:
        strict = _problem(manifest, error.field, error.message.removeprefix(f"{error.field}: "))
    schema = _schema(manifest.kind)
    unknown = schema.prune(copy.deepcopy(body))
    schema.default(body)
    findings = schema.validate(body)
    for finding in findings:
        if finding.field != "<nil>":
            yield _problem(manifest, finding.field, finding.message)
    if strict and (not findings or strict.field in unknown):
        yield strict


def _across(manifests: list[Manifest]) -> Iterator[Problem]:
    """What spans resources within the files: doubles, and what is claimed twice."""
    unique: dict[tuple[str, str, str], Manifest] = {}
    for manifest in manifests:
        first = unique.setdefault((manifest.kind, manifest.namespace, manifest.name), manifest)
        if first is not manifest:
            message = f"is there already ({first.where()}); the later one would win"
            yield _problem(manifest, "metadata.name", message)
    yield from _claimed_twice(unique.values())
    yield from _limited_twice(unique.values())


def _claimed_twice(manifests: Iterable[Manifest]) -> Iterator[Problem]:
    claimed: dict[tuple[str, str, str], Manifest] = {}
    for manifest in manifests:
        if manifest.kind == "GroupMapping":
            yield from _claims(manifest, claimed)


def _limited_twice(manifests: Iterable[Manifest]) -> Iterator[Problem]:
    limited: dict[tuple[str, str], Manifest] = {}
    for manifest in manifests:
        refs = _part(manifest.body, "spec", "integrationRefs") if manifest.kind == "SeatLimit" else None
        for number, ref in enumerate(refs if isinstance(refs, list) else []):
            name = str(_part(ref, "name"))
            first = limited.setdefault((manifest.namespace, name), manifest)
            if first is not manifest:
                message = f"{name} has the SeatLimit {first.name} already ({first.where()}); keep one"
                yield _problem(manifest, f"spec.integrationRefs[{number}].name", message)


def _part(value: object, *path: str) -> object:
    """What stands at `path`, or None where something on the way is no object."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _claims(manifest: Manifest, claimed: dict[tuple[str, str, str], Manifest]) -> Iterator[Problem]:
    name = str(_part(manifest.body, "spec", "integrationRef", "name"))
    rows = _part(manifest.body, "spec", "mappings")
    for row_number, row in enumerate(rows if isinstance(rows, list) else []):
        values = _part(row, "values")
        for number, value in enumerate(values if isinstance(values, list) else []):
            path = f"spec.mappings[{row_number}].values[{number}]"
            key = (manifest.namespace, name, str(value))
            if (first := claimed.get(key)) is not None:
                where = "this mapping" if first is manifest else f"{first.name} ({first.where()})"
                yield _problem(
                    manifest,
                    path,
                    f"{clip(str(value), 80)!r} is claimed by {where} already; keep one of the two",
                )
            claimed.setdefault(key, manifest)


def _hosts(manifest: Manifest) -> str:
    annotations = as_object(as_object(manifest.body.get("metadata")).get("annotations"))
    return as_text(annotations.get(ALLOWED_HOSTS))


def _problem(manifest: Manifest, field: str, message: str) -> Problem:
    return Problem(manifest.where(field), manifest.kind, manifest.name, field, message)


@lru_cache
def _schema(kind: str) -> Structural:
    return compile_schema(build_schema(KINDS[kind]))


def _print(output: Output, problems: list[Problem], count: int) -> None:
    if output is Output.JSON:
        rows = [{name: getattr(problem, name) for name in Problem.__slots__} for problem in problems]
        emit(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    bullet = "- " if output is Output.MARKDOWN else ""
    for problem in problems:
        emit(f"{bullet}{problem}")
    if not problems:
        emit(f"{bullet}{count} resource{'' if count == 1 else 's'}: nothing to change")
