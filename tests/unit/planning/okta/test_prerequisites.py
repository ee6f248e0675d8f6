"""What has to hold before anything is written, and the steps that only a person can take at the provider."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.model.actual import Actual, Probe
from controller.planning.base.desired import Desired
from controller.planning.okta.prerequisites import find_unmet, provider_steps
from tests.unit.planning.world import (
    NOW,
    actual,
    desired_groups,
    make_desired,
    organization,
    with_app,
    with_provider,
)

REQUIRED = make_desired(required_plan="Enterprise", sso_required=True)
UNMET: tuple[tuple[str, dict[str, Any], dict[str, Any], list[str]], ...] = (
    ("all is met", {}, {}, []),
    ("the plan in another case", {"plan": "ENTERPRISE"}, {}, []),
    ("a lower plan", {"plan": "Teams"}, {}, ["PlanTooLow"]),
    ("an app without SAML", {}, {"sign_on_mode": "BOOKMARK"}, ["SsoMissing"]),
    ("single sign-on off at the provider", {"sso": "off"}, {}, ["SsoMissing"]),
    ("off on both sides", {"sso": ""}, {"sign_on_mode": "OPENID_CONNECT"}, ["SsoMissing", "SsoMissing"]),
)


@pytest.mark.parametrize(("case", "org", "app", "reasons"), UNMET, ids=[row[0] for row in UNMET])
def test_what_is_required_and_does_not_hold_is_told(
    case: str, org: dict[str, Any], app: dict[str, Any], reasons: list[str]
) -> None:
    state = with_app(with_provider(actual(), organization=organization(**org)), **app)
    found = find_unmet(REQUIRED, state)
    assert [problem.reason for problem in found] == reasons, case
    assert all(problem.field.startswith("spec.requirements.") for problem in found)
    assert find_unmet(make_desired(), state) == (), "nothing is required"


def test_without_an_admin_api_only_okta_can_be_asked() -> None:
    assert find_unmet(REQUIRED, actual(admin=False)) == ()
    bookmark = with_app(actual(admin=False), sign_on_mode="BOOKMARK")
    assert [problem.reason for problem in find_unmet(REQUIRED, bookmark)] == ["SsoMissing"]


def steps(desired: Desired, state: Actual | None = None) -> list[str]:
    return [step.step_id for step in provider_steps(desired, state or actual(admin=False))]


def test_with_an_admin_api_there_is_nothing_to_do_by_hand() -> None:
    assert steps(REQUIRED, actual()) == []


def test_without_an_admin_api_its_rows_are_steps() -> None:
    assert steps(REQUIRED) == ["provider-plan", "provider-sso", "provider-group-table"]
    assert steps(make_desired(group=None)) == []
    assert steps(make_desired(group=desired_groups({}))) == []


def test_a_probe_that_fails_is_a_step_that_blocks_and_is_read_back() -> None:
    state = with_provider(actual(admin=False), probe=Probe(False, 0.1, NOW, "401 from the provider"))
    (switch,) = (step for step in provider_steps(make_desired(), state) if step.step_id == "provider-scim")
    assert (switch.blocks, switch.verified_by) == (True, "Read")
    assert "401 from the provider" in switch.instructions


def test_a_step_that_is_done_as_it_stands_is_gone_until_it_changes() -> None:
    (step,) = provider_steps(make_desired(required_plan="Teams", group=None), actual(admin=False))
    done = make_desired(required_plan="Teams", group=None, acknowledged={step.step_id: step.digest})
    assert steps(done) == []
    assert steps(replace(done, required_plan="Enterprise")) == ["provider-plan"]


def test_many_rows_are_cut_and_bound_by_a_fingerprint() -> None:
    rows = {f"value {number:03}": "Sales" if number % 2 else f"group {number}" for number in range(80)}
    (step,) = provider_steps(make_desired(group=desired_groups(rows)), actual(admin=False))
    assert "more rows of the GroupMappings" in step.instructions
    assert len(step.instructions) < 1500
    other = {**rows, "value 079": "Elsewhere"}
    (changed,) = provider_steps(make_desired(group=desired_groups(other)), actual(admin=False))
    assert changed.digest != step.digest
