"""The built-in kinds: a table, and the Resources made of it.

Called by app at start. Kinds without a rule in `kinds` are stored as they come, so that a chart or a manifest
can be applied and read back; nothing runs a Pod or rolls out a Deployment here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scim_sandbox.kubernetes import kinds
from scim_sandbox.kubernetes.definitions import definition_resource
from scim_sandbox.kubernetes.resources import Column, Object, Registry, Resource


@dataclass(frozen=True)
class _Row:
    group: str
    version: str
    plural: str
    kind: str
    short: str = ""
    flags: str = ""
    """s: status subresource; g: counts generations; c: cluster-scoped; a: in `kubectl get all`."""


_RBAC, _ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
_TABLE = (
    _Row("", "v1", "namespaces", "Namespace", "ns", "cs"),
    _Row("", "v1", "secrets", "Secret"),
    _Row("", "v1", "configmaps", "ConfigMap", "cm"),
    _Row("", "v1", "events", "Event", "ev"),
    _Row("", "v1", "serviceaccounts", "ServiceAccount", "sa"),
    _Row("", "v1", "services", "Service", "svc", "sa"),
    _Row("", "v1", "pods", "Pod", "po", "sa"),
    _Row("", "v1", "nodes", "Node", "no", "sc"),
    _Row("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", "s"),
    _Row("", "v1", "persistentvolumes", "PersistentVolume", "pv", "sc"),
    _Row("", "v1", "resourcequotas", "ResourceQuota", "quota", "s"),
    _Row("", "v1", "limitranges", "LimitRange", "limits"),
    _Row("apps", "v1", "deployments", "Deployment", "deploy", "sga"),
    _Row("apps", "v1", "statefulsets", "StatefulSet", "sts", "sga"),
    _Row("apps", "v1", "daemonsets", "DaemonSet", "ds", "sga"),
    _Row("apps", "v1", "replicasets", "ReplicaSet", "rs", "sga"),
    _Row("batch", "v1", "jobs", "Job", "", "sga"),
    _Row("batch", "v1", "cronjobs", "CronJob", "cj", "sga"),
    _Row("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa", "sa"),
    _Row("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", "netpol", "g"),
    _Row("networking.k8s.io", "v1", "ingresses", "Ingress", "ing", "sg"),
    _Row("networking.k8s.io", "v1", "ingressclasses", "IngressClass", "", "cg"),
    _Row("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", "sg"),
    _Row("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", "pc", "c"),
    _Row(_RBAC, "v1", "roles", "Role"),
    _Row(_RBAC, "v1", "rolebindings", "RoleBinding"),
    _Row(_RBAC, "v1", "clusterroles", "ClusterRole", "", "c"),
    _Row(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", "", "c"),
    _Row(_ADMISSION, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", "", "csg"),
    _Row(_ADMISSION, "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", "", "cg"),
    _Row(_ADMISSION, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", "", "cg"),
    _Row(_ADMISSION, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", "", "cg"),
    _Row("coordination.k8s.io", "v1", "leases", "Lease"),
    _Row("events.k8s.io", "v1", "events", "Event", "ev"),
)


def _age(obj: Object) -> Any:
    return obj["metadata"].get("creationTimestamp")


def _name(obj: Object) -> Any:
    return obj["metadata"]["name"]


NAME = Column("Name", _name, format="name", description="Name must be unique within a namespace.")
AGE = Column("Age", _age, type="date", description="When the object was created.")


def _last_seen(obj: Object) -> Any:
    series = obj.get("series") or {}
    return (
        series.get("lastObservedTime")
        or obj.get("lastTimestamp")
        or obj.get("deprecatedLastTimestamp")
        or obj.get("eventTime")
    )


def _about(obj: Object) -> str:
    involved = obj.get("involvedObject") or obj.get("regarding") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


_EVENT_COLUMNS = (
    Column("Last Seen", _last_seen, type="date"),
    Column("Type", lambda obj: obj.get("type")),
    Column("Reason", lambda obj: obj.get("reason")),
    Column("Object", _about),
    Column("Message", lambda obj: str(obj.get("message") or obj.get("note") or "").strip()),
    Column("Name", _name, priority=1, format="name"),
)
_EVENT_LABELS = {
    **{
        f"involvedObject.{name}": f"involvedObject.{name}"
        for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    },
    "reason": "reason",
    "reportingComponent": "reportingComponent",
    "source": "source.component",
    "type": "type",
}


def _size(*fields: str) -> Any:
    return lambda obj: sum(len(obj.get(field) or {}) for field in fields)


_RULES: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("", "secrets"): {
        "prepare": kinds.prepare_secret,
        "selectable": {"type": "type"},
        "known_fields": frozenset({"data", "stringData", "type", "immutable"}),
        "columns": (NAME, Column("Type", lambda obj: obj.get("type")), Column("Data", _size("data")), AGE),
    },
    ("", "configmaps"): {
        "prepare": kinds.prepare_config_map,
        "known_fields": frozenset({"data", "binaryData", "immutable"}),
        "columns": (NAME, Column("Data", _size("data", "binaryData")), AGE),
    },
    ("", "namespaces"): {
        "prepare": kinds.prepare_namespace,
        "name_rule": "label",
        "selectable": {"status.phase": "status.phase"},
        "known_fields": frozenset({"spec", "status"}),
        "columns": (NAME, Column("Status", lambda obj: (obj.get("status") or {}).get("phase")), AGE),
    },
    ("", "events"): {
        "prepare": kinds.prepare_event,
        "selectable": _EVENT_LABELS,
        "columns": _EVENT_COLUMNS,
    },
    ("", "pods"): {"selectable": {"spec.nodeName": "spec.nodeName", "status.phase": "status.phase"}},
    ("events.k8s.io", "events"): {
        "prepare": kinds.prepare_event,
        "selectable": {
            **{
                label.replace("involvedObject", "regarding"): path.replace("involvedObject", "regarding")
                for label, path in _EVENT_LABELS.items()
                if "." in label
            },
            "reason": "reason",
            "reportingController": "reportingController",
            "type": "type",
        },
        "columns": _EVENT_COLUMNS,
        "storage": ("", "events"),
        "to_storage": kinds.event_to_core,
        "from_storage": kinds.event_from_core,
    },
    ("coordination.k8s.io", "leases"): {
        "unconditional_update": False,
        "known_fields": frozenset({"spec"}),
        "columns": (NAME, Column("Holder", lambda obj: (obj.get("spec") or {}).get("holderIdentity")), AGE),
    },
}


def _resource(row: _Row) -> Resource:
    base = Resource(
        group=row.group,
        version=row.version,
        plural=row.plural,
        kind=row.kind,
        namespaced="c" not in row.flags,
        short_names=(row.short,) if row.short else (),
        categories=("all",) if "a" in row.flags else (),
        has_status="s" in row.flags,
        counts_generations="g" in row.flags,
        columns=(NAME, AGE),
        name_rule="path" if row.group == _RBAC else "subdomain",
    )
    return replace(base, **_RULES.get((row.group, row.plural), {}))


def register_builtin(registry: Registry) -> None:
    """Serves every built-in kind."""
    for row in _TABLE:
        registry.add(_resource(row))
    registry.add(definition_resource())
