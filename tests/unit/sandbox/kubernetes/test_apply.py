"""Server-side apply: merging, pruning and conflicts."""

from __future__ import annotations

from typing import Any

import pytest

from scim_sandbox.kubernetes.apply import applied
from scim_sandbox.kubernetes.failures import Refusal
from scim_sandbox.kubernetes.fields import Entry, after_update, compared
from scim_sandbox.kubernetes.shapes import shape_of
from tests.contract.kubernetes.widgets import CRD

WIDGET = shape_of(CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


class Live:
    """An object and its owners, changed by appliers and updaters in turn."""

    def __init__(self) -> None:
        self.obj: dict[str, Any] = {}
        self.entries: list[Entry] = []

    def apply(self, manager: str, spec: dict[str, Any], *, force: bool = False) -> dict[str, Any]:
        writer = Entry(manager, "Apply", "v1", time="now")
        self.obj, self.entries = applied(self.obj, {"spec": spec}, WIDGET, self.entries, writer, force=force)
        return self.obj.get("spec", {})

    def update(self, manager: str, spec: dict[str, Any]) -> None:
        new = {"spec": spec}
        changed, removed = compared(self.obj, new, WIDGET)
        writer = Entry(manager, "Update", "v1", time="then")
        self.obj, self.entries = new, after_update(self.entries, writer, changed, removed)


def test_what_is_no_longer_applied_goes() -> None:
    live = Live()
    live.apply("git", {"size": 1, "code": "ab"})
    assert live.apply("git", {"size": 1}) == {"size": 1}


def test_what_another_manager_also_applies_stays() -> None:
    live = Live()
    live.apply("git", {"size": 1, "code": "ab"})
    live.apply("else", {"code": "ab"})
    assert live.apply("git", {"size": 1}) == {"size": 1, "code": "ab"}


def test_what_nobody_applied_stays() -> None:
    live = Live()
    live.apply("git", {"size": 1})
    live.update("editor", {"size": 1, "nick": "x"})
    assert live.apply("git", {"size": 2}) == {"size": 2, "nick": "x"}


def test_keyed_lists_merge_by_key() -> None:
    live = Live()
    live.apply("git", {"parts": [{"name": "a"}]})
    merged = live.apply("else", {"parts": [{"name": "b", "count": 2}]})
    assert merged == {"parts": [{"name": "a"}, {"name": "b", "count": 2}]}
    assert live.apply("git", {}) == {"parts": [{"name": "b", "count": 2}]}
    assert live.apply("else", {}) == {}


def test_containers_that_only_this_manager_filled_go_with_their_content() -> None:
    live = Live()
    live.apply("git", {"anything": {"a": {"b": 1}}, "size": 1})
    assert live.apply("git", {"size": 1}) == {"size": 1}


def test_a_container_with_something_of_others_stays() -> None:
    live = Live()
    live.apply("git", {"anything": {"mine": 1}})
    live.apply("else", {"anything": {"theirs": 2}})
    assert live.apply("git", {}) == {"anything": {"theirs": 2}}


def test_a_conflict_names_manager_and_field() -> None:
    live = Live()
    live.apply("git", {"size": 1, "code": "ab"})
    live.update("editor", {"size": 5, "code": "ab"})
    with pytest.raises(Refusal) as refused:
        live.apply("else", {"size": 2, "code": "xy"})
    assert refused.value.message == (
        "Apply failed with 2 conflicts: "
        'conflicts with "editor" using v1 at then:\n- .spec.size\nconflicts with "git":\n- .spec.code'
    )
    assert refused.value.details is not None
    assert [cause["field"] for cause in refused.value.details["causes"]] == [".spec.size", ".spec.code"]


def test_agreeing_is_no_conflict_and_shares_the_field() -> None:
    live = Live()
    live.apply("git", {"size": 1})
    live.apply("else", {"size": 1})
    assert {one.manager for one in live.entries if ("f:spec", "f:size") in one.paths} == {"git", "else"}


def test_force_takes_the_field_away() -> None:
    live = Live()
    live.apply("git", {"size": 1})
    assert live.apply("else", {"size": 2}, force=True) == {"size": 2}
    assert [one.manager for one in live.entries] == ["else"]


def test_applying_the_same_again_keeps_entry_and_time() -> None:
    live = Live()
    live.apply("git", {"size": 1})
    entries = live.entries
    live.entries = [Entry(**{**one.__dict__, "time": "long ago"}) for one in entries]
    live.apply("git", {"size": 1})
    assert [one.time for one in live.entries] == ["long ago"]


def test_an_element_that_others_changed_keeps_its_key() -> None:
    live = Live()
    live.apply("git", {"parts": [{"name": "a", "count": 1}]})
    live.update("editor", {"parts": [{"name": "a", "count": 2}]})
    assert live.apply("git", {}) == {"parts": [{"name": "a", "count": 2}]}
