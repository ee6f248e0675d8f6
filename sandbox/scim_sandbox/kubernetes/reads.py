"""Get and list: selectors, pages that agree with each other, and resource versions.

Called by objects and watch. Changes nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

from scim_sandbox.kubernetes.failures import Refusal, bad_request, not_found
from scim_sandbox.kubernetes.resources import Resource
from scim_sandbox.kubernetes.selectors import (
    Predicate,
    everything,
    exact_name,
    field_selector,
    label_selector,
)
from scim_sandbox.kubernetes.store import Key, Store, Stored, key_of


@dataclass(frozen=True)
class Page:
    """One answer to a list: items as stored, the listing's revision, and where it goes on."""

    items: list[Stored]
    revision: int
    proceed: str = ""
    remaining: int | None = None


@dataclass(frozen=True)
class Selection:
    """Which objects of a resource a request means. `namespace` "" means all."""

    resource: Resource
    namespace: str
    name: str
    matches: Predicate
    is_narrowed: bool

    def holds(self, stored: Stored) -> bool:
        """Whether `stored`, as served, is one of them."""
        obj = stored.obj
        if self.namespace and obj["metadata"].get("namespace") != self.namespace:
            return False
        return self.matches is everything or self.matches(self.resource.from_storage(obj))


def selection(resource: Resource, namespace: str, query: Mapping[str, str]) -> Selection:
    """The selection that `labelSelector` and `fieldSelector` ask for; 400 where they do not parse."""
    labels = label_selector(query.get("labelSelector", ""))
    text = query.get("fieldSelector", "")
    fields = field_selector(text, resource.selectable)
    chosen = [one for one in (fields, labels) if one is not everything]

    def both(obj: dict[str, object]) -> bool:
        return all(one(obj) for one in chosen)

    matches = everything if not chosen else chosen[0] if len(chosen) == 1 else both
    name = exact_name(text) if text else ""
    return Selection(resource, namespace, name, matches, bool(chosen))


def get(store: Store, resource: Resource, namespace: str, name: str) -> Stored:
    """The object, or a 404 Refusal."""
    stored = store.get(resource.storage, (namespace, name))
    if stored is None:
        raise not_found(resource.group, resource.plural, name)
    return stored


def list_page(store: Store, wanted: Selection, query: Mapping[str, str]) -> Page:
    """One page. Refusals: 400 bad parameters, 410 a continue token that is too old, 504 a future version."""
    limit = _limit(query.get("limit", ""))
    if token := query.get("continue", ""):
        revision, start = _decoded(token)
        items = store.items_at(wanted.resource.storage, revision)
        found = _after(items, start)
    else:
        _check_version(store, query.get("resourceVersion", ""))
        revision = store.revision
        found = _candidates(store, wanted)
    found = [stored for stored in found if wanted.holds(stored)]
    if not limit or len(found) <= limit:
        return Page(found, revision)
    if not token:
        store.snapshot(wanted.resource.storage)
    page = found[:limit]
    remaining = None if wanted.is_narrowed else len(found) - limit
    return Page(page, revision, _encoded(revision, key_of(page[-1].obj)), remaining)


def _candidates(store: Store, wanted: Selection) -> list[Stored]:
    if wanted.name and (wanted.namespace or not wanted.resource.namespaced):
        stored = store.get(wanted.resource.storage, (wanted.namespace, wanted.name))
        return [] if stored is None else [stored]
    return store.items(wanted.resource.storage)


def _after(items: list[Stored], start: Key) -> list[Stored]:
    return [stored for stored in items if key_of(stored.obj) > start]


def _limit(text: str) -> int:
    try:
        limit = int(text or 0)
    except ValueError:
        raise bad_request(f'limit: Invalid value: "{text}": must be an integer') from None
    if limit < 0:
        raise bad_request(f"limit: Invalid value: {limit}: must not be negative")
    return limit


def parse_version(text: str) -> int:
    """A resourceVersion as a number; the real server's 500 where it is none."""
    if text.isascii() and text.isdigit():
        return int(text)
    message = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
    raise Refusal(500, "", message)


def _check_version(store: Store, text: str) -> None:
    if text and parse_version(text) > store.revision:
        message = f"Too large resource version: {text}, current: {store.revision}"
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        raise Refusal(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})


def _encoded(revision: int, start: Key) -> str:
    token = {"v": "meta.k8s.io/v1", "rv": revision, "start": "/".join(start)}
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")


def _decoded(token: str) -> tuple[int, Key]:
    try:
        padded = token + "=" * (-len(token) % 4)
        value = json.loads(base64.urlsafe_b64decode(padded))
        namespace, _, name = value["start"].partition("/")
        return int(value["rv"]), (namespace, name)
    except (ValueError, binascii.Error, KeyError, TypeError, AttributeError):
        raise bad_request("invalid continue token: continue key is not valid") from None
