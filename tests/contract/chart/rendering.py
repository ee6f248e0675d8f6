"""The chart rendered by Helm's own library, and the values for which its tests render it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import missing

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "scim-operator"
NAMESPACE = "scim-system"
JSON = dict[str, Any]

CONFINED: JSON = {
    "watchNamespaces": ["team-a", "team-b"],
    "secrets": {"names": ["okta-api", "calendly-scim"], "issued": ["calendly-scim"]},
}
AVAILABLE: JSON = {
    "operator": {
        "replicas": 2,
        "shard": "eu",
        "hooks": {
            "enabled": True,
            "secretName": "hook",
            "ingress": {
                "enabled": True,
                "className": "nginx",
                "host": "hooks.example.com",
                "tlsSecretName": "hooks-tls",
                "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
            },
        },
        "settings": {"LOG_POLL_SECONDS": "15"},
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"nodeAffinity": {}},
        "podAnnotations": {"example.com/a": "b"},
        "podLabels": {"example.com/team": "identity"},
    },
    "imagePullSecrets": [{"name": "registry"}],
    "image": {"digest": "sha256:" + "0" * 64},
}
OBSERVED: JSON = {
    "networkPolicy": {
        "enabled": True,
        "metricsFrom": [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
        ],
    },
    "metrics": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
        "dashboard": {"enabled": True},
    },
}
SQLITE: JSON = {
    "provider": {
        "enabled": True,
        "publicUrl": "https://scim.example.com",
        "ingress": {
            "enabled": True,
            "host": "scim.example.com",
            "tlsSecretName": "scim-tls",
            "className": "x",
        },
        "persistence": {"storageClass": "fast"},
        "trustedProxies": ["10.0.0.0/8", "fd00::/8"],
        "settings": {"MAX_CONNECTIONS": "2000"},
    },
    "networkPolicy": {"enabled": True, "providerFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
}
POSTGRESQL: JSON = {
    "provider": {"enabled": True, "replicas": 3, "database": {"type": "postgresql", "existingSecret": "db"}},
    "networkPolicy": {"enabled": True},
    "podDisruptionBudget": {"enabled": "auto", "minAvailable": "50%"},
}
BARE: JSON = {
    "crds": {"enabled": False},
    "rbac": {"create": False},
    "serviceAccount": {"create": False, "name": "mine"},
    "admissionPolicy": {"enabled": False},
    "metrics": {"podMonitor": {"enabled": True}},
    "fullnameOverride": "scim",
}
MATRIX: dict[str, JSON] = {
    "defaults": {},
    "guarded": {"admissionPolicy": {"guardLoosening": True}},
    "confined": CONFINED,
    "available": AVAILABLE,
    "observed": OBSERVED,
    "sqlite": SQLITE,
    "postgresql": POSTGRESQL,
    "bare": BARE,
    "all": {**CONFINED, **AVAILABLE, **OBSERVED, "provider": POSTGRESQL["provider"]},
}
every_matrix = pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())


def helm() -> Any:
    """Helm 4 as a library; the test is skipped where it is not installed."""
    try:
        import helm_python
    except ImportError:
        missing("helm (requirements/components.txt)")
    return helm_python


def rendered_files(values: JSON, name: str = "rel") -> dict[str, str]:
    """What `helm template` gives, by the path of the template; NOTES.txt included."""
    files: dict[str, str] = helm().Chart.load(str(CHART)).render(values, name=name, namespace=NAMESPACE)
    return files


def render(values: JSON, name: str = "rel") -> list[JSON]:
    """Every object of the release, hooks included."""
    texts = [text for path, text in rendered_files(values, name).items() if path.endswith(".yaml")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def of_kind(documents: list[JSON], kind: str) -> list[JSON]:
    return [document for document in documents if document["kind"] == kind]


def templates(documents: list[JSON]) -> Iterator[JSON]:
    """metadata and spec of each pod."""
    for document in documents:
        if document["kind"] == "Deployment":
            yield document["spec"]["template"]
        elif document["kind"] == "Pod":
            yield document


def containers(documents: list[JSON]) -> Iterator[JSON]:
    for template in templates(documents):
        yield from template["spec"]["containers"]
