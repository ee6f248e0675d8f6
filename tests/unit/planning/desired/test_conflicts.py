"""By which names two apps are one, may be one, or are two."""

from __future__ import annotations

import pytest

from controller.planning.base.inputs import AppNames
from controller.planning.desired.conflicts import app_names

URL, OTHER = "https://acme.okta.com", "https://login.acme.com"


def app(org_id: str = "", url: str = URL, app_id: str = "", label: str = "") -> AppNames:
    found = [frozenset({one} if one else ()) for one in (org_id, url, app_id, label)]
    return AppNames(*found)


@pytest.mark.parametrize(
    ("one", "other", "is_same", "may_be"),
    [
        (app(label="A"), app(label="A"), True, True),
        (app(label="A"), app(label="B"), False, False),
        (app(app_id="1"), app(app_id="1"), True, True),
        (app(app_id="1"), app(app_id="2"), False, False),
        (app(app_id="1"), app(label="A"), False, True),
        (app(label="A"), app(url=OTHER, label="A"), False, True),
        (app("o1", label="A"), app("o2", OTHER, label="A"), False, False),
        (app("o1", label="A"), app("o1", OTHER, label="A"), True, True),
        (app("o1", label="A"), app("o1", OTHER, label="B"), False, False),
        (app("o1", label="A"), app(url=OTHER, label="A"), False, True),
    ],
)
def test_names_tell_apps_apart_or_not(one: AppNames, other: AppNames, is_same: bool, may_be: bool) -> None:
    assert (one.is_same(other), other.is_same(one)) == (is_same, is_same)
    assert (one.may_be(other), other.may_be(one)) == (may_be, may_be)
    assert bool(set(one.as_texts()) & set(other.as_texts())) == is_same


def test_what_the_status_pins_counts_unless_the_spec_names_another_app_since() -> None:
    status = {"app": {"id": "0oa1", "orgId": "00o1", "label": "A"}}
    found = app_names("0oa1", None, status, URL + "/", {"orgId": "00o1"})
    assert found == app("00o1", URL, "0oa1", "A")
    assert app_names("0oa2", None, status, URL, {}) == app("", URL, "0oa2")
    assert app_names(None, "A", status, None, {}) == app("00o1", "", "0oa1", "A")
    assert app_names(None, "A", {"app": 1}, 1, {"orgId": 1}) == app("", "", "", "A")
