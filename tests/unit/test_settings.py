"""Settings come from SCIM_OPERATOR_* and name the variable that is wrong."""

from __future__ import annotations

import pytest

from controller.errors import SpecError
from controller.settings import Settings, parse_settings


def test_defaults_without_any_variable() -> None:
    assert parse_settings({}) == Settings()


def test_variables_are_typed() -> None:
    settings = parse_settings(
        {"SCIM_OPERATOR_METRICS_PORT": "0", "SCIM_OPERATOR_LEADER_ELECTION": "true", "HOME": "/root"}
    )
    assert (settings.metrics_port, settings.leader_election) == (0, True)


def test_an_empty_variable_is_the_default() -> None:
    assert parse_settings({"SCIM_OPERATOR_SHARD_PERCENT": ""}).shard_percent == 100


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SCIM_OPERATOR_METRICS_PORT", "70000"),
        ("SCIM_OPERATOR_LOG_FORMAT", "xml"),
        ("SCIM_OPERATOR_METRICS_PROT", "8080"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(SpecError, match=variable):
        parse_settings({variable: value})


def test_namespaces_are_split() -> None:
    assert Settings(namespaces=" a, b ,").watched_namespaces() == ("a", "b")
    assert Settings().watched_namespaces() == ()
