"""Values: unknown, wrong and contradicting ones are refused by name, and each one there is does something."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from controller.settings import PREFIX, Settings
from tests.contract.chart.rendering import CHART, JSON, MATRIX, every_matrix, helm, render, rendered_files

SCHEMA: JSON = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS: JSON = yaml.safe_load((CHART / "values.yaml").read_text())

WRONG: dict[str, tuple[JSON, str]] = {
    "unknown value": ({"operator": {"replcas": 2}}, "replcas"),
    "unknown value at the top": ({"watchNamespace": ["a"]}, "watchNamespace"),
    "wrong type": ({"operator": {"replicas": "two"}}, "/operator/replicas"),
    "hooks without a secret": ({"operator": {"hooks": {"enabled": True}}}, "secretName"),
    "hooks of no host": (
        {"operator": {"hooks": {"enabled": True, "secretName": "s", "ingress": {"enabled": True}}}},
        "/operator/hooks/ingress/host",
    ),
    "every path": (
        {"operator": {"hooks": {"ingress": {"path": "/"}}}},
        "/operator/hooks/ingress/path",
    ),
    "postgresql without a secret": ({"provider": {"database": {"type": "postgresql"}}}, "existingSecret"),
    "sqlite with replicas": ({"provider": {"replicas": 3}}, "/provider/replicas"),
    "ingress without a host": ({"provider": {"ingress": {"enabled": True}}}, "/provider/ingress/host"),
    "somebody else's account without its name": (
        {"serviceAccount": {"create": False}},
        "/serviceAccount/name",
    ),
    "bad digest": ({"image": {"digest": "latest"}}, "/image/digest"),
    "bad namespace": ({"watchNamespaces": ["Team_A"]}, "/watchNamespaces/0"),
    "a namespace twice": ({"watchNamespaces": ["a", "a"]}, "/watchNamespaces"),
    "unknown setting": ({"operator": {"settings": {"LOG_POL_SECONDS": "15"}}}, "LOG_POL_SECONDS"),
    "a setting that has a value": ({"operator": {"settings": {"LOG_FORMAT": "text"}}}, "LOG_FORMAT"),
    "a setting that is a number": ({"operator": {"settings": {"LOG_POLL_SECONDS": 15}}}, "LOG_POLL_SECONDS"),
    "a policy that lets nothing out": ({"networkPolicy": {"egressPorts": []}}, "/networkPolicy/egressPorts"),
    "a peer that is none": ({"networkPolicy": {"metricsFrom": [{"pod": {}}]}}, "pod"),
    "more than all": ({"podDisruptionBudget": {"minAvailable": "120%"}}, "/podDisruptionBudget/minAvailable"),
    "a proxy that is a name": ({"provider": {"trustedProxies": ["ingress"]}}, "/provider/trustedProxies/0"),
    "every address a proxy": ({"provider": {"trustedProxies": ["*"]}}, "/provider/trustedProxies/0"),
    "an unknown setting of the provider": ({"provider": {"settings": {"PORT": "1"}}}, "PORT"),
    "a public URL with a path": ({"provider": {"publicUrl": "https://a/scim"}}, "/provider/publicUrl"),
}


@pytest.mark.parametrize(("values", "named"), WRONG.values(), ids=WRONG.keys())
def test_wrong_values_are_refused_by_name(values: JSON, named: str) -> None:
    library = helm()
    with pytest.raises(library.HelmValuesError, match=named):
        library.Chart.load(str(CHART)).validate_schema(values)


POSTGRESQL = {"type": "postgresql", "existingSecret": "db"}
CONTRADICTIONS: dict[str, tuple[JSON, str]] = {
    "two scrapes": (
        {"metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}},
        "metrics.podMonitor.enabled",
    ),
    "one port twice": (
        {"operator": {"hooks": {"enabled": True, "secretName": "s", "port": 8080}}},
        "operator.hooks.port",
    ),
    "hooks that nothing receives": (
        {"operator": {"hooks": {"ingress": {"enabled": True, "host": "a.example.com"}}}},
        "operator.hooks.ingress.enabled",
    ),
    "hooks let in that nothing receives": (
        {"networkPolicy": {"hooksFrom": [{"podSelector": {}}]}},
        "networkPolicy.hooksFrom",
    ),
    "a setting as a variable": (
        {"operator": {"extraEnv": [{"name": "SCIM_OPERATOR_SHARD", "value": "a"}]}},
        "operator.extraEnv: SCIM_OPERATOR_SHARD",
    ),
    "a Lease that ends too soon": (
        {"operator": {"lease": {"durationSeconds": 8}}},
        "operator.lease.renewSeconds",
    ),
    "a Lease that is looked at too late": (
        {"operator": {"lease": {"retrySeconds": 3.6}}},
        "operator.lease.retrySeconds",
    ),
    "a URL for sqlite": (
        {"provider": {"database": {"existingSecret": "db"}}},
        "provider.database.existingSecret",
    ),
    "a volume for postgresql": (
        {"provider": {"database": POSTGRESQL, "persistence": {"existingClaim": "c"}}},
        "provider.persistence.existingClaim",
    ),
    "an ingress to nothing": (
        {"provider": {"ingress": {"enabled": True, "host": "a.example.com"}}},
        "provider.ingress.enabled",
    ),
    "two hosts": (
        {
            "provider": {
                "enabled": True,
                "publicUrl": "https://b.example.com",
                "ingress": {"enabled": True, "host": "a.example.com"},
            }
        },
        "provider.publicUrl",
    ),
    "issued for no role": ({"rbac": {"create": False}, "secrets": {"issued": ["a"]}}, "secrets.issued"),
    "names for no role": ({"rbac": {"create": False}, "secrets": {"names": ["a"]}}, "secrets.names"),
    "a budget of one of one": (
        {"podDisruptionBudget": {"enabled": True}},
        "podDisruptionBudget.minAvailable",
    ),
    "a budget of two of two": (
        {"operator": {"replicas": 2}, "podDisruptionBudget": {"minAvailable": 2}},
        "podDisruptionBudget.minAvailable",
    ),
    "a budget of all": (
        {
            "provider": {"enabled": True, "replicas": 3, "database": POSTGRESQL},
            "podDisruptionBudget": {"minAvailable": "100%"},
        },
        "provider replicas",
    ),
}


@pytest.mark.parametrize(("values", "named"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_values_that_contradict_each_other_are_refused_by_name(values: JSON, named: str) -> None:
    with pytest.raises(helm().HelmRenderError, match="(?s)Values contradict each other.*" + re.escape(named)):
        render(values)


def test_every_contradiction_is_told_at_once() -> None:
    values = {**CONTRADICTIONS["two scrapes"][0], **CONTRADICTIONS["one port twice"][0]}
    with pytest.raises(helm().HelmRenderError) as caught:
        render(values)
    assert str(caught.value).count("\n- ") == 2


def keys(schema: JSON, path: str = "") -> set[str]:
    """Paths of values that the schema lists, below the objects that it lists members of."""
    found = set()
    for name, inner in schema.get("properties", {}).items():
        found |= {path + name} | keys(inner, f"{path}{name}.")
    return found


def flat(values: JSON, path: str = "") -> set[str]:
    found = set()
    for name, value in values.items():
        found |= {path + name} | (flat(value, f"{path}{name}.") if isinstance(value, dict) else set())
    return found


def resolved(schema: Any) -> Any:
    """The schema with its references followed, but for those into Kubernetes' own types."""
    if isinstance(schema, list):
        return [resolved(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolved(SCHEMA["definitions"][name]) if name == "monitor" else {}
    return {key: resolved(value) for key, value in schema.items() if key not in ("definitions", "items")}


def test_every_value_is_in_the_schema_and_the_other_way_round() -> None:
    listed = keys(resolved(SCHEMA)) - {"global"}
    free = re.compile(r"\.(resources|labels)\.|^(operator|provider)\.settings\.")
    assert {path for path in flat(DEFAULTS) if not free.search(path)} == {
        path for path in listed if not free.search(path)
    }


def test_the_settings_one_can_set_are_those_without_a_value_of_their_own() -> None:
    text = "".join(path.read_text() for path in (CHART / "templates").glob("operator.yaml"))
    own = set(re.findall(rf"name: {PREFIX}([A-Z_]+)", text))
    every = {name.upper() for name in Settings.model_fields} - {"LEADER_ELECTION"}  # has no effect any more
    assert own <= every
    assert set(SCHEMA["properties"]["operator"]["properties"]["settings"]["properties"]) == every - own


def test_every_value_is_used_by_a_template() -> None:
    text = "".join(path.read_text() for path in (CHART / "templates").rglob("*.*"))
    leaves = {path.rpartition(".")[2] for path in flat(DEFAULTS)}
    assert {leaf for leaf in leaves if f".{leaf}" not in text} <= {"requests", "limits", "cpu", "memory"} | {
        "grafana_dashboard"
    }


@every_matrix
def test_the_notes_are_whole(values: JSON) -> None:
    (notes,) = [text for path, text in rendered_files(values).items() if path.endswith("NOTES.txt")]
    assert "helm test rel -n scim-system" in notes
    assert "<no value>" not in notes and "<nil>" not in notes


def test_the_notes_tell_how_a_provider_gets_its_first_organization() -> None:
    (notes,) = [t for path, t in rendered_files(MATRIX["postgresql"]).items() if path.endswith("NOTES.txt")]
    assert "deploy/rel-scim-operator-provider -- scimctl provider create NAME" in notes
    assert "allowHttpServices=true" in notes


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (MATRIX["available"], "https://hooks.example.com/okta/events"),
        (
            {"operator": {"hooks": {"enabled": True, "secretName": "s"}}},
            "operator.hooks.ingress.enabled=true",
        ),
    ],
)
def test_the_notes_tell_where_okta_sends_its_hooks(values: JSON, told: str) -> None:
    (notes,) = [text for path, text in rendered_files(values).items() if path.endswith("NOTES.txt")]
    assert told in notes
