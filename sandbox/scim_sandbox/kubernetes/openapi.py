"""OpenAPI v3 documents: what `kubectl explain`, `apply` and `diff` read before they do anything.

Called by app. Pure: a view of the registry, made once per change of it. Custom kinds show their schema;
built-in kinds, which have none here, show metadata and open content. Paths carry what kubectl looks for:
the kind a path serves, and that writes take dryRun and fieldValidation.
"""

from __future__ import annotations

import hashlib
from typing import Any

from scim_sandbox.kubernetes.patch import APPLY, JSON, MERGE, STRATEGIC
from scim_sandbox.kubernetes.resources import Object, Registry, Resource
from scim_sandbox.kubernetes.store import encode

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_REF = "#/components/schemas/"
_API_VERSION = (
    "APIVersion defines the versioned schema of this representation of an object. "
    "Servers should convert recognized schemas to the latest internal value."
)
_KIND = "Kind is a string value representing the REST resource this object represents. Cannot be updated."
_STRINGS = {"type": "object", "additionalProperties": {"type": "string", "default": ""}}
_OBJECT_META: Object = {
    "type": "object",
    "description": "ObjectMeta is metadata that all persisted resources must have.",
    "properties": {
        "name": {"type": "string", "description": "Name must be unique within a namespace."},
        "generateName": {"type": "string", "description": "Prefix of a name that the server completes."},
        "namespace": {"type": "string", "description": "The space within which the name is unique."},
        "labels": {**_STRINGS, "description": "Keys and values that selectors match."},
        "annotations": {**_STRINGS, "description": "Keys and values that are stored and not matched."},
        "finalizers": {
            "type": "array",
            "items": {"type": "string", "default": ""},
            "description": "Must be empty before the object is deleted from the registry.",
            "x-kubernetes-list-type": "set",
            "x-kubernetes-patch-strategy": "merge",
        },
        "ownerReferences": {
            "type": "array",
            "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "description": "Objects that this one depends on.",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["uid"],
            "x-kubernetes-patch-merge-key": "uid",
            "x-kubernetes-patch-strategy": "merge",
        },
        "uid": {"type": "string", "description": "Unique in time and space. Set by the server."},
        "resourceVersion": {"type": "string", "description": "The version of this object. Opaque."},
        "generation": {
            "type": "integer",
            "format": "int64",
            "description": "The version of the desired state.",
        },
        "creationTimestamp": {"type": "string", "format": "date-time", "description": "Set by the server."},
        "deletionTimestamp": {"type": "string", "format": "date-time", "description": "Set by the server."},
        "deletionGracePeriodSeconds": {
            "type": "integer",
            "format": "int64",
            "description": "Set by the server.",
        },
        "managedFields": {
            "type": "array",
            "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "description": "Who set which field.",
            "x-kubernetes-list-type": "atomic",
        },
    },
}
_PARAMETERS: dict[str, str] = {
    "dryRun": "All: process the request and persist nothing.",
    "fieldManager": "Name of the actor that makes the change.",
    "fieldValidation": "Ignore, Warn or Strict: what to do about unknown fields.",
}


# A gnostic openapi_v2.Document with its `swagger` field alone. kubectl reads version 2 only as protobuf, for
# what version 3 does not tell (a `kind: List`), and takes kinds that it does not find there as they are.
# The @ in the type that it accepts is no part of a valid media type: the answer's has a dot instead.
V2_ACCEPTED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
V2_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
V2_DOCUMENT = b"\x0a\x032.0"


