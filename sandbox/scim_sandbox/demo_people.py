"""Who plays which part in the demo, chosen from the people who are there: generated ones or a CSV's.

Used by demo and demo_scenes. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controller.errors import SpecError
from scim_sandbox.okta.seed import ASSIGNED_GROUP
from scim_sandbox.people import SandboxPerson
from scim_sandbox.run import PRIORITY_GROUPS

FEWEST_ASSIGNED = 8
FEWEST_JOINING = 3


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, those with the app first. `assigned` have it from the start, `joining` get it in act three,
    of whom the last ones by priority find no seat; `leaving` leave then."""

    people: tuple[SandboxPerson, ...]
    assigned: tuple[SandboxPerson, ...]
    joining: tuple[SandboxPerson, ...]
    free: int
    leaving: tuple[SandboxPerson, ...]
    deactivated: SandboxPerson
    renamed: SandboxPerson
    mover: SandboxPerson
    new_department: str

    @property
    def seats(self) -> int:
        """Seats that are bought."""
        return len(self.assigned) + self.free

    @property
    def admission_order(self) -> tuple[SandboxPerson, ...]:
        """Those who join, in the order in which the SeatLimit seats them: they join one after the other."""
        return tuple(sorted(self.joining, key=rank))

    @property
    def waiting(self) -> tuple[SandboxPerson, ...]:
        """Those for whom no seat is left, the first to be admitted first."""
        return self.admission_order[self.free :]


def rank(person: SandboxPerson) -> int:
    """Place of a person's best group in the priority list."""
    places = [number for number, group in enumerate(PRIORITY_GROUPS) if group in person.groups]
    return min(places, default=len(PRIORITY_GROUPS))


def choose_cast(people: Sequence[SandboxPerson]) -> Cast:
    """The parts for `people`; of 60, 40 are assigned, 12 join of whom two wait, and five leave.

    Who names the app's group is assigned, or else two in three are. SpecError where the people do not suffice
    for the three acts.
    """
    named = [person for person in people if ASSIGNED_GROUP in person.groups]
    others = [person for person in people if ASSIGNED_GROUP not in person.groups]
    if not named:
        cut = len(people) * 2 // 3
        named, others = list(people[:cut]), list(people[cut:])
    joining = others[: max(3, len(people) // 5)]
    if len(named) < FEWEST_ASSIGNED or len(joining) < FEWEST_JOINING:
        raise SpecError(
            f"the demo takes at least {FEWEST_ASSIGNED} people with the app and {FEWEST_JOINING} without; "
            f"there are {len(named)} and {len(others)}",
            field="--people",
        )
    mover, department = _mover(named[2:])
    leavers = [person for person in named[2:] if person is not mover]
    return Cast(
        people=(*named, *others),
        assigned=tuple(named),
        joining=tuple(joining),
        free=len(joining) - 2,
        leaving=tuple(leavers[-max(3, min(5, len(people) // 12)) :]),
        deactivated=named[0],
        renamed=named[1],
        mover=mover,
        new_department=department,
    )


def _mover(candidates: Sequence[SandboxPerson]) -> tuple[SandboxPerson, str]:
    """Somebody and a department to move to."""
    departments = sorted({person.department for person in candidates if person.department})
    for person in candidates:
        for department in departments:
            if person.department and department != person.department:
                return person, department
    raise SpecError("the demo takes people with the app in at least two departments", field="--people")
