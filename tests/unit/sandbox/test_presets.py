"""Presets become settings that the provider takes."""

from __future__ import annotations

import json

import pytest

from controller.errors import SpecError
from controller.provider.profiles import PROFILES, resolve
from scim_sandbox.presets import LIE, PRESETS, expand_presets

EVERY = [(setting, name) for setting, presets in PRESETS.items() for name in presets]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("setting", "name"), EVERY)
def test_the_provider_takes_every_preset(setting: str, name: str, profile: str) -> None:
    expanded = expand_presets({setting: name})
    resolved = resolve(profile, json.dumps(expanded)).model_dump(by_alias=True)
    shown = resolved[setting]
    assert {key: shown[key] for key in expanded[setting]} == expanded[setting]


def test_single_settings_change_a_preset_and_others_stay_as_they_are() -> None:
    others = {"maxPageSize": 10, "deprovisioning": {"onDelete": "soft"}}
    assert (
        expand_presets({"overCapacity": {"preset": "wso2", "status": 409}} | others)
        == {"overCapacity": {"mode": "reject", "scimType": "userLimitReached", "status": 409}} | others
    )


@pytest.mark.parametrize("given", ["encompass", {"preset": "encompass"}, {"mode": "lie201"}])
def test_the_lie_is_a_refusal_of_the_provider_that_can_be_known(given: object) -> None:
    settings = expand_presets({"overCapacity": given})["overCapacity"]
    assert (settings["mode"], settings["scimType"]) == ("reject", LIE)


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"overCapacity": "nobody"}, "overrides.overCapacity.preset"),
        ({"deprovisioning": {"preset": 7}}, "overrides.deprovisioning.preset"),
    ],
)
def test_an_unknown_preset_is_refused_with_the_known_ones(overrides: dict[str, object], field: str) -> None:
    with pytest.raises(SpecError, match="is not one of") as raised:
        expand_presets(overrides)
    assert raised.value.field == field


def test_what_is_no_object_is_left_to_the_provider() -> None:
    assert expand_presets({"overCapacity": 7}) == {"overCapacity": 7}
