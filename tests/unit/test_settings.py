"""Settings come from SCIM_OPERATOR_* and name the variable that is wrong."""

from __future__ import annotations

import pytest

from controller.errors import SpecError
from controller.settings import Settings, parse_settings


def test_defaults_without_any_variable() -> None:
    assert parse_settings({}) == Settings()


def test_variables_are_typed() -> None:
    settings = parse_settings(
        {"SCIM_OPERATOR_METRICS_PORT": "0", "SCIM_OPERATOR_ALLOW_HTTP_LOOPBACK": "true", "HOME": "/root"}
    )
    assert (settings.metrics_port, settings.allow_http_loopback) == (0, True)


def test_an_empty_variable_is_the_default() -> None:
    assert parse_settings({"SCIM_OPERATOR_SHARD_PERCENT": ""}).shard_percent == 100


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SCIM_OPERATOR_METRICS_PORT", "70000"),
        ("SCIM_OPERATOR_LOG_FORMAT", "xml"),
        ("SCIM_OPERATOR_LEASE_RENEW_SECONDS", "8.1"),
        ("SCIM_OPERATOR_LEASE_RENEW_SECONDS", "nan"),
        ("SCIM_OPERATOR_LEASE_RETRY_SECONDS", "3.6"),
        ("SCIM_OPERATOR_METRICS_PROT", "8080"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(SpecError, match=variable):
        parse_settings({variable: value})


def test_timings_of_the_lease_are_held_against_each_other() -> None:
    long = {"SCIM_OPERATOR_LEASE_DURATION_SECONDS": "60", "SCIM_OPERATOR_LEASE_RENEW_SECONDS": "48"}
    assert parse_settings({**long, "SCIM_OPERATOR_LEASE_RETRY_SECONDS": "24"}).lease_renew_seconds == 48
    with pytest.raises(SpecError, match="two processes could write at the same time"):
        parse_settings({"SCIM_OPERATOR_LEASE_DURATION_SECONDS": "8"})
    assert parse_settings({"SCIM_OPERATOR_LEADER_ELECTION": "false"}).lease_duration_seconds == 10


def test_namespaces_are_split() -> None:
    assert Settings(namespaces=" a, b ,").watched_namespaces() == ("a", "b")
    assert Settings().watched_namespaces() == ()
