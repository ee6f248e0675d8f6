"""Discovery: which groups, versions and resources there are, one by one and aggregated.

Called by app. Pure: a view of the registry. The aggregated form (apidiscovery.k8s.io/v2) is what kubectl asks
for; the plain one is what kopf and helm read.
"""

from __future__ import annotations

from collections import OrderedDict

from controller import __version__
from scim_sandbox.kubernetes.resources import Object, Registry, Resource, version_rank
from scim_sandbox.kubernetes.reviews import REVIEWS, Review
from scim_sandbox.kubernetes.reviews import VERSION as REVIEW_VERSION

GROUP_VERSION = "v1.36.2"
_STATUS_VERBS = ("get", "patch", "update")


def version() -> Object:
    """GET /version: the API that is spoken, and in gitCommit what speaks it."""
    return {
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": f"{GROUP_VERSION}+scim-operator-sandbox-{__version__}",
        "gitCommit": f"scim-operator-sandbox-{__version__}",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "python",
        "platform": "any",
    }


def core_versions(address: str) -> Object:
    """GET /api."""
    servers = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": servers}


def _groups(registry: Registry) -> dict[str, list[str]]:
    """Named groups, those of reviews included."""
    groups = {group: list(versions) for group, versions in registry.groups().items() if group}
    for review in REVIEWS:
        versions = groups.setdefault(review.group, [])
        if REVIEW_VERSION not in versions:
            versions.append(REVIEW_VERSION)
    return {group: sorted(versions, key=version_rank) for group, versions in groups.items()}


def group_list(registry: Registry) -> Object:
    """GET /apis."""
    groups = [_group(name, versions) for name, versions in _groups(registry).items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(registry: Registry, name: str) -> Object | None:
    """GET /apis/GROUP, or None where it is not served."""
    versions = _groups(registry).get(name)
    return None if versions is None else {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def resource_list(registry: Registry, group_name: str, version_name: str) -> Object | None:
    """GET /api/v1 or /apis/GROUP/VERSION, or None where it is not served."""
    served = registry.of_version(group_name, version_name)
    reviews = _reviews(group_name, version_name)
    if served is None and not reviews:
        return None
    entries = [entry for resource in served or [] for entry in _plain(resource)]
    entries += [
        {
            "name": review.plural,
            "singularName": review.kind.lower(),
            "namespaced": review.namespaced,
            "kind": review.kind,
            "verbs": ["create"],
        }
        for review in reviews
    ]
    group_version = f"{group_name}/{version_name}" if group_name else version_name
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": sorted(entries, key=lambda entry: str(entry["name"])),
    }


def _reviews(group_name: str, version_name: str) -> list[Review]:
    return [one for one in REVIEWS if (one.group, REVIEW_VERSION) == (group_name, version_name)]


def _plain(resource: Resource) -> list[Object]:
    entry: Object = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if not resource.has_status:
        return [entry]
    status = {
        "name": f"{resource.plural}/status",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(_STATUS_VERBS),
    }
    return [entry, status]


def aggregated(registry: Registry, *, core: bool) -> Object:
    """GET /api (core) or /apis as an apidiscovery.k8s.io/v2 APIGroupDiscoveryList."""
    groups = OrderedDict({"": registry.groups().get("", [])} if core else _groups(registry))
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": name, "creationTimestamp": None},
                "versions": [_version(registry, name, version_name) for version_name in versions],
            }
            for name, versions in groups.items()
        ],
    }


def _version(registry: Registry, group_name: str, version_name: str) -> Object:
    served = registry.of_version(group_name, version_name) or []
    resources = [_discovered(resource) for resource in served]
    resources += [
        {
            "resource": review.plural,
            "responseKind": {"group": review.group, "version": REVIEW_VERSION, "kind": review.kind},
            "scope": "Namespaced" if review.namespaced else "Cluster",
            "singularResource": review.kind.lower(),
            "verbs": ["create"],
        }
        for review in _reviews(group_name, version_name)
    ]
    resources.sort(key=lambda entry: str(entry["resource"]))
    return {"version": version_name, "freshness": "Current", "resources": resources}


def _discovered(resource: Resource) -> Object:
    response = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    entry: Object = {
        "resource": resource.plural,
        "responseKind": response,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.has_status:
        entry["subresources"] = [
            {"subresource": "status", "responseKind": response, "verbs": list(_STATUS_VERBS)}
        ]
    return entry
