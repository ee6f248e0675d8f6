"""Who seems to have left, and whether that is proved: no removal rests on one read.

Called by the engine between reading and planning, by policy and by after_run. Pure. A person who is not
among the users of the app has left once a read of another kind agrees: the person's own state, their own
app user, or, for many at once, a second complete listing.
"""

from __future__ import annotations

from controller.model.actual import AccountState, Actual, AssignmentState, Memory
from controller.model.people import OktaId, PersonState
from controller.model.words import many_people
from controller.planning.base.desired import Desired
from controller.planning.people.matching import Register, of_this_tenant


def people_to_prove(
    desired: Desired, assignments: AssignmentState, accounts: AccountState, memory: Memory
) -> tuple[OktaId, ...]:
    """The people of ours who would lose their account since they are no longer assigned, sorted. A person
    whose own state in Okta is deactivated needs no further proof, nor does one who had left before."""
    removes = desired.by == "Operator" and desired.on_unassigned == "Deactivate" and not desired.is_departing
    if not removes or "Deactivate" not in desired.actions or not assignments.missing:
        return ()
    register = Register(accounts.accounts, of_this_tenant(desired, memory).pairs)
    kept = frozenset[OktaId]() if desired.may_deactivate_adopted else memory.adopted
    return tuple(
        okta_id
        for okta_id, state in sorted(assignments.missing.items())
        if state is not PersonState.DEACTIVATED
        and okta_id not in kept
        and okta_id not in memory.left
        and (account := register.owned(okta_id)) is not None
        and account.active
    )


def unknown_people(assignments: AssignmentState, memory: Memory) -> frozenset[OktaId]:
    """People of ours whom Okta does not show at all, though its log has no deletion of them: a credential
    that sees fewer people than before gets the same answer."""
    return frozenset(
        okta_id
        for okta_id, state in assignments.missing.items()
        if state is None and okta_id in memory.in_use
    )


def why_unconfirmed(actual: Actual, memory: Memory) -> str:
    """Why removals of some people wait, as half a sentence, or ""."""
    unknown = unknown_people(actual.assignments, memory)
    missing = actual.assignments.unconfirmed
    told = []
    if unknown:
        told.append(
            f"Okta shows {many_people(len(unknown))} no longer and its System Log has no deletion of them; "
            "check which people the role of the Okta credential may see"
        )
    if missing:
        told.append(
            f"the app lists {many_people(len(actual.assignments.people))}, {memory.people_read} in the last "
            f"complete read; {many_people(len(missing))} of ours are missing at once, and a second complete "
            "read has to agree"
        )
    return "; ".join(told)
