"""From specs to the desired state of one integration.

Called by reconcile at the start of a run, and by scimctl. Needs neither people nor secret values. What is
wrong with the integration or its org ends the run; what is wrong with a mapping or a limit is a problem of
that resource, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from controller.api.meta import APPROVE, DONE, OktaGroupRef
from controller.api.okta_org import OktaOrgSpec
from controller.api.people import Assignments
from controller.api.people import Safeguards as SafeguardsSpec
from controller.api.scim_integration import ScimIntegrationSpec
from controller.api.seat_limit import SeatLimitSpec
from controller.errors import SpecError
from controller.model.plan import Problem
from controller.names import fold
from controller.planning.base.desired import (
    Desired,
    DesiredAssignments,
    DesiredSeats,
    GroupRef,
    Limit,
    Profile,
    Safeguards,
    Window,
)
from controller.planning.base.inputs import Inputs, Resource
from controller.planning.base.windows import flaw_of
from controller.planning.desired.attributes import Values, build_values
from controller.planning.desired.conflicts import check_rivals, pinned_app
from controller.planning.desired.mapping_claims import settle_claims, without_groups
from controller.planning.desired.profiles import build_profile
from controller.planning.desired.references import check_references
from controller.planning.desired.spec_checks import check_actual
from controller.planning.tokens.rotation import build_rotation

__all__ = ["build_desired", "check_actual"]


def build_desired(inputs: Inputs) -> tuple[Desired, tuple[Problem, ...]]:
    """The desired state, and what is wrong with mappings and limits. Raises SpecError with the field's path
    and the fix, or Waiting for something that is named and not there."""
    integration, spec = inputs.integration, inputs.integration.spec
    org = check_references(inputs)
    check_rivals(inputs, org)
    mappings = tuple(one for one in inputs.mappings if not one.is_deleting)
    claims = settle_claims(mappings)
    profile = build_profile(spec.provider.profile)
    values = build_values(spec, profile, claims, frozenset(one.name for one in mappings))
    seats, seat_problems = _seats(inputs, profile)
    token = spec.provider.okta_token_ref
    desired = replace(
        _of_spec(integration, profile, values, seats),
        protected=_protected(org.spec),
        okta_token_name=f"{token.name}/{token.key}" if token is not None else "",
        acknowledged=parse_done(integration.annotations.get(DONE, "")),
        approval=_approval(integration),
        has_written=bool(integration.status.get("history")),
        rotation=build_rotation(inputs),
        is_departing=integration.is_deleting,
        pinned_app=pinned_app(inputs)[1],
    )
    groupless = without_groups(mappings, integration.name) if spec.groups is None else ()
    return desired, (*claims.problems, *groupless, *seat_problems)


def _of_spec(
    integration: Resource[ScimIntegrationSpec], profile: Profile, values: Values, seats: DesiredSeats | None
) -> Desired:
    """What the spec alone says; what else is known of the resource is left at its defaults."""
    spec, provider = integration.spec, integration.spec.provider
    return Desired(
        namespace=integration.namespace,
        name=integration.name,
        generation=integration.generation,
        mode=spec.mode,
        by=spec.provisioning.by,
        app_id=spec.okta.app.id or "",
        app_label=spec.okta.app.label or "",
        username_format=spec.okta.username_format or "",
        allow_app_replace=spec.okta.allow_app_replace,
        base_url=provider.base_url.rstrip("/"),
        profile=profile,
        reads=values.reads,
        attributes=values.attributes,
        attribute_policy=spec.attributes.policy,
        prune_schema=spec.attributes.prune_schema == "Unmapped",
        group=values.group,
        assignments=_assignments(spec.assignments),
        seats=seats,
        actions=frozenset(spec.provisioning.actions),
        required_plan=(spec.requirements.plan or "") if spec.requirements else "",
        sso_required=spec.requirements is not None and spec.requirements.sso == "Required",
        on_deactivated=spec.lifecycle.deactivated,
        on_suspended=spec.lifecycle.suspended,
        on_unassigned=spec.lifecycle.unassigned,
        create_not_yet_active=spec.lifecycle.not_yet_active == "Provision",
        adopts_orphans=spec.adoption.foreign_external_id == "AdoptIfOwnerDeprovisioned",
        may_deactivate_adopted=spec.adoption.may_deactivate,
        safeguards=_safeguards(spec.safeguards),
        protected=frozenset(),
        corrects_drift=spec.drift == "Correct",
        windows=_windows(spec),
    )


def _assignments(spec: Assignments) -> DesiredAssignments:
    groups = tuple(
        replace(_group_ref(ref, f"spec.assignments.oktaGroups[{number}]"), priority=ref.priority)
        for number, ref in enumerate(spec.okta_groups)
    )
    return DesiredAssignments(
        spec.through,
        spec.seat_group.name if spec.seat_group is not None else "",
        groups,
        spec.users,
        spec.prune == "Undeclared",
        bool(spec.okta_groups or spec.users),
    )


def _group_ref(ref: OktaGroupRef, field: str) -> GroupRef:
    return GroupRef(ref.id or "", ref.name or "", field=field)


def _safeguards(spec: SafeguardsSpec) -> Safeguards:
    return Safeguards(
        spec.window.timedelta,
        spec.minimum,
        Limit(spec.removals.count, spec.removals.percent),
        Limit(spec.changes.count, spec.changes.percent),
        Limit(spec.leavers.count, None),
    )


def _protected(spec: OktaOrgSpec) -> frozenset[str]:
    """Logins folded; Okta ids, which keep their case, as they are."""
    return frozenset(spec.protected) | frozenset(map(fold, spec.protected))


def _windows(spec: ScimIntegrationSpec) -> tuple[Window, ...]:
    found = []
    for number, row in enumerate(spec.windows):
        window = Window(row.kind == "Allow", row.schedule, row.duration.timedelta, row.time_zone)
        flaw = flaw_of(window)
        if flaw:
            raise SpecError(flaw, field=f"spec.windows[{number}]")
        found.append(window)
    return tuple(found)


def parse_done(text: str) -> Mapping[str, str]:
    """Step -> digest, from `step=digest,step=digest`."""
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return {step.strip(): digest.strip() for step, _, digest in pairs}


def _approval(integration: Resource[ScimIntegrationSpec]) -> str:
    """The annotation's value, unless an earlier run has used it up."""
    value = integration.annotations.get(APPROVE, "")
    return "" if value == integration.status.get("lastHandledApproval") else value


