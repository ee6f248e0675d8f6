"""The chart, rendered and linted by Helm's own SDK, judged by Kubernetes' schemas and by our rules."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import missing

CHART = Path(__file__).parents[3] / "charts" / "scim-operator"

EVERYTHING: dict[str, Any] = {
    "operator": {
        "replicas": 2,
        "hooks": {"enabled": True, "secretName": "hook"},
        "settings": {"LOG_POLL_SECONDS": "15"},
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "shard": "eu",
    },
    "provider": {"enabled": True, "publicUrl": "https://scim.example.com"},
    "networkPolicy": {"enabled": True},
    "metrics": {
        "serviceMonitor": {"enabled": True},
        "podMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboard": {"enabled": True},
    },
    "watchNamespaces": ["team-a", "team-b"],
    "secrets": {"names": ["okta-api"]},
}
POSTGRESQL: dict[str, Any] = {
    "provider": {"enabled": True, "replicas": 3, "database": {"type": "postgresql", "existingSecret": "db"}}
}
MATRIX: dict[str, dict[str, Any]] = {"defaults": {}, "everything": EVERYTHING, "postgresql": POSTGRESQL}
CUSTOM_GROUPS = {"monitoring.coreos.com", "scim-operator.dev", "apiextensions.k8s.io"}


def helm() -> Any:
    try:
        import helm_python
    except ImportError:
        missing("helm (requirements/components.txt)")
    return helm_python


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    chart = helm().Chart.load(str(CHART))
    files = chart.render(values, name="rel", namespace="scim-system")
    texts = [text for path, text in files.items() if path.endswith(".yaml")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def pods(documents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for document in documents:
        if document["kind"] == "Deployment":
            yield document["spec"]["template"]["spec"]
        elif document["kind"] == "Pod":
            yield document["spec"]


def of_kind(documents: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [document for document in documents if document["kind"] == kind]


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_lint_finds_nothing_worse_than_a_missing_icon(values: dict[str, Any]) -> None:
    report = helm().lint(str(CHART), values, strict=True)
    assert report["errors"] == []
    assert {message["error"] for message in report["messages"]} <= {"icon is recommended"}


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_every_object_is_what_kubernetes_says_it_is(values: dict[str, Any]) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    for document in render(values):
        if document["apiVersion"].split("/")[0] not in CUSTOM_GROUPS:
            kubernetes_validate.validate(document, "1.34", strict=True)


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_containers_are_locked_down(values: dict[str, Any]) -> None:
    for pod in pods(render(values)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and security["runAsNonRoot"]
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}
            assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_names_are_unique_and_labelled(values: dict[str, Any]) -> None:
    documents = render(values)
    keys = [(d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"]) for d in documents]
    assert len(keys) == len(set(keys))
    for document in documents:
        assert document["metadata"]["labels"]["app.kubernetes.io/instance"] == "rel"


def rules_of(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    roles = [d for d in documents if d["kind"] in {"Role", "ClusterRole"}]
    return list(itertools.chain.from_iterable(role["rules"] for role in roles))


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_no_rule_grants_everything(values: dict[str, Any]) -> None:
    for rule in rules_of(render(values)):
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]


def test_secrets_can_be_narrowed_to_names() -> None:
    rules = [rule for rule in rules_of(render(EVERYTHING)) if "secrets" in rule["resources"]]
    assert rules and all(rule["resourceNames"] == ["okta-api"] for rule in rules)
    assert all("create" not in rule["verbs"] and "delete" not in rule["verbs"] for rule in rules)


def test_watched_namespaces_need_no_cluster_role_of_the_operator() -> None:
    documents = render(EVERYTHING)
    assert of_kind(documents, "ClusterRoleBinding") == []
    assert {d["metadata"]["namespace"] for d in of_kind(documents, "RoleBinding")} == {
        "team-a",
        "team-b",
        "scim-system",
    }


def test_the_crds_are_the_generated_ones_and_are_kept() -> None:
    crds = of_kind(render({}), "CustomResourceDefinition")
    generated = {
        path.name: yaml.safe_load(path.read_text()) for path in (CHART.parents[1] / "crds").glob("*.yaml")
    }
    assert len(crds) == 4
    assert {crd["metadata"]["name"] for crd in crds} == {
        crd["metadata"]["name"] for crd in generated.values()
    }
    for crd in crds:
        assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        assert crd["spec"] in [other["spec"] for other in generated.values()]


def test_crds_can_be_left_out() -> None:
    assert of_kind(render({"crds": {"enabled": False}}), "CustomResourceDefinition") == []


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown value": ({"operator": {"replcas": 2}}, "replcas"),
    "wrong type": ({"operator": {"replicas": "two"}}, "/operator/replicas"),
    "hooks without a secret": ({"operator": {"hooks": {"enabled": True}}}, "secretName"),
    "postgresql without a secret": ({"provider": {"database": {"type": "postgresql"}}}, "existingSecret"),
    "sqlite with replicas": ({"provider": {"replicas": 3}}, "/provider/replicas"),
    "bad digest": ({"image": {"digest": "latest"}}, "/image/digest"),
    "bad namespace": ({"watchNamespaces": ["Team_A"]}, "/watchNamespaces/0"),
}


@pytest.mark.parametrize(("values", "named"), WRONG.values(), ids=WRONG.keys())
def test_wrong_values_are_refused_by_name(values: dict[str, Any], named: str) -> None:
    library = helm()
    with pytest.raises(library.HelmValuesError, match=named):
        library.Chart.load(str(CHART)).validate_schema(values)


def test_a_disruption_budget_comes_with_replicas() -> None:
    assert of_kind(render({}), "PodDisruptionBudget") == []
    assert len(of_kind(render(EVERYTHING), "PodDisruptionBudget")) == 1


def test_every_alert_leads_to_its_runbook() -> None:
    (rule,) = of_kind(render(EVERYTHING), "PrometheusRule")
    alerts = [r for group in rule["spec"]["groups"] for r in group["rules"] if "alert" in r]
    assert alerts
    for alert in alerts:
        assert alert["annotations"]["runbook_url"].endswith(f"/{alert['alert']}.md")
        assert (CHART.parents[1] / "docs" / "runbooks" / f"{alert['alert']}.md").is_file(), alert["alert"]
