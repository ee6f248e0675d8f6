"""What the server serves: one Resource per group, version and plural, and the registry that finds them.

Filled by builtin (once) and by definitions (as CustomResourceDefinitions come and go); read by everything
else. Holds no objects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from controller.schema import Structural
from controller.schema.findings import Finding
from scim_sandbox.kubernetes.failures import qualified
from scim_sandbox.kubernetes.shapes import Shape, shape_of

Object = dict[str, Any]

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
METADATA_FIELDS: Mapping[str, str] = {
    "metadata.name": "metadata.name",
    "metadata.namespace": "metadata.namespace",
}


def unchanged(obj: Object) -> Object:
    """The conversion of a kind that is stored as it is served."""
    return obj


def no_preparation(obj: Object, old: Object | None) -> list[Finding]:
    """The preparation of a kind without rules of its own."""
    return []


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`: `cell` gives its value for one object, or None."""

    name: str
    cell: Callable[[Object], Any]
    type: str = "string"
    priority: int = 0
    description: str = ""
    format: str = ""


@dataclass(frozen=True, eq=False)
class Resource:
    """One served resource: its names, what it can do, and its rules.

    `prepare(obj, old)` sets the kind's own defaults in `obj` in place and returns what is wrong with it;
    `to_storage` and `from_storage` convert between versions; `known_fields` are the top-level fields of a
    built-in kind that is decoded strictly (None: any).
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    singular: str = ""
    list_kind: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    has_status: bool = False
    counts_generations: bool = False
    unconditional_update: bool = True
    is_custom: bool = False
    verbs: tuple[str, ...] = ALL_VERBS
    description: str = ""
    structural: Structural | None = None
    schema: Mapping[str, Any] | None = None
    columns: tuple[Column, ...] = ()
    selectable: Mapping[str, str] = field(default_factory=dict)
    known_fields: frozenset[str] | None = None
    name_rule: str = "subdomain"
    storage: tuple[str, str] = ("", "")
    prepare: Callable[[Object, Object | None], list[Finding]] = no_preparation
    to_storage: Callable[[Object], Object] = unchanged
    from_storage: Callable[[Object], Object] = unchanged

    def __post_init__(self) -> None:
        defaults: dict[str, Any] = {
            "singular": self.kind.lower(),
            "list_kind": self.kind + "List",
            "storage": (self.group, self.plural),
        }
        for name, value in defaults.items():
            if not any(getattr(self, name)):
                object.__setattr__(self, name, value)
        object.__setattr__(self, "selectable", {**METADATA_FIELDS, **self.selectable})

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        return qualified(self.group, self.plural)

    @property
    def shape(self) -> Shape:
        return shape_of(self.schema if self.is_custom else None)


class Registry:
    """Resources by group, version and plural, in the order discovery lists them."""

    def __init__(self) -> None:
        self._resources: dict[tuple[str, str], dict[str, Resource]] = {}
        self.changes = 0
        """Grows with every change, so that discovery answers can carry an ETag."""

    def add(self, resource: Resource) -> None:
        """Serves `resource`, in place of an earlier one of the same names."""
        self._resources.setdefault((resource.group, resource.version), {})[resource.plural] = resource
        self.changes += 1

    def discard(self, group: str, plural: str) -> None:
        """Serves no version of it any more."""
        for at in [at for at in self._resources if at[0] == group]:
            self._resources[at].pop(plural, None)
            if not self._resources[at]:
                del self._resources[at]
        self.changes += 1

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self._resources.get((group, version), {}).get(plural)

    def of_version(self, group: str, version: str) -> list[Resource] | None:
        """Resources of one group-version, or None where it is not served."""
        found = self._resources.get((group, version))
        return None if found is None else list(found.values())

    def groups(self) -> dict[str, list[str]]:
        """Versions by group, the most stable first; the core group is ""."""
        found: dict[str, list[str]] = {}
        for group, version in self._resources:
            found.setdefault(group, []).append(version)
        return {group: sorted(versions, key=version_rank) for group, versions in found.items()}

    def storages(self) -> dict[tuple[str, str], Resource]:
        """One resource, of the preferred version, for each storage."""
        found: dict[tuple[str, str], Resource] = {}
        for group, versions in self.groups().items():
            for version in versions:
                for resource in self._resources[group, version].values():
                    found.setdefault(resource.storage, resource)
        return found


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Sort key: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name (apimachinery `version` package)."""
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if match is None:
        return 3, 0, 0, version
    stability = {None: 0, "beta": 1, "alpha": 2}[match.group(2)]
    return stability, -int(match.group(1)), -int(match.group(3) or 0), version
