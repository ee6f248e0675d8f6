"""What the chart lets the operator's ServiceAccount do on a real API server, and what not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.fixtures import RELEASE, needs_a_real_server
from tests.cluster.release import NAMESPACE, Installer, install, namespace, service_account_token

pytestmark = needs_a_real_server
OURS = "scim-operator.dev"
KINDS = ("oktaorgs", "scimintegrations", "groupmappings", "seatlimits")
FINALIZED = ("oktaorgs", "scimintegrations")
"""What deletionPolicy: Deprovision holds by a finalizer, and so is patched."""
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
Asked = tuple[str, str, str, str]
"""(verb, group, resource, name)."""


def may(client: httpx.Client, asked: Asked, where: str) -> bool:
    verb, group, resource, name = asked
    plural, _, subresource = resource.partition("/")
    attributes = {
        "verb": verb,
        "group": group,
        "resource": plural,
        "subresource": subresource,
        "name": name,
        "namespace": where,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(client.post(REVIEWS, json=body).raise_for_status().json()["status"]["allowed"])


@pytest.fixture(scope="module")
def cluster_wide(plane: ControlPlane, admin: httpx.Client) -> Iterator[httpx.Client]:
    """The operator of the release with the chart's default values."""
    with plane.client(service_account_token(admin, RELEASE)) as client:
        yield client


@pytest.fixture(scope="module")
def confined(plane: ControlPlane, admin: httpx.Client) -> Iterator[httpx.Client]:
    """The operator of a release that watches team-a only and reads one Secret."""
    Installer(admin).apply(namespace("team-a"), namespace("team-b"))
    values: dict[str, Any] = {
        "watchNamespaces": ["team-a"],
        "secrets": {"names": ["okta-api"], "issued": ["issued"]},
        "crds": {"enabled": False},
        "admissionPolicy": {"enabled": False},
    }
    assert install(admin, values, "scim-operator-a") == []
    with plane.client(service_account_token(admin, "scim-operator-a")) as client:
        yield client


@pytest.mark.parametrize("kind", KINDS)
def test_resources_are_read_and_their_status_written_but_never_made_or_deleted(
    cluster_wide: httpx.Client, kind: str
) -> None:
    for verb in ("get", "list", "watch"):
        assert may(cluster_wide, (verb, OURS, kind, ""), "any")
    assert may(cluster_wide, ("patch", OURS, kind, ""), "any") == (kind in FINALIZED)
    assert may(cluster_wide, ("patch", OURS, f"{kind}/status", ""), "any")
    for verb in ("create", "update", "delete", "deletecollection", "approve"):
        assert not may(cluster_wide, (verb, OURS, kind, ""), "any")


REFUSED: list[Asked] = [
    ("list", "", "secrets", ""),
    ("patch", "", "secrets", "s"),
    ("create", "", "secrets", ""),
    ("delete", "", "secrets", "s"),
    ("list", "", "configmaps", ""),
    ("create", "", "configmaps", ""),
    ("patch", "", "configmaps", "coredns"),
    ("update", "", "configmaps", "coredns"),
    ("delete", "", "configmaps", "coredns"),
    ("patch", "", "events", "e"),
    ("list", "", "namespaces", ""),
    ("create", "", "pods", ""),
    ("create", "", "serviceaccounts/token", "default"),
    ("impersonate", "", "users", "admin"),
    ("patch", "", "namespaces", "any"),
    ("patch", "apiextensions.k8s.io", "customresourcedefinitions", ""),
    ("patch", "rbac.authorization.k8s.io", "clusterroles", ""),
    ("get", "coordination.k8s.io", "leases", "l"),
    ("update", "admissionregistration.k8s.io", "validatingadmissionpolicies", ""),
]


@pytest.mark.parametrize("asked", REFUSED, ids=[" ".join(one[:3]) for one in REFUSED])
def test_nothing_else_of_the_cluster_is_open_to_it(cluster_wide: httpx.Client, asked: Asked) -> None:
    assert not may(cluster_wide, asked, "any")


def test_the_lease_is_kept_in_the_namespace_of_the_release_only(cluster_wide: httpx.Client) -> None:
    for verb in ("get", "create", "update"):
        assert may(cluster_wide, (verb, "coordination.k8s.io", "leases", ""), NAMESPACE)


def test_its_state_is_kept_in_the_namespace_of_the_release_only(cluster_wide: httpx.Client) -> None:
    for verb in ("get", "create", "patch", "delete"):
        assert may(cluster_wide, (verb, "", "configmaps", "scim-state-x"), NAMESPACE)
    for verb in ("list", "update", "deletecollection"):
        assert not may(cluster_wide, (verb, "", "configmaps", ""), NAMESPACE)


def test_what_specs_name_is_read_and_watched_everywhere(cluster_wide: httpx.Client) -> None:
    for verb, plural in itertools.product(("get", "watch"), ("secrets", "configmaps")):
        assert may(cluster_wide, (verb, "", plural, "corp-ca"), "any")


def test_a_confined_operator_sees_its_namespaces_and_no_other(confined: httpx.Client) -> None:
    for verb in ("list", "watch", "patch"):
        assert may(confined, (verb, OURS, "scimintegrations", ""), "team-a")
        assert not may(confined, (verb, OURS, "scimintegrations", ""), "team-b")
        assert not may(confined, (verb, OURS, "scimintegrations", ""), "")
    assert may(confined, ("get", "", "namespaces", "team-a"), "team-a")
    assert not may(confined, ("get", "", "namespaces", "team-b"), "team-b")


def test_only_the_secrets_that_are_named_for_it_are_patched(confined: httpx.Client) -> None:
    for verb in ("get", "watch", "patch"):
        assert may(confined, (verb, "", "secrets", "issued"), "team-a")
    for name in ("okta-api", "other", ""):
        assert not may(confined, ("patch", "", "secrets", name), "team-a")


def test_secrets_by_name_are_read_and_watched_by_that_name(confined: httpx.Client) -> None:
    path = "/api/v1/namespaces/team-a/secrets"
    assert confined.get(f"{path}/okta-api").status_code == 404
    watched = {"fieldSelector": "metadata.name=okta-api", "watch": "true", "timeoutSeconds": "1"}
    assert confined.get(path, params=watched).status_code == 200
    assert confined.get(path, params={"fieldSelector": "metadata.name=okta-api"}).status_code == 403
    assert confined.get(path).status_code == 403
    assert confined.get(f"{path}/other").status_code == 403
    assert confined.get(path, params={"fieldSelector": "metadata.name=other"}).status_code == 403
    assert may(confined, ("watch", "", "secrets", "okta-api"), "team-a")
    assert not may(confined, ("get", "", "secrets", "okta-api"), "team-b")
