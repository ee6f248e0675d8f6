"""The custom resources as the watches tell them: one place to look them up, and who is concerned by a change.

Filled by main (a first listing) and resources (events); read by the reconciler. Holds bodies as they came;
parsing happens where a run begins, so that a broken resource breaks its own run only. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from controller.api.meta import APPROVE, DONE, REQUESTED_AT, SHARD, SYNC_USER
from controller.kube.client import Body

Place = tuple[str, str, str]
"""(kind, namespace, name)."""
ANNOTATIONS = (APPROVE, DONE, REQUESTED_AT, SYNC_USER)
INTEGRATION, MAPPING, LIMIT, ORG = "ScimIntegration", "GroupMapping", "SeatLimit", "OktaOrg"


def place_of(body: Body) -> Place:
    """Where `body` lives."""
    metadata = body["metadata"]
    return str(body["kind"]), str(metadata["namespace"]), str(metadata["name"])


def key_of(namespace: str, name: str) -> str:
    """The key of an integration in the queue."""
    return f"{namespace}/{name}"


def mark_of(body: Body) -> tuple[object, ...]:
    """What a reconcile depends on: changes of status or of foreign annotations leave it as it was."""
    metadata = body["metadata"]
    annotations = metadata.get("annotations") or {}
    labels = metadata.get("labels") or {}
    return (
        metadata.get("uid"),
        metadata.get("generation"),
        metadata.get("deletionTimestamp"),
        labels.get(SHARD),
        *(annotations.get(name) for name in ANNOTATIONS),
    )


def asks_for_one_person(old: Body, new: Body) -> bool:
    """Whether the annotation sync-user is all that has changed."""
    annotations = {**(new["metadata"].get("annotations") or {})}
    was = (old["metadata"].get("annotations") or {}).get(SYNC_USER)
    if annotations.pop(SYNC_USER, None) == was:
        return False
    if was is not None:
        annotations[SYNC_USER] = was
    return mark_of(old) == mark_of({**new, "metadata": {**new["metadata"], "annotations": annotations}})


def asks_for_a_look(old: Body, new: Body) -> bool:
    """Whether annotations are all that has changed: somebody wants the object to be looked at."""
    was = {**new, "metadata": {**new["metadata"], "annotations": old["metadata"].get("annotations")}}
    return mark_of(old) == mark_of(was) and mark_of(old) != mark_of(new)


def integration_names(body: Body) -> tuple[str, ...]:
    """Names of the integrations that a GroupMapping or SeatLimit refers to."""
    spec = body.get("spec") or {}
    if body["kind"] == MAPPING:
        refs = [spec.get("integrationRef") or {}]
    else:
        refs = spec.get("integrationRefs") or []
    return tuple(str(ref.get("name")) for ref in refs if isinstance(ref, Mapping))


def org_place(integration: Body) -> Place:
    """Where the org of an integration should be."""
    ref = ((integration.get("spec") or {}).get("okta") or {}).get("orgRef") or {}
    namespace = ref.get("namespace") or integration["metadata"]["namespace"]
    return ORG, str(namespace), str(ref.get("name", ""))


def is_newer(body: Body, than: Body) -> bool:
    """Whether `body` is a later version of the object; versions count as numbers where they are any."""
    one, other = (str(each["metadata"].get("resourceVersion", "")) for each in (body, than))
    if body["metadata"].get("uid") != than["metadata"].get("uid"):
        return True
    if one.isascii() and one.isdigit() and other.isascii() and other.isdigit():
        # As texts: a version may have any number of digits.
        one, other = one.lstrip("0"), other.lstrip("0")
        return (len(one), one) > (len(other), other)
    return one != other


class Store:
    """Bodies by place, with indexes from orgs and integrations to what refers to them."""

    def __init__(self) -> None:
        self._bodies: dict[Place, Body] = {}
        self._by_integration: dict[tuple[str, str], set[Place]] = {}
        self._by_org: dict[Place, set[Place]] = {}
        self._labels: dict[str, Mapping[str, str]] = {}

    def put(self, body: Body) -> bool:
        """Takes `body` in; whether what a reconcile depends on has changed. An older version than the known
        one, such as the echo of a status that was just written, changes nothing."""
        place = place_of(body)
        old = self._bodies.get(place)
        if old is not None and not is_newer(body, old):
            return False
        if old is not None:
            self._unlink(place, old)
        self._bodies[place] = body
        for index, target in self._links(body):
            index.setdefault(target, set()).add(place)
        return old is None or mark_of(old) != mark_of(body)

    def renew(self, body: Body) -> None:
        """Takes in what one of our own writes has answered, of an object that is still known: the watch may
        have told before the answer came that it is gone, and would not tell so again."""
        old = self._bodies.get(place_of(body))
        if old is not None and old["metadata"].get("uid") == body["metadata"].get("uid"):
            self.put(body)

    def drop(self, place: Place) -> Body | None:
        """Forgets what is at `place`; gives what was known of it."""
        old = self._bodies.pop(place, None)
        if old is not None:
            self._unlink(place, old)
        return old

    def _links(self, body: Body) -> list[tuple[dict[Any, set[Place]], Any]]:
        kind, namespace, _ = place_of(body)
        if kind == INTEGRATION:
            return [(self._by_org, org_place(body))]
        if kind in (MAPPING, LIMIT):
            return [(self._by_integration, (namespace, name)) for name in integration_names(body)]
        return []

    def _unlink(self, place: Place, body: Body) -> None:
        for index, target in self._links(body):
            index.get(target, set()).discard(place)

    def get(self, kind: str, namespace: str, name: str) -> Body | None:
        """The body at a place."""
        return self._bodies.get((kind, namespace, name))

    def of_kind(self, kind: str) -> list[Body]:
        """Every body of `kind`."""
        return [body for place, body in self._bodies.items() if place[0] == kind]

    def in_namespace(self, namespace: str) -> list[Body]:
        """Every body in `namespace`."""
        return [body for place, body in self._bodies.items() if place[1] == namespace]

    def siblings(self, kind: str, namespace: str, name: str) -> list[Body]:
        """The GroupMappings or SeatLimits that refer to an integration, oldest first."""
        places = self._by_integration.get((namespace, name), ())
        found = [self._bodies[place] for place in places if place[0] == kind]
        return sorted(
            found, key=lambda body: (str(body["metadata"].get("creationTimestamp")), place_of(body))
        )

    def users_of_org(self, namespace: str, name: str) -> list[Body]:
        """The integrations that refer to an org."""
        return [self._bodies[place] for place in sorted(self._by_org.get((ORG, namespace, name), ()))]

    def note_labels(self, namespace: str, labels: Mapping[str, str]) -> None:
        """Labels of a namespace, as they were just read."""
        self._labels[namespace] = labels

    def labels_of(self, namespace: str) -> Mapping[str, str] | None:
        """Labels of a namespace as they were read last; None if nobody has asked for them."""
        return self._labels.get(namespace)

    def concerned(self, body: Body) -> tuple[str, ...]:
        """Keys of the integrations that have to be reconciled when `body` changes."""
        kind, namespace, name = place_of(body)
        if kind == INTEGRATION:
            return (key_of(namespace, name),)
        if kind == ORG:
            users: Iterable[Body] = self.users_of_org(namespace, name)
            return tuple(key_of(*place_of(user)[1:]) for user in users)
        return tuple(
            key_of(namespace, target)
            for target in integration_names(body)
            if (INTEGRATION, namespace, target) in self._bodies
        )
