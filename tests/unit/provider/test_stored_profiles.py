"""Settings of a profile as a database has them, perhaps of another version."""

from __future__ import annotations

import json
import logging

import pytest

from controller.errors import SpecError
from controller.provider.profiles import resolve, resolve_stored


def test_known_settings_are_resolved_as_if_they_were_given() -> None:
    overrides = json.dumps({"maxPageSize": 10, "overCapacity": {"status": 409}})
    assert resolve_stored("calendly", overrides) == resolve("calendly", overrides)


def test_unknown_settings_are_left_out_named_in_the_log_and_the_others_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    unknown = {"overCapacity": "zoom", "deprovisioning": {"onDelete": "later"}, "fromTheFuture": 1}
    with caplog.at_level(logging.WARNING):
        profile = resolve_stored("calendly", json.dumps(unknown | {"maxPageSize": 7}))
    assert profile == resolve("calendly", json.dumps({"maxPageSize": 7}))
    left_out = [record.__dict__["facts"]["setting"] for record in caplog.records]
    assert sorted(left_out) == sorted(unknown)


def test_an_unknown_profile_is_still_an_error() -> None:
    with pytest.raises(SpecError, match="is not one of"):
        resolve_stored("nobody", "{}")
