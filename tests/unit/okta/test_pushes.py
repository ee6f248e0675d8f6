"""What the log tells of Okta's pushes: who fails and why, and when that is over."""

from __future__ import annotations

from controller.okta.events import Change
from controller.okta.pushes import KEPT, Pushes, Told

APP, ADA = "0oa1", "00u1"


def push(failure: str = "", user: str = ADA, app: str = APP) -> Change:
    kind = "application.provision.user.push"
    return Change("u", "", kind, frozenset({app}), frozenset({user}), frozenset(), failure)


def connection(failure: str = "", kind: str = "application.configuration.update") -> Change:
    return Change("u", "", kind, frozenset({APP}), failure=failure)


def test_who_begins_to_fail_is_news_and_who_goes_on_failing_is_not() -> None:
    pushes = Pushes()
    assert pushes.take(push("no seat"))
    assert not pushes.take(push("still no seat"))
    assert pushes.told(APP) == Told({ADA: "still no seat"})
    assert pushes.told("0oa2") == Told()


def test_a_push_that_succeeds_ends_a_failure() -> None:
    pushes = Pushes()
    assert not pushes.take(push())
    assert pushes.told(APP) == Told()
    pushes.take(push("no seat"))
    assert pushes.take(push())
    assert pushes.told(APP).failures == {ADA: ""}


def test_an_app_that_is_not_reached_is_so_until_something_arrives() -> None:
    pushes = Pushes()
    assert pushes.take(connection("401", "application.integration.authentication_failure"))
    assert pushes.told(APP).trouble == "401"
    assert not pushes.take(connection("401 again"))
    assert pushes.take(push())
    assert pushes.told(APP).trouble == ""
    assert not pushes.take(connection())


def test_a_rate_limit_is_no_broken_connection() -> None:
    pushes = Pushes()
    assert not pushes.take(connection("429", "application.integration.rate_limit_exceeded"))
    assert pushes.told(APP).trouble is None


def test_what_was_stored_is_recalled_below_what_was_told_since() -> None:
    pushes = Pushes()
    pushes.take(push("new"))
    pushes.recall(APP, {ADA: "old", "00u2": "old"}, "401")
    assert pushes.told(APP) == Told({ADA: "new", "00u2": "old"}, "401")
    pushes.take(connection())
    pushes.recall(APP, {}, "401")
    assert pushes.told(APP).trouble == ""


def test_reasons_are_bounded() -> None:
    pushes = Pushes()
    for number in range(KEPT + 5):
        pushes.take(push("no seat", f"00u{number}"))
    assert len(pushes.told(APP).failures) == KEPT
