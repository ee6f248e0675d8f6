"""Settings of the provider's organization: the SCIM switch and the group table.

Called by make_plan. Nothing here without an admin API; prerequisites has the manual steps for that.
"""

from __future__ import annotations

from collections.abc import Callable

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, Memory
from controller.model.people import Person
from controller.names import fold
from controller.planning.base.desired import Desired
from controller.planning.base.setting_drift import Found
from controller.planning.base.wording import text
from controller.planning.groups.mapping_table import Having, compare_table
from controller.planning.people.attribute_diff import build_lenses


def is_switched_off(actual: Actual) -> bool:
    """Whether the provider said that SCIM is off: then its listing says nothing about people."""
    organization = actual.provider.organization
    return organization is not None and not organization.scim_enabled


def plan_switch() -> Action:
    """Turns SCIM on."""
    return Action(
        ActionKind.ENABLE_SCIM,
        "organization",
        "SCIM provisioning",
        Touch.SETTING,
        (("scimEnabled", False),),
        (("scimEnabled", True),),
        "SCIM provisioning is off at the provider",
    )


def plan_table(desired: Desired, actual: Actual, memory: Memory, found: Found) -> None:
    """Adds what the group table needs, where there is an admin API."""
    plan = compare_table(
        desired, actual.provider.table, memory, lambda is_asked: people_with(desired, actual, is_asked)
    )
    found.actions += [plan.action] if plan.action is not None else []
    found.drift += plan.drift
    found.problems += plan.problems


def people_with(desired: Desired, actual: Actual, is_asked: Callable[[str | None], bool]) -> Having:
    """Value -> the assigned people who have it and an account, for the values that are asked for: the others
    move nowhere."""
    found: dict[str | None, list[Person]] = {}
    asked: dict[str | None, bool] = {}
    lens_of = build_lenses(desired, actual.app.user_types)
    present = {account.external_id for account in actual.accounts.accounts}
    present |= {fold(account.user_name) for account in actual.accounts.accounts}
    for person in actual.assignments.people:
        if person.okta_id not in present and fold(person.user_name) not in present:
            continue
        group = lens_of(person.user_type).group
        value = text(group(person.profile)) if group is not None else None
        if value not in asked:
            asked[value] = is_asked(value)
        if asked[value]:
            found.setdefault(value, []).append(person)
    return found
