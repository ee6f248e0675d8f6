"""Two integrations on one app or on one tenant: the later one yields.

Called by desired before anything is read, by reconcile once the app is known, and by the operator for locks.
An app is known by its org's id and its own; before the first reading by what the resource says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controller.api.okta_org import OktaOrgSpec
from controller.errors import SpecError, Waiting
from controller.model.actual import AppState
from controller.planning.base.inputs import NO_NAMES, AppNames, Inputs, Resource, Rival
from controller.urls import normal_url

REASON = "Conflict"
FIRST_READ_SECONDS = 3.0
"""How soon an integration looks again whether an older one has read its app."""


def check_rivals(inputs: Inputs, org: Resource[OktaOrgSpec]) -> None:
    """Raises SpecError if an older integration has the same app or the same tenant. Raises Waiting, in a
    first run, if an older one is about to read an app that may be the same."""
    app = inputs.integration.spec.okta.app
    own = app_names(app.id, app.label, inputs.integration.status, org.spec.url, org.status)
    older = list(_older(inputs, inputs.rivals))
    tenant = normal_url(inputs.integration.spec.provider.base_url)
    for rival in older:
        if normal_url(rival.base_url) == tenant:
            _yield_to(rival, inputs, "provisions the same tenant", "spec.provider.baseUrl")
    _check_app(inputs, older, own)
    for rival in older:
        if rival.is_unread and not pinned_app(inputs)[1] and own.may_be(rival.app):
            raise Waiting(
                f"ScimIntegration {_name(rival)} is older and may manage the same Okta app, which it has not "
                "read yet",
                delay_seconds=FIRST_READ_SECONDS,
            )


def check_observed_app(inputs: Inputs, rivals: Sequence[Rival], app: AppState) -> None:
    """The same for the app that was read, against what is known of `rivals` by now: before any write."""
    org_url = inputs.org.spec.url if inputs.org is not None else ""
    urls = frozenset({normal_url(org_url)})
    names = AppNames(frozenset({app.org_id}), urls, frozenset({app.app_id}), frozenset({app.label}))
    _check_app(inputs, list(_older(inputs, rivals)), names)


def _check_app(inputs: Inputs, rivals: Sequence[Rival], own: AppNames) -> None:
    for rival in rivals:
        if own.is_same(rival.app):
            _yield_to(rival, inputs, "manages the same Okta app", "spec.okta.app")


def _yield_to(rival: Rival, inputs: Inputs, does: str, field: str) -> None:
    is_at_home = rival.namespace == inputs.integration.namespace
    if rival.is_unread and not rival.is_proven and not is_at_home:
        raise Waiting(
            f"ScimIntegration {_name(rival)} is older and {does}, if its credentials are valid, which is not "
            "known yet",
            delay_seconds=FIRST_READ_SECONDS,
        )
    raise SpecError(
        f"ScimIntegration {_name(rival)} is older and {does}; delete one of the two",
        field=field,
        reason=REASON,
    )


def _older(inputs: Inputs, rivals: Sequence[Rival]) -> Iterator[Rival]:
    """Those who go before this integration. Of integrations that were created in one second the one with the
    lower uid counts as the older. To name another team's tenant or app first gives no right to it: one of
    another namespace that was tried in vain goes before nobody."""
    ours = (inputs.integration.created, inputs.integration.uid)
    for rival in sorted(rivals, key=lambda one: (one.created, one.uid)):
        is_at_home = rival.namespace == inputs.integration.namespace
        if (rival.created, rival.uid) < ours and (is_at_home or rival.is_proven or rival.is_unread):
            yield rival


def _name(rival: Rival) -> str:
    return f"{rival.namespace}/{rival.name}"


def app_names(
    app_id: object,
    label: object,
    status: Mapping[str, Any],
    org_url: object,
    org_status: Mapping[str, Any],
) -> AppNames:
    """Everything by which the app of an integration is known: its spec, what its status pins, its OktaOrg."""
    org_id, pinned_id, pinned_label = _pinned(status)
    if app_id and app_id != pinned_id:  # the spec names another app since
        org_id, pinned_id, pinned_label = "", "", ""
    return AppNames(
        _texts(org_id, org_status.get("orgId")),
        frozenset({normal_url(org_url)}) if isinstance(org_url, str) and org_url else NO_NAMES,
        _texts(app_id, pinned_id),
        _texts(label, pinned_label),
    )


def _texts(*found: object) -> frozenset[str]:
    return frozenset(text for text in found if isinstance(text, str) and text)


def pinned_app(inputs: Inputs) -> tuple[str, str]:
    """(org id, app id) that the status pins; empty before the first reading."""
    return _pinned(inputs.integration.status)[:2]


def _pinned(status: Mapping[str, Any]) -> tuple[str, str, str]:
    app = status.get("app")
    if not isinstance(app, Mapping):
        return "", "", ""
    org_id, app_id, label = (str(app.get(name) or "") for name in ("orgId", "id", "label"))
    return org_id, app_id, label
