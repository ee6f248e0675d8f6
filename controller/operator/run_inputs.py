"""From bodies and Secrets to the Inputs of a run: parsed specs, siblings, rivals, audiences of Secrets.

Called by the reconciler. Which Secrets a run needs is told first, read by cluster, and brought back here.
No I/O.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import SecretStr

from controller.api.group_mapping import GroupMappingSpec
from controller.api.meta import ALLOWED_HOSTS, REPLACED_TOKEN, Api
from controller.api.okta_org import OktaOrgSpec
from controller.api.parsing import parse
from controller.api.scim_integration import ScimIntegrationSpec
from controller.api.seat_limit import SeatLimitSpec
from controller.clock import parse_rfc3339
from controller.kube.client import Body
from controller.kube.ownership import owner_of
from controller.operator.org_sharing import may_use, usable_org
from controller.operator.store import INTEGRATION, LIMIT, MAPPING, Store
from controller.outside_text import remember
from controller.planning.base.inputs import AppNames, Inputs, Resource, Rival, SecretKey, SecretNote
from controller.planning.desired.conflicts import app_names
from controller.reconcile.conditions import READY, by_type
from controller.reconcile.reasons import Reason
from controller.urls import normal_url

Spec = TypeVar("Spec", bound=Api)
NEW = timedelta(minutes=10)
"""How long an integration counts as about to be read."""
Wanted = tuple[str, str, str]
"""(kind, namespace, name) of a Secret or ConfigMap."""


def to_resource(body: Body, model: type[Spec]) -> Resource[Spec]:
    """`body` with its spec parsed; SpecError names the resource and the field."""
    metadata = body["metadata"]
    return Resource(
        str(body["kind"]),
        str(metadata["namespace"]),
        str(metadata["name"]),
        str(metadata.get("uid", "")),
        int(metadata.get("generation", 1)),
        str(metadata.get("creationTimestamp", "")),
        parse(model, body),
        dict(metadata.get("annotations") or {}),
        dict(metadata.get("labels") or {}),
        bool(metadata.get("deletionTimestamp")),
        dict(body.get("status") or {}),
    )


@dataclass(frozen=True, slots=True)
class Family:
    """An integration with everything that refers to it, parsed."""

    integration: Resource[ScimIntegrationSpec]
    org: Resource[OktaOrgSpec] | None
    """None if there is none that it may use."""
    mappings: tuple[Resource[GroupMappingSpec], ...]
    limits: tuple[Resource[SeatLimitSpec], ...]

    def is_observed(self) -> bool:
        """Whether every status is about the present spec; without that only a full run will do."""
        everyone: Iterable[Resource[Any]] = (self.integration, *self.mappings, *self.limits)
        return all(one.status.get("observedGeneration") == one.generation for one in everyone)


def gather_family(store: Store, integration: Body) -> Family:
    """The family of `integration`. SpecError where the spec of any member cannot be parsed: a mapping that is
    left out would take people out of their groups. An org that does not allow the namespace is not looked at;
    where labels decide that, they have to be noted before."""
    _, namespace, name = (
        integration["kind"],
        integration["metadata"]["namespace"],
        integration["metadata"]["name"],
    )
    org = usable_org(store, integration)
    return Family(
        to_resource(integration, ScimIntegrationSpec),
        to_resource(org, OktaOrgSpec) if org is not None else None,
        tuple(
            to_resource(body, GroupMappingSpec) for body in _alive(store.siblings(MAPPING, namespace, name))
        ),
        tuple(to_resource(body, SeatLimitSpec) for body in _alive(store.siblings(LIMIT, namespace, name))),
    )


def _alive(bodies: Iterable[Body]) -> list[Body]:
    return [body for body in bodies if not body["metadata"].get("deletionTimestamp")]


def wanted_secrets(family: Family) -> tuple[Wanted, ...]:
    """Every Secret and ConfigMap that a run of `family` reads: none if there is no org that it may use, since
    the run ends before it needs any."""
    if family.org is None:
        return ()
    spec, namespace = family.integration.spec, family.integration.namespace
    provider = spec.provider
    names = [provider.auth.secret_ref.name]
    names += [ref.name for ref in (provider.okta_token_ref,) if ref is not None]
    names += [provider.admin.secret_ref.name] if provider.admin is not None else []
    names += [provider.token_rotation.issue_to.name] if provider.token_rotation is not None else []
    wanted = {("Secret", namespace, name) for name in names}
    if provider.ca_bundle_ref is not None:
        wanted.add((provider.ca_bundle_ref.kind, namespace, provider.ca_bundle_ref.name))
    return tuple(sorted({*wanted, *secrets_of_org(family.org)}))


def secrets_of_org(org: Resource[OktaOrgSpec]) -> tuple[Wanted, ...]:
    """The Secret and the CA bundle that an OktaOrg names."""
    wanted: tuple[Wanted, ...] = (("Secret", org.namespace, org.spec.auth.secret_ref.name),)
    bundle = org.spec.ca_bundle_ref
    return wanted if bundle is None else (*wanted, (bundle.kind, org.namespace, bundle.name))


@dataclass(slots=True)
class Vault:
    """What the named Secrets and ConfigMaps hold: audiences for planning, values for targets. A ConfigMap is
    kept apart from the Secret of its name and gives no audience: more people may write it."""

    secrets: dict[tuple[str, str], frozenset[SecretKey]] = field(default_factory=dict)
    values: dict[tuple[str, str, str], SecretStr] = field(default_factory=dict)
    """(namespace, name, key) -> value, of Secrets."""
    config_maps: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """The same of ConfigMaps, whose values are public."""
    notes: dict[tuple[str, str], SecretNote] = field(default_factory=dict)
    versions: dict[Wanted, str] = field(default_factory=dict)
    """resourceVersion of each that was asked for, "" where it is missing."""

    def add(self, wanted: Wanted, body: Body) -> None:
        """Takes in the Secret or ConfigMap `body`."""
        kind, namespace, name = wanted
        self.versions[wanted] = str(body["metadata"].get("resourceVersion", ""))
        if kind == "Secret":
            self._add_secret(namespace, name, body)
            return
        for key, value in (body.get("data") or {}).items():
            self.config_maps[namespace, name, key] = str(value)

    def _add_secret(self, namespace: str, name: str, body: Body) -> None:
        annotations = body["metadata"].get("annotations") or {}
        self.notes[namespace, name] = SecretNote(owner_of(body), str(annotations.get(REPLACED_TOKEN, "")))
        hosts = str(annotations.get(ALLOWED_HOSTS, ""))
        audience = frozenset(host.strip() for host in hosts.split(",") if host.strip())
        decoded = _decoded(body.get("data") or {})
        self.secrets[namespace, name] = frozenset(SecretKey(name, key, audience) for key in decoded)
        for key, value in decoded.items():
            self.values[namespace, name, key] = SecretStr(value)
            if key not in PUBLIC_KEYS and "://" not in value:
                remember(value)


PUBLIC_KEYS = frozenset({"clientId", "username"})
"""Keys of a Secret whose values name somebody and prove nothing: messages may show them."""


def _decoded(data: Mapping[str, Any]) -> dict[str, str]:
    """Values of a Secret as text. What is no text in UTF-8 cannot be a credential and is left out, as if it
    were missing."""
    found = {}
    for key, value in data.items():
        try:
            found[key] = base64.b64decode(str(value), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found


def rivals_of(store: Store, uid: str, now: datetime) -> tuple[Rival, ...]:
    """Every integration but the one of `uid`, as far as it matters for conflicts. One that may not use its
    org writes nothing and is in nobody's way."""
    others = (body for body in store.of_kind(INTEGRATION) if body["metadata"].get("uid") != uid)
    return tuple(_rival(store, body, now) for body in others if may_use(store, body) is not False)


