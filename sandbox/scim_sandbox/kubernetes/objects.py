"""Requests on resources: which verb on which object, and the answer in the representation asked for.

Called by app with a path that names a resource. Decides nothing about objects; reads, writes and watch do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from controller.clock import Clock
from scim_sandbox.kubernetes.exchange import Answer, Request, Stream, json_answer
from scim_sandbox.kubernetes.failures import Refusal, bad_request, method_not_allowed, unsupported_media
from scim_sandbox.kubernetes.lifecycle import Lifecycle
from scim_sandbox.kubernetes.negotiation import (
    BUILTIN_PATCH_TYPES,
    PATCH_TYPES,
    Accepted,
    accepted,
    decoded,
    media_type,
    parsed,
)
from scim_sandbox.kubernetes.patch import (
    APPLY,
    JSON,
    MERGE,
    json_patched,
    merge_patched,
    strategic_patched,
)
from scim_sandbox.kubernetes.reads import Page, get, list_page, selection
from scim_sandbox.kubernetes.resources import Object, Resource
from scim_sandbox.kubernetes.store import Store, Stored, encode
from scim_sandbox.kubernetes.tables import partial, partial_list, table
from scim_sandbox.kubernetes.watch import Watch
from scim_sandbox.kubernetes.writes import Options, Target, Writer

Reply = Answer | Stream


class Objects:
    """The verbs of every stored resource."""

    def __init__(self, store: Store, lifecycle: Lifecycle, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._writer = Writer(store, lifecycle, clock)

    def handle(self, request: Request, target: Target) -> Reply:
        """The answer; `target.name` "" means the collection. Raises Refusal."""
        if not target.name:
            verbs: dict[str, Callable[[Request, Target], Reply]] = {
                "GET": self._list_or_watch,
                "POST": self._create,
                "DELETE": self._delete_collection,
            }
        else:
            verbs = {"GET": self._get, "PUT": self._replace, "PATCH": self._patch}
            if not target.subresource:
                verbs["DELETE"] = self._delete
        verb = verbs.get(request.method)
        if verb is None:
            raise method_not_allowed(request.method)
        if target.resource.namespaced and not target.namespace and request.method == "POST":
            raise bad_request("an empty namespace may not be set during creation")
        return verb(request, target)

    def _get(self, request: Request, target: Target) -> Answer:
        form = accepted(request.headers.get("accept", ""))
        resource = target.resource
        stored = get(self._store, resource, target.namespace, target.name)
        if not form.form and resource.from_storage(stored.obj) is stored.obj:
            return Answer(stored.encoded())
        return self._one(request, form, resource, resource.from_storage(stored.obj), 200, ())

    def _list_or_watch(self, request: Request, target: Target) -> Reply:
        form = accepted(request.headers.get("accept", ""))
        wanted = selection(target.resource, target.namespace, request.query)
        if request.is_set("watch"):
            return Watch(self._store, wanted, request.query, self._renderer(request, form, target.resource))
        page = list_page(self._store, wanted, request.query)
        return self._listing(request, form, target.resource, page)

    def _renderer(
        self, request: Request, form: Accepted, resource: Resource
    ) -> Callable[[Object], Object] | None:
        if not form.form:
            return None
        if form.form == "PartialObjectMetadata":
            return partial
        include = request.query.get("includeObject", "Metadata")

        def render(obj: Object) -> Object:
            version = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            return table(resource, [obj], version, self._clock.now(), include)

        return render

    def _listing(self, request: Request, form: Accepted, resource: Resource, page: Page) -> Answer:
        list_metadata: Object = {"resourceVersion": str(page.revision)}
        if page.proceed:
            list_metadata["continue"] = page.proceed
        if page.remaining:
            list_metadata["remainingItemCount"] = page.remaining
        served = (resource.from_storage(stored.obj) for stored in page.items)
        if form.form == "Table":
            include = request.query.get("includeObject", "Metadata")
            return json_answer(table(resource, served, list_metadata, self._clock.now(), include))
        if form.form == "PartialObjectMetadata":
            return json_answer(partial_list(served, list_metadata))
        return Answer(_list_body(resource, page.items, list_metadata))

    def _one(
        self,
        request: Request,
        form: Accepted,
        resource: Resource,
        obj: Object,
        code: int,
        warnings: Iterable[str],
    ) -> Answer:
        render = self._renderer(request, form, resource)
        is_status = obj.get("kind") == "Status" and obj.get("apiVersion") == "v1"
        return json_answer(obj if render is None or is_status else render(obj), code, warnings)

    def _create(self, request: Request, target: Target) -> Answer:
        form, options = accepted(request.headers.get("accept", "")), _options(request)
        kind = target.resource.kind
        document = decoded(request.body, media_type(request.headers.get("content-type", "")), kind)
        obj = self._writer.create(target, document, options)
        return self._one(request, form, target.resource, obj, 201, options.warnings)

    def _replace(self, request: Request, target: Target) -> Answer:
        form, options = accepted(request.headers.get("accept", "")), _options(request)
        kind = target.resource.kind
        document = decoded(request.body, media_type(request.headers.get("content-type", "")), kind)
        obj = self._writer.replace(target, document, options)
        return self._one(request, form, target.resource, obj, 200, options.warnings)

    def _patch(self, request: Request, target: Target) -> Answer:
        form, options = accepted(request.headers.get("accept", "")), _options(request)
        resource = target.resource
        kind = media_type(request.headers.get("content-type", ""))
        allowed = PATCH_TYPES if resource.is_custom else BUILTIN_PATCH_TYPES
        if kind not in allowed:
            raise unsupported_media(kind, allowed)
        document = parsed(request.body, kind, resource.kind)
        if kind == APPLY:
            if not isinstance(document, dict):
                raise bad_request("error decoding YAML: an applied configuration must be an object")
            obj, is_new = self._writer.apply(target, document, options)
            return self._one(request, form, resource, obj, 201 if is_new else 200, options.warnings)
        obj = self._writer.patch(target, _change(kind, document, resource), options)
        return self._one(request, form, resource, obj, 200, options.warnings)

    def _delete(self, request: Request, target: Target) -> Answer:
        form, options = accepted(request.headers.get("accept", "")), _options(request)
        body = _delete_options(request, options)
        obj = self._writer.delete(target, body, options)
        return self._one(request, form, target.resource, obj, 200, ())

    def _delete_collection(self, request: Request, target: Target) -> Answer:
        form, options = accepted(request.headers.get("accept", "")), _options(request)
        _delete_options(request, options)
        wanted = selection(target.resource, target.namespace, request.query)
        page = list_page(self._store, wanted, request.query)
        self._writer.delete_listed(target.resource, [stored.obj for stored in page.items], options)
        return self._listing(request, form, target.resource, page)


def _change(kind: str, document: Any, resource: Resource) -> Callable[[Object], Any]:
    if kind == JSON:
        return lambda obj: json_patched(obj, document)
    if not isinstance(document, dict):
        raise bad_request("error decoding patch: it must be an object")
    if kind == MERGE:
        return lambda obj: merge_patched(obj, document)
    return lambda obj: strategic_patched(obj, document, resource.shape)


def _list_body(resource: Resource, items: list[Stored], list_metadata: Object) -> bytes:
    head = encode({"apiVersion": resource.api_version, "kind": resource.list_kind, "metadata": list_metadata})
    parts = []
    for stored in items:
        served = resource.from_storage(stored.obj)
        parts.append(stored.encoded() if served is stored.obj else encode(served))
    return head[:-1] + b',"items":[' + b",".join(parts) + b"]}"


def _options(request: Request) -> Options:
    query = request.query
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        raise bad_request(f'dryRun: Unsupported value: "{dry_run}": supported values: "All"')
    validation = query.get("fieldValidation") or "Warn"
    if validation not in ("Ignore", "Warn", "Strict"):
        raise Refusal(
            422,
            "Invalid",
            f'fieldValidation: Unsupported value: "{validation}": '
            'supported values: "Ignore", "Strict", "Warn"',
        )
    manager = query.get("fieldManager", "")
    agent = request.headers.get("user-agent", "").partition("/")[0]
    return Options(
        dry_run=bool(dry_run),
        manager=(manager or agent or "unknown")[:128],
        has_manager=bool(manager),
        field_validation=validation,
        force=request.is_set("force"),
    )


def _delete_options(request: Request, options: Options) -> Object:
    if not request.body:
        return {}
    content_type = media_type(request.headers.get("content-type", ""))
    body = decoded(request.body, content_type, "DeleteOptions")
    options.dry_run = options.dry_run or body.get("dryRun") == ["All"]
    return body