def _seats(inputs: Inputs, profile: Profile) -> tuple[DesiredSeats | None, tuple[Problem, ...]]:
    """The oldest SeatLimit, and what is wrong with it and with all others."""
    alive = sorted(
        (one for one in inputs.limits if not one.is_deleting), key=lambda one: (one.created, one.uid)
    )
    if not alive:
        return None, ()
    first, problems = alive[0], _rivalry(alive, inputs.integration.name)
    if first.spec.seats is None and inputs.integration.spec.provider.admin is None:
        text = (
            f"spec.seats is needed: ScimIntegration {inputs.integration.name} has no provider.admin that "
            "could tell how many seats were bought. Until then nobody new is admitted"
        )
        problems.append(Problem("SeatLimit", first.name, "InvalidSpec", text, "spec.seats"))
    if len(first.spec.integration_refs) > 1:
        text = "spec.integrationRefs: name exactly one ScimIntegration; each is held to these seats by itself"
        problems.append(Problem("SeatLimit", first.name, "InvalidSpec", text, "spec.integrationRefs"))
    return _desired_seats(first.name, first.spec, profile), tuple(problems)


def _rivalry(alive: Sequence[Resource[SeatLimitSpec]], integration: str) -> list[Problem]:
    return [
        Problem(
            "SeatLimit",
            later.name,
            "Conflict",
            f"spec.integrationRefs: SeatLimit {alive[0].name} is older and limits ScimIntegration "
            f"{integration} already; delete one of the two",
            "spec.integrationRefs",
        )
        for later in alive[1:]
    ]


def _desired_seats(name: str, spec: SeatLimitSpec, profile: Profile) -> DesiredSeats:
    priority = tuple(
        _group_ref(row.okta_group, f"spec.priority[{number}].oktaGroup")
        for number, row in enumerate(spec.priority)
    )
    billing = spec.billing
    where = (billing.contact or billing.billing_page or "") if billing is not None else ""
    return DesiredSeats(
        name,
        spec.seats,
        spec.reserve,
        spec.warn_at_percent,
        spec.critical_at_percent,
        spec.when_full == "Waitlist",
        priority,
        billing.method if billing is not None else "",
        where,
        spec.reclaim.inactive_for.timedelta if spec.reclaim is not None else None,
        profile.invites,
    )
