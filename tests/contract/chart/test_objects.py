"""The objects of a release: judged by Helm's linter, by Kubernetes' schemas, and as kube-linter would."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from controller.cli.validate import find_problems
from controller.kube.manifests import read_manifests
from controller.settings import parse_settings
from tests.conftest import missing
from tests.contract.chart.rendering import (
    AVAILABLE,
    CHART,
    CONFINED,
    JSON,
    MATRIX,
    NAMESPACE,
    OBSERVED,
    ROOT,
    containers,
    every_matrix,
    helm,
    of_kind,
    render,
    templates,
)

FOREIGN_GROUPS = {"monitoring.coreos.com", "apiextensions.k8s.io"}
OLDEST, NEWEST = "1.30", "1.37"
SELECTING = {"Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment"}


@every_matrix
def test_lint_finds_nothing_worse_than_a_missing_icon(values: JSON) -> None:
    report = helm().lint(str(CHART), values, strict=True)
    assert report["errors"] == []
    assert {message["error"] for message in report["messages"]} <= {"icon is recommended"}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@every_matrix
def test_every_object_is_what_kubernetes_says_it_is(values: JSON, version: str) -> None:
    try:
        import kubernetes_validate
    except ImportError:
        missing("kubernetes-validate (requirements/components.txt)")
    for document in render(values):
        if document["apiVersion"].split("/")[0] not in FOREIGN_GROUPS:
            kubernetes_validate.validate(document, version, strict=True)


def test_the_oldest_kubernetes_that_is_judged_is_the_oldest_that_installs() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"] == f">={OLDEST}.0-0"


@every_matrix
def test_containers_are_locked_down(values: JSON) -> None:
    documents = render(values)
    for template in templates(documents):
        assert template["spec"]["securityContext"]["runAsNonRoot"] is True
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(template["spec"])
        assert not any("hostPath" in volume for volume in template["spec"].get("volumes", []))
    for container in containers(documents):
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] and security["runAsNonRoot"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}


@every_matrix
def test_containers_have_their_share_and_no_limit_that_slows_them(values: JSON) -> None:
    for container in containers(render(values)):
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert set(container["resources"]["limits"]) == {"memory"}


@every_matrix
def test_containers_say_what_they_run_and_how_they_are(values: JSON) -> None:
    for deployment in of_kind(render(values), "Deployment"):
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            assert not container["image"].endswith((":latest", ":"))
            ports = {port["name"] for port in container["ports"]}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["port"] in ports
            names = [variable["name"] for variable in container["env"]]
            assert len(names) == len(set(names))


@every_matrix
def test_no_variable_holds_a_secret(values: JSON) -> None:
    for variable in itertools.chain.from_iterable(c.get("env", []) for c in containers(render(values))):
        is_reference = "valueFrom" in variable
        assert is_reference or not any(word in variable["name"] for word in ("TOKEN", "PASSWORD", "KEY"))


@every_matrix
def test_only_the_operator_gets_a_token_of_the_api_server(values: JSON) -> None:
    documents = render(values)
    with_token = [
        t["metadata"]["labels"]["app.kubernetes.io/component"]
        for t in templates(documents)
        if t["spec"]["automountServiceAccountToken"]
    ]
    assert with_token == ["operator"]
    assert all(not a["automountServiceAccountToken"] for a in of_kind(documents, "ServiceAccount"))


@every_matrix
def test_replicas_are_spread_and_leave_one_by_one(values: JSON) -> None:
    documents = render(values)
    budgets = {b["metadata"]["name"] for b in of_kind(documents, "PodDisruptionBudget")}
    for deployment in of_kind(documents, "Deployment"):
        several = deployment["spec"]["replicas"] > 1
        assert ("topologySpreadConstraints" in deployment["spec"]["template"]["spec"]) is several
        assert (deployment["metadata"]["name"] in budgets) is several


@every_matrix
def test_operators_of_one_release_elect_a_leader_however_many_there_are(values: JSON) -> None:
    """`kubectl scale` knows nothing of values."""
    (operator,) = [d for d in of_kind(render(values), "Deployment") if not is_provider(d)]
    (container,) = operator["spec"]["template"]["spec"]["containers"]
    environment = {v["name"]: v for v in container["env"]}
    assert environment["SCIM_OPERATOR_LEASE_NAME"]["value"] == operator["metadata"]["name"]
    assert "fieldRef" in environment["SCIM_OPERATOR_LEASE_NAMESPACE"]["valueFrom"]
    assert "SCIM_OPERATOR_LEADER_ELECTION" not in environment
    settings = parse_settings({name: v["value"] for name, v in environment.items() if "value" in v})
    assert settings.lease_renew_seconds < settings.lease_duration_seconds


def is_provider(document: JSON) -> bool:
    return document["metadata"]["labels"].get("app.kubernetes.io/component") == "provider"


@every_matrix
def test_names_are_unique_and_labelled(values: JSON) -> None:
    documents = render(values)
    keys = [(d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"]) for d in documents]
    assert len(keys) == len(set(keys))
    for document in documents:
        assert document["metadata"]["labels"]["app.kubernetes.io/instance"] == "rel"
        assert document["metadata"]["labels"]["app.kubernetes.io/name"] == "scim-operator"


def test_the_longest_release_name_gives_names_that_kubernetes_takes() -> None:
    values = {**MATRIX["all"], **MATRIX["observed"]}
    assert max(len(d["metadata"]["name"]) for d in render(values, name="r" * 53)) <= 63


def selectors(document: JSON) -> Iterator[dict[str, str]]:
    spec = document["spec"]
    if document["kind"] == "Service":
        yield spec["selector"]
        return
    yield (spec.get("selector") or spec["podSelector"])["matchLabels"]
    rules = [*spec.get("ingress", []), *spec.get("egress", [])]
    for peer in itertools.chain.from_iterable(rule.get("from", []) for rule in rules):
        if "namespaceSelector" not in peer and "podSelector" in peer:
            yield peer["podSelector"]["matchLabels"]


@every_matrix
def test_every_selector_finds_a_pod(values: JSON) -> None:
    documents = render(values)
    pods = [template["metadata"]["labels"] for template in templates(documents)]
    for document in documents:
        for selector in selectors(document) if document["kind"] in SELECTING else ():
            assert any(selector.items() <= labels.items() for labels in pods), document["metadata"]["name"]
    for monitor in (*of_kind(documents, "ServiceMonitor"), *of_kind(documents, "PodMonitor")):
        found = monitor["spec"]["selector"]["matchLabels"]
        targets = [s["metadata"]["labels"] for s in of_kind(documents, "Service")]
        candidates = targets if monitor["kind"] == "ServiceMonitor" else pods
        assert any(found.items() <= labels.items() for labels in candidates)


@every_matrix
def test_every_port_that_is_named_exists(values: JSON) -> None:
    documents = render(values)
    named = {port["name"] for c in containers(documents) for port in c.get("ports", [])}
    for service in of_kind(documents, "Service"):
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= named
    for policy in of_kind(documents, "NetworkPolicy"):
        ports = [p["port"] for rule in policy["spec"]["ingress"] for p in rule["ports"]]
        assert set(ports) <= named


@every_matrix
def test_what_a_pod_mounts_is_there(values: JSON) -> None:
    documents = render(values)
    claims = {d["metadata"]["name"] for d in of_kind(documents, "PersistentVolumeClaim")}
    accounts = {d["metadata"]["name"] for d in of_kind(documents, "ServiceAccount")} | {"mine"}
    for template in templates(documents):
        assert template["spec"].get("serviceAccountName", "mine") in accounts
        for volume in template["spec"].get("volumes", []):
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims


def rules_of(documents: list[JSON]) -> list[JSON]:
    roles = [d for d in documents if d["kind"] in {"Role", "ClusterRole"}]
    return list(itertools.chain.from_iterable(role["rules"] for role in roles))


@every_matrix
def test_no_rule_grants_everything_or_a_way_to_more(values: JSON) -> None:
    for rule in rules_of(render(values)):
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
        assert not {"escalate", "bind", "impersonate", "deletecollection"} & set(rule["verbs"])
        assert not {"pods", "pods/exec", "serviceaccounts/token", "nodes"} & set(rule["resources"])


@every_matrix
def test_secrets_are_neither_made_nor_deleted(values: JSON) -> None:
    for rule in rules_of(render(values)):
        if "secrets" in rule["resources"]:
            of_which = "issued" if "patch" in rule["verbs"] else "names"
            assert set(rule["verbs"]) <= {"get", "list", "watch", "patch"}
            assert rule.get("resourceNames", []) == values.get("secrets", {}).get(of_which, [])


def test_watched_namespaces_need_no_cluster_role_of_the_operator() -> None:
    documents = render(CONFINED)
    assert of_kind(documents, "ClusterRoleBinding") == []
    bound = {d["metadata"]["namespace"] for d in of_kind(documents, "RoleBinding")}
    assert bound == {"team-a", "team-b", NAMESPACE}


@every_matrix
def test_every_binding_binds_a_role_of_this_release_to_its_account(values: JSON) -> None:
    documents = render(values)
    roles = {
        (d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"])
        for kind in ("Role", "ClusterRole")
        for d in of_kind(documents, kind)
    }
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for binding in of_kind(documents, kind):
            reference = binding["roleRef"]
            assert (reference["kind"], binding["metadata"].get("namespace"), reference["name"]) in roles
            assert [s["namespace"] for s in binding["subjects"]] == [NAMESPACE]


def test_nothing_outside_reaches_the_operator_unless_it_is_asked_for() -> None:
    assert of_kind(render({"operator": {"hooks": {"enabled": True, "secretName": "s"}}}), "Ingress") == []


@every_matrix
def test_of_the_operator_only_the_hooks_own_path_and_port_are_let_out(values: JSON) -> None:
    documents = render(values)
    services = {d["metadata"]["name"]: d["spec"]["ports"] for d in of_kind(documents, "Service")}
    for ingress in (d for d in of_kind(documents, "Ingress") if not is_provider(d)):
        (rule,) = ingress["spec"]["rules"]
        (path,) = rule["http"]["paths"]
        assert (rule["host"], path["path"], path["pathType"]) == (
            "hooks.example.com",
            "/okta/events",
            "Exact",
        )
        backend = path["backend"]["service"]
        (port,) = services[backend["name"]]
        assert (backend["port"]["name"], port["name"], port["targetPort"]) == ("hooks", "hooks", "hooks")
        assert "defaultBackend" not in ingress["spec"]


def test_an_ingress_for_hooks_is_as_its_values_say() -> None:
    (ingress,) = of_kind(render(AVAILABLE), "Ingress")
    assert ingress["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "letsencrypt"}
    assert ingress["spec"]["ingressClassName"] == "nginx"
    assert ingress["spec"]["tls"] == [{"hosts": ["hooks.example.com"], "secretName": "hooks-tls"}]


@pytest.mark.parametrize("peers", [[], [{"namespaceSelector": {"matchLabels": {"a": "ingress-nginx"}}}]])
def test_the_policy_lets_hooks_in_from_the_ingress_controller_and_no_further(peers: list[JSON]) -> None:
    policy = {"enabled": True, "hooksFrom": peers, "metricsFrom": [{"podSelector": {}}]}
    (found,) = of_kind(render({**AVAILABLE, "networkPolicy": policy}), "NetworkPolicy")
    rules = {rule["ports"][0]["port"]: rule.get("from", []) for rule in found["spec"]["ingress"]}
    assert rules["hooks"] == peers
    assert all(peer not in rules["metrics"] for peer in peers)


def test_the_crds_are_the_generated_ones_and_are_kept() -> None:
    crds = {crd["metadata"]["name"]: crd for crd in of_kind(render({}), "CustomResourceDefinition")}
    files = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")]
    assert {name: crd["spec"] for name, crd in crds.items()} == {
        made["metadata"]["name"]: made["spec"] for made in files
    }
    assert all(c["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for c in crds.values())


def test_crds_can_be_left_out_and_need_not_be_kept() -> None:
    assert of_kind(render({"crds": {"enabled": False}}), "CustomResourceDefinition") == []
    for crd in of_kind(render({"crds": {"keep": False}}), "CustomResourceDefinition"):
        assert "helm.sh/resource-policy" not in crd["metadata"].get("annotations", {})


def test_the_people_of_an_organization_outlive_an_uninstall() -> None:
    (claim,) = of_kind(render(MATRIX["sqlite"]), "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_every_alert_leads_to_its_runbook() -> None:
    (rule,) = of_kind(render(OBSERVED), "PrometheusRule")
    alerts = [r for group in rule["spec"]["groups"] for r in group["rules"] if "alert" in r]
    assert alerts
    for alert in alerts:
        assert alert["annotations"]["runbook_url"].endswith(f"/{alert['alert']}.md")
        assert (ROOT / "docs" / "runbooks" / f"{alert['alert']}.md").is_file(), alert["alert"]


@every_matrix
def test_a_series_keeps_the_namespace_of_its_resource(values: JSON) -> None:
    documents = render(values)
    for monitor in (*of_kind(documents, "ServiceMonitor"), *of_kind(documents, "PodMonitor")):
        endpoints = monitor["spec"].get("endpoints") or monitor["spec"]["podMetricsEndpoints"]
        assert [endpoint["honorLabels"] for endpoint in endpoints] == [True]


def annotation(name: str) -> list[JSON]:
    """The list in an annotation of the chart that Artifact Hub reads."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    found: list[JSON] = yaml.safe_load(chart["annotations"][f"artifacthub.io/{name}"])
    return found


def test_artifact_hub_is_told_of_every_kind_with_an_example_that_validates(tmp_path: Path) -> None:
    crds = {crd["metadata"]["name"]: crd for crd in of_kind(render({}), "CustomResourceDefinition")}
    assert {one["name"] for one in annotation("crds")} == set(crds)
    examples = annotation("crdsExamples")
    assert {one["kind"] for one in examples} == {crd["spec"]["names"]["kind"] for crd in crds.values()}
    (tmp_path / "examples.yaml").write_text(yaml.safe_dump_all(examples))
    assert find_problems(read_manifests([tmp_path])) == []


def test_artifact_hub_is_told_of_the_image_that_is_run() -> None:
    (image,) = annotation("images")
    assert {container["image"] for container in containers(render(MATRIX["sqlite"]))} == {image["image"]}
