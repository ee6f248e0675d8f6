"""CustomResourceDefinitions: their own rules, and the Resources that one defines.

`definition_resource` is called by builtin, `resources_of` and `established` by lifecycle. Pure but for a
cache of compiled schemas. A version's schema is compiled when the definition is written, so that a bad one is
refused there, as apiextensions-apiserver does. Conversion between versions is `None`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from controller.schema import SchemaError, Structural, compile_schema, findings
from controller.schema.findings import Finding
from scim_sandbox.kubernetes.definition_schema import SCHEMA
from scim_sandbox.kubernetes.jsonpath import compile_path
from scim_sandbox.kubernetes.resources import Column, Object, Resource
from scim_sandbox.kubernetes.store import encode

GROUP, PLURAL, KIND = "apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition"
TABLE = (GROUP, PLURAL)
DYING_VERBS = ("delete", "deletecollection", "get", "list", "watch")
"""What discovery shows of a resource whose definition is being deleted."""
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_COLUMN_TYPES = ("integer", "number", "string", "boolean", "date")
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def definition_resource() -> Resource:
    """The resource of definitions themselves."""
    return Resource(
        group=GROUP,
        version="v1",
        plural=PLURAL,
        kind=KIND,
        namespaced=False,
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        has_status=True,
        counts_generations=True,
        unconditional_update=False,
        description=str(SCHEMA["description"]),
        schema=SCHEMA,
        structural=compiled(SCHEMA),
        prepare=prepare_definition,
        columns=(
            Column("Name", lambda obj: obj["metadata"]["name"], format="name"),
            Column("Created At", lambda obj: obj["metadata"].get("creationTimestamp")),
        ),
    )


@lru_cache(maxsize=128)
def _compiled(text: bytes) -> Structural:
    return compile_schema(json.loads(text))


def compiled(schema: Object) -> Structural:
    """The compiled schema; the same one for equal schemas. Raises SchemaError."""
    return _compiled(encode(schema))


def prepare_definition(obj: Object, old: Object | None) -> list[Finding]:
    """Defaults of names and conversion, set in place, and everything wrong with the definition beyond its
    own schema, which has been checked."""
    spec = obj["spec"]
    names = spec["names"]
    _set_defaults(obj, spec, names)
    return [
        *_name_findings(obj, spec, names),
        *_conversion_findings(spec),
        *_version_findings(spec),
        *_immutability_findings(spec, (old or {}).get("spec")),
    ]


def _set_defaults(obj: Object, spec: Object, names: Object) -> None:
    kind = str(names.get("kind") or "")
    names.setdefault("singular", kind.lower())
    names.setdefault("listKind", kind + "List")
    spec.setdefault("conversion", {"strategy": "None"})
    stored = [one["name"] for one in spec["versions"] if one["storage"]]
    status = obj.setdefault("status", {})
    status.setdefault("conditions", [])
    status.setdefault("acceptedNames", {"plural": "", "kind": ""})
    known = status.setdefault("storedVersions", [])
    known.extend(version for version in stored if version not in known)


def _name_findings(obj: Object, spec: Object, names: Object) -> list[Finding]:
    found = []
    name = obj["metadata"].get("name") or ""
    if name != f"{names.get('plural')}.{spec.get('group')}":
        found.append(findings.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    if "." not in str(spec.get("group") or ""):
        message = "should be a domain with at least one dot"
        found.append(findings.invalid("spec.group", spec.get("group") or "", message))
    for field in ("plural", "singular", "kind", "listKind"):
        value = names.get(field)
        if not value:
            found.append(findings.required(f"spec.names.{field}"))
        elif not _LABEL.fullmatch(value.lower()):
            found.append(findings.invalid(f"spec.names.{field}", value, "a DNS-1035 label is needed"))
    if spec.get("scope") not in ("Namespaced", "Cluster"):
        scopes = ("Cluster", "Namespaced")
        found.append(findings.not_supported("spec.scope", spec.get("scope") or "", scopes))
    return found


def _conversion_findings(spec: Object) -> list[Finding]:
    found = []
    strategy = (spec.get("conversion") or {}).get("strategy")
    if strategy != "None":
        found.append(findings.not_supported("spec.conversion.strategy", strategy or "", ("None",)))
    if spec.get("preserveUnknownFields"):
        message = "must be false in order to use defaults in the schema"
        found.append(findings.invalid("spec.preserveUnknownFields", True, message))
    return found


def _version_findings(spec: Object) -> list[Finding]:
    versions = spec["versions"]
    if not versions:
        return [findings.required("spec.versions", "must have at least one version")]
    found = []
    if sum(bool(one.get("storage")) for one in versions) != 1:
        message = "must have exactly one version marked as storage version"
        found.append(findings.invalid("spec.versions", findings.OMIT, message))
    names = [one.get("name") for one in versions]
    if len(set(map(str, names))) != len(names):
        message = "must contain unique version names"
        found.append(findings.invalid("spec.versions", findings.OMIT, message))
    for place, version in enumerate(versions):
        found += _one_version(version, f"spec.versions[{place}]")
    return found


def _one_version(version: Object, path: str) -> list[Finding]:
    found = []
    if not _LABEL.fullmatch(str(version.get("name") or "")):
        found.append(
            findings.invalid(f"{path}.name", version.get("name") or "", "a DNS-1035 label is needed")
        )
    found += _column_findings(
        version.get("additionalPrinterColumns") or [], f"{path}.additionalPrinterColumns"
    )
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    at = f"{path}.schema.openAPIV3Schema"
    if not isinstance(schema, dict):
        return [*found, findings.required(at, "schemas are required")]
    try:
        compiled(schema)
    except SchemaError as error:
        found += [_below(one, f"{path}.schema") for one in error.findings]
    return found


def _below(finding: Finding, path: str) -> Finding:
    """`finding` with its field, which starts at openAPIV3Schema, told from the definition's root."""
    return Finding(f"{path}.{finding.field}", finding.type, finding.message, finding.value)


