"""Makes the targets of an integration, and opens orgs; keeps sessions, tokens and budgets between runs.

Used by the engine through the Connector Protocol, by the operator for an OktaOrg of its own, and by scimctl.
What it keeps is replaced as soon as a URL, a Secret or a certificate changes. Sessions that were replaced or
forgotten are retired: another run may still be on them, and they close with its last request.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pydantic import SecretStr

from controller.api.meta import CaBundleRef, SecretKeyRef
from controller.api.okta_org import OktaOrgSpec
from controller.api.scim_integration import ScimIntegrationSpec
from controller.errors import SpecError, Waiting
from controller.model.actual import HeldTokens
from controller.okta.connect import OpenOrg, OrgAccess, okta_budgets, open_org
from controller.planning.base.desired import Desired
from controller.planning.base.inputs import Inputs, Resource
from controller.scim.client import Tested
from controller.scim.connect import OpenProvider, ProviderAccess, open_admin, open_provider
from controller.settings import Settings
from controller.targets.app_lookup import AppLookup
from controller.targets.base import Credentials, SecretStore, Targets
from controller.targets.memberships import Memberships
from controller.targets.okta_app import OktaApp
from controller.targets.okta_people import OktaPeople
from controller.targets.provider_people import ProviderPeople
from controller.targets.provider_settings import ProviderSettings
from controller.targets.provider_tokens import TokenDesk, fingerprint_of
from controller.transport.bounds import Bounds
from controller.transport.budget import Budget
from controller.transport.session import Session, Wiring
from controller.transport.urls import UrlRefused, check_url

Fingerprint = str
ConfigMaps = Mapping[tuple[str, str, str], str]
"""(namespace, ConfigMap name, key) -> value."""
NO_MAPS: ConfigMaps = {}
_TOKEN = re.compile(r"[\x21-\x7e]+")
NONE_YET = SecretStr("none-yet")
"""Sent where no token was issued so far, so that the provider's refusal says that its URL is right."""


@dataclass(slots=True)
class _Kept:
    """Something that is open, what it was opened with, and its connections."""

    fingerprint: Fingerprint = ""
    value: Any = None
    org: OpenOrg | None = None
    """What targets stand on: another org object makes other targets, even with the same credential."""
    sessions: list[Session] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def retire(self) -> None:
        """Nobody is to be given it any more."""
        for session in self.sessions:
            await session.retire()