class Documents:
    """The index and a document per group-version; rebuilt when the registry has changed."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._changes = -1
        self._encoded: dict[str, bytes] = {}

    def _current(self) -> dict[str, bytes]:
        if self._changes != self._registry.changes:
            self._changes = self._registry.changes
            self._encoded = {
                _path(group, version): encode(_document(self._registry.of_version(group, version) or []))
                for group, versions in self._registry.groups().items()
                for version in versions
            }
        return self._encoded

    def index(self) -> Object:
        """GET /openapi/v3."""
        paths = {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={_hash(body)}"}
            for path, body in self._current().items()
        }
        return {"paths": paths}

    def document(self, path: str) -> bytes | None:
        """GET /openapi/v3/PATH as JSON, or None where no such group-version is served."""
        return self._current().get(path)


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest().upper()


def _document(resources: list[Resource]) -> Object:
    schemas: dict[str, Any] = {_META: _OBJECT_META}
    paths: dict[str, Any] = {}
    for resource in resources:
        schemas[_name(resource)] = _schema(resource)
        schemas[_name(resource) + "List"] = _list_schema(resource)
        paths.update(_paths(resource))
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.36.2"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _name(resource: Resource) -> str:
    if resource.is_custom:
        reverse = ".".join(reversed(resource.group.split(".")))
        return f"{reverse}.{resource.version}.{resource.kind}"
    group = resource.group.split(".")[0] or "core"
    return f"io.k8s.api.{group}.{resource.version}.{resource.kind}"


def _gvk(resource: Resource) -> Object:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _schema(resource: Resource) -> Object:
    source = dict(resource.schema or {})
    properties = {
        **(source.get("properties") or {}),
        "apiVersion": {"type": "string", "description": _API_VERSION},
        "kind": {"type": "string", "description": _KIND},
        "metadata": {
            "allOf": [{"$ref": _REF + _META}],
            "default": {},
            "description": "Standard object metadata.",
        },
    }
    if resource.schema is None:
        source["x-kubernetes-preserve-unknown-fields"] = True
        for name in sorted(
            resource.known_fields or {"spec"} | ({"status"} if resource.has_status else set())
        ):
            properties[name] = {"x-kubernetes-preserve-unknown-fields": True}
    return {
        **source,
        "type": "object",
        "description": resource.description or f"{resource.kind} of {resource.api_version}.",
        "properties": properties,
        "x-kubernetes-group-version-kind": [_gvk(resource)],
    }


def _list_schema(resource: Resource) -> Object:
    return {
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string", "description": _API_VERSION},
            "kind": {"type": "string", "description": _KIND},
            "items": {"type": "array", "items": {"$ref": _REF + _name(resource)}},
            "metadata": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
        "x-kubernetes-group-version-kind": [{**_gvk(resource), "kind": resource.list_kind}],
    }


def _paths(resource: Resource) -> Object:
    root = f"/{_path(resource.group, resource.version)}"
    if resource.namespaced:
        collection = f"{root}/namespaces/{{namespace}}/{resource.plural}"
    else:
        collection = f"{root}/{resource.plural}"
    item = {
        "get": _operation(resource, "get", ()),
        "put": _operation(resource, "put", ("application/json",)),
        "patch": _operation(resource, "patch", _patch_types(resource), "force"),
        "delete": _operation(resource, "delete", ()),
    }
    paths: Object = {
        collection: {
            "get": _operation(resource, "list", ()),
            "post": _operation(resource, "post", ("application/json",)),
            "delete": _operation(resource, "deletecollection", ()),
        },
        f"{collection}/{{name}}": item,
    }
    if resource.has_status:
        paths[f"{collection}/{{name}}/status"] = {name: item[name] for name in ("get", "put", "patch")}
    if resource.namespaced:
        paths[f"{root}/{resource.plural}"] = {"get": _operation(resource, "list", ())}
    return paths


def _patch_types(resource: Resource) -> tuple[str, ...]:
    return (JSON, MERGE, APPLY) if resource.is_custom else (JSON, MERGE, STRATEGIC, APPLY)


def _operation(resource: Resource, action: str, media_types: tuple[str, ...], *extra: str) -> Object:
    schema = {"$ref": _REF + _name(resource) + ("List" if action == "list" else "")}
    operation: Object = {
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(resource),
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}},
    }
    if media_types:
        names = {**_PARAMETERS, **dict.fromkeys(extra, "Take fields over from other managers.")}
        operation["parameters"] = [
            {
                "name": name,
                "in": "query",
                "description": text,
                "schema": {"type": "string", "uniqueItems": True},
            }
            for name, text in names.items()
        ]
        operation["requestBody"] = {"content": {media: {"schema": schema} for media in media_types}}
    return operation
