"""Birth and death of objects: what must exist first, finalizers, and what goes away with its container.

Called by writes. In a cluster the namespace controller and the CRD finalizer do the last part in their own
time; here a deleted namespace or definition deletes what it contains at once, waits for finalizers, and then
goes. Owner references are not collected: there is no garbage collector.
"""

from __future__ import annotations

from controller.clock import Clock, rfc3339
from scim_sandbox.kubernetes import definitions
from scim_sandbox.kubernetes.definitions import CLEANUP
from scim_sandbox.kubernetes.failures import Refusal, forbidden, not_found
from scim_sandbox.kubernetes.resources import Object, Registry, Resource
from scim_sandbox.kubernetes.store import Store, Stored

NAMESPACES = ("", "namespaces")
PERMANENT = ("default", "kube-system", "kube-public", "kube-node-lease")
_UNDELETABLE = ("default", "kube-system", "kube-public")


def is_held(resource: Resource, obj: Object) -> bool:
    """Whether finalizers keep a deleted `obj` alive; a namespace has one of its own in spec."""
    if obj["metadata"].get("finalizers"):
        return True
    return resource.storage == NAMESPACES and bool((obj.get("spec") or {}).get("finalizers"))


class Lifecycle:
    """Writes to the store and everything that follows from them."""

    def __init__(self, store: Store, registry: Registry, clock: Clock) -> None:
        self._store, self._registry, self._clock = store, registry, clock

    def check_room(self, resource: Resource, namespace: str, name: str) -> None:
        """Refuses a create where the namespace is missing or where the container is being deleted."""
        if resource.namespaced:
            stored = self._store.get(NAMESPACES, ("", namespace))
            if stored is None:
                raise not_found("", "namespaces", namespace)
            if "deletionTimestamp" in stored.obj["metadata"]:
                raise _namespace_terminating(resource, namespace, name)
        definition = self._definition_of(resource)
        if definition is not None and "deletionTimestamp" in definition["metadata"]:
            message = "create not allowed while custom resource definition is terminating"
            raise Refusal(405, "MethodNotAllowed", message)

    def _definition_of(self, resource: Resource) -> Object | None:
        if not resource.is_custom:
            return None
        stored = self._store.get(definitions.TABLE, ("", resource.qualified))
        return None if stored is None else stored.obj

    def put(self, resource: Resource, obj: Object) -> Stored:
        """Stores `obj`; a definition is served from then on."""
        stored = self._store.put(resource.storage, obj)
        if resource.storage == definitions.TABLE:
            self._establish(stored.obj)
        return stored

    def remove(self, resource: Resource, obj: Object) -> Stored:
        """Removes `obj` for good, and its container if that waited for it."""
        stored = self._store.remove(resource.storage, obj)
        if resource.storage == definitions.TABLE:
            self._withdraw(obj)
        if namespace := obj["metadata"].get("namespace"):
            self._finish_namespace(namespace)
        if (definition := self._definition_of(resource)) is not None:
            self._finish_definition(definition)
        return stored

    def delete(self, resource: Resource, obj: Object) -> tuple[Object, bool]:
        """The object after the request and whether it is gone; held ones are only marked."""
        if resource.storage == NAMESPACES and obj["metadata"]["name"] in _UNDELETABLE:
            name = obj["metadata"]["name"]
            raise forbidden("", "namespaces", name, "this namespace may not be deleted")
        if "deletionTimestamp" in obj["metadata"]:
            return obj, False
        marked = self.marked(resource, obj)
        if not is_held(resource, marked):
            return self.remove(resource, obj).obj, True
        stored = self.put(resource, marked)
        self._drain(resource, stored.obj)
        return stored.obj, False

    def marked(self, resource: Resource, obj: Object) -> Object:
        """`obj` with a deletion time; what has contents also says that they are being deleted."""
        now = rfc3339(self._clock.now())
        metadata = {**obj["metadata"], "deletionTimestamp": now, "deletionGracePeriodSeconds": 0}
        if resource.counts_generations:
            metadata["generation"] = int(metadata.get("generation") or 0) + 1
        marked = {**obj, "metadata": metadata}
        if resource.storage == NAMESPACES:
            del metadata["deletionGracePeriodSeconds"]
            marked["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
        if resource.storage == definitions.TABLE:
            marked = definitions.terminating(marked, now)
        return marked

    def _drain(self, resource: Resource, container: Object) -> None:
        """Deletes what a namespace or a definition contains, then the container if nothing is held."""
        if resource.storage == NAMESPACES:
            namespace = container["metadata"]["name"]
            for inner, stored in self._contents(namespace):
                self.delete(inner, stored.obj)
            self._finish_namespace(namespace)
        if resource.storage == definitions.TABLE:
            spec = container["spec"]
            table = (spec["group"], spec["names"]["plural"])
            served = self._registry.storages().get(table)
            for stored in list(self._store.items(table)) if served else []:
                assert served is not None
                self.delete(served, stored.obj)
            self._finish_definition(container)

    def _contents(self, namespace: str) -> list[tuple[Resource, Stored]]:
        return [
            (resource, stored)
            for table, resource in self._registry.storages().items()
            if resource.namespaced
            for stored in self._store.items(table)
            if stored.obj["metadata"].get("namespace") == namespace
        ]

    def _finish_namespace(self, name: str) -> None:
        stored = self._store.get(NAMESPACES, ("", name))
        if stored is None or "deletionTimestamp" not in stored.obj["metadata"] or self._contents(name):
            return
        obj = {**stored.obj, "spec": {}}
        if obj["metadata"].get("finalizers"):
            self._store.put(NAMESPACES, obj)
        else:
            self._store.remove(NAMESPACES, obj)

    def _finish_definition(self, definition: Object) -> None:
        stored = self._store.get(definitions.TABLE, ("", definition["metadata"]["name"]))
        if stored is None or "deletionTimestamp" not in stored.obj["metadata"]:
            return
        spec = definition["spec"]
        if self._store.items((spec["group"], spec["names"]["plural"])):
            return
        metadata = stored.obj["metadata"]
        left = [name for name in metadata.get("finalizers") or [] if name != CLEANUP]
        if left:
            self._store.put(definitions.TABLE, {**stored.obj, "metadata": {**metadata, "finalizers": left}})
        else:
            without = {name: value for name, value in metadata.items() if name != "finalizers"}
            self._store.remove(definitions.TABLE, {**stored.obj, "metadata": without})
            self._withdraw(stored.obj)

    def _establish(self, definition: Object) -> None:
        spec = definition["spec"]
        accepted = definitions.established(definition, self._clash(spec), rfc3339(self._clock.now()))
        if accepted != definition:
            self._store.put(definitions.TABLE, accepted)
        conditions = {one["type"]: one["status"] for one in accepted["status"]["conditions"]}
        if conditions.get("Established") == "True":
            self._registry.discard(spec["group"], spec["names"]["plural"])
            for resource in definitions.resources_of(accepted):
                self._registry.add(resource)

    def _clash(self, spec: Object) -> str:
        """Which name of a definition another kind of its group already has; "" where none."""
        names = spec["names"]
        wanted = {names["kind"], names["listKind"], names["singular"], *(names.get("shortNames") or ())}
        for resource in self._registry.storages().values():
            if resource.group != spec["group"] or resource.plural == names["plural"]:
                continue
            taken = {resource.kind, resource.list_kind, resource.singular, *resource.short_names}
            if both := sorted(wanted & taken):
                return f'"{both[0]}" is already in use'
        return ""

    def _withdraw(self, definition: Object) -> None:
        spec = definition["spec"]
        self._registry.discard(spec["group"], spec["names"]["plural"])
        self._store.drop((spec["group"], spec["names"]["plural"]))


def _namespace_terminating(resource: Resource, namespace: str, name: str) -> Refusal:
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    refusal = forbidden(resource.group, resource.plural, name, why)
    assert refusal.details is not None
    message = f"namespace {namespace} is being terminated"
    cause = {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
    refusal.details["causes"] = [cause]
    return refusal
