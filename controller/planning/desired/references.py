"""Whether everything that an integration names is there and may be used: the org, Secrets, keys, their
audience.

Called by desired. Sees which Secrets exist and for whom they are meant, never what they hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from controller.api.meta import ALLOWED_HOSTS
from controller.api.okta_org import OktaOrgSpec
from controller.errors import SpecError, Waiting
from controller.parsing import split_url
from controller.planning.base.inputs import Inputs, Resource, SecretKey
from controller.urls import normal_authority

Secrets = Mapping[tuple[str, str], frozenset[SecretKey]]
"""(namespace, name) -> the keys of a Secret, with the hosts that they may be sent to."""


@dataclass(frozen=True, slots=True)
class Use:
    """A Secret that is needed: which keys, to which URLs they go, and the field that names it."""

    namespace: str
    name: str
    keys: tuple[str, ...]
    urls: tuple[str, ...]
    field: str


def check_references(inputs: Inputs) -> Resource[OktaOrgSpec]:
    """The OktaOrg. Raises Waiting for what is not there yet, SpecError for what may not be used."""
    org = _org(inputs)
    for use in (_use_of_org(org), *_uses(inputs)):
        _check_use(inputs.secrets, use)
    return org


def check_org(org: Resource[OktaOrgSpec], secrets: Secrets) -> None:
    """Raises Waiting if the Secret of `org` is not there yet, SpecError if it may not be sent to its URL."""
    _check_use(secrets, replace(_use_of_org(org), field="spec.auth.secretRef"))


def _org(inputs: Inputs) -> Resource[OktaOrgSpec]:
    ref = inputs.integration.spec.okta.org_ref
    namespace = ref.namespace or inputs.integration.namespace
    ours = inputs.integration.namespace
    if inputs.org is None and namespace == ours:
        raise Waiting(
            f"spec.okta.orgRef: there is no OktaOrg {ref.name} in namespace {namespace}; create it or "
            "correct the name",
            reason="OrgNotFound",
        )
    labels = inputs.namespace_labels.get(ours)
    org = inputs.org
    if org is None or not org.spec.allowed_namespaces.admits(ours, org.namespace, labels):
        # The same words for both: who may not use an org is not told whether it is there.
        raise SpecError(
            f"OktaOrg {namespace}/{ref.name} does not exist or does not allow namespace {ours}; its owner "
            "may add it to spec.allowedNamespaces of the OktaOrg",
            field="spec.okta.orgRef",
            reason="NamespaceNotAllowed",
        )
    return org


def _use_of_org(org: Resource[OktaOrgSpec]) -> Use:
    auth = org.spec.auth
    keys: tuple[str, ...] = ("clientId", "privateKey") if auth.type == "ServiceApp" else ("apiToken",)
    field = "spec.auth.secretRef of the OktaOrg"
    return Use(org.namespace, auth.secret_ref.name, keys, (org.spec.url,), field)


def _uses(inputs: Inputs) -> Iterator[Use]:
    """Of the integration's own Secrets."""
    ours, provider = inputs.integration.namespace, inputs.integration.spec.provider
    own = provider.auth
    own_keys: tuple[str, ...] = {
        "Bearer": (own.secret_ref.key,),
        "Basic": ("username", "password"),
        "OAuth2ClientCredentials": ("clientId", "clientSecret"),
    }[own.type]
    rotation = provider.token_rotation
    if rotation is not None and own.type == "Bearer" and rotation.issue_to.name == own.secret_ref.name:
        own_keys = ()  # the first token is issued into it
    urls = (provider.base_url, *((own.token_url,) if own.token_url else ()))
    yield Use(ours, own.secret_ref.name, own_keys, urls, "spec.provider.auth.secretRef")
    if provider.okta_token_ref is not None:
        ref = provider.okta_token_ref
        keys: tuple[str, ...] = (
            (ref.key,) if rotation is None or inputs.integration.spec.provisioning.by != "Okta" else ()
        )
        yield Use(ours, ref.name, keys, (provider.base_url,), "spec.provider.oktaTokenRef")
    if provider.admin is not None:
        ref, url = provider.admin.secret_ref, provider.admin.base_url
        yield Use(ours, ref.name, (ref.key,), (url,), "spec.provider.admin.secretRef")
    if provider.token_rotation is not None:
        target = provider.token_rotation.issue_to
        yield Use(ours, target.name, (), (provider.base_url,), "spec.provider.tokenRotation.issueTo")


def _check_use(secrets: Secrets, use: Use) -> None:
    held = secrets.get((use.namespace, use.name))
    if held is None or not {one.key for one in held} >= set(use.keys):
        present = {one.key for one in held or ()}
        lacking = [key for key in use.keys if key not in present]
        what = f"the Secret {use.name}" if held is None else f"the key {lacking[0]} of the Secret {use.name}"
        raise Waiting(
            f"{use.field}: {what} is missing in namespace {use.namespace}; "
            f"{_how_to_create(use, held is None, lacking)}",
            reason="SecretNotFound",
        )
    allowed = frozenset().union(*(one.allowed_hosts for one in held))
    for url in use.urls:
        if held and not is_allowed_host(url, allowed):
            raise SpecError(_host_message(use, url, allowed), field=use.field, reason="HostNotAllowed")


def _how_to_create(use: Use, is_absent: bool, lacking: list[str]) -> str:
    if is_absent:
        literals = " ".join(f"--from-literal={key}=..." for key in lacking)
        command = f"kubectl create secret generic {use.name} -n {use.namespace} {literals}".rstrip()
        return f"create it with: {command}, then annotate it with {ALLOWED_HOSTS}={host_of(use.urls[0])}"
    patch = json.dumps({"stringData": {lacking[0]: "..."}})
    return f"add it with: kubectl patch secret {use.name} -n {use.namespace} -p '{patch}'"


def _host_message(use: Use, url: str, allowed: frozenset[str]) -> str:
    hosts = ",".join(sorted({*allowed, host_of(url)}))
    return (
        f"the Secret {use.name} does not name {host_of(url)} among the hosts that it may be sent to, "
        "so that nothing was sent; if it is meant for it: "
        f"kubectl annotate secret {use.name} -n {use.namespace} {ALLOWED_HOSTS}={hosts} --overwrite"
    )


def host_of(url: str) -> str:
    """`host[:port]` of `url`, the port only where it is not the scheme's own; "" where it is no URL."""
    try:
        parts = split_url(url)
    except ValueError:
        return ""
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    own = 443 if parts.scheme == "https" else 80
    return host if parts.port in (None, own) else f"{host}:{parts.port}"


def is_allowed_host(url: str, allowed: frozenset[str]) -> bool:
    """Whether `url` goes to a host that `allowed` names, in whatever spelling; an entry without a port means
    the scheme's own."""
    scheme = url.partition(":")[0].strip().lower()
    host = normal_authority(host_of(url), scheme)
    return bool(host) and any(normal_authority(entry, scheme) == host for entry in allowed)
