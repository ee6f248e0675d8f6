"""From an Okta group as a resource names it to the group that was read, and who was read to be in it.

Called by seats and assignments.
"""

from __future__ import annotations

from collections.abc import Iterable

from controller.model.actual import AssignmentState, OktaGroup
from controller.model.people import OktaId
from controller.planning.base.desired import GroupRef
from controller.planning.base.wording import shown


def group_name(assignments: AssignmentState, group_id: str) -> str:
    """What a person calls the group; its id where it was not read."""
    group = assignments.groups.get(group_id)
    return group.name if group is not None else group_id


def members_of(assignments: AssignmentState, group_ids: Iterable[str]) -> frozenset[OktaId]:
    """Who is in one of the groups; nobody where members were not read."""
    nobody: frozenset[OktaId] = frozenset()
    return nobody.union(*(assignments.members.get(one, nobody) for one in group_ids))


def read_in_part(assignments: AssignmentState, group_id: str) -> str:
    """ "3 of 5 members of Seats were read"; "" if as many were read as Okta says there are."""
    group = assignments.groups.get(group_id)
    read, count = len(members_of(assignments, [group_id])), group.users_count if group is not None else None
    if count is None or read >= count:
        return ""
    return f"{read} of {count} members of {shown(group_name(assignments, group_id))} were read"


def resolve_group(ref: GroupRef, assignments: AssignmentState) -> tuple[OktaGroup | None, str]:
    """The group, or None with what is wrong and how to mend it. Names are exact."""
    if ref.group_id:
        group = assignments.groups.get(ref.group_id)
        return (
            group,
            "" if group else f"there is no Okta group with the id {ref.group_id}; give the id of one",
        )
    found = sorted((g for g in assignments.groups.values() if g.name == ref.name), key=lambda g: g.group_id)
    writable = [group for group in found if group.type == "OKTA_GROUP"] or found
    if len(writable) == 1:
        return writable[0], ""
    if not writable:
        return None, f"there is no Okta group named {shown(ref.name)}; create it or correct the name"
    ids = ", ".join(group.group_id for group in writable)
    return None, f"several Okta groups are named {shown(ref.name)}; give the id of one: {ids}"
