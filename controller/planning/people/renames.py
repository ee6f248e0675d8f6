"""User names that move from one account to another: who has to let go of a name before somebody else can have
it.

Called by make_plan with the writes of a plan. A provider keeps user names unique, so that a name that another
account still bears is refused. Who waits for such a name gets it in the next run, which follows at once.
Where all wait for each other, as when two people swap their logins, one of them steps aside to a name of
their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from controller.model.actions import Action, ActionKind
from controller.names import fold
from controller.planning.base.desired import Desired
from controller.planning.people.attribute_diff import USER_NAME

_RENAMES = frozenset({ActionKind.UPDATE_ACCOUNT, ActionKind.REACTIVATE_ACCOUNT})


class Untangled(NamedTuple):
    """The writes of a run; `goes_on` where some names can only be given after it."""

    actions: tuple[Action, ...]
    goes_on: bool = False


def untangle(desired: Desired, actions: Sequence[Action]) -> Untangled:
    """`actions` without the names that are not free yet. In a circle the person with the lowest Okta id steps
    aside. A provider that changes names only once somebody confirms them is left alone: a name that is made
    up would be confirmed by nobody."""
    moves = {one.subject: one for one in actions if one.kind in _RENAMES and _renames(one)}
    if len(moves) < 2 or USER_NAME in desired.profile.defers:
        return Untangled(tuple(actions))
    holders = {fold(str(dict(one.before).get(USER_NAME) or "")): subject for subject, one in moves.items()}
    waits_for = {
        subject: holder
        for subject, one in moves.items()
        if (holder := holders.get(_wanted(one))) is not None and holder != subject
    }
    if not waits_for:
        return Untangled(tuple(actions))
    aside = _first_of_circles(waits_for)
    found = []
    for one in actions:
        if moves.get(one.subject) is not one or one.subject not in waits_for:
            found.append(one)
        elif one.subject in aside:
            found.append(_named(one, _name_aside(one)))
        elif (rest := _without_name(one)) is not None:
            found.append(rest)
    return Untangled(tuple(found), goes_on=True)


def _renames(action: Action) -> bool:
    return any(name == USER_NAME for name, _ in action.after) and _wanted(action) != fold(
        str(dict(action.before).get(USER_NAME) or "")
    )


def _wanted(action: Action) -> str:
    return fold(str(dict(action.after)[USER_NAME] or ""))


def _first_of_circles(waits_for: Mapping[str, str]) -> frozenset[str]:
    """The first of each circle of people who wait for each other."""
    found, done = set[str](), set[str]()
    for start in sorted(waits_for):
        path: list[str] = []
        one: str | None = start
        while one is not None and one not in done:
            done.add(one)
            path.append(one)
            one = waits_for.get(one)
        if one in path:
            found.add(min(path[path.index(one) :]))
    return frozenset(found)


def _name_aside(action: Action) -> str:
    """A name that nobody else has: the present one, marked with the person's Okta id."""
    before = str(dict(action.before).get(USER_NAME) or "")
    local, at, host = before.partition("@")
    return f"{local}+{action.subject}{at}{host}"


def _named(action: Action, name: str) -> Action:
    after = tuple((path, name if path == USER_NAME else value) for path, value in action.after)
    return replace(action, after=after, why=f"{action.why}; steps aside, since others wait for the name")


def _without_name(action: Action) -> Action | None:
    """The other changes; None where there are none."""
    before = tuple(pair for pair in action.before if pair[0] != USER_NAME)
    after = tuple(pair for pair in action.after if pair[0] != USER_NAME)
    return replace(action, before=before, after=after) if after else None
