"""`scimctl validate`: findings with file and line, in one pass over all files."""

from __future__ import annotations

import pytest

from controller.cli.validate import find_problems
from controller.kube.manifests import parse_manifests

HEAD = "apiVersion: scim-operator.dev/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n"


def found(*texts: str) -> list[str]:
    manifests = [
        manifest for number, text in enumerate(texts) for manifest in parse_manifests(text, f"{number}.yaml")
    ]
    return [str(problem) for problem in find_problems(manifests)]


def mapping(name: str, *rows: str, to: str = "calendly") -> str:
    head = HEAD.format(kind="GroupMapping", name=name) + f"  integrationRef: {{name: {to}}}\n  mappings:\n"
    return head + "".join(f"    - {row}\n" for row in rows)


def limit(name: str, **spec: object) -> str:
    head = HEAD.format(kind="SeatLimit", name=name) + "  integrationRefs: [{name: calendly}]\n"
    return head + "".join(f"  {key}: {value}\n" for key, value in spec.items())


def test_what_is_right_has_no_finding() -> None:
    assert found(mapping("m", "{values: [A], providerGroup: X}"), limit("s", seats=5)) == []


def test_a_bound_is_told_in_the_api_servers_words_with_the_line() -> None:
    finding = found(limit("s", seats=0))[0]
    assert finding.startswith("0.yaml:7: SeatLimit s: spec.seats: Invalid value: 0")


def test_a_rule_that_spans_fields_is_checked() -> None:
    (finding,) = found(limit("s", seats=5, reserve=5))
    assert finding == "0.yaml:8: SeatLimit s: spec.reserve: Invalid value: reserve is below seats"


def test_a_misspelt_field_gets_a_suggestion() -> None:
    (finding,) = found(limit("s", seets=5))
    assert finding == "0.yaml:7: SeatLimit s: spec.seets: is no field of SeatLimit: did you mean seats?"


def test_a_misspelt_field_is_told_beside_the_missing_one() -> None:
    text = mapping("m", "{value: [A], providerGroup: X}")
    assert len(found(text)) == 2
    assert "did you mean values?" in found(text)[1]


def test_an_unknown_kind_of_ours_is_told_with_the_known_ones() -> None:
    (finding,) = found("apiVersion: scim-operator.dev/v1alpha1\nkind: SeatLimits\nmetadata: {name: x}\n")
    assert "0.yaml:2: SeatLimits x: kind: no such kind" in finding
    assert "SeatLimit" in finding


def test_foreign_kinds_are_left_alone() -> None:
    assert found("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {}\n") == []


def test_a_secret_without_its_audience_is_told() -> None:
    (finding,) = found("apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n")
    assert finding.startswith(
        "0.yaml:3: Secret x: metadata.annotations: scim-operator.dev/allowed-hosts is missing"
    )


def test_a_resource_without_a_name_is_told() -> None:
    assert any("metadata.name: is required" in each for each in found(limit("''", seats=1)))


def test_a_value_claimed_twice_is_told_where_it_comes_the_second_time() -> None:
    one, other = (
        mapping("m", "{values: [A, B], providerGroup: X}"),
        mapping("n", "{values: [B], providerGroup: Y}"),
    )
    (finding,) = found(one, other)
    assert finding.startswith(
        "1.yaml:8: GroupMapping n: spec.mappings[0].values[0]: 'B' is claimed by m (0.yaml:1)"
    )


def test_a_value_claimed_twice_in_one_mapping_is_told() -> None:
    (finding,) = found(mapping("m", "{values: [A], providerGroup: X}", "{values: [A], providerGroup: Y}"))
    assert "'A' is claimed by this mapping already" in finding


def test_values_of_other_integrations_do_not_collide() -> None:
    row = "{values: [A], providerGroup: X}"
    assert found(mapping("m", row), mapping("n", row, to="other")) == []


def test_a_second_limit_of_an_integration_is_told() -> None:
    (finding,) = found(limit("s", seats=5), limit("t", seats=5))
    assert finding.startswith(
        "1.yaml:6: SeatLimit t: spec.integrationRefs[0].name: calendly has the SeatLimit s"
    )


def test_the_same_resource_twice_is_told_once() -> None:
    (finding,) = found(limit("s", seats=5), limit("s", seats=6))
    assert (
        finding
        == "1.yaml:4: SeatLimit s: metadata.name: is there already (0.yaml:1); the later one would win"
    )


@pytest.mark.parametrize(
    "spec", ["  7\n", "  [1]\n", "  {integrationRefs: 7}\n", "  {integrationRefs: [7]}\n"]
)
def test_nonsense_is_a_finding_and_no_traceback(spec: str) -> None:
    assert found(HEAD.format(kind="SeatLimit", name="s") + spec) != []


@pytest.mark.parametrize("rows", ["7", "[7]", "[{values: 7}]", "[{values: [{}]}]"])
def test_nonsense_in_a_mapping_is_a_finding_too(rows: str) -> None:
    text = HEAD.format(kind="GroupMapping", name="m") + f"  integrationRef: 7\n  mappings: {rows}\n"
    assert found(text) != []
