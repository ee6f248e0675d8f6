"""Create, update, patch, apply and delete: the pipeline from a request's document to the store.

Called by app with a decoded body. Each write: identity, conversion, pruning and defaults, the kind's own
preparation, validation, generation, field ownership, no-op check, then the store. The order and the refusals
follow k8s.io/apiserver `registry/generic` and `endpoints/handlers`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from controller.clock import Clock, rfc3339
from controller.schema import findings
from controller.schema.findings import Finding
from scim_sandbox.kubernetes import metadata as meta
from scim_sandbox.kubernetes.apply import applied
from scim_sandbox.kubernetes.failures import (
    Refusal,
    already_exists,
    bad_request,
    conflict,
    invalid,
    not_found,
)
from scim_sandbox.kubernetes.fields import (
    Entry,
    after_update,
    applied_paths,
    compared,
    parse_entries,
)
from scim_sandbox.kubernetes.lifecycle import Lifecycle, is_held
from scim_sandbox.kubernetes.resources import Object, Resource
from scim_sandbox.kubernetes.store import Store, copied, encode, is_same

STATUS = "status"


@dataclass
class Options:
    """The query parameters of a write, and the warnings that it collects for the answer's headers."""

    dry_run: bool = False
    manager: str = "unknown"
    has_manager: bool = False
    field_validation: str = "Warn"
    force: bool = False
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Target:
    """The object that a request names."""

    resource: Resource
    namespace: str
    name: str = ""
    subresource: str = ""


