"""Approvals: which waiting plan a yes names, and what it puts in force.

Called by policy. A plan that waits is frozen as it was first shown; what comes after is only counted, so that
somebody who reads a plan approves what they read, however busy the org is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.model.actions import Action
from controller.model.actual import Memory
from controller.model.plan import Frozen, Plan
from controller.planning.base.desired import Desired
from controller.planning.base.digest import fingerprint, plan_digest

LIFETIME = timedelta(hours=24)
_SKEW = timedelta(hours=1)
"""A plan dated in the future by more than this was stored by a clock that has been set back since."""


@dataclass(frozen=True, slots=True)
class Approved:
    """The approval in force: digest and fingerprints; and what became of the annotation's value."""

    digest: str
    keys: frozenset[str]
    handled: str = ""
    is_ignored: bool = False

    def covers(self, action: Action) -> bool:
        return fingerprint(action) in self.keys


def is_current(frozen: Frozen, desired: Desired, now: datetime) -> bool:
    """Whether `frozen` can still be approved: not too old, and of the present spec."""
    age = now - frozen.created
    return frozen.generation == desired.generation and -_SKEW <= age < LIFETIME


def approve(
    desired: Desired, plan: Plan, memory: Memory, needy: Sequence[Action], frozen: Frozen | None
) -> Approved:
    """What is in force: what was before, as far as it is still wanted, and what the annotation adds.

    `needy` are the actions of this plan that need a yes; `frozen` the stored plan, if it is still current.
    The digest that counts is the frozen plan's; without one, this plan's."""
    wanted = {fingerprint(action) for action in plan.actions}
    keys = memory.approved_keys & wanted if plan.compares_people else memory.approved_keys
    said = desired.approval.partition("#")[0].strip()
    if not said:
        return Approved(memory.approved if keys else "", frozenset(keys))
    named = _named(said, plan, needy, frozen)
    if not named and said == memory.approved:
        # In force already; the run that took it up came to no end.
        return Approved(said if keys else "", frozenset(keys), desired.approval)
    if not named:
        return Approved(memory.approved if keys else "", frozenset(keys), desired.approval, is_ignored=True)
    added = {fingerprint(action) for action in named}
    return Approved(
        said, frozenset(keys | (added & wanted if plan.compares_people else added)), desired.approval
    )


def _named(said: str, plan: Plan, needy: Sequence[Action], frozen: Frozen | None) -> Sequence[Action]:
    """The actions that the digest `said` stands for; none where it matches nothing that still holds."""
    if frozen is not None:
        wanted = {fingerprint(action) for action in plan.actions}
        holds = not plan.compares_people or any(fingerprint(action) in wanted for action in frozen.actions)
        return frozen.actions if said == frozen.digest and holds else ()
    return needy if needy and said in (plan_digest(needy), plan.digest) else ()


def freeze(
    held: Sequence[Action], frozen: Frozen | None, desired: Desired, now: datetime
) -> tuple[Frozen | None, int]:
    """The plan that waits, and how many of `held` are newer than it. `frozen` is the stored one, if it is
    still current; it gives way once none of its actions is held any more."""
    if not held:
        return None, 0
    if frozen is not None:
        known = {fingerprint(action) for action in frozen.actions}
        newer = sum(fingerprint(action) not in known for action in held)
        if newer < len(held):
            return frozen, newer
    return Frozen(plan_digest(held), desired.generation, now, tuple(held)), 0


def waits_in_force(held: Collection[Action], approved: Approved) -> bool:
    """Whether something approved is still held for another reason: then nothing new is cut yet."""
    return any(approved.covers(action) for action in held)
