"""Two integrations on one app or on one tenant: the later one yields.

Called by desired. An app is known by its org's id and its own; before the first reading by what the
resource says.
"""

from __future__ import annotations

from controller.api.okta_org import OktaOrgSpec
from controller.errors import SpecError
from controller.parsing import split_url
from controller.planning.inputs import Inputs, Resource, Rival

REASON = "Conflict"


def check_rivals(inputs: Inputs, org: Resource[OktaOrgSpec]) -> None:
    """Raises SpecError where an older integration has the same app or the same tenant."""
    ours = (inputs.integration.created, inputs.integration.uid)
    for rival in sorted(inputs.rivals, key=lambda one: (one.created, one.uid)):
        if (rival.created, rival.uid) > ours or rival.uid == inputs.integration.uid:
            continue
        name = f"{rival.namespace}/{rival.name}"
        if tenant_of(rival.base_url) == tenant_of(inputs.integration.spec.provider.base_url):
            raise SpecError(
                f"ScimIntegration {name} is older and provisions the same tenant; delete one of the two",
                field="spec.provider.baseUrl",
                reason=REASON,
            )
        if _has_our_app(inputs, org, rival):
            raise SpecError(
                f"ScimIntegration {name} is older and manages the same Okta app; delete one of the two",
                field="spec.okta.app",
                reason=REASON,
            )


def _has_our_app(inputs: Inputs, org: Resource[OktaOrgSpec], rival: Rival) -> bool:
    declared, pinned = inputs.integration.spec.okta.app, pinned_app(inputs)
    orgs = {tenant_of(org.spec.url), pinned[0], org.spec.url}
    apps = {declared.id, declared.label, pinned[1]} - {None, ""}
    rival_org, rival_app = rival.app
    return bool(rival_app) and rival_app in apps and (rival_org in orgs or tenant_of(rival_org) in orgs)


def pinned_app(inputs: Inputs) -> tuple[str, str]:
    """(org id, app id) that the status pins; empty before the first reading."""
    app = inputs.integration.status.get("app")
    if not isinstance(app, dict):
        return "", ""
    return str(app.get("orgId") or ""), str(app.get("id") or "")


def tenant_of(url: str) -> str:
    """`url` as it is compared: scheme and host in lower case, no port of the scheme's own, no trailing
    slash."""
    try:
        parts = split_url(url.strip())
    except ValueError:
        return url
    own = {"https": 443, "http": 80}.get(parts.scheme.lower())
    port = "" if parts.port in (None, own) else f":{parts.port}"
    return f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}{port}{parts.path.rstrip('/')}"
