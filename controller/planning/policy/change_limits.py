"""How many people a plan touches, and where that is too many.

Called by policy. Distinct people by whatever route, over a sliding window that survives restarts: one
unassigned group counts as all its members. Creations never count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, Memory, Touched
from controller.model.plan import Plan
from controller.model.words import many_people
from controller.parsing import parse_moment
from controller.planning.base.desired import Desired, Limit, Safeguards

PERSONAL = frozenset(
    {
        ActionKind.ASSIGN_USER,
        ActionKind.ADD_TO_SEAT_GROUP,
        ActionKind.REMOVE_FROM_SEAT_GROUP,
        ActionKind.UNASSIGN_USER,
        ActionKind.DEACTIVATE_ACCOUNT,
        ActionKind.UPDATE_ACCOUNT,
        ActionKind.REACTIVATE_ACCOUNT,
        ActionKind.CREATE_ACCOUNT,
        ActionKind.CHANGE_MEMBERSHIPS,
    }
)
"""Kinds whose subject is a person."""
COUNTED = (Touch.REMOVAL, Touch.CHANGE, Touch.LEAVER)


@dataclass(frozen=True, slots=True)
class Trip:
    """One class that exceeds its limit."""

    touch: Touch
    people: int
    limit: int

    def __str__(self) -> str:
        return f"{many_people(self.people)} in {_PLURAL[self.touch]}, {self.limit} allowed"


_PLURAL = {Touch.REMOVAL: "removals", Touch.CHANGE: "changes", Touch.LEAVER: "leavers"}


def people_of(action: Action) -> tuple[str, ...]:
    """Okta ids of everybody whom `action` touches."""
    return (action.subject, *action.people) if action.kind in PERSONAL else action.people


def in_window(entries: Iterable[Touched], now: datetime, window: timedelta) -> tuple[Touched, ...]:
    """The entries that still count. One dated in the future, by a clock that was set back since, counts from
    now on: neither for ever nor not at all."""
    return tuple(
        entry if _moment(entry.at) <= now else Touched(entry.okta_id, entry.touch, _text(now))
        for entry in entries
        if now - _moment(entry.at) < window
    )


def touched_now(
    recent: Iterable[Touched], fresh: Iterable[tuple[str, Touch]], now: datetime
) -> tuple[Touched, ...]:
    """The latest entry for each person and class: `recent` ones, and those that are touched at `now`."""
    at = _text(now)
    found = {(entry.okta_id, entry.touch): entry for entry in recent}
    found |= {(okta_id, touch.value): Touched(okta_id, touch.value, at) for okta_id, touch in fresh}
    return tuple(found[key] for key in sorted(found))


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


_LONG_PAST = datetime.min.replace(tzinfo=UTC)


def _moment(text: str) -> datetime:
    return parse_moment(text, UTC) or _LONG_PAST


def allowed(limit: Limit, minimum: int, owned: int) -> int:
    """How many people may be touched: the lower of count and percent (rounded down), never below
    `minimum`."""
    share = limit.count if limit.percent is None else owned * limit.percent // 100
    return max(minimum, min(limit.count, share))


def owned_accounts(desired: Desired, actual: Actual, memory: Memory, plan: Plan) -> int:
    """Active accounts that are ours: what percentages are of."""
    if desired.by == "Okta":
        return plan.counts.provisioned
    ours = set(memory.pairs.values())
    return sum(account.active and account.scim_id in ours for account in actual.accounts.accounts)


@dataclass(frozen=True, slots=True)
class Use:
    """How far one class is used up: distinct people within the window, the limit, whom a plan would add."""

    touch: Touch
    counted: int
    limit: int
    planned: int


def count_use(
    desired: Desired, actual: Actual, memory: Memory, plan: Plan, actions: Iterable[Action], now: datetime
) -> tuple[Use, ...]:
    """Each class as `memory` knows it; `actions` are those of `plan` that are still to be carried out."""
    guards = desired.safeguards
    owned = owned_accounts(desired, actual, memory, plan)
    recent = in_window(memory.window, now, guards.window)
    waiting = [(action.touch, people_of(action)) for action in actions]
    found = []
    for touch in COUNTED:
        counted = {entry.okta_id for entry in recent if entry.touch == touch.value}
        planned = {okta_id for kind, people in waiting if kind is touch for okta_id in people}
        limit = allowed(_limit(guards, touch), guards.minimum, owned)
        found.append(Use(touch, len(counted), limit, len(planned - counted)))
    return tuple(found)


def find_trips(
    desired: Desired, actual: Actual, memory: Memory, plan: Plan, now: datetime
) -> tuple[Trip, ...]:
    """The classes that exceed their limit, with what the window already holds."""
    guards = desired.safeguards
    recent = in_window(memory.window, now, guards.window)
    touched = {touch: {e.okta_id for e in recent if e.touch == touch.value} for touch in COUNTED}
    fresh: set[Touch] = set()
    for action in plan.actions:
        if action.touch in touched:
            touched[action.touch].update(people_of(action))
            fresh.add(action.touch)
    if not fresh:
        return ()
    owned = owned_accounts(desired, actual, memory, plan)
    trips = []
    for touch in COUNTED:
        limit = allowed(_limit(guards, touch), guards.minimum, owned)
        if touch in fresh and len(touched[touch]) > limit:
            trips.append(Trip(touch, len(touched[touch]), limit))
    return tuple(trips)


def _limit(guards: Safeguards, touch: Touch) -> Limit:
    if touch is Touch.REMOVAL:
        return guards.removals
    return guards.changes if touch is Touch.CHANGE else guards.leavers
