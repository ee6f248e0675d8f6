"""What a run is about to do, noted down before it does it, so that a crash between the two costs nothing.

Called by the engine before the first write, and after the accounts are read. What a run did replaces its
intent; where the process dies in between, the intent stands, on the side of caution: people whom it may have
touched count as touched, an account that it may have taken over counts as taken over, and an account that it
may have created is its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from controller.model.actions import Action, ActionKind
from controller.model.actual import Actual, Memory
from controller.model.people import Account, OktaId, ScimId
from controller.model.plan import Plan, Verdict
from controller.names import fold
from controller.planning.base.desired import Desired
from controller.planning.people.attribute_diff import USER_NAME
from controller.planning.people.matching import is_of_tenant, of_this_tenant
from controller.planning.policy.change_limits import COUNTED, in_window, people_of, touched_now
from controller.planning.seats.former_groups import has_created_group, made_of, note_seat_groups
from controller.planning.teardown.undo_log import REVERSES, note_made

_TAKES_OVER = frozenset({ActionKind.UPDATE_ACCOUNT, ActionKind.REACTIVATE_ACCOUNT})


def note_intent(
    memory: Memory, desired: Desired, actual: Actual, plan: Plan, verdict: Verdict, now: datetime
) -> Memory:
    """`memory` with what `verdict` lets run of `plan`, as if it were killed in the midst of it."""
    counted = [action for action in verdict.run if action.touch in COUNTED]
    fresh = [(okta_id, action.touch) for action in counted for okta_id in people_of(action)]
    recent = in_window(memory.window, now, desired.safeguards.window)
    made, setting_up = made_of(memory, actual.app), tuple(_setting_up(desired, verdict.run))
    return replace(
        memory,
        window=touched_now(recent, fresh, now),
        approved=verdict.memory_approved,
        approved_keys=verdict.approved_keys,
        adopted=memory.adopted | taken_over(of_this_tenant(desired, memory), actual, verdict.run),
        creating=_creating(verdict.run),
        made=note_made(made, setting_up, has_group=has_created_group(desired, actual.assignments, made)),
        seat_groups=note_seat_groups(memory, desired, actual, setting_up),
        **_begun(memory, desired, actual, plan, verdict),
    )


def _begun(
    memory: Memory, desired: Desired, actual: Actual, plan: Plan, verdict: Verdict
) -> Mapping[str, Any]:
    """A tenant without accounts, or one that an approval is not needed for, is known from its first write on:
    what a restart finds there is no reason to hold its first plan."""
    if not memory.is_new or verdict.is_first or not plan.compares_people:
        return {}
    return {"tenant": desired.tenant, "app_id": actual.app.app_id, "is_new": False}


def _setting_up(desired: Desired, actions: Iterable[Action]) -> Iterator[tuple[Action, str]]:
    """What may be there after a crash. Undoing is begun anew with what it was begun with."""
    return ((one, "") for one in actions if one.kind not in REVERSES and not desired.is_departing)


def taken_over(memory: Memory, actual: Actual, actions: Iterable[Action]) -> frozenset[OktaId]:
    """People whose account carries nobody's or somebody else's id and is not known as ours."""
    marked = {account.external_id for account in actual.accounts.accounts}
    return frozenset(
        OktaId(action.subject)
        for action in actions
        if action.kind in _TAKES_OVER and action.subject not in memory.pairs and action.subject not in marked
    )


def _creating(actions: Iterable[Action]) -> Mapping[OktaId, str]:
    """Folded user names of the accounts to come."""
    return {
        OktaId(action.subject): fold(str(dict(action.after).get(USER_NAME, "")))
        for action in actions
        if action.kind is ActionKind.CREATE_ACCOUNT
    }


def recover(desired: Desired, memory: Memory, accounts: Iterable[Account]) -> Memory:
    """`memory` with the accounts that a run which did not come to its end has created."""
    if not memory.creating or not is_of_tenant(desired, memory):
        return memory
    if desired.profile.keeps_external_id:
        found = {
            OktaId(account.external_id): account.scim_id
            for account in accounts
            if account.external_id in memory.creating
        }
    else:
        found = _recovered_by_name(memory, accounts)
    return replace(memory, pairs={**found, **memory.pairs})


def _recovered_by_name(memory: Memory, accounts: Iterable[Account]) -> dict[OktaId, ScimId]:
    owned = set(memory.pairs.values())
    free = {fold(a.user_name): a.scim_id for a in accounts if not a.external_id and a.scim_id not in owned}
    return {okta_id: free[name] for okta_id, name in memory.creating.items() if name in free}
