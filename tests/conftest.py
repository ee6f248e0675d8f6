"""What every test shares: which real components this machine has."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.cluster.fixtures"]

# The same examples at every run, so that red means a change; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile(
    "stable", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "stable"))

REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"


def missing(component: str) -> None:
    """Skips the test for want of `component`, or fails it where CI must have everything."""
    if REQUIRE_ALL:
        pytest.fail(f"{component} is missing and REQUIRE_ALL=1", pytrace=False)
    pytest.skip(f"{component} is not on this machine")


@pytest.fixture(autouse=True)
def log_level_as_before() -> Iterator[None]:
    """The level of the logs as it was: a command that is run in this process sets it, and other tests read
    what is logged."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the figures that tests have measured: record_property("figure", "what: how much")."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "figure":
                terminalreporter.write_line(str(value))
