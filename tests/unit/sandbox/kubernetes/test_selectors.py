"""Label and field selectors."""

from __future__ import annotations

from typing import Any

import pytest

from scim_sandbox.kubernetes.failures import Refusal
from scim_sandbox.kubernetes.selectors import exact_name, field_selector, label_selector

FIELDS = {"metadata.name": "metadata.name", "status.phase": "status.phase"}


def labelled(**labels: str) -> dict[str, Any]:
    return {"metadata": {"name": "x", "labels": labels}}


@pytest.mark.parametrize(
    ("text", "labels", "wanted"),
    [
        ("", {}, True),
        ("app=x", {"app": "x"}, True),
        ("app==x", {"app": "y"}, False),
        ("app!=x", {}, True),
        ("app!=x", {"app": "x"}, False),
        ("app", {"app": ""}, True),
        ("!app", {"app": "x"}, False),
        ("app in (x, y)", {"app": "y"}, True),
        ("app in (x,y)", {}, False),
        ("app notin (x)", {}, True),
        ("app notin (x)", {"app": "x"}, False),
        ("app=", {"app": ""}, True),
        ("app=,b=1", {"app": "", "b": "1"}, True),
        ("size>3", {"size": "4"}, True),
        ("size<3", {"size": "4"}, False),
        ("size>3", {"size": "large"}, False),
        ("example.com/app=x,b", {"example.com/app": "x", "b": "1"}, True),
    ],
)
def test_label_selectors_choose(text: str, labels: dict[str, str], wanted: bool) -> None:
    assert label_selector(text)(labelled(**labels)) is wanted


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("app in (", "", "',', ')' or identifier"),
        ("app in x", "x", "'('"),
        ("app,", "", "identifier after ','"),
        ("=x", "=", "!, identifier, or 'end of string'"),
        ("a b", "b", "in, notin, =, ==, !=, gt, lt"),
    ],
)
def test_bad_label_selectors_say_what_was_found(text: str, found: str, expected: str) -> None:
    with pytest.raises(Refusal, match="unable to parse requirement") as refused:
        label_selector(text)
    assert refused.value.message.endswith(f"found '{found}', expected: {expected}")
    assert refused.value.code == 400


def test_numbers_are_needed_to_compare() -> None:
    with pytest.raises(Refusal, match="the value must be an integer"):
        label_selector("size>large")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("metadata.name=x", True),
        ("metadata.name!=x", False),
        ("metadata.name==x,status.phase=Active", True),
        ("status.phase=", False),
        ("", True),
    ],
)
def test_field_selectors_choose(text: str, wanted: bool) -> None:
    obj = {"metadata": {"name": "x"}, "status": {"phase": "Active"}}
    assert field_selector(text, FIELDS)(obj) is wanted


def test_unknown_field_labels_are_refused() -> None:
    with pytest.raises(Refusal, match=r"field label not supported: spec\.size"):
        field_selector("spec.size=3", FIELDS)


def test_a_field_term_needs_an_operator() -> None:
    with pytest.raises(Refusal, match="invalid selector"):
        field_selector("metadata.name", FIELDS)


def test_a_pinned_name_is_recognised() -> None:
    assert exact_name("status.phase=Active,metadata.name=x") == "x"
    assert exact_name("metadata.name!=x") == ""
