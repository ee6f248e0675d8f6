"""What the admin API takes: one model for each body says what is wrong, and with which member."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from controller.errors import SpecError
from controller.provider.admin.bodies import (
    GroupBody,
    JournalParameters,
    NewTokenBody,
    Parameters,
    PeopleParameters,
    PersonEdit,
    PurchaseBody,
    SettingsBody,
    checked_body,
    checked_parameters,
)
from controller.provider.admin.problems import Problem


@pytest.mark.parametrize(
    ("model", "body", "detail"),
    [
        (PersonEdit, {"shoeSize": 43, "hat": 1}, "'hat' is not one of userName, displayName, givenName"),
        (PersonEdit, {"display_name": "x"}, "'display_name' is not one of"),
        (PersonEdit, {"userName": None}, "userName must be text of 1 to 256 characters"),
        (PersonEdit, {"displayName": " "}, "displayName must be text of 1 to 256 characters"),
        (PersonEdit, {"active": "no"}, "active must be true or false"),
        (PersonEdit, {"active": 1}, "active must be true or false"),
        (PersonEdit, {"lastActive": "yesterday"}, "lastActive must be an RFC 3339 time"),
        (PersonEdit, {"groups": [1]}, "groups must be a list of displayNames"),
        (GroupBody, {}, "displayName is missing"),
        (GroupBody, {"displayName": None}, "displayName is missing"),
        (SettingsBody, {"seats": 5}, "seats must be an object with purchased"),
        (SettingsBody, {"seats": {"used": 5}}, "seats must be an object with purchased"),
        (SettingsBody, {"overrides": []}, "overrides must be an object"),
        (NewTokenBody, {"name": "x", "scopes": 5}, "scopes must be a list"),
        (NewTokenBody, {"scopes": ["scim"]}, "name is missing"),
    ],
)
def test_what_is_no_such_body_is_a_problem_that_names_the_member(
    model: type[BaseModel], body: dict[str, object], detail: str
) -> None:
    with pytest.raises(Problem) as caught:
        checked_body(model, body)
    assert caught.value.status == 400 and caught.value.detail.startswith(detail)
    assert caught.value.field in body or caught.value.detail == f"{caught.value.field} is missing"


@pytest.mark.parametrize(
    ("model", "body", "message"),
    [
        (SettingsBody, {"plan": "Gold"}, "plan: must be one of Free, Standard, Teams, Enterprise"),
        (SettingsBody, {"billing": {"method": "Cash"}}, "billing.method: must be one of Invoice, Card"),
        (SettingsBody, {"seats": {"purchased": True}}, "seats.purchased: must be a whole number from 0 to"),
        (SettingsBody, {"profile": "x"}, "profile: must be one of rfc7643, calendly"),
        (NewTokenBody, {"name": "x", "expiresIn": "soon"}, "expiresIn: must be a duration such as 2160h"),
        (PurchaseBody, {}, "purchased: must be a whole number from 0 to"),
        (PurchaseBody, {"purchased": 2**70}, "purchased: must be a whole number from 0 to"),
    ],
)
def test_a_setting_that_can_not_be_is_told_as_in_a_spec(
    model: type[BaseModel], body: dict[str, object], message: str
) -> None:
    with pytest.raises(SpecError) as caught:
        checked_body(model, body)
    assert caught.value.message.startswith(message)


def test_what_was_not_sent_is_told_from_what_is_taken_away() -> None:
    edit = checked_body(PersonEdit, {"displayName": None})
    assert edit.model_dump(by_alias=True, exclude_unset=True) == {"displayName": None}


@pytest.mark.parametrize(
    ("model", "query", "detail"),
    [
        (PeopleParameters, {"limit": "-1"}, "limit must be a number from 0 to 1000"),
        (PeopleParameters, {"limit": "1_0"}, "limit must be a number from 0 to 1000"),
        (PeopleParameters, {"limit": "²"}, "limit must be a number from 0 to 1000"),
        (PeopleParameters, {"status": "asleep"}, "status must be one of active, pending, deactivated"),
        (JournalParameters, {"before": "x"}, "before must be a number from 0 to"),
    ],
)
def test_a_parameter_that_can_not_be_is_named(
    model: type[Parameters], query: dict[str, str], detail: str
) -> None:
    with pytest.raises(Problem) as caught:
        checked_parameters(model, query)
    assert caught.value.reason == "InvalidParameter" and caught.value.detail.startswith(detail)
