"""Writes assignments of groups and people to the app, and memberships of the seat group.

Used by okta_people alone. Each write is the same done twice; what it was meant to bring about is read back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from controller.errors import Conflict, NotFound, Rejected
from controller.model.actions import Action, ActionKind, Outcome
from controller.okta.client import OktaClient
from controller.targets.order import ONE_BY_ONE, Written, confirmed, not_confirmed

MEMBERSHIPS = frozenset({ActionKind.ADD_TO_SEAT_GROUP, ActionKind.REMOVE_FROM_SEAT_GROUP})
AT_ONCE = 4
DESCRIPTION = "Holders of a seat. Filled by scim-operator; changes made by hand are undone."


class AssignmentWriter:
    """An Executor for one run on one app."""

    def __init__(self, client: OktaClient, app_id: str, seat_group: str) -> None:
        self._client, self._app_id, self._seat_group = client, app_id, seat_group
        self._group_ids: dict[str, str] = {}

    def concurrency(self, kind: ActionKind) -> int:
        """Groups one after the other: Okta computes everybody's assignment for each."""
        return 1 if kind in (ActionKind.CREATE_SEAT_GROUP, ActionKind.ASSIGN_GROUP) else AT_ONCE

    def confirms_singly(self, kind: ActionKind, count: int) -> bool:
        """Memberships have no GET of their own, so they are read by one listing."""
        return kind not in MEMBERSHIPS and count <= ONE_BY_ONE

    async def write(self, action: Action) -> Written:
        match action.kind:
            case ActionKind.CREATE_SEAT_GROUP:
                return Written(await self._create_group(action.subject))
            case ActionKind.ASSIGN_GROUP:
                priority = cast("int | None", dict(action.after).get("priority"))
                await self._client.assign_group(self._app_id, await self._group_id(action.subject), priority)
            case ActionKind.UNASSIGN_GROUP:
                await self._client.unassign_group(self._app_id, action.subject)
            case ActionKind.ASSIGN_USER:
                await self._assign_user(action.subject)
            case ActionKind.UNASSIGN_USER:
                await self._unassign_user(action.subject)
            case ActionKind.DELETE_SEAT_GROUP:
                return Written(await self._delete_group(action.subject))
            case ActionKind.ADD_TO_SEAT_GROUP:
                await self._client.add_member(await self._group_id(self._seat_group), action.subject)
            case ActionKind.REMOVE_FROM_SEAT_GROUP:
                await self._client.remove_member(await self._group_id(self._seat_group), action.subject)
        return Written()

    async def confirm(self, action: Action, written: Written) -> Outcome:
        fault = await self._fault(action, written)
        return not_confirmed(action, written, fault) if fault else confirmed(action, written)

    async def confirm_all(self, kind: ActionKind, written: Sequence[tuple[Action, Written]]) -> list[Outcome]:
        if kind in MEMBERSHIPS:
            return await self._confirm_memberships(kind, written)
        if kind in (ActionKind.ASSIGN_USER, ActionKind.UNASSIGN_USER):
            return await self._confirm_users(kind, written)
        return [await self.confirm(action, one) for action, one in written]

    # Writing

    async def _create_group(self, name: str) -> str:
        """The group of that name; an earlier attempt may have made it."""
        try:
            return await self._group_id(name)
        except NotFound:
            created = await self._client.create_group(name, DESCRIPTION)
        self._group_ids[name] = created["id"]
        return created["id"]

    async def _delete_group(self, name: str) -> str:
        """The id of the group that went; "" where an earlier attempt has deleted it."""
        try:
            group_id = await self._group_id(name)
        except NotFound:
            return ""
        await self._client.delete_group(group_id)
        return group_id

    async def _group_id(self, subject: str) -> str:
        """`subject` where it is an id; the id of the seat group where it is its name."""
        if subject != self._seat_group:
            return subject
        if subject not in self._group_ids:
            rows = await self._client.groups_by_name(subject)
            found = [row for row in rows if row.get("type") == "OKTA_GROUP"]
            if len(found) > 1:
                raise Rejected(
                    f"several Okta groups are named {subject!r}; rename all but one",
                    system="Okta",
                    reason="GroupAmbiguous",
                )
            if not found:
                raise NotFound(f"there is no Okta group named {subject!r}", system="Okta", status=404)
            self._group_ids[subject] = found[0]["id"]
        return self._group_ids[subject]

    async def _assign_user(self, user_id: str) -> None:
        try:
            await self._client.assign_user(self._app_id, user_id)
        except Conflict:
            # Assigned already: the reading back will tell.
            return

    async def _unassign_user(self, user_id: str) -> None:
        """Only what is assigned by itself: who comes through a group would be deactivated and come back."""
        try:
            present = await self._client.app_user(self._app_id, user_id)
        except NotFound:
            return
        if present.get("scope") != "USER":
            raise Rejected(
                "is assigned through a group; take the group from the app, or the person from the group",
                system="Okta",
                reason="AssignedThroughGroup",
            )
        await self._client.unassign_user(self._app_id, user_id)

    # Reading back

    async def _fault(self, action: Action, written: Written) -> str:
        match action.kind:
            case ActionKind.CREATE_SEAT_GROUP:
                group = await self._client.group(written.remote_id)
                name = (group.get("profile") or {}).get("name")
                return "" if name == action.subject else f"the group is named {name!r}"
            case ActionKind.DELETE_SEAT_GROUP:
                gone = not written.remote_id or await _is_gone(self._client.group(written.remote_id))
                return "" if gone else "the group is still there"
            case ActionKind.ASSIGN_GROUP:
                return await self._group_fault(action)
            case ActionKind.UNASSIGN_GROUP:
                gone = await _is_gone(self._client.app_group(self._app_id, action.subject))
                return "" if gone else "the group is still assigned"
            case ActionKind.ASSIGN_USER:
                gone = await _is_gone(self._client.app_user(self._app_id, action.subject))
                return "the person is not assigned" if gone else ""
            case _:
                gone = await _is_gone(self._client.app_user(self._app_id, action.subject))
                return "" if gone else "the person is still assigned, perhaps through a group"

    async def _group_fault(self, action: Action) -> str:
        try:
            present = await self._client.app_group(self._app_id, await self._group_id(action.subject))
        except NotFound:
            return "the group is not assigned"
        expected = dict(action.after).get("priority")
        actual = present.get("priority")
        return "" if expected is None or expected == actual else f"its priority is {actual}, not {expected}"

    async def _confirm_memberships(
        self, kind: ActionKind, written: Sequence[tuple[Action, Written]]
    ) -> list[Outcome]:
        asked, members = {action.subject for action, _ in written}, set[str]()
        async for page in self._client.member_pages(await self._group_id(self._seat_group)):
            members.update(asked.intersection(row["id"] for row in page))
        is_adding = kind is ActionKind.ADD_TO_SEAT_GROUP
        words = "the person is not in the group" if is_adding else "the person is in the group again"
        return [
            _outcome(action, one, words, (action.subject in members) is is_adding) for action, one in written
        ]

    async def _confirm_users(
        self, kind: ActionKind, written: Sequence[tuple[Action, Written]]
    ) -> list[Outcome]:
        asked, assigned = {action.subject for action, _ in written}, set[str]()
        async for page in self._client.app_user_pages(self._app_id):
            assigned.update(asked.intersection(row["id"] for row in page))
        is_assigning = kind is ActionKind.ASSIGN_USER
        words = "the person is not assigned" if is_assigning else "the person is still assigned"
        return [
            _outcome(action, one, words, (action.subject in assigned) is is_assigning)
            for action, one in written
        ]


def _outcome(action: Action, written: Written, words: str, is_so: bool) -> Outcome:
    return confirmed(action, written) if is_so else not_confirmed(action, written, words)


async def _is_gone(read: Any) -> bool:
    try:
        await read
    except NotFound:
        return True
    return False
