"""Deletion with Deprovision: what the operator did is undone, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from controller.errors import Unavailable, Waiting
from controller.model.actions import ActionKind, Touch
from controller.model.actual import Actual, Made, Memory
from controller.model.people import OktaId, Person
from controller.model.plan import Plan
from controller.planning.base.desired import Desired, DesiredAssignments
from controller.planning.teardown.plan import plan_departure
from tests.unit.planning.world import (
    account_of,
    actual,
    group,
    make_desired,
    memory,
    organization,
    person,
    with_provider,
)

SEATS = DesiredAssignments("SeatGroup", "Seats", (), (), prune=False, is_declared=True)
GROUPS = {"g1": group("g1", "Ours", 3), "g2": group("g2", "Theirs", 1), "g9": group("g9", "Seats", 2)}


def ids(*people: Person) -> frozenset[OktaId]:
    return frozenset(one.okta_id for one in people)


ONE, TWO, THREE = person(1), person(2), person(3)
EVERYBODY = (ONE, TWO, THREE)
MEMBERS = {"g1": ids(ONE, TWO, THREE), "g2": ids(TWO), "g9": ids(ONE, TWO)}


def made(kind: ActionKind, subject: str, before: Any = (), after: Any = ()) -> Made:
    return Made(kind, subject, before, after)


def remembering(*things: Made, **changes: Any) -> Memory:
    accounts = [account_of(one) for one in EVERYBODY]
    return memory(accounts, made={one.key: one for one in things}, **changes)


def state(app_groups: tuple[str, ...] = (), people: tuple[Person, ...] = EVERYBODY, **changes: Any) -> Actual:
    """Everybody has an account; `app_groups` are assigned with their place as priority."""
    priorities: Mapping[str, int] = {one: number for number, one in enumerate(app_groups)}
    accounts = [account_of(one) for one in EVERYBODY]
    given: dict[str, Any] = {"app_groups": priorities, "groups": GROUPS, "members": MEMBERS, **changes}
    return actual(people, accounts, **given)


def okta(**changes: Any) -> Desired:
    return make_desired(by="Okta", is_departing=True, **changes)


def keys(plan: Plan) -> list[str]:
    return [action.key for action in plan.actions]


def test_every_active_account_of_ours_goes_where_the_operator_provisions() -> None:
    plan = plan_departure(make_desired(), state(), remembering(adopted=frozenset({ONE.okta_id})))
    assert keys(plan) == ["DeactivateAccount/00u2", "DeactivateAccount/00u3"], "one was there before"
    assert plan.counts.provisioned == plan.counts.pending == 2
    willing = make_desired(may_deactivate_adopted=True, protected=frozenset({"p2@acme.com"}))
    plan = plan_departure(willing, state(), remembering(adopted=frozenset({ONE.okta_id})))
    assert keys(plan) == ["DeactivateAccount/00u1", "DeactivateAccount/00u3"], "one is protected"


def test_what_is_another_tenants_is_nobody_of_ours() -> None:
    assert (
        keys(plan_departure(make_desired(), state(), remembering(tenant="https://other.example.com"))) == []
    )


def test_accounts_that_are_gone_or_inactive_need_nothing() -> None:
    seen = state()
    idle = replace(seen.accounts.accounts[0], active=False)
    fewer = replace(seen, accounts=replace(seen.accounts, accounts=(idle,)))
    assert keys(plan_departure(make_desired(), fewer, remembering())) == []


def test_a_group_that_we_assigned_goes_with_the_accounts_of_those_who_have_nothing_else() -> None:
    plan = plan_departure(okta(), state(("g1", "g2")), remembering(made(ActionKind.ASSIGN_GROUP, "g1")))
    assert keys(plan) == ["UnassignGroup/g1", "DeactivateAccount/00u1", "DeactivateAccount/00u3"]
    unassign, first, _ = plan.actions
    assert (unassign.people, unassign.touch) == (("00u1", "00u3"), Touch.REMOVAL)
    assert first.needs == ("UnassignGroup/g1",)


def test_a_group_nobody_depends_on_goes_as_a_setting() -> None:
    own = replace(TWO, direct=True)
    plan = plan_departure(
        okta(),
        state(("g2",), (own,), members={"g2": ids(own)}),
        remembering(made(ActionKind.ASSIGN_GROUP, "g2")),
    )
    assert [(a.key, a.touch) for a in plan.actions if a.kind is ActionKind.UNASSIGN_GROUP] == [
        ("UnassignGroup/g2", Touch.SETTING)
    ]
    assert "DeactivateAccount/00u2" not in keys(plan)


def test_what_others_assigned_stays_with_its_accounts() -> None:
    assert keys(plan_departure(okta(), state(("g1", "g2")), remembering())) == []


def test_an_account_whose_assignment_has_ended_goes() -> None:
    """After a crash between the two."""
    plan = plan_departure(okta(), state(("g2",), (TWO,)), remembering())
    assert keys(plan) == ["DeactivateAccount/00u1", "DeactivateAccount/00u3"]


def test_people_whom_we_assigned_go() -> None:
    people = (replace(ONE, direct=True), replace(TWO, direct=True), replace(THREE, direct=True))
    given = (made(ActionKind.ASSIGN_USER, one.okta_id) for one in (ONE, TWO))
    plan = plan_departure(okta(), state(("g2",), people), remembering(*given))
    assert keys(plan) == ["UnassignUser/00u1", "UnassignUser/00u2", "DeactivateAccount/00u1"], (
        "the second comes in through a group"
    )


def test_nobody_protected_loses_an_assignment() -> None:
    one = replace(ONE, direct=True)
    given = (
        made(ActionKind.ASSIGN_GROUP, "g1"),
        made(ActionKind.ASSIGN_GROUP, "g2"),
        made(ActionKind.ASSIGN_USER, one.okta_id),
    )
    guarded = okta(protected=frozenset({"p1@acme.com"}))
    plan = plan_departure(guarded, state(("g1", "g2"), (one, TWO, THREE)), remembering(*given))
    assert keys(plan) == ["UnassignGroup/g2"], "its people come through the other group"
    (problem,) = plan.problems
    assert problem.reason == "Protected"
    assert "p1@acme.com" in problem.message


def test_a_seat_group_that_we_created_goes_whole() -> None:
    given = (
        made(ActionKind.CREATE_SEAT_GROUP, "Seats", (), (("id", "g9"),)),
        made(ActionKind.ASSIGN_GROUP, "g9"),
    )
    seen = state(("g9",), (ONE, TWO))
    plan = plan_departure(okta(assignments=SEATS), seen, remembering(*given))
    assert keys(plan)[:2] == ["UnassignGroup/g9", "DeleteSeatGroup/Seats"]
    assert plan.actions[1].needs == ("UnassignGroup/g9",)
    assert keys(plan)[2:] == [f"DeactivateAccount/00u{number}" for number in (1, 2, 3)]
    plan = plan_departure(okta(assignments=SEATS), state(("g2",)), remembering(*given))
    assert keys(plan)[0] == "DeleteSeatGroup/Seats", "it is off the app already"
    unsure = (made(ActionKind.CREATE_SEAT_GROUP, "Seats"), made(ActionKind.ASSIGN_GROUP, "Seats"))
    assert keys(plan_departure(okta(assignments=SEATS), seen, remembering(*unsure)))[:2] == [
        "UnassignGroup/g9",
        "DeleteSeatGroup/Seats",
    ]


def test_a_protected_member_keeps_the_seat_group() -> None:
    given = made(ActionKind.CREATE_SEAT_GROUP, "Seats", (), (("id", "g9"),))
    guarded = okta(assignments=SEATS, protected=frozenset({"00u1"}))
    assert keys(plan_departure(guarded, state(("g9",), (ONE, TWO)), remembering(given))) == [
        "DeactivateAccount/00u3"
    ]


def test_another_group_of_that_name_is_not_ours() -> None:
    given = made(ActionKind.CREATE_SEAT_GROUP, "Seats", (), (("id", "g8"),))
    assert keys(plan_departure(okta(assignments=SEATS), state(("g9",)), remembering(given))) == []
    twice = {**GROUPS, "g10": group("g10", "Seats")}
    named = made(ActionKind.CREATE_SEAT_GROUP, "Seats")
    assert (
        keys(plan_departure(okta(assignments=SEATS), state(("g9",), groups=twice), remembering(named))) == []
    )


def test_out_of_a_seat_group_that_was_there_go_those_whom_we_put_in() -> None:
    given = (made(ActionKind.ADD_TO_SEAT_GROUP, ONE.okta_id), made(ActionKind.ADD_TO_SEAT_GROUP, "00u77"))
    plan = plan_departure(okta(assignments=SEATS), state(("g9", "g2"), (ONE, TWO)), remembering(*given))
    assert keys(plan) == [
        "RemoveFromSeatGroup/00u1",
        "DeactivateAccount/00u1",
        "DeactivateAccount/00u3",
    ]
    unlisted = state(("g2",), (TWO,), logins={ONE.okta_id: "one@acme.com"})
    plan = plan_departure(okta(assignments=SEATS), unlisted, remembering(*given))
    assert plan.actions[0].label == "one@acme.com"
    unknown = state(("g2",), (TWO,))
    assert plan_departure(okta(assignments=SEATS), unknown, remembering(*given)).actions[0].label == "00u1"


def test_settings_are_put_back_once_people_are_out() -> None:
    was, left = (
        (("template", "x"), ("type", "CUSTOM")),
        (("template", "${source.email}"), ("type", "BUILT_IN")),
    )
    given = (
        made(ActionKind.ASSIGN_GROUP, "g1"),
        made(ActionKind.SET_USERNAME_FORMAT, "0oa1", was, left),
        made(ActionKind.ASSIGN_GROUP, "g2", (("priority", 5),), (("priority", 1),)),
    )
    plan = plan_departure(okta(), state(("g1", "g2")), remembering(*given))
    assert keys(plan)[-2:] == ["SetUsernameFormat/0oa1", "AssignGroup/g2"]
    for action in plan.actions[-2:]:
        assert action.needs == ("UnassignGroup/g1", "DeactivateAccount/00u1")
    assert dict(plan.actions[-1].after) == {"priority": 5}


def test_a_priority_that_was_changed_since_stays() -> None:
    given = made(ActionKind.ASSIGN_GROUP, "g2", (("priority", 5),), (("priority", 3),))
    assert keys(plan_departure(okta(), state(("g1", "g2")), remembering(given))) == []
    assert keys(plan_departure(okta(), state(("g1",)), remembering(given))) == []
    none = made(ActionKind.ASSIGN_GROUP, "g2", (("priority", None),), (("priority", 1),))
    assert keys(plan_departure(okta(), state(("g1", "g2")), remembering(none))) == [], (
        "there is no way back to none"
    )


def test_a_group_whose_name_was_not_read_is_called_by_its_id() -> None:
    given = (
        made(ActionKind.ASSIGN_GROUP, "g7"),
        made(ActionKind.ASSIGN_GROUP, "g8", (("priority", 5),), (("priority", 1),)),
    )
    plan = plan_departure(okta(), state(("g7", "g8")), remembering(*given))
    assert [(action.key, action.label) for action in plan.actions] == [
        ("UnassignGroup/g7", "g7"),
        ("AssignGroup/g8", "g8"),
    ]


def test_half_a_reading_undoes_nothing() -> None:
    with pytest.raises(Unavailable, match="1 of 3 members of Ours were read"):
        plan_departure(okta(), state(("g1",), members={"g1": ids(ONE)}), remembering())


def test_accounts_that_cannot_be_listed_are_waited_for() -> None:
    off = with_provider(state(), organization=organization(scim_enabled=False))
    with pytest.raises(Waiting, match="SCIM is off at the provider, so that the 3 accounts"):
        plan_departure(make_desired(), off, remembering())
    assert keys(plan_departure(make_desired(), off, memory())) == []
