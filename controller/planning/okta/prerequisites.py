"""What has to hold before anything is written, and the steps that only a person can take.

Called by make_plan. The plan, single sign-on and the SCIM switch of the provider are read where there is an
admin API; where there is none they are manual steps, as is the group table.
"""

from __future__ import annotations

from dataclasses import replace

from controller.errors import clip
from controller.model.actual import Actual
from controller.model.plan import ManualStep, Problem
from controller.names import fold
from controller.planning.base.desired import Desired
from controller.planning.base.digest import step_digest
from controller.planning.base.wording import shown

KIND = "ScimIntegration"
PLAN_TOO_LOW, SSO_MISSING = "PlanTooLow", "SsoMissing"
BLOCKING = frozenset({PLAN_TOO_LOW, SSO_MISSING})
"""Reasons of problems before which nothing but leavers is written; those of the condition
PrerequisitesMet."""
_OFF = frozenset({"", "false", "off", "none", "disabled", "no", "0"})


def find_unmet(desired: Desired, actual: Actual) -> tuple[Problem, ...]:
    """What is required and is known not to hold; reasons PlanTooLow and SsoMissing."""
    organization = actual.provider.organization
    found = []
    wanted = desired.required_plan
    if organization is not None and wanted and fold(organization.plan) != fold(wanted):
        found.append(
            (
                PLAN_TOO_LOW,
                f"the organization is on the plan {shown(organization.plan)}, "
                f"{shown(wanted)} is required; change the plan at the provider",
                "spec.requirements.plan",
            )
        )
    if desired.sso_required and actual.app.sign_on_mode != "SAML_2_0":
        found.append(
            (
                SSO_MISSING,
                f"the Okta app {shown(actual.app.label)} signs on by {shown(actual.app.sign_on_mode)}; "
                "set up SAML 2.0 on its Sign On tab first",
                "spec.requirements.sso",
            )
        )
    if desired.sso_required and organization is not None and fold(organization.sso) in _OFF:
        found.append(
            (
                SSO_MISSING,
                "single sign-on is off at the provider; turn it on in its admin center, "
                "under Login, Single sign-on",
                "spec.requirements.sso",
            )
        )
    return tuple(Problem(KIND, desired.name, reason, text, path) for reason, text, path in found)


def with_digest(step: ManualStep) -> ManualStep:
    """`step` with the digest that binds an acknowledgement to just this content."""
    return replace(step, digest=step_digest(step.step_id, step.title, step.where, step.instructions))


def is_done(desired: Desired, step: ManualStep) -> bool:
    """Whether `step`, which nothing can verify, was acknowledged with its digest."""
    return step.verified_by == "Acknowledgement" and desired.acknowledged.get(step.step_id) == step.digest


def provider_steps(desired: Desired, actual: Actual) -> tuple[ManualStep, ...]:
    """Rows 1, 2, 6 and 13 of the manual where the provider has no admin API."""
    if actual.provider.organization is not None:
        return ()
    drafts = (_plan(desired), _sso(desired), _switch(desired, actual), _table(desired))
    steps = (with_digest(draft) for draft in drafts if draft is not None)
    return tuple(step for step in steps if not is_done(desired, step))


def _plan(desired: Desired) -> ManualStep | None:
    if not desired.required_plan:
        return None
    return ManualStep(
        "provider-plan",
        f"Check that the organization is on the {desired.required_plan} plan",
        "Provider: Billing",
        f"SCIM is part of the {desired.required_plan} plan only. Open the billing page of the organization "
        "and check the plan.",
        "Acknowledgement",
        blocks=False,
    )


def _sso(desired: Desired) -> ManualStep | None:
    if not desired.sso_required:
        return None
    return ManualStep(
        "provider-sso",
        "Check that SAML single sign-on is on at the provider",
        "Provider: Admin center > Login > Single sign-on",
        "Sign in to the provider as an owner, open Admin center, Login, Single sign-on, and check that "
        "SAML is set up and on.",
        "Acknowledgement",
        blocks=False,
    )


def _switch(desired: Desired, actual: Actual) -> ManualStep | None:
    """SCIM is on where our own probe was answered."""
    if actual.provider.probe.ok:
        return None
    return ManualStep(
        "provider-scim",
        "Turn on SCIM provisioning and issue a token",
        "Provider: Admin center > Login > Single sign-on",
        f"Turn on SCIM Provisioning. Copy the base URL: it has to be {desired.base_url}. Generate a bearer "
        "token and put it into the Secret that spec.provider.auth.secretRef names. The last test of the "
        f"credentials failed: {shown(actual.provider.probe.cause)}",
        "Read",
        blocks=True,
    )


def _table(desired: Desired) -> ManualStep | None:
    group = desired.group
    if group is None or group.via != "UserAttribute" or not group.rows:
        return None
    rows = [f"{', '.join(values)} -> {name}" for values, name in group.rows]
    listed = clip("; ".join(rows[:20]), 900)
    more = f"; and {len(rows) - 20} more rows of the GroupMappings" if len(rows) > 20 else ""
    return ManualStep(
        "provider-group-table",
        "Save the value to group table at the provider",
        "Provider: Organization settings > Single sign-on > Map to groups",
        "Type the exact values into the left column and choose the group in the right one; preview, then "
        "save. "
        f"Rows: {listed}{more}. Fingerprint of all rows: {step_digest(*rows)}",
        "Acknowledgement",
        blocks=False,
    )
