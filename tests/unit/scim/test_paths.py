"""SCIM paths: what is read, written and named in a PATCH."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from controller.scim.paths import parse_path

URN = "urn:calendly:scim:schemas:2.0:User"
USER: dict[str, Any] = {
    "userName": "ada@x",
    "displayName": "Ada",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [
        {"value": "home@x", "type": "home"},
        {"value": "ada@x", "type": "work", "primary": True},
    ],
    "phoneNumbers": [{"value": "1", "type": "work"}, {"value": "2", "type": "mobile"}],
    URN: {"group": "Sales"},
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "m1"}},
}
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("displayName", "Ada"),
        ("DISPLAYNAME", "Ada"),
        ("name.givenName", "Ada"),
        ("name.middleName", None),
        ("emails[primary]", "ada@x"),
        ('phoneNumbers[type eq "mobile"].value', "2"),
        ('phoneNumbers[type eq "fax"].value', None),
        (f"{URN}:group", "Sales"),
        (f"{URN.upper().replace('URN', 'urn', 1)}:group", "Sales"),
        (f"{ENTERPRISE}:manager.value", "m1"),
        (f"{ENTERPRISE}:department", None),
        ("title", None),
        ("emails", None),
    ],
)
def test_a_value_is_read(path: str, value: object) -> None:
    assert parse_path(path).reader()(USER) == value


@pytest.mark.parametrize(
    ("emails", "value"),
    [
        ([], None),
        ([{"value": "only@x"}], "only@x"),
        ([{"value": "a@x", "type": "home"}, {"value": "b@x", "type": "work"}], "b@x"),
        ([{"value": "a@x", "type": "home"}, {"value": "b@x"}], None),
        ("odd", None),
        (["odd", {"value": "a@x", "primary": True}], "a@x"),
    ],
)
def test_the_primary_address_is_marked_or_the_only_or_the_work_one(emails: Any, value: object) -> None:
    assert parse_path("emails[primary]").reader()({"emails": emails}) == value


@pytest.mark.parametrize(
    "path",
    ["displayName", "name.givenName", "emails[primary]", 'phoneNumbers[type eq "fax"].value', f"{URN}:group",
     f"{ENTERPRISE}:manager.value", "title"],
)  # fmt: skip
def test_what_is_put_is_read_and_nothing_else_changes(path: str) -> None:
    compiled, user = parse_path(path), copy.deepcopy(USER)
    compiled.put(user, "new")
    assert compiled.reader()(user) == "new"
    others = [other for other in ("displayName", "name.familyName", f"{URN}:group", "title") if other != path]
    assert all(parse_path(other).reader()(user) == parse_path(other).reader()(USER) for other in others)
    compiled.put(user, None)
    assert compiled.reader()(user) is None or path == "emails[primary]"


def test_putting_leaves_the_objects_that_were_read_as_they_were() -> None:
    user = dict(USER)
    before = copy.deepcopy(USER)
    for path in ("name.givenName", "emails[primary]", f"{URN}:group"):
        parse_path(path).put(user, "new")
    assert before == USER


def test_the_spelling_of_the_provider_is_kept() -> None:
    user = {"DisplayName": "x"}
    parse_path("displayName").put(user, "y")
    assert user == {"DisplayName": "y"}


def test_a_first_address_is_a_primary_work_address() -> None:
    user: dict[str, Any] = {}
    parse_path("emails[primary]").put(user, "a@x")
    assert user == {"emails": [{"value": "a@x", "type": "work", "primary": True}]}


@pytest.mark.parametrize(
    ("path", "before", "after", "operation"),
    [
        ("displayName", "a", "b", {"op": "replace", "path": "displayName", "value": "b"}),
        ("name.givenName", "a", None, {"op": "remove", "path": "name.givenName"}),
        (
            "emails[primary]", "a", "b",
            {"op": "replace", "path": "emails[primary eq true].value", "value": "b"},
        ),
        ("emails[primary]", "a", None, {"op": "remove", "path": "emails[primary eq true]"}),
        (
            "emails[primary]", None, "b",
            {"op": "add", "path": "emails", "value": [{"value": "b", "type": "work", "primary": True}]},
        ),
        (f"{URN}:group", "a", "b", {"op": "replace", "path": f"{URN}:group", "value": "b"}),
        (
            'phoneNumbers[type eq "work"].value', "1", "2",
            {"op": "replace", "path": 'phoneNumbers[type eq "work"].value', "value": "2"},
        ),
    ],
)  # fmt: skip
def test_a_change_is_one_operation(path: str, before: Any, after: Any, operation: Any) -> None:
    assert parse_path(path).operation(before, after) == operation


@pytest.mark.parametrize("text", ["", "a b", "emails[", "1name", 'emails[type ne "x"]', "urn:x:"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no SCIM path"):
        parse_path(text)