class Writer:
    """Every change of stored objects."""

    def __init__(self, store: Store, lifecycle: Lifecycle, clock: Clock) -> None:
        self._store, self._lifecycle, self._clock = store, lifecycle, clock

    def create(self, target: Target, document: Object, options: Options) -> Object:
        """The object as stored. Refusals: 400, 404 namespace, 409 AlreadyExists, 422."""
        obj = self._identified(target, copied(document))
        return self._create(target, obj, options, None)

    def _create(self, target: Target, obj: Object, options: Options, entries: list[Entry] | None) -> Object:
        resource = target.resource
        obj = resource.to_storage(obj)
        metadata = obj["metadata"]
        meta.new_identity(metadata, rfc3339(self._clock.now()))
        self._lifecycle.check_room(resource, target.namespace, metadata.get("name") or "")
        if resource.has_status:
            obj.pop(STATUS, None)
        self._refuse_unknown(target, obj, options, _decoding_error)
        if resource.counts_generations:
            metadata["generation"] = 1
        self._check(resource, obj, None)
        if self._store.get(resource.storage, (target.namespace, metadata["name"])) is not None:
            raise already_exists(resource.group, resource.plural, metadata["name"])
        if entries is None:
            changed, _ = compared({}, obj, resource.shape)
            entries = after_update([], self._writer(target, options, "Update"), changed, frozenset())
        _set_managed(obj, entries)
        if options.dry_run:
            return resource.from_storage(obj)
        return resource.from_storage(self._lifecycle.put(resource, obj).obj)

    def replace(self, target: Target, document: Object, options: Options) -> Object:
        """PUT. Refusals: 400, 404, 409 Conflict, 422."""
        old = self._existing(target)
        new = self._identified(target, copied(document))
        version = new["metadata"].get("resourceVersion") or ""
        resource = target.resource
        if not version and not resource.unconditional_update:
            message = findings.invalid("metadata.resourceVersion", 0, "must be specified for an update")
            raise invalid(resource.group, resource.plural, target.name, [message])
        return self._update(target, old, new, options, _decoding_error)

    def patch(
        self, target: Target, change: Callable[[Object], Any], options: Options, *, shown: bytes = b""
    ) -> Object:
        """PATCH with what `change` makes of the object as served. Refusals: 400, 404, 409, 422."""
        old = self._existing(target)
        served = target.resource.from_storage(old)
        result = change(served)
        if not isinstance(result, dict):
            raise bad_request("the patched document is not an object")
        new = self._identified(target, copied(result))
        if new["metadata"].get("resourceVersion") == old["metadata"]["resourceVersion"]:
            new["metadata"].pop("resourceVersion")
        return self._update(target, old, new, options, _patch_error)

    def apply(self, target: Target, config: Object, options: Options) -> tuple[Object, bool]:
        """Server-side apply: the object and whether it was created. Refusals: 400, 404, 409, 422."""
        if not options.has_manager:
            fault = findings.required("fieldManager", "is required for apply patch")
            raise invalid("meta.k8s.io", "PatchOptions", "", [fault])
        resource = target.resource
        config = self._identified(target, copied(config))
        if config["metadata"].pop("managedFields", None):
            raise bad_request("metadata.managedFields must be nil")
        self._refuse_undeclared(target, config)
        if target.subresource == STATUS:
            config = {
                name: config[name] for name in config if name in ("apiVersion", "kind", "metadata", STATUS)
            }
        elif resource.has_status:
            config.pop(STATUS, None)
        writer = self._writer(target, options, "Apply")
        stored = self._store.get(resource.storage, (target.namespace, target.name))
        if stored is None and not target.subresource:
            entries = [Entry(**{**writer.__dict__, "paths": applied_paths(config, resource.shape)})]
            return self._create(target, config, options, entries), True
        live = resource.from_storage(self._existing(target))
        before = _entries(live["metadata"].get("managedFields"))
        wanted = {**config, "metadata": {**config["metadata"]}}
        version = wanted["metadata"].pop("resourceVersion", "")
        merged, entries = applied(live, wanted, resource.shape, before, writer, force=options.force)
        new = copied(merged)
        new["metadata"]["resourceVersion"] = version
        return self._update(target, self._existing(target), new, options, _decoding_error, entries), False

    def _update(
        self,
        target: Target,
        old: Object,
        new: Object,
        options: Options,
        explain: Callable[[Target, list[str], Object], Refusal],
        entries: list[Entry] | None = None,
    ) -> Object:
        resource = target.resource
        self._refuse_stale(target, old, new)
        claimed = new["metadata"].get("managedFields")
        new = self._limited(target, old, resource.to_storage(new))
        self._refuse_unknown(target, new, options, explain)
        self._check(resource, new, old, target.subresource)
        if resource.counts_generations and not is_same(_content(resource, new), _content(resource, old)):
            new["metadata"]["generation"] = int(old["metadata"].get("generation") or 0) + 1
        if entries is None:
            entries = self._updated_entries(target, old, new, claimed, options)
        _set_managed(new, entries)
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        return resource.from_storage(self._stored(resource, old, new, options))

    def _stored(self, resource: Resource, old: Object, new: Object, options: Options) -> Object:
        if is_same(new, old):
            return old
        if options.dry_run:
            return new
        if "deletionTimestamp" in new["metadata"] and not is_held(resource, new):
            return self._lifecycle.remove(resource, new).obj
        return self._lifecycle.put(resource, new).obj

    def _updated_entries(
        self, target: Target, old: Object, new: Object, claimed: Any, options: Options
    ) -> list[Entry]:
        """Who owns what after an update; clients may rewrite managedFields, `[{}]` resets them."""
        entries = _entries(old["metadata"].get("managedFields"))
        if not target.subresource and claimed != old["metadata"].get("managedFields"):
            entries = [] if claimed == [{}] else _entries(claimed) or entries
        changed, removed = compared(old, new, target.resource.shape)
        return after_update(entries, self._writer(target, options, "Update"), changed, removed)

    def _writer(self, target: Target, options: Options, operation: str) -> Entry:
        return Entry(
            manager=options.manager,
            operation=operation,
            api_version=target.resource.api_version,
            subresource=target.subresource,
            time=rfc3339(self._clock.now()),
        )

    def _existing(self, target: Target) -> Object:
        resource = target.resource
        stored = self._store.get(resource.storage, (target.namespace, target.name))
        if stored is None:
            raise not_found(resource.group, resource.plural, target.name)
        return stored.obj

    def _identified(self, target: Target, obj: Object) -> Object:
        """`obj` (changed in place) once its apiVersion, kind, name and namespace agree with the request."""
        resource = target.resource
        _check_type(resource, obj)
        metadata = obj.setdefault("metadata", {})
        if metadata is None:
            metadata = obj["metadata"] = {}
        if fault := meta.shape_faults(metadata):
            kind, version = resource.kind, resource.version
            raise bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {fault}')
        if (metadata.get("namespace") or target.namespace) != target.namespace:
            message = "the namespace of the provided object does not match the namespace sent on the request"
            raise bad_request(message)
        if target.namespace:
            metadata["namespace"] = target.namespace
        if target.name and (metadata.get("name") or target.name) != target.name:
            given = metadata["name"]
            raise bad_request(
                f"the name of the object ({given}) does not match the name on the URL ({target.name})"
            )
        if target.name:
            metadata["name"] = target.name
        return obj

    def _refuse_stale(self, target: Target, old: Object, new: Object) -> None:
        resource, metadata = target.resource, new["metadata"]
        version = metadata.get("resourceVersion") or ""
        if version and version != old["metadata"]["resourceVersion"]:
            raise conflict(resource.group, resource.plural, target.name)
        current = old["metadata"]["uid"]
        uid = metadata.get("uid") or current
        if uid != current:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {current}"
            raise conflict(resource.group, resource.plural, target.name, why)

    def _limited(self, target: Target, old: Object, new: Object) -> Object:
        """`new` with what this endpoint may not change put back: status, or everything but status."""
        if target.subresource == STATUS:
            limited = {**copied(old), STATUS: new.get(STATUS)}
            if limited[STATUS] is None:
                del limited[STATUS]
            return limited
        if target.resource.has_status:
            new.pop(STATUS, None)
            if STATUS in old:
                new[STATUS] = copied(old[STATUS])
        meta.carry_over(new["metadata"], old["metadata"])
        return new

    def _refuse_unknown(
        self,
        target: Target,
        obj: Object,
        options: Options,
        explain: Callable[[Target, list[str], Object], Refusal],
    ) -> None:
        """Prunes unknown fields and sets defaults in place; Strict refuses, Warn warns."""
        resource = target.resource
        unknown = meta.drop_unknown(obj["metadata"])
        if resource.structural is not None:
            unknown += resource.structural.prune(obj)
            resource.structural.default(obj)
        elif resource.known_fields is not None:
            extra = [
                name for name in obj if name not in resource.known_fields | {"apiVersion", "kind", "metadata"}
            ]
            for name in extra:
                del obj[name]
            unknown += extra
        if unknown and options.field_validation == "Strict":
            raise explain(target, unknown, obj)
        if options.field_validation == "Warn":
            options.warnings.extend(f'unknown field "{path}"' for path in unknown)

    def _refuse_undeclared(self, target: Target, config: Object) -> None:
        structural = target.resource.structural
        unknown = structural.prune(copied(config)) if structural is not None else []
        if unknown:
            where = f"{target.namespace}/{target.name}" if target.namespace else target.name
            resource = target.resource
            raise Refusal(
                500,
                "",
                f"failed to create typed patch object ({where}; {resource.api_version}, "
                f"Kind={resource.kind}): .{unknown[0]}: field not declared in schema",
            )

    def _check(self, resource: Resource, obj: Object, old: Object | None, subresource: str = "") -> None:
        metadata = obj["metadata"]
        meta.tidy(metadata)
        found: list[Finding] = [
            *(meta.meta_findings(metadata, resource.name_rule)),
            *(meta.finalizer_findings(metadata, old["metadata"]) if old is not None else []),
        ]
        if resource.structural is not None:
            found += resource.structural.validate(obj, old, subresource=subresource)
        if not found or resource.structural is None:
            found += resource.prepare(obj, old)
        if found:
            raise invalid(resource.group, resource.kind, metadata.get("name") or "", found)

    def delete(self, target: Target, body: Object, options: Options) -> Object:
        """A Success Status, or the object where finalizers hold it. Refusals: 404, 409."""
        resource, obj = target.resource, self._existing(target)
        _check_preconditions(target, obj, body.get("preconditions") or {})
        if options.dry_run:
            gone, after = True, obj
        else:
            after, gone = self._lifecycle.delete(resource, obj)
        if not gone:
            return resource.from_storage(after)
        details = {"name": target.name, "group": resource.group, "kind": resource.plural}
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {
                **{key: value for key, value in details.items() if value},
                "uid": obj["metadata"]["uid"],
            },
        }

    def delete_listed(self, resource: Resource, objects: list[Object], options: Options) -> None:
        """Deletes these objects, as stored; those already gone are passed over."""
        for obj in objects:
            namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
            stored = self._store.get(resource.storage, (namespace, name))
            if stored is not None and not options.dry_run:
                self._lifecycle.delete(resource, stored.obj)