def names_of_app(store: Store, integration: Body) -> AppNames:
    """Everything by which the app of an integration is known."""
    declared = ((integration.get("spec") or {}).get("okta") or {}).get("app") or {}
    org = usable_org(store, integration) or {}
    url = (org.get("spec") or {}).get("url")
    status, org_status = integration.get("status") or {}, org.get("status") or {}
    return app_names(declared.get("id"), declared.get("label"), status, url, org_status)


def _is_unread(body: Body, now: datetime) -> bool:
    """Whether `body` is new and no run of it has ended yet; one whose shard is away does not count for
    ever."""
    metadata, status = body["metadata"], body.get("status") or {}
    ready = by_type(status.get("conditions") or []).get(READY, {"reason": Reason.PROGRESSING})
    is_coming = ready.get("reason") == Reason.PROGRESSING and not status.get("app")
    if not is_coming or (body.get("spec") or {}).get("suspend") or metadata.get("deletionTimestamp"):
        return False
    try:
        return now - parse_rfc3339(str(metadata.get("creationTimestamp", ""))) < NEW
    except ValueError:
        return False


def is_proven(integration: Body) -> bool:
    """Whether a run has read the app and the tenant that the integration names now."""
    status, spec = integration.get("status") or {}, integration.get("spec") or {}
    url = (spec.get("provider") or {}).get("baseUrl", "")
    return bool(status.get("app")) and normal_url(status.get("baseUrl", "")) == normal_url(url)


def _rival(store: Store, body: Body, now: datetime) -> Rival:
    metadata, spec = body["metadata"], body.get("spec") or {}
    return Rival(
        str(metadata["namespace"]),
        str(metadata["name"]),
        str(metadata.get("creationTimestamp", "")),
        str(metadata.get("uid", "")),
        str((spec.get("provider") or {}).get("baseUrl", "")),
        names_of_app(store, body),
        _is_unread(body, now),
        is_proven(body),
    )


def build_inputs(
    family: Family, vault: Vault, labels: Mapping[str, str] | None, rivals: tuple[Rival, ...]
) -> Inputs:
    """The Inputs of a run. `labels` are those of the integration's namespace, None if nothing needs them."""
    return Inputs(
        family.integration,
        family.org,
        family.mappings,
        family.limits,
        vault.secrets,
        {family.integration.namespace: labels} if labels is not None else {},
        rivals,
        vault.notes,
        vault.config_maps,
    )
