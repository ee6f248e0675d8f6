"""What only the reading shows of a desired state: attributes that Okta lacks, an app that is another one.

Called by the engine between observe and plan. Each is a SpecError that names the field; what concerns one
person or one sibling resource is a problem of the plan instead.
"""

from __future__ import annotations

import difflib

from controller.errors import SpecError
from controller.model.actual import Actual, AppState
from controller.planning.base.desired import Desired, Expression

MAX_PEOPLE = 100_000
"""How many pairs of one integration fit into the stored state."""


def check_actual(desired: Desired, actual: Actual) -> None:
    """Raises SpecError where what was read cannot be what the spec means."""
    _check_app(desired, actual.app)
    if desired.by == "Operator" and actual.app.is_pushing:
        pushes = ", ".join(sorted(f for f in actual.app.features if f.startswith("PUSH_")))
        raise SpecError(
            f"Okta itself provisions this app ({pushes}): turn its provisioning off in Okta under "
            "Provisioning, To App, or write by: Okta",
            field="spec.provisioning.by",
            reason="Conflict",
        )
    for field, expression in _expressions(desired):
        _check_expression(expression, field, actual.app.user_attributes)
    if desired.by == "Operator" and len(actual.assignments.people) > MAX_PEOPLE:
        raise SpecError(
            f"the app has {len(actual.assignments.people)} people, one integration holds {MAX_PEOPLE}; "
            "split it over several apps",
            field="spec.okta.app",
            reason="TooManyPeople",
        )


def _check_app(desired: Desired, app: AppState) -> None:
    if desired.app_label and desired.pinned_app and app.app_id != desired.pinned_app:
        raise SpecError(
            f"the label {desired.app_label!r} now leads to the app {app.app_id}, it was "
            f"{desired.pinned_app} before; if that is meant, write spec.okta.app.id: {app.app_id}",
            field="spec.okta.app.label",
            reason="AppChanged",
        )
    if app.status and app.status != "ACTIVE":
        raise SpecError(
            f"the app {app.label!r} is {app.status} in Okta; activate it there",
            field="spec.okta.app",
            reason="AppNotFound",
        )


def _expressions(desired: Desired) -> list[tuple[str, Expression]]:
    found = [
        (f"spec.attributes.items[{number}].source", attribute.expression)
        for number, attribute in enumerate(desired.attributes)
    ]
    if desired.group is not None:
        sources = enumerate(desired.group.sources.values())
        found += [(f"spec.groups.sources[{number}].source", expression) for number, expression in sources]
    return found


def _check_expression(expression: Expression, field: str, known: frozenset[str]) -> None:
    lacking = sorted(expression.reads - known)
    if not lacking:
        return
    near = difflib.get_close_matches(lacking[0], sorted(known), n=1)
    hint = (
        f"did you mean user.{near[0]}?"
        if near
        else "add the attribute under Directory, Profile Editor in Okta"
    )
    raise SpecError(
        f"{expression.text!r} reads user.{lacking[0]}, which the Okta user schema does not have; {hint}",
        field=field,
        reason="UnknownAttribute",
    )
