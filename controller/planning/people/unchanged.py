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
class Sifted:
    """`same`: how many people have an active account that holds what it should; `rest`: the others, by
    Okta id; `values`: the value of the group attribute of each person."""

    same: int
    rest: tuple[Person, ...]
    values: Mapping[OktaId, Value]
    register: Register
    lens_of: Callable[[str], Lens]


def sift(desired: Desired, actual: Actual, register: Register) -> Sifted:
    """Goes through the app's people once."""
    lens_of = build_lenses(desired, actual.app.user_types)
    lenses: dict[str, Lens] = {}
    values: dict[OktaId, Value] = {}
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
            and lens.expected(person.profile)
            == (account.values if lens.seen is None else lens.seen(account.values))
        ):
            same += 1
        else:
            rest.append(person)
    rest.sort(key=lambda person: person.okta_id)
    return Sifted(same, tuple(rest), values, register, lens_of)