def _column_findings(columns: list[Object], path: str) -> list[Finding]:
    found = []
    for place, column in enumerate(columns):
        at = f"{path}[{place}]"
        if column.get("type") not in _COLUMN_TYPES:
            found.append(findings.not_supported(f"{at}.type", column.get("type") or "", _COLUMN_TYPES))
        try:
            compile_path(str(column.get("jsonPath") or ""))
        except ValueError as error:
            found.append(findings.invalid(f"{at}.jsonPath", column.get("jsonPath"), str(error)))
    return found


def _immutability_findings(spec: Object, old: Object | None) -> list[Finding]:
    found = []
    for path in ("group", "scope", "names.kind", "names.plural"):
        section, _, leaf = path.rpartition(".")
        now = (spec.get(section) if section else spec).get(leaf)  # type: ignore[union-attr]
        before = now if old is None else (old.get(section) if section else old).get(leaf)  # type: ignore[union-attr]
        if now != before:
            found.append(findings.invalid(f"spec.{path}", now, "field is immutable"))
    return found


def resources_of(definition: Object) -> list[Resource]:
    """The Resources of every served version of an accepted definition."""
    spec = definition["spec"]
    storage = next(version["name"] for version in spec["versions"] if version.get("storage"))
    conditions = (definition.get("status") or {}).get("conditions") or []
    is_dying = any(one["type"] == "Terminating" and one["status"] == "True" for one in conditions)
    served = [_resource(spec, version, storage) for version in spec["versions"] if version.get("served")]
    return [replace(one, verbs=DYING_VERBS) for one in served] if is_dying else served


def _resource(spec: Object, version: Object, storage: str) -> Resource:
    names, group = spec["names"], spec["group"]
    schema = version["schema"]["openAPIV3Schema"]
    return Resource(
        group=group,
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        singular=names["singular"],
        list_kind=names["listKind"],
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        has_status="status" in (version.get("subresources") or {}),
        counts_generations=True,
        unconditional_update=False,
        is_custom=True,
        description=str(schema.get("description") or ""),
        structural=compiled(schema),
        schema=schema,
        columns=_columns(version.get("additionalPrinterColumns")),
        selectable=_selectable(version.get("selectableFields") or []),
        to_storage=_versioned(f"{group}/{storage}"),
        from_storage=_versioned(f"{group}/{version['name']}"),
    )


def _versioned(api_version: str) -> Callable[[Object], Object]:
    def convert(obj: Object) -> Object:
        return obj if obj["apiVersion"] == api_version else {**obj, "apiVersion": api_version}

    return convert


def _selectable(fields: list[Object]) -> dict[str, str]:
    paths = [str(one.get("jsonPath") or "").removeprefix(".") for one in fields]
    return {path: path for path in paths if path}


def _columns(declared: list[Object] | None) -> tuple[Column, ...]:
    name = Column("Name", lambda obj: obj["metadata"]["name"], format="name")
    if not declared:
        declared = [{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}]
    return (name, *(_column(one) for one in declared))


def _column(declared: Object) -> Column:
    path = compile_path(declared["jsonPath"])

    def cell(obj: Object) -> Any:
        found = path(obj)
        return found[0] if found else None

    return Column(
        declared["name"],
        cell,
        type=declared["type"],
        priority=int(declared.get("priority") or 0),
        description=str(declared.get("description") or ""),
        format=str(declared.get("format") or ""),
    )


def established(definition: Object, clash: str, now: str) -> Object:
    """`definition` with the status that the naming and establishing controllers give it.

    `clash` says which of its names is taken by another kind of the group; "" accepts them.
    """
    status = definition.get("status") or {}
    if clash:
        conditions = [
            _condition("NamesAccepted", "False", "NameConflict", clash, now),
            _condition("Established", "False", "NotAccepted", "not all names are accepted", now),
        ]
        accepted = status.get("acceptedNames")
    else:
        conditions = [
            _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found", now),
            _condition(
                "Established", "True", "InitialNamesAccepted", "the initial names have been accepted", now
            ),
        ]
        accepted = definition["spec"]["names"]
    before = {one["type"]: one for one in status.get("conditions") or []}
    kept = [_kept(one, before.get(one["type"])) for one in conditions]
    others = [one for kind, one in before.items() if kind not in ("NamesAccepted", "Established")]
    return {**definition, "status": {**status, "conditions": kept + others, "acceptedNames": accepted}}


def _kept(condition: Object, before: Object | None) -> Object:
    if before is not None and before["status"] == condition["status"]:
        return {**condition, "lastTransitionTime": before["lastTransitionTime"]}
    return condition


def terminating(definition: Object, now: str) -> Object:
    """`definition` held by its cleanup finalizer, saying that its objects are being deleted."""
    metadata = definition["metadata"]
    held = [name for name in metadata.get("finalizers") or [] if name != CLEANUP]
    status = definition.get("status") or {}
    conditions = [one for one in status.get("conditions") or [] if one["type"] != "Terminating"]
    message = "CustomResource deletion is in progress"
    conditions.append(_condition("Terminating", "True", "InstanceDeletionInProgress", message, now))
    return {
        **definition,
        "metadata": {**metadata, "finalizers": [*held, CLEANUP]},
        "status": {**status, "conditions": conditions},
    }


def _condition(kind: str, status: str, reason: str, message: str, now: str) -> Object:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": now,
    }
