"""What of a plan may run now, and why the rest may not.

Called by reconcile between plan and apply. Knows modes, approvals, safeguards, windows and whether a
reading was complete; never changes an action. Leavers wait for nothing but their own limit: somebody who
left must lose access.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.api.meta import IN_OWN_NAME
from controller.model.actions import ORDER, Action, ActionKind, Touch
from controller.model.actual import Actual, Memory
from controller.model.people import OktaId
from controller.model.plan import Frozen, HoldReason, Plan, Verdict
from controller.model.words import many, many_people
from controller.planning.base.desired import Desired
from controller.planning.base.windows import is_open, opens_at
from controller.planning.base.wording import shown
from controller.planning.okta.manual_steps import BEFORE_PUSHING
from controller.planning.okta.prerequisites import BLOCKING
from controller.planning.people.matching import of_this_tenant
from controller.planning.policy.absences import unknown_people, why_unconfirmed
from controller.planning.policy.approval import (
    Approved,
    approve,
    freeze,
    is_current,
    waits_in_force,
)
from controller.planning.policy.change_limits import Trip, find_trips

_WEIGHT = (
    HoldReason.OBSERVING,
    HoldReason.BLOCKED_BY_STEP,
    HoldReason.SAFETY_THRESHOLD_EXCEEDED,
    HoldReason.READ_INCOMPLETE,
    HoldReason.AWAITING_APPROVAL,
    HoldReason.OUTSIDE_WINDOW,
)
"""The weightiest first."""
_MISSING_YES = frozenset({HoldReason.AWAITING_APPROVAL, HoldReason.SAFETY_THRESHOLD_EXCEEDED})
"""What is approved can be held for these only along with something that it needs and nobody approved yet."""
Held = tuple[Action, HoldReason]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a verdict depends on beyond plan, desired state, observed state and memory."""

    now: datetime
    credential: str = ""
    """Fingerprint of the Okta credential of this run."""
    frozen: Frozen | None = None
    """The plan that waited after the last run, as it was stored."""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What holds for the plan as a whole."""

    is_blocked: bool
    steps_block: bool
    switchover_blocks: bool
    """Whether a step blocks even the switch-over to the seat group, which comes before Okta pushes."""
    is_first: bool
    is_emptied: bool
    lacks_people: str
    """Proof that the listing of people is not complete, or ""."""
    doubt: str
    """What makes the listing doubtful, though it may be right, or ""."""
    unknown: frozenset[OktaId]
    """People whose removal only somebody can confirm."""
    unconfirmed: frozenset[OktaId]
    """People whose removal a second complete read or somebody has to confirm."""
    proven: frozenset[OktaId]
    """People who were asked for singly in this run: their removal does not rest on a listing."""
    why_unconfirmed: str
    trips: tuple[Trip, ...]
    is_closed: bool

    def is_doubtful(self, action: Action) -> bool:
        """Whether a removal rests on what was read once and may be wrong."""
        doubted = bool(self.doubt) or action.subject in self.unknown or action.subject in self.unconfirmed
        return doubted and self.rests_on_listing(action)

    def rests_on_listing(self, action: Action) -> bool:
        """Whether `action` takes something away from people since a list does not name them."""
        return action.touch is Touch.REMOVAL and action.subject not in self.proven

    @property
    def tripped(self) -> frozenset[Touch]:
        return frozenset(trip.touch for trip in self.trips)


def judge(plan: Plan, desired: Desired, actual: Actual, memory: Memory, at: Circumstances) -> Verdict:
    """What runs and what is held. Held actions take along those that need them."""
    if desired.mode == "Observe":
        return _observing(plan)
    facts = _facts(plan, desired, actual, memory, at)
    frozen = at.frozen if at.frozen is not None and is_current(at.frozen, desired, at.now) else None
    needy = tuple(action for action in plan.actions if _needs_a_yes(action, desired, facts))
    approved = approve(desired, plan, memory, needy, frozen)
    reasons = dict(_reasons(plan, desired, facts, approved))
    held = tuple((action, reasons[action.key]) for action in plan.actions if action.key in reasons)
    run = tuple(action for action in plan.actions if action.key not in reasons)
    waiting = [action for action in needy if _waits_for_a_yes(action, reasons, facts, approved)]
    if waits_in_force([action for action, why in held if why not in _MISSING_YES], approved):
        kept, newer = frozen, len(waiting)
        digest = ""
    else:
        kept, newer = freeze(waiting, frozen, desired, at.now)
        digest = kept.digest if kept is not None else ""
    found = set(reasons.values())
    reason = next((why for why in _WEIGHT if why in found), None)
    opening = opens_at(desired.windows, at.now) if reason is HoldReason.OUTSIDE_WINDOW else None
    return Verdict(
        run,
        held,
        reason,
        _message(reason, held, facts, desired, digest),
        digest,
        opening,
        approved.digest,
        approved.keys,
        kept,
        newer,
        approved.handled,
        approved.is_ignored,
        facts.is_first,
        any(why is HoldReason.READ_INCOMPLETE and one.subject in facts.unconfirmed for one, why in held),
        tuple(trip.touch for trip in facts.trips),
    )


def _waits_for_a_yes(
    action: Action, reasons: Mapping[str, HoldReason], facts: _Facts, approved: Approved
) -> bool:
    """Whether an approval would let `action` go; it does not mend a blocking step or an incomplete
    reading."""
    is_unproven = facts.rests_on_listing(action) and bool(facts.lacks_people)
    is_blocked = reasons.get(action.key) is HoldReason.BLOCKED_BY_STEP
    return not (is_unproven or is_blocked or approved.covers(action))


def _observing(plan: Plan) -> Verdict:
    held = tuple((action, HoldReason.OBSERVING) for action in plan.actions)
    if not held:
        return Verdict(())
    message = f"{many(len(held), 'action is', 'actions are')} shown only, since spec.mode is Observe"
    return Verdict((), held, HoldReason.OBSERVING, message)


def _facts(plan: Plan, desired: Desired, actual: Actual, memory: Memory, at: Circumstances) -> _Facts:
    own = of_this_tenant(desired, memory)
    return _Facts(
        is_blocked=any(problem.reason in BLOCKING for problem in plan.problems),
        steps_block=any(step.blocks for step in plan.steps),
        switchover_blocks=not _frees_the_app(plan)
        or any(step.blocks and step.step_id not in BEFORE_PUSHING for step in plan.steps),
        is_first=own is not memory or (memory.is_new and _knows_nothing_of(desired, actual, memory)),
        is_emptied=not actual.accounts.accounts and len(own.in_use) > desired.safeguards.minimum,
        lacks_people=_lacking(actual),
        doubt=_doubt(actual, own, at),
        unknown=unknown_people(actual.assignments, own),
        unconfirmed=actual.assignments.unconfirmed,
        proven=actual.fresh or frozenset(),
        why_unconfirmed=why_unconfirmed(actual, own),
        trips=find_trips(desired, actual, own, plan, at.now),
        is_closed=not is_open(desired.windows, at.now),
    )


def _frees_the_app(plan: Plan) -> bool:
    """Whether groups leave the app for the seat group: once Okta pushes it would be too late for those who
    have no seat."""
    return any(action.is_switchover and action.kind is ActionKind.UNASSIGN_GROUP for action in plan.actions)


def _knows_nothing_of(desired: Desired, actual: Actual, memory: Memory) -> bool:
    """Whether a tenant without a memory may hold what is not ours, or is another one than before."""
    has_lost_state = desired.has_written and not memory.tenant
    return has_lost_state or bool(actual.accounts.accounts)


def _lacking(actual: Actual) -> str:
    """Why the listing of people is no proof that somebody is gone, or ""."""
    listed, groups = len(actual.assignments.people), actual.assignments.groups
    if left_out := actual.assignments.left_out:
        others = "another is" if left_out == 1 else f"{left_out} others are"
        return f"the app lists {many_people(listed)}, and {others} assigned as well"
    counted = [
        (groups[i].users_count or 0, groups[i].name) for i in actual.assignments.app_groups if i in groups
    ]
    most, name = max(counted, default=(0, ""))
    return (
        f"the app lists {listed} people, its group {shown(name)} alone counts {most}" if listed < most else ""
    )


def _doubt(actual: Actual, memory: Memory, at: Circumstances) -> str:
    """Why somebody has to look before anybody is removed, or ""."""
    listed = len(actual.assignments.people)
    removed = {one.okta_id for one in memory.window if one.touch == Touch.REMOVAL}
    if not listed and not removed.issuperset(memory.in_use):
        return f"the app lists nobody, though {len(memory.in_use)} accounts are ours"
    if memory.credential in ("", at.credential) or listed >= memory.people_read:
        return ""
    return f"the new Okta credential lists {listed} people, the one before listed {memory.people_read}"


def _needs_a_yes(action: Action, desired: Desired, facts: _Facts) -> bool:
    """Whether somebody has to approve `action` before it runs."""
    if action.touch in facts.tripped:
        return True
    if action.touch is Touch.LEAVER:
        return False
    if desired.mode == "Approve" or facts.is_first or action.is_switchover:
        return True
    if facts.is_emptied and action.kind is ActionKind.CREATE_ACCOUNT:
        return True
    return facts.is_doubtful(action)


def _reasons(
    plan: Plan, desired: Desired, facts: _Facts, approved: Approved
) -> Iterator[tuple[str, HoldReason]]:
    """(key, reason) of every action that is held."""
    held: dict[str, HoldReason] = {}
    for action in plan.actions:
        reason = _reason(action, desired, facts, approved)
        if reason is None:
            reason = next((held[need] for need in action.needs if need in held), None)
        if reason is not None:
            held[action.key] = reason
            yield action.key, reason


def _reason(action: Action, desired: Desired, facts: _Facts, approved: Approved) -> HoldReason | None:
    is_leaver = action.touch is Touch.LEAVER
    if not is_leaver and (facts.is_blocked or _is_blocked(action, facts)):
        return HoldReason.BLOCKED_BY_STEP
    if facts.lacks_people and facts.rests_on_listing(action):
        return HoldReason.READ_INCOMPLETE
    if _needs_a_yes(action, desired, facts) and not approved.covers(action):
        return _missing_yes(action, desired, facts)
    return HoldReason.OUTSIDE_WINDOW if facts.is_closed and not is_leaver else None


def _missing_yes(action: Action, desired: Desired, facts: _Facts) -> HoldReason:
    if action.touch in facts.tripped:
        return HoldReason.SAFETY_THRESHOLD_EXCEEDED
    if facts.is_doubtful(action):
        return HoldReason.READ_INCOMPLETE
    return HoldReason.AWAITING_APPROVAL


def _is_blocked(action: Action, facts: _Facts) -> bool:
    blocks = facts.switchover_blocks if action.is_switchover else True
    return facts.steps_block and blocks and _touches_people(action)


def _touches_people(action: Action) -> bool:
    return (
        ORDER[action.kind] >= ORDER[ActionKind.CREATE_SEAT_GROUP]
        and action.kind is not ActionKind.REVOKE_TOKEN
    )


def _message(
    reason: HoldReason | None, held: tuple[Held, ...], facts: _Facts, desired: Desired, digest: str
) -> str:
    """One sentence for the condition, with what to do."""
    if reason is None:
        return ""
    count = sum(why is reason for _, why in held)
    waits, are = many(count, "action waits", "actions wait"), "is" if count == 1 else "are"
    hours = desired.safeguards.window / timedelta(hours=1)
    told = {
        HoldReason.BLOCKED_BY_STEP: f"{waits} until the prerequisites and manual steps are done",
        HoldReason.SAFETY_THRESHOLD_EXCEEDED: f"{many(count, 'action', 'actions')} {are} held: "
        f"{'; '.join(map(str, facts.trips))} within {hours:g} h by spec.safeguards",
        HoldReason.READ_INCOMPLETE: f"{many(count, 'removal', 'removals')} {are} held: "
        f"{facts.lacks_people or facts.doubt or facts.why_unconfirmed}",
        HoldReason.AWAITING_APPROVAL: f"{waits} for approval{_why_first(facts)}",
        HoldReason.OUTSIDE_WINDOW: f"{waits} for the next window",
    }[reason]
    if not digest:
        return told
    if reason is HoldReason.BLOCKED_BY_STEP:
        told += "; others need only a yes"
    return (
        f"{told}; approve with: kubectl annotate scimintegration {desired.name} -n {desired.namespace} "
        f"scim-operator.dev/approve={digest} --overwrite {IN_OWN_NAME}"
    )


def _why_first(facts: _Facts) -> str:
    if facts.is_emptied:
        return ", since the provider lists no account at all"
    return ", since this is the first plan for a tenant that has accounts" if facts.is_first else ""
