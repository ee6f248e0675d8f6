"""spec.provider of a ScimIntegration: the SCIM service provider, its credentials, its ways.

Used by `scim_integration`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from controller.api.durations import Duration, Resend, Rotation
from controller.api.meta import (
    Api,
    CaBundleRef,
    Int,
    SecretKeyRef,
    ServiceUrl,
    WebUrl,
    rule,
    rules,
    text,
    unique,
)
from controller.api.object_names import ObjectName

ScimPath = Annotated[str, text(256, 1)]


class ProviderAuth(Api):
    """The operator's own credential."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "(self.type == 'OAuth2ClientCredentials') == has(self.tokenUrl)",
                "tokenUrl goes with OAuth2ClientCredentials",
            )
        )
    )

    type: Literal["Bearer", "Basic", "OAuth2ClientCredentials"] = "Bearer"
    """Bearer: the token under `secretRef.key`. Basic: the Secret's keys username and password.
    OAuth2ClientCredentials: the Secret's keys clientId and clientSecret, exchanged at `tokenUrl`."""
    secret_ref: SecretKeyRef
    """Secret with the credential; `key` counts for Bearer only."""
    token_url: ServiceUrl | None = None
    """Token endpoint (RFC 6749 s4.4), with OAuth2ClientCredentials."""


class ProviderAdmin(Api):
    """The admin API of the bundled provider; other providers have none that this operator knows."""

    base_url: ServiceUrl
    """Base URL of the admin API, for one organization."""
    secret_ref: SecretKeyRef
    """Secret with the admin token."""


class TokenTarget(Api):
    """The Secret that issued tokens go to."""

    name: ObjectName
    """Name of a Secret that exists in this namespace, empty or not, and that nothing else keeps (owner
    references, External Secrets, Flux, Argo CD). It is only patched, never created; the token goes under
    auth.secretRef.key. Where it is another Secret than auth.secretRef's, somebody carries the token over."""


class TokenRotation(Api):
    """How tokens are replaced."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("duration(self.minOverlap) < duration(self.every)", "minOverlap is shorter than every")
        )
    )

    every: Rotation
    """Age at which a new token is issued, between 24h and 8760h; earlier where the present one expires within
    minOverlap. An issued token is valid for as long again, at least for another 720h. With provisioning.by:
    Okta the token of oktaTokenRef is rotated too; Okta is given it by API, or by a person in a manual step.
    """
    min_overlap: Duration = Duration("24h")
    """How long the old token stays valid at least. It is revoked only once the new one was seen in use, and
    nobody has used the old one for this long."""
    issue_to: TokenTarget
    """Where an issued token is written."""


class ProfileOverrides(Api):
    """Single settings that differ from the profile's."""

    allowed_paths: Annotated[tuple[ScimPath, ...], unique(100)] | None = None
    """SCIM paths that the provider accepts beside userName, active and externalId; whatever else is mapped is
    not sent. An extension's path is its URN, a colon and the attribute."""
    external_id: Literal["Kept", "Dropped"] | None = None
    """Whether the provider stores externalId. Dropped: the operator remembers which account is whose."""
    patch: Literal["Pathless", "Path", "Put"] | None = None
    """How a change is written: PATCH without path as Okta does, PATCH with a path for each attribute, or PUT
    of the whole user."""
    deferred_paths: Annotated[tuple[ScimPath, ...], unique(20)] | None = None
    """SCIM paths whose change waits for somebody, such as an e-mail address that its owner confirms: pending,
    not drift."""
    resend_after: Resend | None = None
    """How long a change of a deferred path waits before it is sent again, between 1h and 2160h: it may have
    been declined, or its confirmation may have expired. Default: 168h."""
    page_size: Annotated[Int, Field(ge=1, le=1000)] | None = None
    """People asked for in one page of a listing."""
    new_accounts: Literal["Active", "Invited"] | None = None
    """Invited: a new account is pending until its owner accepts; it takes a seat all the same."""


class ProviderProfile(Api):
    """How this provider differs from the RFCs."""

    name: Literal["calendly", "generic", "rfc7643"] = "generic"
    """calendly: few attributes, groups by a user attribute, invitations. rfc7643: the whole User schema and
    PATCH with paths. generic: the attributes that Okta sends by default, written as Okta writes them."""
    overrides: ProfileOverrides | None = None
    """Settings that replace the profile's own, one by one."""


class Provider(Api):
    """The SCIM service provider."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("!has(self.tokenRotation) || has(self.admin)", "tokenRotation needs admin"),
            rule(
                "!has(self.oktaTokenRef) || self.oktaTokenRef.name != self.auth.secretRef.name "
                "|| self.oktaTokenRef.key != self.auth.secretRef.key",
                "oktaTokenRef is another token than auth.secretRef",
            ),
        )
    )

    base_url: WebUrl
    """SCIM base URL, under which /Users is. Another baseUrl is another tenant: the plan after a change is
    always held for approval."""
    auth: ProviderAuth
    """How the operator itself authenticates with the provider."""
    okta_token_ref: SecretKeyRef | None = None
    """With provisioning.by: Okta, the token that is entered in Okta. It differs from the operator's own, so
    that the use of each can be told apart."""
    profile: ProviderProfile = ProviderProfile()
    """How this provider behaves where SCIM leaves a choice."""
    requests_per_second: Annotated[Int, Field(ge=1, le=1000)] = 25
    """Upper bound of requests to the provider, over all its endpoints."""
    admin: ProviderAdmin | None = None
    """Admin API of the bundled provider: plan, SSO, the SCIM switch, tokens, group table and seats. Without
    it these are manual steps."""
    token_rotation: TokenRotation | None = None
    """Replaces bearer tokens on a schedule; needs admin."""
    ca_bundle_ref: CaBundleRef | None = None
    """Certificate authorities to trust for the provider, in place of the system's."""
