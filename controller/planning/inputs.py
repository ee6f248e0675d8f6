"""What one run is given: an integration with everything that refers to it, as parsed specs.

Gathered by handlers.cluster from the API server, and by scimctl from files. Pure.
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


@dataclass(frozen=True, slots=True)
class Rival:
    """Another integration, as far as it matters for conflicts."""

    namespace: str
    name: str
    created: str
    uid: str
    base_url: str
    app: tuple[str, str]
    """(Okta org id or URL, app id or label) as far as known."""


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
