"""ObjectMeta: what a client may set, what the server sets, and what is refused.

Called by writes on every write. Pure but for the names it makes up. Rules and wording are those of
apimachinery `api/validation` and of `registry/rest` (BeforeCreate, BeforeUpdate).
"""

from __future__ import annotations

import re
import secrets
import uuid
from typing import Any

from controller.schema import findings
from controller.schema.findings import Finding
from scim_sandbox.kubernetes.failures import bad_request

Object = dict[str, Any]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_ANNOTATIONS_LIMIT = 256 * 1024

_BAD_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com', "
    f"regex used for validation is '{_SUBDOMAIN}')"
)
_BAD_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    f"'{_LABEL}')"
)
_BAD_QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    f"'{_QUALIFIED}')"
)
_BAD_LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
    f"for validation is '{_LABEL_VALUE}')"
)
KNOWN = frozenset(
    {
        "name",
        "generateName",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "labels",
        "annotations",
        "ownerReferences",
        "finalizers",
        "managedFields",
    }
)
CARRIED_OVER = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


def new_identity(metadata: Object, now: str) -> None:
    """Sets what the server gives a new object: uid, creation time, and a name from generateName."""
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"):
        metadata.pop(name, None)
    if metadata.pop("resourceVersion", ""):
        raise bad_request("resourceVersion should not be set on objects to be created")
    if not metadata.get("name") and metadata.get("generateName"):
        base = str(metadata["generateName"])[:58]
        metadata["name"] = base + "".join(secrets.choice(_ALPHABET) for _ in range(5))
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = now


def carry_over(metadata: Object, old: Object) -> None:
    """Puts back what a client cannot change on an existing object."""
    metadata.pop("selfLink", None)
    for name in CARRIED_OVER:
        if name in old:
            metadata[name] = old[name]
        else:
            metadata.pop(name, None)


def tidy(metadata: Object) -> None:
    """Drops empty collections and nulls, as the typed ObjectMeta does when it is encoded."""
    for name in ("labels", "annotations"):
        if metadata.get(name):
            metadata[name] = {key: "" if value is None else value for key, value in metadata[name].items()}
    for name in [name for name, value in metadata.items() if value is None or value in ({}, [], "")]:
        if name != "name":
            del metadata[name]


def drop_unknown(metadata: Object) -> list[str]:
    """Removes what ObjectMeta does not have; the paths removed."""
    unknown = [name for name in metadata if name not in KNOWN]
    for name in unknown:
        del metadata[name]
    return [f"metadata.{name}" for name in unknown]


def shape_faults(metadata: Any) -> str:
    """What of `metadata` has a type that cannot be decoded, or ""."""
    if not isinstance(metadata, dict):
        return "metadata must be an object"
    for name in ("name", "namespace", "generateName", "resourceVersion", "uid"):
        if not isinstance(metadata.get(name) or "", str):
            return f"metadata.{name} must be a string"
    for name in ("labels", "annotations"):
        value = metadata.get(name) or {}
        if not isinstance(value, dict) or not all(isinstance(one, str | None) for one in value.values()):
            return f"metadata.{name} must be an object of strings"
    finalizers = metadata.get("finalizers") or []
    if not isinstance(finalizers, list) or not all(isinstance(one, str) for one in finalizers):
        return "metadata.finalizers must be a list of strings"
    owners = metadata.get("ownerReferences") or []
    if not isinstance(owners, list) or not all(isinstance(one, dict) for one in owners):
        return "metadata.ownerReferences must be a list of objects"
    return ""


def meta_findings(metadata: Object, name_rule: str) -> list[Finding]:
    """What is wrong with the name, labels, annotations, finalizers and owners of an object."""
    return [
        *name_findings(metadata, name_rule),
        *_label_findings(metadata.get("labels") or {}),
        *_annotation_findings(metadata.get("annotations") or {}),
        *_finalizer_findings(metadata.get("finalizers") or []),
        *_owner_findings(metadata.get("ownerReferences") or []),
    ]


def name_findings(metadata: Object, rule: str) -> list[Finding]:
    """`rule` is subdomain, label, or path (RBAC: anything but slashes and dots alone)."""
    name = metadata.get("name") or ""
    if not name:
        return [findings.required("metadata.name", "name or generateName is required")]
    if rule == "path":
        bad = name in (".", "..") or "/" in name or "%" in name
        return [findings.invalid("metadata.name", name, "may not contain '/' or '%'")] if bad else []
    limit, pattern, message = (
        (63, _LABEL, _BAD_LABEL) if rule == "label" else (253, _SUBDOMAIN, _BAD_SUBDOMAIN)
    )
    found = []
    if len(name) > limit:
        found.append(findings.invalid("metadata.name", name, f"must be no more than {limit} characters"))
    if not re.fullmatch(pattern, name):
        found.append(findings.invalid("metadata.name", name, message))
    return found


def _qualified_fault(name: str) -> str:
    prefix, slash, rest = name.rpartition("/")
    if slash and not re.fullmatch(_SUBDOMAIN, prefix):
        return "prefix part " + _BAD_SUBDOMAIN
    if not rest or len(rest) > 63:
        return "name part must be no more than 63 characters" if rest else "name part must be non-empty"
    return "" if re.fullmatch(_QUALIFIED, rest) else _BAD_QUALIFIED


def _label_findings(labels: dict[str, str]) -> list[Finding]:
    found = []
    for key, value in labels.items():
        if fault := _qualified_fault(key):
            found.append(findings.invalid("metadata.labels", key, fault))
        if len(value) > 63:
            found.append(findings.invalid("metadata.labels", value, "must be no more than 63 characters"))
        elif not re.fullmatch(_LABEL_VALUE, value):
            found.append(findings.invalid("metadata.labels", value, _BAD_LABEL_VALUE))
    return found


def _annotation_findings(annotations: dict[str, str]) -> list[Finding]:
    found = []
    for key in annotations:
        if fault := _qualified_fault(key.lower()):
            found.append(findings.invalid("metadata.annotations", key, fault))
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > _ANNOTATIONS_LIMIT:
        found.append(findings.too_long("metadata.annotations", _ANNOTATIONS_LIMIT))
    return found


def _finalizer_findings(names: list[str]) -> list[Finding]:
    found = []
    for name in names:
        if fault := _qualified_fault(name):
            found.append(findings.invalid("metadata.finalizers", name, fault))
    return found


def _owner_findings(owners: list[Object]) -> list[Finding]:
    found = []
    for place, owner in enumerate(owners):
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                message = "must not be empty"
                found.append(
                    findings.invalid(
                        f"metadata.ownerReferences[{place}].{name}", owner.get(name) or "", message
                    )
                )
    return found


def finalizer_findings(new: Object, old: Object) -> list[Finding]:
    """While an object is being deleted finalizers may only be taken away."""
    if "deletionTimestamp" not in old:
        return []
    added = [name for name in new.get("finalizers") or [] if name not in (old.get("finalizers") or [])]
    if not added:
        return []
    listed = ", ".join(findings.go_quote(name) for name in added)
    message = (
        "no new finalizers can be added if the object is being deleted, "
        f"found new finalizers []string{{{listed}}}"
    )
    return [findings.forbidden("metadata.finalizers", message)]
