"""What one run is given: an integration with everything that refers to it, as parsed specs.

Gathered by operator.cluster from the API server, and by scimctl from files. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from controller.api.group_mapping import GroupMappingSpec
from controller.api.okta_org import OktaOrgSpec
from controller.api.scim_integration import ScimIntegrationSpec
from controller.api.seat_limit import SeatLimitSpec

Spec = TypeVar("Spec")


@dataclass(frozen=True, slots=True)
class Resource(Generic[Spec]):
    """A custom resource with its parsed spec."""

    kind: str
    namespace: str
    name: str
    uid: str
    generation: int
    created: str
    """metadata.creationTimestamp; of two rivals the later one yields."""
    spec: Spec
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    is_deleting: bool = False
    status: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SecretKey:
    """One key of a Secret that exists: its audience, never its value."""

    name: str
    key: str
    allowed_hosts: frozenset[str]
    """From the annotation scim-operator.dev/allowed-hosts; empty where it is absent."""


@dataclass(frozen=True, slots=True)
class SecretNote:
    """What is known of a Secret beside its keys."""

    owner: str = ""
    """Who else keeps it, such as `ExternalSecret calendly`; then it is never written. "" for nobody."""
    replaced_token: str = ""
    """Id of the token that the present one replaced, from the annotation scim-operator.dev/replaced-token."""


NO_NAMES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AppNames:
    """Everything by which an Okta app is known. Ids come from readings or from specs, the others lead to
    one."""

    org_ids: frozenset[str] = NO_NAMES
    org_urls: frozenset[str] = NO_NAMES
    """In normal form; two domains may be of one org."""
    ids: frozenset[str] = NO_NAMES
    labels: frozenset[str] = NO_NAMES

    def is_same(self, other: AppNames) -> bool:
        """Whether the two are one app for certain."""
        is_org = bool(self.org_ids & other.org_ids or self.org_urls & other.org_urls)
        return is_org and bool(self.ids & other.ids or self.labels & other.labels)

    def may_be(self, other: AppNames) -> bool:
        """Whether only a reading can tell that they are two: one is named by id and the other by label, or
        nobody knows yet whether two domains are of one org."""
        if not self.org_urls & other.org_urls and self.org_ids and other.org_ids:
            return bool(self.org_ids & other.org_ids) and self._may_be_app(other)
        return self._may_be_app(other)

    def _may_be_app(self, other: AppNames) -> bool:
        if self.ids and other.ids:
            return bool(self.ids & other.ids)
        return bool(self.labels & other.labels) or bool(self.ids) != bool(other.ids)

    def as_texts(self) -> tuple[str, ...]:
        """A text for each way to name the app: two that are the same for certain share one."""
        orgs = sorted(self.org_ids | self.org_urls)
        apps = [*(f"id {one}" for one in sorted(self.ids)), *(f"label {one}" for one in sorted(self.labels))]
        return tuple(f"{org} {app}" for org in orgs for app in apps)


@dataclass(frozen=True, slots=True)
class Rival:
    """Another integration, as far as it matters for conflicts."""

    namespace: str
    name: str
    created: str
    uid: str
    base_url: str
    app: AppNames = AppNames()
    is_unread: bool = False
    """It is new and no run has tried to read its app yet."""
    is_proven: bool = True
    """A run of it has read its app and its tenant: its credentials are valid there."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that `build_desired` looks at."""

    integration: Resource[ScimIntegrationSpec]
    org: Resource[OktaOrgSpec] | None
    """None where orgRef names nothing."""
    mappings: tuple[Resource[GroupMappingSpec], ...] = ()
    limits: tuple[Resource[SeatLimitSpec], ...] = ()
    secrets: Mapping[tuple[str, str], frozenset[SecretKey]] = field(default_factory=dict)
    """(namespace, Secret name) -> its keys; a Secret that does not exist is not there."""
    namespace_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rivals: tuple[Rival, ...] = ()
    secret_notes: Mapping[tuple[str, str], SecretNote] = field(default_factory=dict)
    """(namespace, Secret name) -> what is known of it beside its keys."""
    config_maps: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    """(namespace, ConfigMap name, key) -> value, of every ConfigMap that the integration or its org names."""
