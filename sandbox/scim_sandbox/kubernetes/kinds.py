"""The rules of the few built-in kinds that have some: Secret, ConfigMap, Namespace, Event.

Called through Resource.prepare and the conversions by builtin. Each preparation sets defaults in place and
returns what is wrong, as the strategies in k8s.io/kubernetes/pkg/registry/core do. Every other built-in kind
is stored as it comes: no controller acts on it here.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from controller.schema import findings
from controller.schema.findings import Finding
from scim_sandbox.kubernetes.failures import bad_request

Object = dict[str, Any]

_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_IMMUTABLE = "field is immutable when `immutable` is set"


def prepare_secret(obj: Object, old: Object | None) -> list[Finding]:
    """stringData becomes data; the type is Opaque unless given, and stays."""
    _check_base64(obj.get("data") or {}, "Secret")
    data = dict(obj.get("data") or {})
    texts = obj.pop("stringData", None) or {}
    if not isinstance(texts, dict):
        raise _undecodable("Secret", "stringData must be an object")
    for key, text in texts.items():
        if not isinstance(text, str):
            raise _undecodable("Secret", f"stringData.{key} must be a string")
        data[key] = base64.b64encode(text.encode()).decode()
    obj.pop("data", None)
    if data:
        obj["data"] = data
    obj.setdefault("type", "Opaque")
    found = _key_findings("data", data)
    if old is not None and obj["type"] != old.get("type"):
        found.append(findings.invalid("type", obj["type"], "field is immutable"))
    return found + _immutability(obj, old, ("data",))


def prepare_config_map(obj: Object, old: Object | None) -> list[Finding]:
    """Values are strings, binary ones base64; a key is in one of the two only."""
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise _undecodable("ConfigMap", "json: cannot unmarshal non-string value into Go struct field .data")
    _check_base64(binary, "ConfigMap")
    found = _key_findings("data", data) + _key_findings("binaryData", binary)
    found += [
        findings.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
        for key in data
        if key in binary
    ]
    return found + _immutability(obj, old, ("data", "binaryData"))


def _undecodable(kind: str, why: str) -> Exception:
    return bad_request(f'{kind} in version "v1" cannot be handled as a {kind}: {why}')


def _check_base64(data: Any, kind: str) -> None:
    if not isinstance(data, dict):
        raise _undecodable(kind, "json: cannot unmarshal data: it must be an object")
    for value in data.values():
        try:
            base64.b64decode(value or "", validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise _undecodable(kind, f"illegal base64 data at input byte {_first_bad(value)}") from None


def _first_bad(value: Any) -> int:
    """Where decoding stops; never the value itself, which may be a secret in clear."""
    match = re.match(r"[A-Za-z0-9+/]*", value if isinstance(value, str) else "")
    return match.end() if match else 0


def _key_findings(field: str, data: Object) -> list[Finding]:
    message = (
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
        "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
    )
    return [
        findings.invalid(f"{field}[{key}]", key, message)
        for key in data
        if not _KEY.fullmatch(key) or len(key) > 253
    ]


def _immutability(obj: Object, old: Object | None, fields: tuple[str, ...]) -> list[Finding]:
    if old is None or not old.get("immutable"):
        return []
    found = [findings.forbidden(field, _IMMUTABLE) for field in fields if obj.get(field) != old.get(field)]
    if not obj.get("immutable"):
        found.append(findings.forbidden("immutable", _IMMUTABLE))
    return found


def prepare_namespace(obj: Object, old: Object | None) -> list[Finding]:
    """The label with its name, the finalizer `kubernetes` and the phase that every namespace carries."""
    metadata = obj["metadata"]
    if metadata.get("name"):
        labels = metadata.get("labels") or {}
        metadata["labels"] = {**labels, "kubernetes.io/metadata.name": metadata["name"]}
    if old is None:
        obj["spec"] = {"finalizers": ["kubernetes"]}
        obj["status"] = {"phase": "Active"}
    else:
        obj["spec"] = old.get("spec", {})
    return []


def prepare_event(obj: Object, old: Object | None) -> list[Finding]:
    """An event lives in the namespace of the object it is about; `default` for cluster-scoped ones."""
    involved = obj.get("involvedObject")
    if not isinstance(involved, dict):
        return [findings.required("involvedObject")]
    obj.setdefault("type", "")
    for name in ("reportingComponent", "reportingInstance"):
        obj.setdefault(name, "")
    namespace = obj["metadata"].get("namespace", "")
    wanted = involved.get("namespace") or ""
    if wanted == namespace or (not wanted and namespace in ("default", "kube-system")):
        return []
    return [findings.invalid("involvedObject.namespace", wanted, "does not match event.namespace")]


_EVENT_FIELDS = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_CORE_FIELDS = {new: old for old, new in _EVENT_FIELDS.items()}


def event_from_core(obj: Object) -> Object:
    """A core v1 Event as events.k8s.io/v1 serves it."""
    renamed = {_EVENT_FIELDS.get(name, name): value for name, value in obj.items()}
    return {**renamed, "apiVersion": "events.k8s.io/v1"}


def event_to_core(obj: Object) -> Object:
    """An events.k8s.io/v1 Event as it is stored."""
    return {**{_CORE_FIELDS.get(name, name): value for name, value in obj.items()}, "apiVersion": "v1"}
