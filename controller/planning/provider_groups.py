"""The provider's SCIM groups by name: which people can be put into, which have to be made, what is wrong.

Called by memberships for every group that somebody is to be in.
"""

from __future__ import annotations

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import GroupState
from controller.model.plan import Problem
from controller.planning.fields import shown
from controller.planning.matching import fold
from controller.planning.tables import group_lacks, owner_of_group
from controller.planning.wish import Desired, GroupWish

_SHOWN = 5
"""Groups of a list whose length is told."""


class Catalogue:
    """The provider's groups by name, and what is wrong with those that were asked for."""

    def __init__(self, desired: Desired, group: GroupWish, state: GroupState) -> None:
        self._desired, self._group, self._ids = desired, group, state.ids
        self._twins = {fold(name): name for name in state.ids}
        self._lacking: set[str] = set()
        self._twofold: set[str] = set()
        self._new: set[str] = set()

    def find(self, name: str) -> tuple[str, ...] | None:
        """Keys of the actions that somebody needs to get into the group; None where nobody can be put into
        it: it lacks, there are two, or one whose name differs in case only."""
        ids = self._ids.get(name, ())
        if len(ids) == 1:
            return ()
        if ids:
            self._twofold.add(name)
            return None
        if not self._group.create_groups or fold(name) in self._twins:
            self._lacking.add(name)
            return None
        self._new.add(name)
        return (f"{ActionKind.CREATE_PROVIDER_GROUP.value}/{name}",)

    def creations(self) -> list[Action]:
        """An action for each group that has to be made."""
        why = "it is named and the provider has no such group"
        return [
            Action(
                ActionKind.CREATE_PROVIDER_GROUP, name, name, Touch.SETTING, (), (("displayName", name),), why
            )
            for name in sorted(self._new)
        ]

    def problems(self) -> list[Problem]:
        """What a person has to mend, on the mapping whose row names the group, else on the integration."""
        rows = set(self._group.table.values())
        found = [self._twofold_row(name) for name in sorted(self._twofold & rows)]
        found += [self._lacking_row(name) for name in sorted(self._lacking & rows)]
        found += self._by_rule("ProviderGroupAmbiguous", "several groups", self._twofold - rows)
        found += self._by_rule("ProviderGroupMissing", "no group", self._lacking - rows)
        return found

    def _lacking_row(self, name: str) -> Problem:
        twin = self._twins.get(fold(name))
        if twin is None:
            return group_lacks(self._desired.name, self._group, name)
        told = f"the provider has {shown(twin)} and no {shown(name)}; write the name as it has it"
        return self._of_row(name, "ProviderGroupMissing", told)

    def _twofold_row(self, name: str) -> Problem:
        told = f"the provider has several groups named {shown(name)}; rename all but one there"
        return self._of_row(name, "ProviderGroupAmbiguous", f"{told}. Until then nobody is moved in or out")

    def _of_row(self, name: str, reason: str, told: str) -> Problem:
        path = "spec.mappings"
        return Problem("GroupMapping", owner_of_group(self._group, name), reason, f"{path}: {told}", path)

    def _by_rule(self, reason: str, has: str, names: set[str]) -> list[Problem]:
        if not names:
            return []
        listed = ", ".join(shown(name) for name in sorted(names)[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        told = f"the provider has {has} named {listed}{more}; whom the rule puts there stays where they are"
        path = "spec.groups.unmapped"
        mend = "rename all but one there" if reason == "ProviderGroupAmbiguous" else "create what lacks there"
        return [Problem("ScimIntegration", self._desired.name, reason, f"{path}: {told}; {mend}", path)]
