"""The picture of each tenant: what its last complete read saw, kept up to date by every run since.

Used by the engine. Kept in the process only, never written to the cluster. A picture is dropped as soon as
something it was read with changes (URL, org, app, a credential, what is read), and where a run has changed
what only a complete read shows. Bounded over all tenants in people; least recently used goes first, and a
tenant without a picture begins with a complete read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.errors import ControllerError
from controller.model.actions import Outcome
from controller.model.actual import Actual

Place = tuple[str, str]
"""(namespace, name) of a ScimIntegration."""


@dataclass(slots=True)
class Picture:
    """What is known of one tenant. `basis` is what it was read with: equal, or the picture is another's."""

    basis: object
    actual: Actual
    failures: Mapping[str, Outcome] = field(default_factory=dict)
    """By the action's key, what failed and is tried again by the next complete run, not by each small one."""
    outdated: frozenset[str] = frozenset()
    """Names of the targets for settings that the last run has written to: they are read whole once more."""
    trouble: ControllerError | None = None
    """Why the last attempt at a complete read came to nothing; None where it succeeded."""

    @property
    def people(self) -> int:
        """How large it is, in people."""
        return max(len(self.actual.assignments.people), len(self.actual.accounts.accounts))


class Pictures:
    """Of one process, at most `most_people` people together, or one picture that is larger."""

    def __init__(self, most_people: int) -> None:
        self._most = most_people
        self._kept: dict[Place, Picture] = {}

    def find(self, place: Place, basis: object) -> Picture | None:
        """The picture of the integration at `place`, if it was read with `basis`."""
        picture = self._kept.get(place)
        if picture is None or picture.basis != basis:
            return None
        self._kept[place] = self._kept.pop(place)
        return picture

    def keep(self, place: Place, picture: Picture) -> None:
        """From now on this is the picture of `place`."""
        self._kept.pop(place, None)
        self._kept[place] = picture
        while len(self._kept) > 1 and self.people > self._most:
            del self._kept[next(iter(self._kept))]

    def forget(self, place: Place) -> None:
        """The next run of `place` begins with a complete read."""
        self._kept.pop(place, None)

    @property
    def people(self) -> int:
        """People in all pictures together."""
        return sum(picture.people for picture in self._kept.values())
