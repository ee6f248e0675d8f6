"""The provider's SCIM groups by name: which people can be put into, which have to be made, what is wrong.

Called by memberships for every group that somebody is to be in.
"""

from __future__ import annotations

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import GroupState
from controller.model.plan import Problem
from controller.names import difference, fold
from controller.planning.base.desired import Desired, DesiredGroups
from controller.planning.base.wording import shown
from controller.planning.groups.mapping_table import group_lacks, owner_of_group

KIND = "ScimIntegration"


def declared_groups(group: DesiredGroups) -> frozenset[str]:
    """The groups that rows and the rule for unmapped values name."""
    by_rule = (group.unmapped_group,) if group.unmapped == "Default" else ()
    return frozenset((*group.table.values(), *by_rule))


class Catalogue:
    """The provider's groups by name, and what is wrong with those that were asked for."""

    def __init__(self, desired: Desired, group: DesiredGroups, state: GroupState) -> None:
        self._desired, self._group, self._ids = desired, group, state.ids
        self._twins = {fold(name): name for name in state.ids}
        self._declared = declared_groups(group)
        self._faulty: set[str] = set()
        self._new: set[str] = set()

    def find(self, name: str) -> tuple[str, ...] | None:
        """Keys of the actions that somebody needs to get into the group; None where nobody can be put into
        it: it lacks, there are two, or one whose name differs in case only."""
        ids = self._ids.get(name, ())
        if len(ids) == 1:
            return ()
        if ids or not self._group.create_groups or fold(name) in self._twins:
            self._faulty.add(name)
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
        """What a person has to mend: on the mapping whose row names the group, else on the integration, whose
        rule does."""
        found = []
        for name in sorted(self._faulty & self._declared):
            if name in self._group.table.values():
                found.append(self._of_row(name))
            else:
                path = "spec.groups.unmapped.group"
                reason, told = self.fault(name)
                found.append(Problem(KIND, self._desired.name, reason, f"{path}: {told}", path))
        return found

    def fault(self, name: str) -> tuple[str, str]:
        """(reason, words) for a group that nobody can be put into."""
        twin = self._twins.get(fold(name))
        if name in self._ids:
            told = f"the provider has several groups named {shown(name)}; rename all but one there"
            return "ProviderGroupAmbiguous", f"{told}. Until then nobody is moved in or out"
        if twin is not None:
            how = difference(twin, name)
            told = f"the provider has {shown(twin)} and no {shown(name)}"
            told += f", which looks the same and differs {how}" if how else ""
            told += "; write the name as it has it"
        else:
            told = (
                f"the provider has no group {shown(name)}; create it there, or set spec.groups.createGroups "
                "to WhenMissing"
            )
        return "ProviderGroupMissing", told

    def is_declared(self, name: str) -> bool:
        """Whether a row or the rule for unmapped values names the group, rather than somebody's value."""
        return name in self._declared

    def _of_row(self, name: str) -> Problem:
        reason, told = self.fault(name)
        if name not in self._ids and fold(name) not in self._twins:
            return group_lacks(self._desired.name, self._group, name)
        path = "spec.mappings"
        return Problem("GroupMapping", owner_of_group(self._group, name), reason, f"{path}: {told}", path)
