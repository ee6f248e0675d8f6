"""Reports with few words, on the desired and observed state of the planning tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from controller.api.group_mapping import GroupMappingSpec
from controller.api.meta import Api
from controller.api.okta_org import OktaOrgSpec
from controller.api.scim_integration import ScimIntegrationSpec
from controller.api.seat_limit import SeatLimitSpec
from controller.model.actions import Action, ActionKind, Outcome, Result, Touch
from controller.model.people import OktaId
from controller.model.plan import Counts, DriftItem, DriftKind, HoldReason, Plan, Seats, SeatState, Verdict
from controller.planning.base.inputs import Inputs, Resource, SecretKey
from controller.reconcile.report import Report
from tests.unit.planning import world

NOW = world.NOW
INTEGRATION = {
    "mode": "Enforce",
    "okta": {"orgRef": {"name": "acme"}, "app": {"label": "Calendly"}},
    "provider": {
        "baseUrl": world.URL,
        "auth": {"secretRef": {"name": "calendly-scim"}},
        "admin": {
            "baseUrl": "https://scim.example.com/admin/v1/acme",
            "secretRef": {"name": "calendly-admin"},
        },
    },
    "provisioning": {"by": "Operator"},
    "groups": {"sources": [{"source": "user.department"}]},
}
ORG = {"url": "https://acme.okta.com", "auth": {"type": "ApiToken", "secretRef": {"name": "okta-api"}}}
MAPPING = {
    "integrationRef": {"name": "calendly"},
    "mappings": [{"values": ["Sales"], "providerGroup": "Sales"}],
}
LIMIT = {
    "integrationRefs": [{"name": "calendly"}],
    "seats": 50,
    "billing": {"method": "Invoice", "contact": "https://example.com/contact"},
}
MODELS: dict[str, type[Api]] = {
    "ScimIntegration": ScimIntegrationSpec,
    "OktaOrg": OktaOrgSpec,
    "GroupMapping": GroupMappingSpec,
    "SeatLimit": SeatLimitSpec,
}
SPECS = {"ScimIntegration": INTEGRATION, "OktaOrg": ORG, "GroupMapping": MAPPING, "SeatLimit": LIMIT}
NAMES = {"ScimIntegration": "calendly", "OktaOrg": "acme", "GroupMapping": "teams", "SeatLimit": "seats"}


def resource(kind: str, spec: dict[str, Any] | None = None, **changes: Any) -> Resource[Any]:
    """A resource of `kind` as the API server would hand it out, its spec parsed."""
    parsed = MODELS[kind].model_validate(spec or SPECS[kind])
    made = Resource(kind, "team", NAMES[kind], f"uid-{kind}", 1, "2026-01-01T00:00:00Z", parsed)
    return replace(made, **changes)


def secrets() -> dict[tuple[str, str], frozenset[SecretKey]]:
    keys = {"calendly-scim": "token", "calendly-admin": "token", "okta-api": "apiToken"}
    hosts = frozenset({"scim.example.com", "acme.okta.com"})
    return {("team", name): frozenset({SecretKey(name, key, hosts)}) for name, key in keys.items()}


def inputs(**changes: Any) -> Inputs:
    made = Inputs(
        resource("ScimIntegration"),
        resource("OktaOrg"),
        (resource("GroupMapping"),),
        (resource("SeatLimit"),),
        secrets(),
    )
    return replace(made, **changes)


def action(kind: ActionKind = ActionKind.UPDATE_ACCOUNT, number: int = 1, **changes: Any) -> Action:
    touch = Touch.CREATE if kind is ActionKind.CREATE_ACCOUNT else Touch.CHANGE
    made = Action(
        kind,
        f"00u{number}",
        f"p{number}@acme.com",
        touch,
        (("displayName", "old"),),
        (("displayName", "new"),),
        "x",
    )
    return replace(made, **changes)


def setting(kind: ActionKind = ActionKind.SAVE_GROUP_TABLE, **changes: Any) -> Action:
    made = Action(kind, "group-mapping", "group table", Touch.SETTING, (("a", 1),), (("a", 2),), "declared")
    return replace(made, **changes)


def outcome(one: Action, result: Result = Result.DONE, reason: str = "", message: str = "") -> Outcome:
    return Outcome(one, result, reason, message)


def drift(kind: DriftKind = DriftKind.ATTRIBUTE, number: int = 1, **changes: Any) -> DriftItem:
    made = DriftItem(kind, "Provider", f"p{number}@acme.com displayName", "new", "old", f"00u{number}")
    return replace(made, **changes)


def seats(
    state: SeatState = SeatState.WITHIN_LIMIT, used: int = 10, waiting: int = 0, **changes: Any
) -> Seats:
    people = tuple((OktaId(f"00u{number}"), f"p{number}@acme.com") for number in range(waiting))
    made = Seats(50, used, 0, 0, max(0, 50 - used), people, state, used * 2)
    return replace(made, **changes)


def report(
    actions: Iterable[Action] = (),
    outcomes: Iterable[Outcome] = (),
    held: Iterable[tuple[Action, HoldReason]] = (),
    *,
    plan: dict[str, Any] | None = None,
    verdict: dict[str, Any] | None = None,
    desired_with: dict[str, Any] | None = None,
    **changes: Any,
) -> Report:
    """A report of a run that read everything and had a plan."""
    ordered, kept = tuple(actions), tuple(held)
    digest = "d" * 64 if ordered else ""
    made_plan = replace(Plan(ordered, digest, counts=Counts(assigned=3, provisioned=3)), **(plan or {}))
    running = tuple(one for one in ordered if one not in {action for action, _ in kept})
    made_verdict = replace(Verdict(running, kept), **(verdict or {}))
    made = Report(
        inputs(),
        NOW,
        NOW + timedelta(seconds=1),
        True,
        world.make_desired(**(desired_with or {})),
        world.actual(),
        made_plan,
        made_verdict,
        tuple(outcomes),
    )
    return replace(made, **changes)


def failed(error: Exception, **changes: Any) -> Report:
    """A report of a run that ended before there was a plan."""
    made = Report(inputs(), NOW, NOW + timedelta(seconds=1), error=error)
    return replace(made, **changes)


def of_type(conditions: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next((condition for condition in conditions if condition["type"] == kind), {})
