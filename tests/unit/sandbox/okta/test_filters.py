"""Okta's filter language over JSON objects."""

from typing import Any

import pytest

from scim_sandbox.okta.filters import compile_filter
from scim_sandbox.okta.problems import OktaProblem

ITEM: dict[str, Any] = {
    "id": "00u1",
    "status": "ACTIVE",
    "lastUpdated": "2026-01-02T00:00:00.000Z",
    "profile": {"login": "Ada@acme.com", "roles": ["a", "b"], "age": 36, "quote": 'say "hi"', "empty": ""},
    "target": [{"id": "x", "type": "User"}, {"id": "y", "type": "AppInstance"}],
    "active": True,
}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('id eq "00u1"', True),
        ('status EQ "ACTIVE"', True),
        ('status eq "active"', False),
        ('status ne "STAGED"', True),
        ('lastUpdated gt "2026-01-01T00:00:00.000Z"', True),
        ('lastUpdated lt "2026-01-02T00:00:00.000Z"', False),
        ('lastUpdated ge "2026-01-02T00:00:00.000Z" and lastUpdated le "2026-01-02T00:00:00.000Z"', True),
        ('profile.login sw "Ada"', True),
        ('profile.login ew ".com"', True),
        ('profile.login co "@"', True),
        ('profile.roles eq "b"', True),
        ('target.id eq "y"', True),
        ('target.id eq "z"', False),
        ("active eq true", True),
        ("profile.age eq 36", True),
        ("profile.login pr", True),
        ("profile.empty pr", False),
        ("profile.nothing pr", False),
        ('profile.quote eq "say \\"hi\\""', True),
        ('status eq "A" or id eq "00u1"', True),
        ('(status eq "A" or id eq "00u1") and not (active eq true)', False),
        ('status eq "A" or id eq "00u1" and active eq false', False),
    ],
)
def test_a_filter_decides(text: str, matches: bool) -> None:
    assert compile_filter(text)(ITEM) is matches


def test_search_ignores_the_case_of_values() -> None:
    assert compile_filter('status eq "active"', ignore_case=True)(ITEM)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "E0000053"),
        ("id", "E0000053"),
        ("id eq", "E0000053"),
        ('id eq "a" and', "E0000053"),
        ('(id eq "a"', "E0000053"),
        ('id eq "a")', "E0000053"),
        ("id eq word", "E0000053"),
        ('"id" eq "a"', "E0000053"),
        ('id eq "a', "E0000053"),
        ('id like "a"', "E0000094"),
        ('secret eq "a"', "E0000053"),
    ],
)
def test_a_wrong_filter_is_refused(text: str, code: str) -> None:
    with pytest.raises(OktaProblem) as caught:
        compile_filter(text, ("id", "status"))
    assert caught.value.code == code
