"""Bodies become specs with the schema's own defaults, or an error that names the field and the fix."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from controller.api import KINDS, ScimIntegrationSpec, SeatLimitSpec, parse
from controller.api.crds import build_schema
from controller.errors import SpecError
from controller.schema import compile_schema
from tests.unit.api.samples import FULL, SMALLEST, edited, resource


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_empty(item) for key, item in value.items() if item not in (None, [], (), {})}
    return [without_empty(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [SMALLEST, FULL], ids=["smallest", "full"])
def test_defaults_of_python_are_those_of_the_schema(kind: str, samples: dict[str, Any]) -> None:
    body = resource(kind, samples[kind])
    parsed = parse(KINDS[kind].spec, body, strict=True).model_dump(by_alias=True)
    assert without_empty(parsed) == compile_schema(build_schema(KINDS[kind])).default(body)["spec"]


def test_durations_mean_something() -> None:
    spec = parse(ScimIntegrationSpec, resource("ScimIntegration", FULL["ScimIntegration"]))
    assert spec.interval == "1h" and spec.interval.timedelta == timedelta(hours=1)
    assert spec.windows[0].duration.timedelta == timedelta(hours=10)
    rotation = spec.provider.token_rotation
    assert rotation is not None and rotation.min_overlap.timedelta == timedelta(days=1)


def test_specs_are_frozen() -> None:
    spec = parse(SeatLimitSpec, resource("SeatLimit", SMALLEST["SeatLimit"]))
    with pytest.raises(ValidationError, match="frozen"):
        spec.reserve = 3  # type: ignore[misc]


WRONG = [
    ("unknown field", ("okta.app.lable", "x"), "spec.okta.app.lable", "did you mean label?"),
    ("unknown field, far off", ("okta.app.zzz", "x"), "spec.okta.app.zzz", "it has id, label"),
    (
        "unknown in a list",
        ("windows", [{"schedule": "* * * * *", "duration": "1h", "zone": "x"}]),
        "spec.windows[0].zone",
        "no field",
    ),
    ("missing", ("okta.orgRef", None), "spec.okta.orgRef", "is required: add it"),
    ("too long", ("okta.app.label", "x" * 101), "spec.okta.app.label", "at most 100 characters"),
    ("choice", ("mode", "enforce"), "spec.mode", "'Observe', 'Approve' or 'Enforce'"),
    (
        "text for a number",
        ("provider.requestsPerSecond", "25"),
        "spec.provider.requestsPerSecond",
        "valid integer",
    ),
    ("text for a flag", ("suspend", "yes"), "spec.suspend", "valid boolean"),
    (
        "no duration",
        ("interval", "1d"),
        "spec.interval",
        "'1d' is no duration: write a Go duration such as 10m",
    ),
    ("short duration", ("interval", "1s"), "spec.interval", "must be between 1m and 24h"),
    ("item", ("assignments.users", ["a", 1]), "spec.assignments.users[1]", "valid string"),
    ("list for an object", ("okta", []), "spec.okta", "valid dictionary"),
    ("scalar for an object", ("okta", 1), "spec.okta", "valid dictionary"),
    ("scalars where objects are", ("windows", ["always"]), "spec.windows[0]", "valid dictionary"),
]


@pytest.mark.parametrize(("edit", "field", "why"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_error_names_the_field_and_the_fix(edit: tuple[str, Any], field: str, why: str) -> None:
    body = resource("ScimIntegration", edited(SMALLEST["ScimIntegration"], edit))
    with pytest.raises(SpecError) as refused:
        parse(ScimIntegrationSpec, body, strict=True)
    assert refused.value.field == field and why in refused.value.message
    assert (refused.value.kind, refused.value.name) == ("ScimIntegration", "sample")


def test_unknown_fields_of_the_cluster_are_ignored() -> None:
    body = resource("SeatLimit", {**SMALLEST["SeatLimit"], "fromTheFuture": 1})
    assert parse(SeatLimitSpec, body) == parse(SeatLimitSpec, resource("SeatLimit", SMALLEST["SeatLimit"]))


def test_body_without_a_spec_is_an_error() -> None:
    with pytest.raises(SpecError, match="spec: is missing") as refused:
        parse(SeatLimitSpec, {"kind": "SeatLimit"})
    assert refused.value.reason == "InvalidSpec"


def test_body_without_metadata_is_named_by_its_model() -> None:
    with pytest.raises(SpecError, match="is no field of SeatLimitSpec"):
        parse(SeatLimitSpec, {"metadata": None, "spec": {"seat": 1}}, strict=True)