class TargetConnector:
    """The Connector of a process. `aclose` gives back every connection."""

    def __init__(
        self, settings: Settings, wiring: Wiring | None = None, store: SecretStore | None = None
    ) -> None:
        self._settings, self._store = settings, store
        self._wiring = replace(wiring or Wiring(), bounds=_bounds(settings))
        self.budgets = okta_budgets(self._wiring)
        self._orgs: dict[tuple[str, str], _Kept] = {}
        self._targets: dict[tuple[str, str], _Kept] = {}
        self._memberships: dict[tuple[str, str], Memberships] = {}

    async def connect(self, inputs: Inputs, desired: Desired, credentials: Credentials) -> Targets:
        """Targets that use `credentials`. Raises Waiting for a missing org or key, SpecError for what a
        person has to correct, RemoteError where the org does not tell its id."""
        if inputs.org is None:
            ref = inputs.integration.spec.okta.org_ref
            raise Waiting(f"spec.okta.orgRef: there is no OktaOrg {ref.name}", reason="OrgNotFound")
        org = await self.open_org(inputs.org, credentials, inputs.config_maps)
        spec, namespace = inputs.integration.spec, inputs.integration.namespace
        reader = _Reader(namespace, "spec.provider", credentials, inputs.config_maps)
        access = self._provider_access(spec, desired, reader)
        admin_token = _admin_token(spec, reader)
        okta_token = reader.optional(spec.provider.okta_token_ref)
        if desired.by == "Okta":
            _check_apart(okta_token, access)
        held = _held_tokens(spec, namespace, credentials)
        fingerprint = _fingerprint(access, spec.provider.admin, admin_token, okta_token, held)
        place = (namespace, inputs.integration.name)
        kept = self._targets.get(place)
        if kept is None or kept.fingerprint != fingerprint or kept.org is not org:
            memberships = self._memberships_of((inputs.org.namespace, inputs.org.name))
            made = self._make(spec, (org, memberships), access, (admin_token, okta_token), held)
            made.fingerprint = fingerprint
            self._targets[place], old, kept = made, kept, made
            if old is not None:
                await old.retire()
        targets = kept.value
        assert isinstance(targets, Targets)
        return targets

    async def open_org(
        self, resource: Resource[OktaOrgSpec], credentials: Credentials, config_maps: ConfigMaps = NO_MAPS
    ) -> OpenOrg:
        """The org of an OktaOrg, opened with its own credential and counted in that org's budget. Sends
        the credential to it: first see by `check_references` that it may."""
        reader = _Reader(resource.namespace, "spec", credentials, config_maps)
        access = self._org_access(resource.spec, reader)
        fingerprint, place = _fingerprint(access), (resource.namespace, resource.name)
        kept = self._orgs.setdefault(place, _Kept())
        async with kept.lock:
            if kept.fingerprint != fingerprint:
                await self._reopen(kept, resource, access)
                kept.fingerprint = fingerprint
                # Another credential may see others.
                self._memberships[place] = Memberships(self._wiring.clock)
        org: OpenOrg = kept.value
        self.budgets.of(org.key, _owner(resource), self._percent(resource.spec))
        return org

    def budget_of(self, namespace: str, name: str) -> Budget | None:
        """The budget that an OktaOrg draws from; None before it was opened."""
        opened = self.opened_org(namespace, name)
        return self.budgets.find(opened.key) if opened is not None else None

    def opened_org(self, namespace: str, name: str) -> OpenOrg | None:
        """The org of an OktaOrg if it is open; opens nothing."""
        kept = self._orgs.get((namespace, name))
        return kept.value if kept is not None else None

    async def forget_org(self, namespace: str, name: str) -> None:
        """An OktaOrg is gone: its claim on the budget ends."""
        kept = self._orgs.pop((namespace, name), None)
        self._memberships.pop((namespace, name), None)
        if kept is None:
            return
        async with kept.lock:  # one that is being opened is waited for
            await kept.retire()
        if kept.value is not None:
            self.budgets.release(kept.value.key, f"{namespace}/{name}")

    def forget_members(self) -> None:
        """Something happened to a group: who is in which is read anew."""
        for memberships in self._memberships.values():
            memberships.forget()

    async def forget_integration(self, namespace: str, name: str) -> None:
        """A ScimIntegration is gone."""
        kept = self._targets.pop((namespace, name), None)
        if kept is not None:
            await kept.retire()

    async def aclose(self) -> None:
        """Closes every connection."""
        for kept in (*self._orgs.values(), *self._targets.values()):
            for session in kept.sessions:
                await session.aclose()

    def _memberships_of(self, place: tuple[str, str]) -> Memberships:
        """What is kept of the groups of an org; none of it where the org was forgotten a moment ago."""
        return self._memberships.get(place) or Memberships(self._wiring.clock)

    async def _reopen(self, kept: _Kept, resource: Resource[OktaOrgSpec], access: OrgAccess) -> None:
        """Puts a newly opened org into `kept`, whose former one is retired."""
        opened, old = await self._open(resource, access), kept.value
        await kept.retire()
        kept.value, kept.sessions = opened, opened.sessions
        if old is not None and old.key != opened.key:
            self.budgets.release(old.key, _owner(resource))

    async def _open(self, resource: Resource[OktaOrgSpec], access: OrgAccess) -> OpenOrg:
        percent = self._percent(resource.spec)
        try:
            org = await open_org(
                access, self.budgets, owner=_owner(resource), percent=percent, wiring=self._wiring
            )
        except SpecError as error:
            raise _of_secret(error, resource) from None
        return org

    def _percent(self, spec: OktaOrgSpec) -> int:
        return max(1, spec.budget_percent * self._settings.shard_percent // 100)

    def _make(
        self,
        spec: ScimIntegrationSpec,
        okta: tuple[OpenOrg, Memberships],
        access: ProviderAccess,
        tokens: tuple[SecretStr | None, SecretStr | None],
        held: HeldTokens,
    ) -> _Kept:
        org, memberships = okta
        try:
            provider: OpenProvider = open_provider(access, self._wiring)
        except SpecError as error:
            words = error.message.removeprefix(f"{error.field}: ")
            raise SpecError(words, field=f"spec.provider.{error.field}") from None
        sessions = [*provider.sessions]
        admin, desk = None, None
        admin_token, okta_token = tokens
        if spec.provider.admin is not None and admin_token is not None:
            admin, session = open_admin(
                spec.provider.admin.base_url,
                admin_token,
                self._wiring,
                ca_bundle=access.ca_bundle,
                http_services=self._settings.allow_http_services,
            )
            sessions.append(session)
            desk = TokenDesk(admin, self._store, partial(_test_token, access, self._wiring))
        clock, lookup = self._wiring.clock, AppLookup(org.client)
        targets = Targets(
            provider_settings=ProviderSettings(provider.client, admin, clock, desk, held),
            okta_app=OktaApp(org.client, lookup, clock, okta_token),
            okta_people=OktaPeople(org.client, lookup, clock, memberships),
            provider_people=ProviderPeople(provider.client, self._settings.writes_in_flight),
        )
        return _Kept(value=targets, org=org, sessions=sessions)

    def _org_access(self, spec: OktaOrgSpec, reader: _Reader) -> OrgAccess:
        secret = spec.auth.secret_ref.name
        is_app = spec.auth.type == "ServiceApp"
        return OrgAccess(
            self._checked(spec.url, "spec.url", allow_path=False),
            spec.auth.type,
            api_token=SecretStr("") if is_app else reader.token("auth.secretRef", secret, "apiToken"),
            client_id=reader.text("auth.secretRef", secret, "clientId") if is_app else "",
            private_key=reader.named("auth.secretRef", secret, "privateKey") if is_app else SecretStr(""),
            key_id=reader.optional_text(secret, "keyId") if is_app else "",
            dpop=spec.auth.dpop,
            ca_bundle=reader.certificates(spec.ca_bundle_ref),
            timeout_seconds=self._settings.request_timeout_seconds,
            allow_http_services=self._settings.allow_http_services,
        )

    def _provider_access(
        self, spec: ScimIntegrationSpec, desired: Desired, reader: _Reader
    ) -> ProviderAccess:
        auth, secret = spec.provider.auth, spec.provider.auth.secret_ref.name
        where = "auth.secretRef"
        more: dict[str, Any] = {}
        if auth.type == "Bearer":
            more = {"token": _own_token(spec, reader)}
        elif auth.type == "Basic":
            more = {
                "username": reader.text(where, secret, "username"),
                "password": reader.named(where, secret, "password"),
            }
        else:
            more = {
                "client_id": reader.text(where, secret, "clientId"),
                "client_secret": reader.named(where, secret, "clientSecret"),
                "token_url": self._checked(str(auth.token_url), "spec.provider.auth.tokenUrl"),
            }
        if spec.provider.admin is not None:
            self._checked(spec.provider.admin.base_url, "spec.provider.admin.baseUrl")
        return ProviderAccess(
            self._checked(spec.provider.base_url, "spec.provider.baseUrl"),
            auth.type,
            requests_per_second=spec.provider.requests_per_second,
            concurrency=self._settings.writes_in_flight,
            page_size=desired.profile.page_size,
            ca_bundle=reader.certificates(spec.provider.ca_bundle_ref),
            timeout_seconds=self._settings.request_timeout_seconds,
            allow_http_services=self._settings.allow_http_services,
            **more,
        )

    def _checked(self, url: str, path: str, *, allow_path: bool = True) -> str:
        try:
            return check_url(
                url,
                self._settings.allow_http_services,
                allow_http_loopback=self._settings.allow_http_loopback,
                allow_path=allow_path,
            )
        except UrlRefused as error:
            raise SpecError(str(error), field=path, reason="UrlRefused") from None


def _bounds(settings: Settings) -> Bounds:
    """What the installation lets other systems send and ask for."""
    return Bounds(
        page_bytes=settings.page_bytes,
        answer_bytes=settings.answer_bytes,
        deadline_seconds=settings.response_deadline_seconds,
        longest_pause_seconds=settings.longest_pause_seconds,
    )


class _Reader:
    """Looks up the keys of Secrets and ConfigMaps in one namespace; what is missing is named with the field
    that asks."""

    def __init__(
        self, namespace: str, path: str, credentials: Credentials, config_maps: ConfigMaps = NO_MAPS
    ) -> None:
        self._namespace, self._path = namespace, path
        self._credentials, self._config_maps = credentials, config_maps

    def named(self, where: str, secret: str, key: str) -> SecretStr:
        """The value under `key`. Raises Waiting where the Secret or the key is missing."""
        value = self._credentials.get((self._namespace, secret, key))
        if value is None or not value.get_secret_value().strip():
            raise self._missing(where, "Secret", secret, key)
        return SecretStr(value.get_secret_value().strip())

    def _missing(self, where: str, kind: str, name: str, key: str) -> Waiting:
        return Waiting(
            f"{self._path}.{where}: the {kind} {self._namespace}/{name} has no key {key}; add it",
            reason="SecretKeyMissing",
        )

    def token(self, where: str, secret: str, key: str) -> SecretStr:
        """The same for what is sent in a header. Raises SpecError where it is no token (RFC 6750 s2.1)."""
        value = self.named(where, secret, key)
        if not _TOKEN.fullmatch(value.get_secret_value()):
            raise SpecError(
                f"the key {key} of the Secret {self._namespace}/{secret} holds no token: it has characters "
                "other than visible ASCII, such as a line break in its middle; put the token alone into it",
                field=f"{self._path}.{where}",
                reason="CredentialsInvalid",
            )
        return value

    def text(self, where: str, secret: str, key: str) -> str:
        """The same for what is no secret, such as a client id."""
        return self.named(where, secret, key).get_secret_value()

    def optional(self, ref: SecretKeyRef | None) -> SecretStr | None:
        """The value that `ref` names, None where there is none."""
        return self._credentials.get((self._namespace, ref.name, ref.key)) if ref is not None else None

    def optional_text(self, secret: str, key: str) -> str:
        """The value under `key`, "" where there is none."""
        value = self._credentials.get((self._namespace, secret, key))
        return value.get_secret_value().strip() if value is not None else ""

    def certificates(self, ref: CaBundleRef | None) -> str:
        """The PEM bundle that `ref` names, "" without one."""
        if ref is None:
            return ""
        if ref.kind == "Secret":
            return self.text("caBundleRef", ref.name, ref.key)
        found = self._config_maps.get((self._namespace, ref.name, ref.key), "").strip()
        if not found:
            raise self._missing("caBundleRef", ref.kind, ref.name, ref.key)
        return found


def _own_token(spec: ScimIntegrationSpec, reader: _Reader) -> SecretStr:
    """The operator's token. Raises Waiting where there is none, unless the first one is to be issued."""
    ref, rotation = spec.provider.auth.secret_ref, spec.provider.token_rotation
    if rotation is None or rotation.issue_to.name != ref.name:
        return reader.token("auth.secretRef", ref.name, ref.key)
    is_there = bool(reader.optional_text(ref.name, ref.key))
    return reader.token("auth.secretRef", ref.name, ref.key) if is_there else NONE_YET


def _admin_token(spec: ScimIntegrationSpec, reader: _Reader) -> SecretStr | None:
    """The token of the admin API, None where there is no such API."""
    if spec.provider.admin is None:
        return None
    ref = spec.provider.admin.secret_ref
    return reader.token("admin.secretRef", ref.name, ref.key)


def _held_tokens(spec: ScimIntegrationSpec, namespace: str, credentials: Credentials) -> HeldTokens:
    """Fingerprints of the tokens in the Secrets that the integration names."""
    provider = spec.provider
    own, okta, rotation = provider.auth.secret_ref, provider.okta_token_ref, provider.token_rotation
    issued = rotation.issue_to.name if rotation is not None else own.name

    def held(name: str, key: str) -> str:
        return fingerprint_of(credentials.get((namespace, name, key)))

    return HeldTokens(
        held(own.name, own.key) if provider.auth.type == "Bearer" else "",
        held(issued, own.key) if provider.auth.type == "Bearer" else "",
        held(okta.name, okta.key) if okta is not None else "",
    )


async def _test_token(access: ProviderAccess, wiring: Wiring, token: SecretStr) -> Tested:
    """The probe with another token, on a connection of its own."""
    opened = open_provider(replace(access, token=token), wiring)
    try:
        return await opened.client.probe()
    finally:
        await opened.aclose()


def _check_apart(okta_token: SecretStr | None, access: ProviderAccess) -> None:
    """Raises SpecError where Okta would use the operator's own token: its use would prove nothing."""
    own = access.token.get_secret_value()
    if okta_token is not None and own and okta_token.get_secret_value().strip() == own:
        raise SpecError(
            "names the token of spec.provider.auth, the operator's own; issue another one for Okta at the "
            "provider, so that its use there proves that Okta connected",
            field="spec.provider.oktaTokenRef",
        )


def _of_secret(error: SpecError, resource: Resource[OktaOrgSpec]) -> SpecError:
    """`error`, which names a key of a Secret or the bundle, told by the field that refers to it."""
    words = error.message.removeprefix(f"{error.field}: ")
    if error.field == "caBundleRef":
        return SpecError(words, field="spec.caBundleRef", kind="OktaOrg", name=resource.name)
    place = f"{resource.namespace}/{resource.spec.auth.secret_ref.name}"
    return SpecError(
        f"the key {error.field} of the Secret {place} {words}",
        field="spec.auth.secretRef",
        kind="OktaOrg",
        name=resource.name,
        reason="CredentialsInvalid",
    )


def _owner(resource: Resource[Any]) -> str:
    return f"{resource.namespace}/{resource.name}"


def _fingerprint(*parts: object) -> Fingerprint:
    """Changes when anything that a connection was opened with changes; no secret can be read out of it."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(_revealed(part)).encode())
    return digest.hexdigest()


def _revealed(part: object) -> object:
    if isinstance(part, SecretStr):
        return part.get_secret_value()
    if hasattr(part, "__dataclass_fields__"):
        return [(name, _revealed(getattr(part, name))) for name in part.__dataclass_fields__]
    if isinstance(part, Mapping):
        return sorted((key, _revealed(value)) for key, value in part.items())
    return part
