"""Who plays which part, and in which order people are seated."""

from __future__ import annotations

import pytest

from controller.errors import SpecError
from scim_sandbox.demo_people import Cast, choose_cast
from scim_sandbox.okta.seed import ASSIGNED_GROUP
from scim_sandbox.people import SandboxPerson, generated


def person(number: int, department: str, *groups: str) -> SandboxPerson:
    return SandboxPerson(f"p{number}@example.com", "P", str(number), f"P {number}", department, groups)


@pytest.fixture
def sixty() -> Cast:
    return choose_cast(generated(60))


def test_of_sixty_people_forty_are_assigned_and_twelve_join_for_ten_seats(sixty: Cast) -> None:
    counts = (len(sixty.assigned), len(sixty.joining), sixty.seats, len(sixty.waiting), len(sixty.leaving))
    assert counts == (40, 12, 50, 2, 5)


def test_nobody_plays_two_parts_that_undo_each_other(sixty: Cast) -> None:
    players = (sixty.deactivated, sixty.renamed, sixty.mover, *sixty.leaving, *sixty.joining)
    assert len({player.login for player in players}) == len(players)


def test_priority_comes_before_the_order_of_assignment() -> None:
    assigned = [person(number, "One" if number % 2 else "Two") for number in range(20)]
    joining = [person(20, "One"), person(21, "One", "Sales"), person(22, "One", "Executives", "Sales")]
    people = [*assigned, *joining, *(person(30 + n, "One") for n in range(7))]
    order = [p.login for p in choose_cast(people).admission_order]
    assert order[:3] == ["p22@example.com", "p21@example.com", "p20@example.com"]


def test_the_mover_moves_to_another_department_of_those_who_are_there(sixty: Cast) -> None:
    assert sixty.new_department != sixty.mover.department
    assert sixty.new_department in {p.department for p in sixty.assigned}


def test_people_who_name_the_apps_group_are_the_assigned_ones() -> None:
    people = [
        person(n, "One" if n % 2 else "Two", *([ASSIGNED_GROUP] if n % 3 == 0 else [])) for n in range(30)
    ]
    cast = choose_cast(people)
    assert [p.login for p in cast.assigned] == [p.login for p in people if ASSIGNED_GROUP in p.groups]
    assert set(cast.people) == set(people)


@pytest.mark.parametrize(
    ("people", "words"),
    [
        ((), "there are 0 and 0"),
        (tuple(person(n, "One", ASSIGNED_GROUP) for n in range(20)), "there are 20 and 0"),
        (tuple(person(n, "") for n in range(30)), "at least two departments"),
    ],
)
def test_too_few_people_or_departments_are_refused(people: tuple[SandboxPerson, ...], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        choose_cast(people)
