"""Whose account is inactive as it should be, remembered after the person left.

Called by after_run. Pure. An account that the operator provisioned stays the operator's while it is inactive:
if it is active again though its person should have none, it was reactivated by hand. The oldest are forgotten
beyond MOST_LEFT.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from controller.model.actions import Action, ActionKind
from controller.model.actual import DAY_ZERO, Actual, Memory
from controller.model.people import OktaId
from controller.planning.base.desired import Desired, account_rule
from controller.planning.people.matching import Register

MOST_LEFT = 20_000
"""How many people who left are remembered: about as much state again as 20,000 people take."""
_BACK = frozenset({ActionKind.CREATE_ACCOUNT, ActionKind.REACTIVATE_ACCOUNT, ActionKind.UPDATE_ACCOUNT})


def people_who_left(
    desired: Desired,
    actual: Actual,
    memory: Memory,
    wrote: Iterable[Action],
    now: datetime,
) -> dict[OktaId, int]:
    """Memory.left after a run that wrote `wrote`, without those who came back. `memory` has the pairs after
    the run."""
    pairs = memory.pairs
    today, left = (now.astimezone(UTC) - DAY_ZERO).days, dict(memory.left)
    listed = {person.okta_id: person for person in actual.assignments.people}
    unlisted = sorted(pairs.keys() - listed.keys())
    if unlisted or left:
        register = Register(actual.accounts.accounts, pairs)
        for okta_id in unlisted:
            account = register.owned(okta_id)
            is_kept = okta_id in memory.adopted and not desired.may_deactivate_adopted
            if not is_kept and (account is None or not account.active):
                left.setdefault(okta_id, today)
        for okta_id in left.keys() & listed.keys():
            account = register.owned(okta_id)
            rule = account_rule(desired, listed[okta_id].state)
            if rule == "Provision" and account is not None and account.active:
                del left[okta_id]
    for action in wrote:
        if action.kind is ActionKind.DEACTIVATE_ACCOUNT:
            left[OktaId(action.subject)] = today
        elif action.kind in _BACK:
            left.pop(OktaId(action.subject), None)
    return {okta_id: day for okta_id, day in left.items() if okta_id in pairs}


def forgotten(left: Mapping[OktaId, int], actual: Actual) -> frozenset[OktaId]:
    """Those of `left` who are one too many: who left first goes first, and nobody who is assigned."""
    if len(left) <= MOST_LEFT:
        return frozenset()
    listed = {person.okta_id for person in actual.assignments.people}
    gone = sorted((day, okta_id) for okta_id, day in left.items() if okta_id not in listed)
    return frozenset(okta_id for _, okta_id in gone[: len(left) - MOST_LEFT])
