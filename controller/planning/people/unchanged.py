"""The one pass over everybody: who is up to date, and who has to be looked at.

Called by people and okta_pushed. A person who is up to date costs a dictionary lookup and a comparison of
tuples, and leaves nothing behind: this is what a quiet run spends its time on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from controller.model.actual import Actual
from controller.model.people import OktaId, Person, PersonState, Value
from controller.planning.base.desired import Desired
from controller.planning.people.attribute_diff import Lens, build_lenses
from controller.planning.people.matching import Register


@dataclass(frozen=True, slots=True)
class GroupValues:
    """The value of the group attribute of each person; `is_whole`: of everybody, not of some people only."""

    by_person: Mapping[OktaId, Value]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Sifted:
    """`same`: how many people have an active account that holds what it should; `rest`: the others, by
    Okta id."""

    same: int
    rest: tuple[Person, ...]
    values: GroupValues
    register: Register
    lens_of: Callable[[str], Lens]


def sift(
    desired: Desired, actual: Actual, register: Register, known: Mapping[OktaId, Value] | None
) -> Sifted:
    """Goes through the app's people once. `known` are the values that everybody had, for a run that looks at
    some people only."""
    lens_of = build_lenses(desired, actual.app.user_types)
    lenses: dict[str, Lens] = {}
    is_scoped = actual.assignments.is_scoped
    values = _known_values(actual, known or {}) if is_scoped else {}
    rest: list[Person] = []
    by_external, active, same = register.by_external, PersonState.ACTIVE, 0
    for person in actual.assignments.people:
        lens = lenses.get(person.user_type)
        if lens is None:
            lens = lenses[person.user_type] = lens_of(person.user_type)
        values[person.okta_id] = lens.group(person.profile) if lens.group is not None else None
        account = by_external.get(person.okta_id)
        if (
            account is not None
            and account.active
            and person.state is active
            and account.user_name == person.user_name
            and person.sync_state != "ERROR"
            and lens.wish(person.profile)
            == (account.values if lens.seen is None else lens.seen(account.values))
        ):
            same += 1
        else:
            rest.append(person)
    rest.sort(key=lambda person: person.okta_id)
    group_values = GroupValues(values, not is_scoped or known is not None)
    return Sifted(same, tuple(rest), group_values, register, lens_of)


def _known_values(actual: Actual, known: Mapping[OktaId, Value]) -> dict[OktaId, Value]:
    """What was known of everybody, without those who were looked for and are not assigned any more."""
    missing = actual.assignments.missing
    return {okta_id: value for okta_id, value in known.items() if okta_id not in missing}
