"""One rotation, step by step: due, issued, in use, revoked; and what may never happen on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controller.model.actions import Action
from controller.model.actual import Actual, HeldTokens, Probe, Token
from controller.planning.base.desired import Desired, DesiredRotation, TokenPlace
from controller.planning.base.setting_drift import Found
from controller.planning.make_plan import make_plan
from controller.planning.tokens.rotation import TokenTimes, lacks_token, plan_rotation, token_times
from tests.unit.planning import world
from tests.unit.planning.world import NOW

DAY = timedelta(days=1)
OWN = TokenPlace("operator", "operator a/b 1", "scim", "token", "scim", "spec.provider.tokenRotation.issueTo")
OKTA = TokenPlace("okta", "okta a/b 2", "okta", "token", "okta", "spec.provider.oktaTokenRef")
AGENT, OKTA_AGENT = "scim-operator/0.1.0", "Okta SCIM Client 1.0.0"
ADMIN = Token("t-admin", "admin", ("admin",), NOW - 900 * DAY, None, NOW, "curl", "f-admin")


def rotation(*places: TokenPlace) -> DesiredRotation:
    return DesiredRotation(90 * DAY, DAY, places or (OWN,))


def token(number: str, age: timedelta, used: timedelta | None = None, **more: Any) -> Token:
    """Token `number`, that old and used so long ago."""
    made = Token(
        f"t{number}",
        OWN.token_name,
        ("scim",),
        NOW - age,
        NOW - age + 180 * DAY,
        None if used is None else NOW - used,
        AGENT,
        f"f{number}",
    )
    return replace(made, **more)


def okta(number: str, age: timedelta, used: timedelta | None = None, agent: str = OKTA_AGENT) -> Token:
    return token(number, age, used, name=OKTA.token_name, last_user_agent=agent)


def state(*tokens: Token, ok: bool = True, operator: str = "", issued: str = "", okta: str = "") -> Actual:
    """A provider with `tokens`; the Secrets hold those of these numbers."""
    held = HeldTokens(*(f"f{number}" if number else "" for number in (operator, issued or operator, okta)))
    probe = Probe(ok, 0.1, NOW)
    return world.with_provider(world.actual(), tokens=(*tokens, ADMIN), held=held, probe=probe)


def planned(actual: Actual, declared: DesiredRotation | None = None, **more: Any) -> Found:
    found = Found()
    plan_rotation(world.make_desired(rotation=declared or rotation(), **more), actual, found)
    return found


def keys(found: Found) -> list[str]:
    return [action.key for action in found.actions]


def steps(found: Found) -> list[str]:
    return [step.step_id for step in found.steps]


def test_a_young_token_is_left_alone() -> None:
    assert keys(planned(state(token("1", 89 * DAY, DAY), operator="1"))) == []


@pytest.mark.parametrize(
    "old",
    [
        token("1", 90 * DAY),
        token("1", 10 * DAY, expires=NOW + DAY),
        token("1", DAY, created=None, expires=None),
        token("1", 400 * DAY, expires=None, name="made by hand"),
    ],
    ids=["old", "about to expire", "of unknown age", "made by hand and for ever"],
)
def test_a_token_that_is_due_is_followed_by_a_new_one(old: Token) -> None:
    found = planned(state(old, operator="1"))
    assert keys(found) == ["IssueToken/operator"]
    assert found.actions[0].remote_id == "t1"
    assert dict(found.actions[0].after) == {"token": OWN.token_name, "lifetimeSeconds": 180 * 86400}


def test_a_short_rotation_leaves_a_month_before_anything_expires() -> None:
    declared = replace(rotation(), every=DAY, min_overlap=timedelta(hours=1))
    found = planned(state(token("1", 2 * DAY), operator="1"), declared)
    assert dict(found.actions[0].after)["lifetimeSeconds"] == 31 * 86400


def test_an_empty_secret_gets_its_first_token() -> None:
    found = planned(state(ok=False))
    assert keys(found) == ["IssueToken/operator"]
    assert found.actions[0].remote_id == ""


def test_the_old_token_stays_until_the_overlap_is_over() -> None:
    tokens = (token("1", 90 * DAY, DAY), token("2", DAY - timedelta(minutes=1), timedelta()))
    assert keys(planned(state(*tokens, operator="2"))) == []


def test_the_old_token_goes_once_the_new_one_is_used_and_nobody_uses_it() -> None:
    tokens = (token("1", 91 * DAY, DAY), token("2", DAY, timedelta()))
    found = planned(state(*tokens, operator="2"))
    assert keys(found) == ["RevokeToken/t1"]
    assert not found.goes_on


def test_a_predecessor_made_by_hand_goes_by_the_note_beside_its_successor() -> None:
    old = token("1", 500 * DAY, 2 * DAY, name="made by hand")
    other = token("3", 400 * DAY, None, name="made by hand")
    declared = rotation(replace(OWN, replaced="t1"))
    assert keys(planned(state(old, other, token("2", 2 * DAY, timedelta()), operator="2"), declared)) == [
        "RevokeToken/t1"
    ]


@pytest.mark.parametrize("ok", [True, False])
def test_the_old_token_stays_while_the_new_one_was_not_seen_or_does_not_work(ok: bool) -> None:
    tokens = (token("1", 95 * DAY, 3 * DAY), token("2", 2 * DAY, None if ok else timedelta()))
    assert keys(planned(state(*tokens, operator="2", ok=ok))) == []


def test_whoever_clings_to_the_old_token_keeps_it_and_is_told() -> None:
    tokens = (
        token("1", 95 * DAY, timedelta(hours=1), last_user_agent="curl"),
        token("2", 5 * DAY, timedelta()),
    )
    found = planned(state(*tokens, operator="2"))
    assert (keys(found), steps(found)) == ([], ["operator-token-still-used"])
    assert "curl" in found.steps[0].instructions
    assert found.steps[0].digest and not found.steps[0].blocks


def test_the_tail_of_the_run_that_replaced_a_token_is_nobody_clinging_to_it() -> None:
    used = timedelta(hours=23, minutes=50)
    found = planned(state(token("1", 95 * DAY, used), token("2", DAY, timedelta()), operator="2"))
    assert (keys(found), steps(found)) == ([], [])


def test_nothing_new_is_issued_while_an_old_one_is_left() -> None:
    tokens = (token("1", 300 * DAY, timedelta(hours=1)), token("2", 100 * DAY, timedelta()))
    assert keys(planned(state(*tokens, operator="2"))) == []


def test_a_token_that_was_never_stored_is_revoked_before_another_is_issued() -> None:
    tokens = (token("1", 90 * DAY, DAY), token("2", timedelta(minutes=1), timedelta(minutes=1)))
    found = planned(state(*tokens, operator="1"))
    assert keys(found) == ["RevokeToken/t2"]
    assert found.goes_on


def test_a_token_that_somebody_else_uses_is_never_taken_for_a_lost_one() -> None:
    used = okta("2", timedelta(minutes=5), timedelta(minutes=1))
    declared = rotation(OKTA)
    assert keys(planned(state(okta("1", 90 * DAY, DAY), used, okta="1"), declared, by="Okta")) == []


def test_a_dead_token_is_replaced_though_its_predecessor_is_left() -> None:
    found = planned(state(token("1", 95 * DAY, DAY), operator="9", ok=False))
    assert keys(found) == ["IssueToken/operator"]
    assert found.actions[0].remote_id == "t1"


def test_of_tokens_that_nobody_holds_those_never_used_go_first() -> None:
    tokens = (token("1", 95 * DAY, DAY), token("2", DAY))
    found = planned(state(*tokens, operator="9", ok=False))
    assert (keys(found), found.goes_on) == (["RevokeToken/t2"], True)
    tokens = (token("1", 95 * DAY, DAY), token("2", 2 * DAY, DAY))
    assert keys(planned(state(*tokens, operator="9", ok=False))) == []


def test_another_secret_has_to_be_carried_over_before_the_old_one_may_go() -> None:
    place = replace(OWN, secret="issued")
    tokens = (token("1", 95 * DAY, 5 * DAY), token("2", 2 * DAY, timedelta()))
    found = planned(state(*tokens, operator="1", issued="2"), rotation(place))
    assert (keys(found), steps(found)) == ([], ["token-carry-over"])
    assert "issued" in found.steps[0].title
    found = planned(state(*tokens, operator="2", issued="2"), rotation(place))
    assert (keys(found), steps(found)) == (["RevokeToken/t1"], [])


def test_with_another_secret_the_age_of_the_used_token_counts_first() -> None:
    place = replace(OWN, secret="issued")
    declared = rotation(place)
    assert keys(planned(state(token("1", 5 * DAY), operator="1", issued="9"), declared)) == []
    assert keys(planned(state(token("1", 95 * DAY), operator="1", issued="9"), declared)) == [
        "IssueToken/operator"
    ]


def test_a_secret_that_something_else_keeps_is_a_problem_and_nothing_is_done() -> None:
    declared = rotation(replace(OWN, owner="ExternalSecret scim"))
    found = planned(state(token("1", 95 * DAY), operator="1"), declared)
    assert keys(found) == []
    assert found.problems[0].reason == "SecretOwnedByOther"
    assert "ExternalSecret scim" in found.problems[0].message
    assert found.problems[0].field == "spec.provider.tokenRotation.issueTo"


def test_other_credentials_than_bearer_tokens_are_not_rotated() -> None:
    found = planned(state(token("1", 95 * DAY), operator="1"), rotation(OKTA), by="Okta")
    assert [problem.reason for problem in found.problems] == ["InvalidSpec"]


def test_without_fingerprints_nothing_is_guessed() -> None:
    actual = world.with_provider(state(operator="1"), tokens=(replace(token("1", 95 * DAY), fingerprint=""),))
    found = planned(actual)
    assert (keys(found), found.problems[0].reason) == ([], "TokensNotTold")


@pytest.mark.parametrize("declared", [None, rotation()])
def test_without_a_rotation_or_a_reading_nothing_happens(declared: DesiredRotation | None) -> None:
    found = Found()
    actual = state(token("1", 95 * DAY), operator="1")
    if declared is not None:
        actual = world.with_provider(actual, tokens=None)
    plan_rotation(world.make_desired(rotation=declared), actual, found)
    assert found == Found()


# Okta's own token.


def by_okta(actual: Actual, *, status: str = "UNKNOWN", pushes: bool = True) -> Found:
    features = frozenset({"PUSH_NEW_USERS"} if pushes else ())
    actual = world.with_app(actual, connection_status=status, features=features)
    return planned(actual, rotation(OWN, OKTA), by="Okta")


FRESH = token("7", DAY, timedelta())


def test_both_tokens_are_rotated_each_by_its_own_age() -> None:
    tokens = (FRESH, okta("1", 90 * DAY, DAY))
    assert keys(by_okta(state(*tokens, operator="7", okta="1"))) == ["IssueToken/okta"]


def test_a_person_enters_the_new_token_in_okta_and_the_old_one_stays_meanwhile() -> None:
    tokens = (FRESH, okta("1", 95 * DAY, 3 * DAY), okta("2", 5 * DAY, 5 * DAY, AGENT))
    found = by_okta(state(*tokens, operator="7", okta="2"))
    assert (keys(found), steps(found)) == ([], ["okta-token"])
    assert "the key token in the Secret" in found.steps[0].instructions
    assert found.steps[0].verified_by == "Read" and not found.steps[0].blocks


def test_an_unconnected_app_has_a_step_of_its_own_for_the_token() -> None:
    tokens = (FRESH, okta("2", 5 * DAY))
    assert steps(by_okta(state(*tokens, operator="7", okta="2"), pushes=False)) == []


def test_okta_takes_the_new_token_by_api_where_it_can() -> None:
    tokens = (FRESH, okta("1", 95 * DAY, 3 * DAY), okta("2", 5 * DAY))
    found = by_okta(state(*tokens, operator="7", okta="2"), status="ENABLED")
    assert (keys(found), steps(found)) == (["EnableConnection/0oa1"], [])
    assert dict(found.actions[0].after)["token"] == "t2"


def test_a_connection_that_is_made_anyway_is_made_once() -> None:
    found = Found(actions=[connecting()])
    tokens = (FRESH, okta("2", 5 * DAY))
    actual = world.with_app(state(*tokens, operator="7", okta="2"), connection_status="DISABLED")
    plan_rotation(world.make_desired(by="Okta", rotation=rotation(OWN, OKTA)), actual, found)
    assert keys(found) == ["EnableConnection/0oa1"]


def connecting() -> Action:
    actual = world.with_app(state(FRESH, okta("2", DAY), operator="7", okta="2"), connection_status="ENABLED")
    return planned(actual, rotation(OWN, OKTA), by="Okta").actions[0]


def test_oktas_old_token_goes_once_okta_uses_the_new_one() -> None:
    tokens = (FRESH, okta("1", 95 * DAY, 3 * DAY), okta("2", 5 * DAY, timedelta(hours=1)))
    found = by_okta(state(*tokens, operator="7", okta="2"))
    assert (keys(found), steps(found)) == (["RevokeToken/t1"], [])


def test_a_new_token_of_okta_without_its_agent_proves_nothing() -> None:
    tokens = (FRESH, okta("1", 95 * DAY, 3 * DAY), okta("2", 5 * DAY, timedelta(), "curl/8"))
    assert keys(by_okta(state(*tokens, operator="7", okta="2"))) == []


# A plan that only makes way, and what status tells.


def test_a_dead_token_of_ours_is_replaced_before_anybody_is_looked_at() -> None:
    desired = world.make_desired(rotation=rotation())
    actual = replace(state(ok=False), assignments=world.actual([world.person(1)]).assignments)
    plan = make_plan(desired, actual, world.memory())
    assert [action.key for action in plan.actions] == ["IssueToken/operator"]
    assert (plan.compares_people, plan.goes_on, plan.counts.assigned) == (False, True, 1)


@pytest.mark.parametrize(
    ("desired", "actual"),
    [
        (world.make_desired(), state(ok=False)),
        (world.make_desired(rotation=rotation()), state(ok=True)),
        (world.make_desired(rotation=rotation()), state(token("1", DAY), operator="1", ok=False)),
        (world.make_desired(rotation=rotation(replace(OWN, owner="Flux"))), state(ok=False)),
        (world.make_desired(rotation=rotation(replace(OWN, secret="issued"))), state(ok=False)),
        (world.make_desired(rotation=rotation(OKTA)), state(ok=False)),
        (world.make_desired(rotation=rotation()), world.with_provider(state(ok=False), tokens=None)),
    ],
)
def test_only_a_dead_token_that_can_be_replaced_makes_way(desired: Desired, actual: Actual) -> None:
    assert not lacks_token(desired, actual.provider)


def test_a_token_that_nobody_stored_lets_the_next_run_follow_at_once() -> None:
    actual = state(token("1", 90 * DAY, DAY), token("2", timedelta(minutes=1)), operator="1")
    assert make_plan(world.make_desired(rotation=rotation()), actual, world.memory()).goes_on


def test_status_tells_when_tokens_expire_and_when_the_next_rotation_is_due() -> None:
    tokens = (token("1", 10 * DAY), okta("2", 30 * DAY))
    actual = state(*tokens, operator="1", okta="2")
    times = token_times(world.make_desired(rotation=rotation(OWN, OKTA)), actual.provider)
    assert times == TokenTimes(NOW + 170 * DAY, NOW + 150 * DAY, NOW - 10 * DAY, NOW + 60 * DAY)
    times = token_times(world.make_desired(), actual.provider)
    assert times == TokenTimes(NOW + 170 * DAY, NOW + 150 * DAY)
    by_hand = state(token("1", DAY, name="by hand", created=None), operator="1")
    assert token_times(world.make_desired(rotation=rotation()), by_hand.provider).last_rotation is None
    assert token_times(world.make_desired(rotation=rotation()), state().provider) == TokenTimes()
