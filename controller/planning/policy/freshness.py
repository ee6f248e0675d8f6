"""What a run may act on: an action rests only on what was read in this run.

Called by the engine between deciding and writing. Pure. A plan is made over the whole picture of a tenant, of
which a small run has read a few people anew. What it would do to others is read first, and what cannot be
read for single people waits for a complete read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from controller.model.actions import ACCOUNT_KINDS, Action, ActionKind, Outcome
from controller.model.actual import Actual
from controller.model.people import OktaId
from controller.model.plan import HoldReason, Verdict
from controller.model.words import many
from controller.planning.base.digest import fingerprint

READ_SINGLY = ACCOUNT_KINDS | {ActionKind.CHANGE_MEMBERSHIPS}
"""What rests on one person of the app, the account of that person, and its groups."""


def people_to_refresh(verdict: Verdict, actual: Actual) -> frozenset[OktaId]:
    """Whom `verdict` lets be acted on although this run has not read them."""
    return frozenset(
        OktaId(action.subject)
        for action in verdict.run
        if action.kind in READ_SINGLY and _rests_on_old(action, actual)
    )


def _rests_on_old(action: Action, actual: Actual) -> bool:
    """Whether an earlier run has read what `action` rests on."""
    # The provider's groups are listed in every run that may create one.
    if actual.fresh is None or action.kind is ActionKind.CREATE_PROVIDER_GROUP:
        return False
    return action.kind not in READ_SINGLY or action.subject not in actual.fresh


def without_old_readings(verdict: Verdict, actual: Actual) -> Verdict:
    """`verdict` without what rests on an earlier reading, and without what needs that: it waits for a
    complete read."""
    held: set[str] = set()
    for action in verdict.run:
        if _rests_on_old(action, actual) or not held.isdisjoint(action.needs):
            held.add(action.key)
    if not held:
        return verdict
    waiting = tuple((one, HoldReason.AWAITING_READ) for one in verdict.run if one.key in held)
    told = f"{many(len(waiting), 'action waits', 'actions wait')} for a complete read, which follows at once"
    return replace(
        verdict,
        run=tuple(action for action in verdict.run if action.key not in held),
        held=(*verdict.held, *waiting),
        reason=verdict.reason or HoldReason.AWAITING_READ,
        message=verdict.message or told,
    )


def without_failures(
    verdict: Verdict,
    failures: Mapping[str, Outcome],
    asked: Collection[OktaId],
    refused: Collection[str] = frozenset(),
) -> tuple[Verdict, tuple[Outcome, ...]]:
    """`verdict` without what failed in an earlier run as it would be sent now, and those failures: a refusal
    is tried again once an interval and whenever its person is `asked` for, not whenever somebody else is.
    Whom the provider has `refused` holds no seat, so that nothing else is sent for them either."""
    found = {
        action.key: failures[action.key]
        for action in verdict.run
        if action.key in failures
        and action.subject not in asked
        and (action.subject in refused or fingerprint(action) == fingerprint(failures[action.key].action))
    }
    if not found:
        return verdict, ()
    run = tuple(action for action in verdict.run if action.key not in found)
    return replace(verdict, run=run), tuple(found.values())


def awaits_read(verdict: Verdict) -> bool:
    """Whether something waits for a complete read."""
    return any(reason is HoldReason.AWAITING_READ for _, reason in verdict.held)
