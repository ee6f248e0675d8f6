"""Who sits and who waits.

Called by make_plan with everybody who needs a seat, and by reconcile after the run to count again. Nobody who
sits is ever evicted; the order of admission depends on nothing but the people, so that it is the same in
every run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from controller.model.actions import TOOK_EFFECT, Action, ActionKind, Outcome, Touch
from controller.model.actual import Actual, AssignmentState
from controller.model.people import OktaId, Person
from controller.model.plan import Problem, Seats, SeatState
from controller.names import fold
from controller.planning.base.desired import DesiredSeats
from controller.planning.groups.okta_groups import resolve_group

Candidate = tuple[Person, Action]


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of the candidates."""

    admitted: tuple[Action, ...]
    seats: Seats | None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Room:
    """The numbers that a decision rests on."""

    limit: int
    used: int
    reserve: int
    pending: int | None = None

    @property
    def free(self) -> int:
        """Seats that may be filled; negative where more are used than there are."""
        return self.limit - self.reserve - self.used


def in_order(candidates: Iterable[Candidate], rank: Mapping[OktaId, int] | None = None) -> list[Candidate]:
    """By priority group, then time of assignment, then login; people of no such group come last."""
    ranks = rank or {}
    last = len(ranks) + 1
    return sorted(
        candidates,
        key=lambda one: (
            ranks.get(one[0].okta_id, last),
            one[0].assigned_at or "~",
            fold(one[0].login),
            one[0].okta_id,
        ),
    )


def ranks_of(
    desired: DesiredSeats, assignments: AssignmentState
) -> tuple[dict[OktaId, int], tuple[Problem, ...]]:
    """Person -> place of the first priority group that has them; and the groups that are not there."""
    ranks: dict[OktaId, int] = {}
    problems = []
    for place, ref in enumerate(desired.priority):
        group, fault = resolve_group(ref, assignments)
        if group is None:
            problems.append(
                Problem("SeatLimit", desired.name, "GroupNotFound", f"{ref.field}: {fault}", ref.field)
            )
            continue
        for okta_id in assignments.members.get(group.group_id, frozenset()):
            ranks.setdefault(okta_id, place)
    return ranks, tuple(problems)


def room_of(desired: DesiredSeats, actual: Actual) -> Room | None:
    """The limit and what is used of it; None if neither the SeatLimit nor the provider has a limit. The
    smaller of the two counts, so that nobody is given a seat that was not purchased."""
    organization = actual.provider.organization
    known = [desired.seats] if desired.seats is not None else []
    known += [organization.purchased] if organization is not None else []
    if not known:
        return None
    limit = min(known)
    active = sum(account.active for account in actual.accounts.accounts)
    used = organization.used if organization else active
    return Room(limit, used, desired.reserve, organization.pending if organization else None)


def admit(
    desired: DesiredSeats | None,
    actual: Actual,
    candidates: Sequence[Candidate],
    freeing: Sequence[Action],
    refused: Collection[OktaId] = frozenset(),
) -> Admission:
    """Gives the free seats to `candidates` in order, and the seats that `freeing` (the deactivations of this
    plan, leavers first) gives back. Who gets one of those needs that deactivation to
    succeed. Whom the provider has `refused` takes no seat from others; what would be sent for them stays in
    the plan."""
    if desired is None:
        return Admission(tuple(action for _, action in in_order(candidates)), None)
    ranks, problems = ranks_of(desired, actual.assignments)
    everybody = in_order(candidates, ranks)
    ordered = [one for one in everybody if one[0].okta_id not in refused]
    turned_away = tuple(action for person, action in everybody if person.okta_id in refused)
    room = room_of(desired, actual)
    if room is None:
        return Admission((), None, problems=problems)
    if room.reserve >= room.limit:
        problems = (*problems, _reserve_too_high(desired, room))
    if not desired.waitlist:
        return _seated(desired, room, tuple(action for _, action in everybody), (), problems)
    capacity = max(0, room.free + len(freeing))
    admitted = tuple(
        _bound(action, number, room.free, freeing) for number, (_, action) in enumerate(ordered[:capacity])
    )
    waiting = tuple((person.okta_id, person.login) for person, _ in ordered[capacity:])
    found = _seated(desired, room, admitted, waiting, problems)
    return replace(found, admitted=(*admitted, *turned_away))


def _reserve_too_high(desired: DesiredSeats, room: Room) -> Problem:
    text = (
        f"spec.reserve: {room.reserve} of {room.limit} seats are reserved, nobody can be admitted; lower it"
    )
    return Problem("SeatLimit", desired.name, "InvalidSpec", text, "spec.reserve")


def _bound(action: Action, number: int, free: int, freeing: Sequence[Action]) -> Action:
    """`action`, needing the deactivation whose seat it takes: the first `free` people need none."""
    place = number - free
    return action if place < 0 else replace(action, needs=(*action.needs, freeing[place].key))


def _seated(
    desired: DesiredSeats,
    room: Room,
    admitted: tuple[Action, ...],
    waiting: tuple[tuple[OktaId, str], ...],
    problems: tuple[Problem, ...],
) -> Admission:
    seats = count_seats(desired.warn_at_percent, room, waiting, len(admitted))
    return Admission(admitted, seats, problems=problems)


def count_seats(
    warn_at_percent: int, room: Room, waiting: tuple[tuple[OktaId, str], ...], admitted: int
) -> Seats:
    percent = room.used * 100 // room.limit if room.limit else 100
    available = max(0, room.free)
    if room.used > room.limit:
        state = SeatState.OVER_CAPACITY
    elif waiting or not available:
        state = SeatState.AT_CAPACITY
    elif percent >= warn_at_percent:
        state = SeatState.NEAR_LIMIT
    else:
        state = SeatState.WITHIN_LIMIT
    return Seats(
        room.limit, room.used, room.pending, room.reserve, available, waiting, state, percent, admitted
    )


TAKES = frozenset({ActionKind.CREATE_ACCOUNT, ActionKind.REACTIVATE_ACCOUNT})


def _promises(action: Action) -> bool:
    """Whether a seat is given to somebody whom Okta has yet to push."""
    return action.kind is ActionKind.ADD_TO_SEAT_GROUP and action.touch is Touch.CREATE


def settle(desired: DesiredSeats | None, seats: Seats | None, outcomes: Iterable[Outcome]) -> Seats | None:
    """The seats after the run: what was done is counted, and who could have had a seat but failed is not
    waiting, only failed. None where there is no limit or it was not looked at."""
    if desired is None or seats is None:
        return None
    done = [one.action for one in outcomes if one.result in TOOK_EFFECT]
    taken = sum(action.kind in TAKES or _promises(action) for action in done)
    freed = sum(action.kind is ActionKind.DEACTIVATE_ACCOUNT for action in done)
    created = sum(action.kind is ActionKind.CREATE_ACCOUNT for action in done)
    pending = None if seats.pending is None else seats.pending + (created if desired.invites else 0)
    room = Room(seats.limit, seats.used + taken - freed, seats.reserved, pending)
    return count_seats(desired.warn_at_percent, room, seats.waiting, seats.admitted)
