"""Who may start next where more is due than may run: namespaces and hosts take turns. Pure.

Called by schedule. A namespace is a tenant; a host is the provider that its integrations talk to, an org
where they read people. A run that gets on holds a slot; one that only waits (see slots) holds none, but
memory. So there are two bounds. Of the slots no tenant and no host gets all while there is another one. Of
what may be in flight a tenant gets half, and a host or an org no more than there are slots: more would wait
for the same thing. A tenant who has nothing in flight gets in beside all others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

Label = tuple[str, str]
"""(namespace, host or org; its name)."""
IN_FLIGHT = 4
"""Times the slots: how many runs may be in flight, those that wait included."""


class Place(NamedTuple):
    """Whose a run is; "" is no host and no org."""

    namespace: str
    host: str = ""
    org: str = ""

    def labels(self) -> tuple[Label, ...]:
        """What is counted."""
        named = (("namespace", self.namespace), ("host", self.host), ("org", self.org))
        return tuple(label for label in named if label[1] or label[0] == "namespace")


@dataclass(slots=True)
class Turns:
    """Which runs are in flight, and who started last. `slots` is how many may get on at once."""

    slots: int = 8
    _running: dict[str, Place] = field(default_factory=dict)
    _known: dict[str, Place] = field(default_factory=dict)
    _keys: Counter[Label] = field(default_factory=Counter)
    """Known keys by label: a tenant who is alone need not leave anything to others."""
    _in_flight: Counter[Label] = field(default_factory=Counter)
    _waiting: Counter[Label] = field(default_factory=Counter)
    _last: dict[Label, int] = field(default_factory=dict)
    _starts: int = 0

    def know(self, key: str, place: Place) -> None:
        """`key` exists, and is whose."""
        if self._known.get(key) != place:
            self.forget(key)
            self._known[key] = place
            self._keys.update(place.labels())

    def forget(self, key: str) -> None:
        """`key` is gone."""
        place = self._known.pop(key, None)
        for label in place.labels() if place is not None else ():
            self._keys[label] -= 1
            if not self._keys[label]:
                del self._keys[label]
                self._last.pop(label, None)

    def started(self, key: str) -> None:
        """A run of `key` has begun."""
        place = self._running[key] = self._known[key]
        self._starts += 1
        for label in place.labels():
            self._in_flight[label] += 1
            self._last[label] = self._starts

    def ended(self, key: str) -> None:
        """The run of `key` is over."""
        for label in self._running.pop(key).labels():
            self._in_flight[label] -= 1

    def note_waiting(self, keys: Collection[str]) -> None:
        """`keys` are in flight and hold no slot now."""
        self._waiting = Counter(label for key in keys for label in self._running[key].labels())

    def reserve(self) -> int:
        """Slots beyond all others, for tenants who have nothing in flight: only while one tenant has so many
        that they were taken when it was alone."""
        is_hogged = any(
            label[0] == "namespace" and count - self._waiting[label] > self.slots - self.slots // 4
            for label, count in self._in_flight.items()
        )
        return max(1, self.slots // 4) if is_hogged else 0

    def is_new(self, key: str) -> bool:
        """Whether nothing of the tenant of `key` is in flight."""
        return not self._in_flight["namespace", self._known[key].namespace]

    def may_start(self, key: str) -> bool:
        """Whether `key` may have a slot that is free."""
        labels, most = self._known[key].labels(), self.slots * IN_FLIGHT
        if not self._in_flight[labels[0]]:
            return len(self._running) < 2 * most
        return len(self._running) < most and all(map(self._has_room, labels))

    def _has_room(self, label: Label) -> bool:
        has_rivals = any(other[0] == label[0] and other != label for other in self._keys)
        if label[0] != "namespace" and self._in_flight[label] >= self.slots:
            return False
        if not has_rivals or label[0] == "org":
            return True
        held = self._in_flight[label] - self._waiting[label]
        is_half = self._in_flight[label] >= self.slots * IN_FLIGHT // 2
        return not is_half and held < self.slots - self.slots // 4

    def rank(self, key: str) -> tuple[int, int, int, int]:
        """Less is sooner: runs in flight of the namespace, its last start, the same of the host."""
        place = self._known[key]
        tenant, host = ("namespace", place.namespace), ("host", place.host)
        return (
            self._in_flight[tenant],
            self._last.get(tenant, 0),
            self._in_flight[host],
            self._last.get(host, 0),
        )