def _check_type(resource: Resource, obj: Object) -> None:
    kind, version = obj.get("kind") or "", obj.get("apiVersion") or ""
    if not kind and not resource.is_custom:
        obj["kind"] = kind = resource.kind
    if not version and not resource.is_custom:
        obj["apiVersion"] = version = resource.api_version
    if not kind:
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): Kind is missing"
        )
    if version != resource.api_version:
        message = (
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
        raise bad_request(message)
    if kind != resource.kind:
        name = obj.get("metadata", {}).get("name") or "" if isinstance(obj.get("metadata"), dict) else ""
        if not resource.is_custom:
            raise bad_request(
                f"the kind in the data ({kind}) does not match the expected kind ({resource.kind})"
            )
        fault = findings.invalid("kind", kind, f"must be {resource.kind}")
        raise invalid(resource.group, kind, name, [fault])


def _content(resource: Resource, obj: Object) -> Object:
    """What makes a new generation when it changes."""
    ignored = ("metadata", STATUS) if resource.has_status else ("metadata",)
    return {name: value for name, value in obj.items() if name not in ignored}


def _entries(managed: Any) -> list[Entry]:
    try:
        return parse_entries(managed)
    except ValueError:
        return []


def _set_managed(obj: Object, entries: list[Entry]) -> None:
    ordered = sorted(entries, key=lambda one: (one.operation, one.time, one.manager, one.subresource))
    rendered = [entry.rendered() for entry in ordered]
    if rendered:
        obj["metadata"]["managedFields"] = rendered
    else:
        obj["metadata"].pop("managedFields", None)


def _strict(unknown: list[str]) -> str:
    return "strict decoding error: " + ", ".join(f'unknown field "{path}"' for path in unknown)


def _decoding_error(target: Target, unknown: list[str], obj: Object) -> Refusal:
    kind, version = target.resource.kind, target.resource.version
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {_strict(unknown)}')


def _patch_error(target: Target, unknown: list[str], obj: Object) -> Refusal:
    fault = findings.invalid("patch", encode(obj).decode(), _strict(unknown))
    return invalid("", "", "", [fault])


def _check_preconditions(target: Target, obj: Object, wanted: Object) -> None:
    resource, actual = target.resource, obj["metadata"]
    for field_name, label in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        value = wanted.get(field_name)
        if value and value != actual[field_name]:
            why = (
                f"the {label} in the precondition ({value}) does not match the {label} in record "
                f"({actual[field_name]}). The object might have been "
                + ("deleted and then recreated" if field_name == "uid" else "modified")
            )
            raise conflict(resource.group, resource.kind, target.name, why)
