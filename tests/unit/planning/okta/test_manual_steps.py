"""Steps that only a person can take in Okta: when they are told, with which words, and when they go away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.actual import Actual, HeldTokens, Memory, Token
from controller.model.plan import ManualStep
from controller.planning.base.desired import Desired, DesiredAssignments
from controller.planning.base.setting_drift import Found
from controller.planning.okta.manual_steps import plan_connection
from tests.unit.planning.world import (
    NOW,
    URL,
    actual,
    group,
    make_desired,
    memory,
    ref,
    with_app,
    with_provider,
)

ON = frozenset({"PUSH_NEW_USERS", "PUSH_PROFILE_UPDATES", "PUSH_USER_DEACTIVATION", "SCIM_PROVISIONING"})
CONNECTED = frozenset({"SCIM_PROVISIONING"})
OKTA = make_desired(by="Okta", okta_token_name="calendly-okta/token")


def told(desired: Desired, state: Actual, known: Memory | None = None) -> dict[str, ManualStep]:
    found = Found()
    plan_connection(desired, state, known or memory(), found)
    return {step.step_id: step for step in found.steps}


def app(features: frozenset[str] = frozenset(), status: str = "UNKNOWN", **more: Any) -> Actual:
    return with_app(actual(), features=features, connection_status=status, **more)


def token(**changes: Any) -> Token:
    return replace(Token("t1", "okta", ("scim",), NOW, None, None, fingerprint="f1"), **changes)


def test_a_connection_that_no_api_sets_is_told_with_clicks_and_values() -> None:
    step = told(OKTA, app())["okta-connection"]
    assert step.where == "Okta: Applications > Calendly > Provisioning > Integration"
    assert f"Base URL: {URL}." in step.instructions
    assert "API token: the value of the key token in the Secret team/calendly-okta." in step.instructions
    assert step.blocks and step.verified_by == "Read" and step.digest


def test_without_a_secret_for_okta_the_step_says_which_field_names_one() -> None:
    step = told(replace(OKTA, okta_token_name=""), app())["okta-connection"]
    assert "spec.provider.oktaTokenRef" in step.instructions


@pytest.mark.parametrize(
    ("features", "status", "open_steps"),
    [
        (frozenset(), "UNKNOWN", ["okta-connection", "okta-to-app"]),
        (CONNECTED, "UNKNOWN", ["okta-to-app"]),
        (ON, "UNKNOWN", []),
        (ON - CONNECTED, "UNKNOWN", []),
        (frozenset(), "DISABLED", []),
    ],
)
def test_a_step_goes_away_once_the_app_shows_it_as_done(
    features: frozenset[str], status: str, open_steps: list[str]
) -> None:
    assert list(told(OKTA, app(features, status))) == open_steps


def test_each_switch_that_differs_is_named_with_its_direction() -> None:
    desired = replace(OKTA, actions=frozenset({"Create", "Update"}))
    step = told(desired, app(frozenset({"SCIM_PROVISIONING", "PUSH_USER_DEACTIVATION"})))["okta-to-app"]
    assert "select Enable for Create Users" in step.instructions
    assert "clear Enable for Deactivate Users" in step.instructions
    assert step.blocks
    off = told(desired, app(ON))["okta-to-app"]
    assert not off.blocks and "Create Users" not in off.instructions


@pytest.mark.parametrize(
    ("tokens", "is_open"),
    [
        (None, False),
        ((), False),
        ((token(fingerprint=""),), False),
        ((token(),), True),
        ((token(last_used=NOW),), False),
        ((token(fingerprint="f2", last_used=NOW, last_user_agent="Okta SCIM Client 1.0.0"),), True),
    ],
)
def test_the_providers_record_of_the_token_proves_that_okta_connected(tokens: Any, is_open: bool) -> None:
    found = told(OKTA, with_provider(app(ON), tokens=tokens, held=HeldTokens(okta="f1")))
    assert ("okta-token" in found) is is_open
    assert all(step.verified_by == "Log" and not step.blocks for step in found.values())
    assert told(OKTA, with_provider(app(ON), tokens=tokens)) == {}


def test_a_token_that_is_used_proves_the_connection_where_the_app_tells_nothing() -> None:
    used = with_provider(app(), tokens=(token(last_used=NOW),), held=HeldTokens(okta="f1"))
    assert list(told(OKTA, used)) == ["okta-to-app"]


def test_trouble_that_the_log_tells_is_a_step_with_its_words() -> None:
    step = told(OKTA, app(ON), memory(trouble="GET /Users: 401"))["okta-connection-trouble"]
    assert "Okta's System Log says: GET /Users: 401." in step.instructions
    assert step.verified_by == "Log" and not step.blocks
    assert "okta-connection-trouble" not in told(OKTA, app(), memory(trouble="GET /Users: 401"))


def test_before_the_seat_group_is_in_force_the_switches_wait_for_it() -> None:
    seats = DesiredAssignments("SeatGroup", "Calendly seats", (ref("Users"),), (), False, True)
    state = app(CONNECTED)
    groups = {"00g1": group("00g1", "Users", 40), "00g2": group("00g2", "Calendly seats", 4)}
    before = replace(state, assignments=replace(state.assignments, groups=groups, app_groups={"00g1": 0}))
    step = told(replace(OKTA, assignments=seats), before)["okta-to-app"]
    assert step.instructions.startswith("First approve the plan that switches over to the seat group")
    after = replace(before, assignments=replace(before.assignments, app_groups={"00g2": 0}))
    step = told(replace(OKTA, assignments=seats), after)["okta-to-app"]
    assert step.instructions.startswith("Select Edit")


def test_the_username_format_is_a_step_once_okta_pushes() -> None:
    desired = replace(OKTA, username_format="EmailLowercase")
    step = told(desired, app(ON))["username-format"]
    assert "set Application username format to Email (lowercase)" in step.instructions
    assert "username-format" not in told(desired, app())
    assert "username-format" not in told(replace(desired, allow_app_replace=True), app(ON))


def test_where_the_operator_provisions_only_the_username_format_concerns_it() -> None:
    assert told(replace(OKTA, by="Operator"), app()) == {}


def settings_of(desired: Desired, state: Actual) -> list[str]:
    found = Found()
    plan_connection(desired, state, memory(), found)
    assert found.steps == []
    return [action.key for action in found.actions]


def test_where_an_api_reaches_it_connection_and_switches_are_settings() -> None:
    desired = replace(OKTA, actions=frozenset({"Create", "Update", "Deactivate"}))
    off = with_app(actual(), connection_status="DISABLED", connection_url="")
    assert settings_of(desired, off) == ["EnableConnection/0oa1", "SetToApp/0oa1"]
    elsewhere = with_app(
        off, connection_status="ENABLED", connection_url="https://other.example", features=ON
    )
    assert settings_of(desired, elsewhere) == ["EnableConnection/0oa1"]
    right = with_app(off, connection_status="ENABLED", connection_url=URL, features=ON)
    assert settings_of(desired, right) == []
