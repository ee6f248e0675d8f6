"""The chart as Helm renders it, applied to a real API server, and the operator's own credential there.

Called by the fixtures of this folder. Objects are applied with strict validation, so that an unknown field of
any built-in kind is an error, and every warning of the server is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.conftest import missing

CHART = Path(__file__).parents[2] / "charts" / "scim-operator"
NAMESPACE = "scim-system"
FOREIGN_GROUPS = ("monitoring.coreos.com",)
"""Of operators that are not there: their objects are left out."""
FIRST = ("Namespace", "CustomResourceDefinition", "ServiceAccount")
JSON = dict[str, Any]


def rendered(values: JSON, name: str = "scim-operator") -> list[JSON]:
    """What `helm template` gives, tests of the release left out."""
    try:
        import helm_python
    except ImportError:
        missing("helm (requirements/components.txt)")
    files = helm_python.Chart.load(str(CHART)).render(values, name=name, namespace=NAMESPACE)
    texts = [text for path, text in files.items() if path.endswith(".yaml") and "/tests/" not in path]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


@dataclass
class Installer:
    """Applies objects of any kind that the API server knows."""

    client: httpx.Client
    warnings: list[str] = field(default_factory=list)
    _plurals: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)

    def apply(self, *objects: JSON) -> None:
        """Applies each, definitions and namespaces first; AssertionError tells the server's refusal."""
        for body in sorted(objects, key=lambda one: one["kind"] not in FIRST):
            answer = self.client.patch(
                self.path_of(body),
                params={"fieldManager": "helm", "fieldValidation": "Strict", "force": "true"},
                headers={"content-type": "application/apply-patch+yaml"},
                json=body,
            )
            assert answer.is_success, f"{body['kind']} {body['metadata']['name']}: {answer.text}"
            self.warnings += answer.headers.get_list("warning")

    def path_of(self, body: JSON) -> str:
        """Where the object is, by discovery."""
        version, metadata = body["apiVersion"], body["metadata"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        plural, is_namespaced = self._resource(root, body["kind"])
        middle = f"/namespaces/{metadata.get('namespace', 'default')}" if is_namespaced else ""
        return f"{root}{middle}/{plural}/{metadata['name']}"

    def _resource(self, root: str, kind: str) -> tuple[str, bool]:
        if (root, kind) not in self._plurals:
            found = self.client.get(root).raise_for_status().json()["resources"]
            self._plurals |= {
                (root, one["kind"]): (one["name"], one["namespaced"])
                for one in found
                if "/" not in one["name"]
            }
        return self._plurals[root, kind]


def namespace(name: str) -> JSON:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def install(client: httpx.Client, values: JSON, name: str = "scim-operator") -> list[str]:
    """Applies the release; the warnings that the server gave."""
    installer = Installer(client)
    known = [body for body in rendered(values, name) if not body["apiVersion"].startswith(FOREIGN_GROUPS)]
    installer.apply(namespace(NAMESPACE), *known)
    return installer.warnings


def service_account_token(client: httpx.Client, name: str) -> str:
    """A token of the release's ServiceAccount, as the kubelet asks for it (TokenRequest)."""
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{name}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    return str(client.post(path, json=body).raise_for_status().json()["status"]["token"])


def sweep(client: httpx.Client, namespaces: Iterable[str] = ("default", NAMESPACE)) -> None:
    """Deletes what tests and operators left: there is no controller that would."""
    ours = "/apis/scim-operator.dev/v1alpha1/namespaces/{}/"
    kinds = [
        *(ours + plural for plural in ("scimintegrations", "groupmappings", "seatlimits", "oktaorgs")),
        *(f"/api/v1/namespaces/{{}}/{plural}" for plural in ("secrets", "configmaps", "events")),
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    ]
    for path in (kind.format(name) for name in namespaces for kind in kinds):
        _let_go(client, path)
        answer = client.delete(path)
        assert answer.is_success or answer.status_code == 404, answer.text


def _let_go(client: httpx.Client, path: str) -> None:
    for item in client.get(path).json().get("items", []):
        if item["metadata"].get("finalizers"):
            change = {"metadata": {"finalizers": None}}
            headers = {"content-type": "application/merge-patch+json"}
            client.patch(f"{path}/{item['metadata']['name']}", json=change, headers=headers)
