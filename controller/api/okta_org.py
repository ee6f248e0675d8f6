"""OktaOrg: the connection to an Okta org, its credential, its share of the request budget.

Read by operator.run_inputs and the CLI through `parsing.parse`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field

from controller.api.meta import (
    DNS_LABEL,
    LOGIN,
    PORT,
    Api,
    CaBundleRef,
    Int32,
    SecretRef,
    keyed,
    parsed_url,
    rule,
    rules,
    text,
    unique,
)
from controller.api.status import Count, KindStatus, OktaIdText, Status, Time, Value

BUCKETS: Final = 10

_ORIGIN = rule(
    r"self.matches('^(https://[A-Za-z0-9.-]+|http://(localhost|127\\.0\\.0\\.1|\\[::1\\]))(:[0-9]{1,5})?/?$')",
    "give the origin of the org: https://host, without a path",
)


class OktaAuth(Api):
    """How the operator authenticates with Okta."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.type == 'ServiceApp' || self.dpop == 'Optional'",
                "dpop: Required goes with type ServiceApp",
            )
        )
    )

    type: Literal["ServiceApp", "ApiToken"]
    """ServiceApp: OAuth 2.0 with a private key (Secret keys clientId and privateKey), the least privilege
    that Okta has. ApiToken: an SSWS token (Secret key apiToken), which has all rights of the admin who made
    it."""
    secret_ref: SecretRef
    """Secret with the credential. Its annotation scim-operator.dev/allowed-hosts names the org's host."""
    dpop: Literal["Optional", "Required"] = "Optional"
    """DPoP (RFC 9449) binds access tokens to a key. Optional: used where Okta asks for it. Required: nothing
    is sent without it."""


class LabelSelector(Api):
    """Namespaces by their labels."""

    match_labels: Mapping[str, Annotated[str, text(DNS_LABEL)]] = Field(default_factory=dict)
    """Labels that a namespace must have, all of them. None given selects every namespace."""


class AllowedNamespaces(Api):
    """Whose integrations may refer to this org."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("(self.from == 'Selector') == has(self.selector)", "selector goes with from: Selector")
        )
    )

    from_: Annotated[Literal["Same", "All", "Selector"], Field(alias="from")] = "Same"
    """Same: only this namespace. All: every namespace. Selector: those that `selector` matches. A
    ScimIntegration elsewhere that refers to this org acts with its credential."""
    selector: LabelSelector | None = None
    """Which namespaces, with from: Selector."""

    def admits(self, namespace: str, home: str, labels: Mapping[str, str] | None) -> bool:
        """Whether integrations in `namespace` may refer to the org, which is in `home`. `labels` are those of
        `namespace`; None if they are not known."""
        if namespace == home or self.from_ == "All":
            return True
        if self.from_ == "Same" or self.selector is None or labels is None:
            return False
        return all(labels.get(key) == value for key, value in self.selector.match_labels.items())


class OktaOrgSpec(Api):
    """The connection to an Okta org. OktaOrgs of one URL share one request budget and one log poller."""

    url: Annotated[str, text(255, None, _ORIGIN, PORT), AfterValidator(parsed_url)]
    """Origin of the org: https://acme.okta.com, or its custom domain, which counts as the same org: the org
    is known by its id."""
    auth: OktaAuth
    """Credential and how it is used."""
    ca_bundle_ref: CaBundleRef | None = None
    """Certificate authorities to trust for `url`, in place of the system's, where a proxy inspects TLS."""
    budget_percent: Annotated[Int32, Field(ge=1, le=50)] = 30
    """Share of each of Okta's rate-limit buckets that the operator may use, in percent. Okta itself caps one
    client at 50. Of two OktaOrgs of one org the smaller share counts."""
    protected: Annotated[tuple[Annotated[str, text(LOGIN)], ...], unique(1000)] = ()
    """Logins or Okta user ids of people whom no integration ever changes; former logins of a renamed person
    count too. It cannot hold back Okta's own provisioning agent: with provisioning.by: Okta, what Okta pushes
    on its own is not stopped by this list."""
    allowed_namespaces: AllowedNamespaces = AllowedNamespaces()
    """Which namespaces may refer to this org."""


class BucketStatus(Status):
    """One of Okta's rate-limit buckets, as its headers told last; written along with another change."""

    name: Value
    """The bucket, such as apps: /api/v1/apps and what is below each app."""
    limit: Count | None = None
    """Requests in a window."""
    remaining: Count | None = None
    """What is left of them."""


class OktaOrgStatus(KindStatus):
    """The org as found."""

    org_id: OktaIdText | None = None
    """Okta's id of the org; budgets and pollers are shared by it."""
    budget: Literal["Ok", "Throttled"] | None = None
    """Throttled: requests wait for a bucket."""
    budget_percent: Count | None = None
    """The share that the last run drew from; each shard of operators takes its own part of it."""
    buckets: Annotated[tuple[BucketStatus, ...], keyed(BUCKETS, "name")] = ()
    """Buckets that held calls back within the last hour, the latest first."""
    integrations: Count | None = None
    """ScimIntegrations that refer to this org."""
    last_event_time: Time | None = None
    """Time of the last System Log event that was read; written along with another change or after 6 h."""
    last_handled_reconcile_at: Value | None = None
    """The annotation scim-operator.dev/requested-at that was answered last: by a check of the credential."""
