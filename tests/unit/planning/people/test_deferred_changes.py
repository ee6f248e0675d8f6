"""What waits for a confirmation, is due again, was read back, and how that is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from controller.model.actions import Action, ActionKind, Outcome, Result, Touch
from controller.model.actual import Deferred
from controller.model.people import OktaId
from controller.planning.make_plan import make_plan
from controller.planning.people.attribute_diff import Change
from controller.planning.people.deferred_changes import (
    mark_due,
    note_deferred,
    still_to_send,
    waiting_changes,
    why_again,
)
from tests.unit.planning.world import GENERIC, NOW, PATHS, account_of, actual, make_desired, memory, person

EMAIL, ADA = PATHS[1], OktaId("00u1")
AT = "2026-03-02T12:00:00Z"
DESIRED = make_desired(profile=replace(GENERIC, defers=frozenset({EMAIL, "userName"})))
SENT = Deferred("new@acme.com", "p1@acme.com", AT)
CHANGE = Change(EMAIL, "p1@acme.com", "new@acme.com", "email")


def test_only_the_same_value_over_the_same_value_waits_and_only_for_a_while() -> None:
    def sends(change: Change = CHANGE, **sent: object) -> bool:
        return bool(still_to_send([change], {EMAIL: replace(SENT, **sent)}))

    assert not sends()
    assert not sends(before=None)
    assert not sends(replace(CHANGE, after="NEW@acme.com"))
    assert sends(is_due=True)
    assert sends(replace(CHANGE, before="eve@evil.example"))
    assert sends(replace(CHANGE, before=None))
    assert sends(replace(CHANGE, after="newer@acme.com"))
    assert sends(replace(CHANGE, after=None))
    assert still_to_send([CHANGE], {}) == (CHANGE,)


def test_what_has_waited_for_too_long_is_due() -> None:
    fields = {EMAIL: SENT, "userName": replace(SENT, at="")}
    known = memory(deferred={ADA: fields})
    for days, is_due in ((6, False), (7, True)):
        marked = mark_due(known, DESIRED, NOW + timedelta(days=days)).deferred[ADA]
        assert (marked[EMAIL].is_due, marked["userName"].is_due) == (is_due, False)
    assert mark_due(memory(), DESIRED, NOW) == memory()


def test_the_reason_says_since_when_it_waits() -> None:
    due = {EMAIL: replace(SENT, is_due=True)}
    assert why_again([replace(CHANGE, path="x"), CHANGE], due).startswith(
        f"sent again: {EMAIL} was accepted on 2026"
    )
    assert why_again([replace(CHANGE, after="else")], due) == why_again([CHANGE], {EMAIL: SENT}) == ""


def test_a_change_that_is_due_is_planned_again_with_that_reason() -> None:
    one = person(1)
    held = account_of(one)
    moved = replace(one, profile=("Sales", "new@acme.com", "p1"))
    known = memory([held], deferred={ADA: {EMAIL: replace(SENT, is_due=True)}})
    plan = make_plan(DESIRED, actual([moved], [held]), known)
    assert [action.why[:10] for action in plan.actions] == ["sent again"]
    assert [one.value for one in plan.unconfirmed] == ["new@acme.com"]


def outcome(kind: ActionKind, before: object, result: Result = Result.PENDING_CONFIRMATION) -> Outcome:
    fields = ((EMAIL, before),) if before else ()
    action = Action(kind, ADA, "p1", Touch.CHANGE, fields, ((EMAIL, "new@acme.com"), ("title", "x")), "why")
    return Outcome(action, result)


def test_what_is_put_off_is_noted_with_what_was_there() -> None:
    state, update = actual([person(1)], []), ActionKind.UPDATE_ACCOUNT
    noted = note_deferred(memory(), DESIRED, state, [outcome(update, "p1@acme.com")], NOW)
    assert noted == {ADA: {EMAIL: SENT}}
    created = note_deferred(memory(), DESIRED, state, [outcome(ActionKind.CREATE_ACCOUNT, None)], NOW)
    assert created == {ADA: {EMAIL: replace(SENT, before=None)}}
    known = memory(deferred=noted)
    assert note_deferred(known, DESIRED, state, [outcome(update, "p1@acme.com", Result.DONE)], NOW) == {}
    for kind, result in ((update, Result.FAILED), (ActionKind.ASSIGN_USER, Result.PENDING_CONFIRMATION)):
        assert note_deferred(known, DESIRED, state, [outcome(kind, None, result)], NOW) == noted


def test_people_who_are_not_assigned_any_more_wait_for_nothing() -> None:
    known, state = memory(deferred={ADA: {EMAIL: SENT}}), actual([])
    assert note_deferred(known, DESIRED, state, [], NOW) == {}


def test_what_is_read_completes_a_note_or_ends_it() -> None:
    held = account_of(person(1), external_id="")
    state = actual([person(1)], [held])
    bare = {EMAIL: Deferred("new@acme.com"), "userName": Deferred("new@acme.com", "old@acme.com")}
    known = memory(pairs={ADA: held.scim_id}, deferred={ADA: bare})
    noted = note_deferred(known, DESIRED, state, [], NOW)
    assert noted == {ADA: {EMAIL: SENT, "userName": replace(SENT, before="old@acme.com")}}
    assert note_deferred(replace(known, deferred=noted), DESIRED, state, [], NOW) == noted
    there = replace(held, user_name="NEW@acme.com", values=("p1", "new@acme.com", "Sales"))
    both = actual([person(1)], [there, account_of(person(2))])
    assert note_deferred(known, DESIRED, both, [], NOW) == {}
    empty = replace(held, values=("p1", None, "Sales"))
    assert note_deferred(known, DESIRED, actual([person(1)], [empty]), [], NOW)[ADA][EMAIL].before == ""


def test_the_longest_wait_comes_first_by_login_where_it_is_known() -> None:
    older = replace(SENT, at="2026-01-01T00:00:00Z")
    known = memory(deferred={ADA: {EMAIL: SENT}, OktaId("00u9"): {EMAIL: older}})
    found = waiting_changes(known, actual([person(1)]))
    assert [(one.login, one.since) for one in found] == [("00u9", older.at), ("p1@acme.com", AT)]
    assert waiting_changes(memory(), actual()) == ()
