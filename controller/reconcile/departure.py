"""The plan of an integration that is being deleted with deletionPolicy: Deprovision. Pure.

Called by the engine in place of the usual plan. Undoes what the operator did: deactivates the accounts that
are its own. Accounts that were there before it, protected people and accounts that are inactive already stay
as they are. Whether it may run is guard's decision, as for any plan.
"""

from __future__ import annotations

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, Memory
from controller.model.people import Account, OktaId
from controller.model.plan import Counts, Plan
from controller.planning.digest import plan_digest
from controller.planning.matching import Register, fold, is_protected
from controller.planning.wish import Desired

WHY = "the ScimIntegration is being deleted with deletionPolicy: Deprovision"


def plan_departure(desired: Desired, actual: Actual, memory: Memory) -> Plan:
    """Deactivations of every active account of ours, in the order of their names."""
    pairs = memory.pairs if memory.tenant in ("", desired.base_url) else {}
    register = Register(actual.accounts.accounts, pairs)
    found: list[Action] = []
    for okta_id in pairs:
        account = register.owned(okta_id)
        if account is not None and account.active and not _stays(desired, memory, okta_id, account):
            found.append(_deactivation(okta_id, account))
    actions = tuple(sorted(found, key=lambda action: (fold(action.label), action.subject)))
    counts = Counts(assigned=len(actual.assignments.people), provisioned=len(actions), pending=len(actions))
    return Plan(actions, plan_digest(actions), counts=counts)


def _stays(desired: Desired, memory: Memory, okta_id: OktaId, account: Account) -> bool:
    if okta_id in memory.adopted and not desired.may_deactivate_adopted:
        return True
    return is_protected(desired, memory, okta_id, account.user_name)


def _deactivation(okta_id: OktaId, account: Account) -> Action:
    return Action(
        ActionKind.DEACTIVATE_ACCOUNT,
        okta_id,
        account.user_name,
        Touch.REMOVAL,
        (("active", True),),
        (("active", False),),
        WHY,
        account.scim_id,
    )
