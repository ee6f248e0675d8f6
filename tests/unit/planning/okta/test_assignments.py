"""Who is assigned to the app: what is declared, what is not, what was edited by hand, who is immune."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.actions import ActionKind, Touch
from controller.model.actual import Actual, Memory
from controller.model.people import OktaId
from controller.model.plan import Plan
from controller.planning.base.desired import Desired, DesiredAssignments, GroupRef
from controller.planning.make_plan import make_plan
from tests.unit.planning.world import account_of, actual, group, make_desired, memory, person, ref

USERS, SALES = group("g1", "Users", 3), group("g2", "Sales", 2)


def declared(
    groups: tuple[GroupRef, ...] = (), users: tuple[str, ...] = (), *, prune: bool = False, **changes: Any
) -> Desired:
    return make_desired(
        assignments=DesiredAssignments("Direct", "", groups, users, prune, is_declared=True), **changes
    )


def named(*names: str) -> tuple[GroupRef, ...]:
    return tuple(
        ref(name, field=f"spec.assignments.oktaGroups[{number}]") for number, name in enumerate(names)
    )


def state(**changes: Any) -> Actual:
    """p1 and p2 come through Users, p3 by itself; all have an account that is up to date."""
    people = [person(1), person(2), person(3, direct=True)]
    known: dict[str, Any] = {
        "app_groups": {"g1": 0},
        "groups": {"g1": USERS, "g2": SALES},
        "members": {"g1": frozenset({OktaId("00u1"), OktaId("00u2")}), "g2": frozenset({OktaId("00u2")})},
    }
    return actual(people, [account_of(one) for one in people], **{**known, **changes})


def plan(desired: Desired, given: Actual | None = None, known: Memory | None = None) -> Plan:
    given = given or state()
    return make_plan(desired, given, known or memory(given.accounts.accounts))


def keys(made: Plan) -> list[str]:
    return [action.key for action in made.actions]


def test_what_is_declared_and_there_is_left_alone() -> None:
    assert keys(plan(declared(named("Users")))) == []
    assert keys(plan(make_desired())) == [], "nothing is declared: assignments are read and left alone"


def test_a_group_that_lacks_is_assigned_with_its_priority() -> None:
    made = plan(declared((ref("Sales", priority=3),)))
    (action,) = made.actions
    assert (action.key, action.label, action.touch) == ("AssignGroup/g2", "Sales", Touch.CREATE)
    assert (action.before, action.after) == ((), (("priority", 3),))


def test_another_priority_is_a_setting_and_none_is_any() -> None:
    (action,) = plan(declared((ref("Users", priority=2),))).actions
    assert (action.touch, action.before, action.after) == (
        Touch.SETTING,
        (("priority", 0),),
        (("priority", 2),),
    )
    assert keys(plan(declared((ref("Users", priority=0),)))) == []


def test_a_person_who_lacks_is_assigned_and_one_who_is_there_is_not() -> None:
    known = state(declared_users={"new@acme.com": OktaId("00u9"), "p1@acme.com": OktaId("00u1")})
    made = plan(declared(users=("New@acme.com", "p1@acme.com")), known)
    assert keys(made) == ["AssignUser/00u9"]
    assert made.actions[0].why == "declared in spec.assignments.users"


def test_somebody_protected_is_not_assigned() -> None:
    known = state(declared_users={"root@acme.com": OktaId("00u9")})
    made = plan(declared(users=("root@acme.com",), protected=frozenset({"root@acme.com"})), known)
    assert keys(made) == []
    assert [problem.reason for problem in made.problems] == ["Protected"]


WRONG = (
    ("an unknown group", named("Nope"), (), "GroupNotFound", "spec.assignments.oktaGroups[0]"),
    ("a group of an app", named("Imported"), (), "GroupNotFound", "only groups of type OKTA_GROUP"),
    ("a group named twice", named("Users", "Users"), (), "InvalidSpec", "is named twice; remove one"),
    ("an unknown login", (), ("nobody@acme.com",), "UserNotFound", "correct or remove it"),
)


@pytest.mark.parametrize(("case", "groups", "users", "reason", "words"), WRONG, ids=[w[0] for w in WRONG])
def test_what_is_wrong_is_told_and_removes_nobody(
    case: str, groups: tuple[GroupRef, ...], users: tuple[str, ...], reason: str, words: str
) -> None:
    known = state()
    imported = group("g3", "Imported", 1, "APP_GROUP")
    groups_there = {**known.assignments.groups, "g3": imported}
    known = replace(known, assignments=replace(known.assignments, groups=groups_there))
    made = plan(declared(groups, users, prune=True), known)
    told = [problem for problem in made.problems if problem.reason == reason and words in problem.message]
    assert told, case
    if case != "a group named twice":
        assert keys(made) == [], "as long as the declaration is not whole nothing is taken away"


def test_what_is_not_declared_goes_with_prune_and_counts_whom_it_takes_the_access() -> None:
    made = plan(declared(named("Sales"), prune=True), state(app_groups={"g1": 0, "g2": 1}))
    assert keys(made) == ["UnassignGroup/g1", "UnassignUser/00u3"]
    assert made.actions[0].people == ("00u1",), "p2 keeps access through Sales"
    assert {action.touch for action in made.actions} == {Touch.REMOVAL}


def test_without_its_members_everybody_who_comes_through_some_group_counts() -> None:
    made = plan(
        declared((), ("p3@acme.com",), prune=True),
        state(members={}, declared_users={"p3@acme.com": OktaId("00u3")}),
    )
    assert [(action.key, action.people) for action in made.actions] == [
        ("UnassignGroup/g1", ("00u1", "00u2"))
    ]


def test_a_group_that_was_not_read_is_called_by_its_id() -> None:
    made = plan(declared(named("Users"), prune=True), state(app_groups={"g1": 0, "g7": 1}))
    assert [(a.key, a.label) for a in made.actions if a.kind is ActionKind.UNASSIGN_GROUP] == [
        ("UnassignGroup/g7", "g7")
    ]


@pytest.mark.parametrize("name", ["p1@acme.com", "00u1", "old1@acme.com"])
def test_somebody_protected_by_login_id_or_old_login_keeps_the_assignment(name: str) -> None:
    given = state()
    known = memory(given.accounts.accounts, logins={OktaId("00u1"): ("old1@acme.com", "p1@acme.com")})
    desired = declared(named("Sales"), ("p3@acme.com",), prune=True, protected=frozenset({name}))
    given = replace(
        given,
        assignments=replace(
            given.assignments,
            app_groups={"g1": 0, "g2": 1},
            declared_users={"p3@acme.com": OktaId("00u3")},
        ),
    )
    made = plan(desired, given, known)
    assert keys(made) == []
    assert "the group Users stays assigned, since p1@acme.com is protected" in made.problems[0].message


def test_an_assignment_that_was_there_and_was_taken_away_is_drift() -> None:
    settled = plan(declared(named("Users"))).settled
    away = state(app_groups={})
    known = memory(away.accounts.accounts, settled=settled)
    made = plan(declared(named("Users")), away, known)
    assert [(d.kind.value, d.what, d.expected, d.actual) for d in made.drift] == [
        ("Assignment", "group Users", "assigned", "not assigned")
    ]
    assert keys(made) == ["AssignGroup/g1"]
    told = plan(declared(named("Users"), corrects_drift=False), away, known)
    assert (keys(told), len(told.drift), told.settled) == ([], 1, settled)


def test_a_changed_declaration_of_an_edited_assignment_is_no_drift() -> None:
    settled = plan(declared((ref("Users", priority=0),))).settled
    known = memory(state().accounts.accounts, settled=settled)
    made = plan(declared((ref("Users", priority=5),)), state(), known)
    assert (made.drift, keys(made)) == ((), ["AssignGroup/g1"])
