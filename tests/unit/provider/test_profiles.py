"""Users of profiles: their attributes are data, from which the SCIM model and its schema are made."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from controller.provider.models import CORE_USER
from controller.provider.profiles import GROUP_EXTENSION, NARROW_USERS, PROFILES, Profile, resolve
from controller.provider.protocol import protocol_of


def test_every_value_of_the_setting_has_its_attributes() -> None:
    assert {"all", *NARROW_USERS} == set(get_args(Profile.model_fields["attributes"].annotation))


@pytest.mark.parametrize("name", NARROW_USERS)
def test_a_narrow_user_has_the_attributes_of_its_data_and_says_the_same_of_them(name: str) -> None:
    protocol = protocol_of(resolve("rfc7643", f'{{"attributes": "{name}"}}'), "secret")
    schemas = protocol.service.schemas("http://x/Schemas", {}).body or {}
    user = next(each for each in schemas["Resources"] if each["id"] == CORE_USER)
    shown = {each["name"]: (each["description"], each["required"]) for each in user["attributes"]}
    wanted = {key: (each.description, each.required) for key, each in NARROW_USERS[name].items()}
    assert shown == wanted


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_takes_the_attribute_that_mappings_look_at(name: str) -> None:
    protocol = protocol_of(resolve(name), "secret")
    user: Any = protocol.user
    assert GROUP_EXTENSION["id"] in user.get_extension_models()
