"""A document of each kind that uses every field, and the smallest one; shared by the tests of this folder."""

from __future__ import annotations

import copy
from typing import Any

import yaml

from controller.api import API_VERSION

SMALLEST: dict[str, dict[str, Any]] = yaml.safe_load("""
OktaOrg:
  url: https://acme.okta.com
  auth: {type: ServiceApp, secretRef: {name: okta-api}}
ScimIntegration:
  okta: {orgRef: {name: acme}, app: {label: Calendly}}
  provider: {baseUrl: https://scim.example.com/v2, auth: {secretRef: {name: calendly}}}
  provisioning: {by: Operator}
GroupMapping:
  integrationRef: {name: calendly}
  mappings: [{values: [Engineering], providerGroup: Engineering}]
SeatLimit:
  integrationRefs: [{name: calendly}]
""")

FULL: dict[str, dict[str, Any]] = yaml.safe_load("""
OktaOrg:
  url: https://acme.okta.com
  auth: {type: ServiceApp, secretRef: {name: okta-api}, dpop: Required}
  caBundleRef: {kind: ConfigMap, name: corp-ca, key: ca.crt}
  budgetPercent: 30
  protected: [root@acme.com]
  allowedNamespaces: {from: Selector, selector: {matchLabels: {team: it}}}
ScimIntegration:
  mode: Enforce
  okta:
    orgRef: {name: acme, namespace: okta}
    app: {label: Calendly}
    usernameFormat: Email
    allowAppReplace: true
  provider:
    baseUrl: https://scim.example.com/scim/v2/acme
    auth:
      type: OAuth2ClientCredentials
      secretRef: {name: calendly-scim, key: token}
      tokenUrl: https://scim.example.com/token
    oktaTokenRef: {name: calendly-okta, key: token}
    profile:
      name: calendly
      overrides:
        allowedPaths: [displayName]
        externalId: Dropped
        patch: Path
        deferredPaths: ["emails[primary]"]
        resendAfter: 72h
        pageSize: 100
        newAccounts: Invited
    requestsPerSecond: 25
    admin: {baseUrl: https://scim.example.com/admin/v1/acme, secretRef: {name: calendly-admin, key: token}}
    tokenRotation: {every: 2160h, minOverlap: 24h, issueTo: {name: calendly-scim}}
    caBundleRef: {kind: Secret, name: corp-ca, key: ca.crt}
  requirements: {plan: Enterprise, sso: Required}
  provisioning: {by: Okta, actions: [Create, Update, Deactivate]}
  attributes:
    policy: Exact
    pruneSchema: Unmapped
    items:
      - {target: givenName, source: user.firstName, push: Always}
      - {target: title, source: user.title, push: OnCreate, scim: title}
  groups:
    via: UserAttribute
    attribute:
      displayName: Calendly group
      name: calendlyGroup
      externalName: group
      externalNamespace: "urn:calendly:scim:schemas:2.0:User"
    sources:
      - {userType: default, source: user.department}
    createGroups: WhenMissing
    unmapped: {action: Default, group: Everyone}
  assignments:
    through: SeatGroup
    seatGroup: {name: Calendly seats}
    oktaGroups: [{name: Calendly users, priority: 1}, {id: 00g1}]
    users: [ada@acme.com]
    prune: Undeclared
  lifecycle: {deactivated: Deactivate, suspended: Keep, unassigned: Deactivate, notYetActive: Wait}
  adoption: {foreignExternalId: Refuse, mayDeactivate: false}
  safeguards:
    window: 24h
    minimum: 5
    removals: {count: 20, percent: 10}
    changes: {count: 200, percent: 20}
    leavers: {count: 200}
  drift: Report
  interval: 1h
  windows: [{kind: Allow, schedule: "0 8 * * 1-5", duration: 10h, timeZone: Europe/Berlin}]
  deletionPolicy: Deprovision
  suspend: false
GroupMapping:
  integrationRef: {name: calendly}
  mappings:
    - {values: [Sales EMEA, Sales US], providerGroup: Sales}
SeatLimit:
  integrationRefs: [{name: calendly}]
  seats: 250
  reserve: 5
  warnAtPercent: 80
  criticalAtPercent: 95
  whenFull: Waitlist
  priority: [{oktaGroup: {name: Executives}}, {oktaGroup: {id: 00g2}}]
  billing: {method: Invoice, contact: "https://example.com/contact", billingPage: "https://example.com/billing"}
  reclaim: {inactiveFor: 2160h}
""")


def resource(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": "sample"},
        "spec": copy.deepcopy(spec),
    }


def edited(spec: dict[str, Any], *edits: tuple[str, Any]) -> dict[str, Any]:
    """`spec` with fields set by path (`okta.app.label`, `windows.0.duration`); None removes the field."""
    made = copy.deepcopy(spec)
    for path, value in edits:
        *parents, last = path.split(".")
        target: Any = made
        for part in parents:
            target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
        if value is None:
            target.pop(last, None)
        elif isinstance(target, list):
            target[int(last)] = copy.deepcopy(value)
        else:
            target[last] = copy.deepcopy(value)
    return made
