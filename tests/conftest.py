"""What every test shares: which real components this machine has."""

from __future__ import annotations

import os

import pytest

REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"


def missing(component: str) -> None:
    """Skips the test for want of `component`, or fails it where CI must have everything."""
    if REQUIRE_ALL:
        pytest.fail(f"{component} is missing and REQUIRE_ALL=1", pytrace=False)
    pytest.skip(f"{component} is not on this machine")
