"""The provider's SCIM groups: reads who is in them, creates them, puts people in and takes them out.

Used by provider_people alone, whose accounts the members are. Groups are never deleted. Writes of members go
one after the other, since providers have lost members under parallel changes of one group.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from controller.errors import NotFound, Rejected, RemoteError, Unavailable
from controller.model.actions import Action, ActionKind, Outcome
from controller.model.actual import GroupState
from controller.model.people import ScimId
from controller.planning.groups.memberships import changed_groups, group_after
from controller.scim.failures import ForeignNotFound
from controller.scim.groups import GroupClient
from controller.targets.order import Written, confirmed, not_confirmed
from controller.transport.failures import Unreachable
from controller.transport.listing import Tally, text_bytes

AT_ONCE = 50
"""People in one request at most: what the IPSIE profile of SCIM asks every provider to take."""
READS_AT_ONCE = 4
MOST_REFUSALS = 20
"""So many people in a row whom a group does not take: then nobody else is tried."""
_UNREAD: frozenset[ScimId] = frozenset()
_NOT_SERVED = frozenset({403, 404, 405, 410, 501})


async def read_groups(client: GroupClient, names: Collection[str]) -> GroupState:
    """The names of all groups, and the members of those in `names` of which there is one. Complete, or
    raises. Where the provider has no groups at all, or does not show them, the fault says so."""
    try:
        listed = await client.names()
    except RemoteError as error:
        if error.status not in _NOT_SERVED and not isinstance(error, Rejected):
            raise
        return GroupState({}, {}, error.message)
    ids = _by_name(listed)
    slots = asyncio.Semaphore(READS_AT_ONCE)
    tally = Tally("SCIM", "the members of the provider's groups", "spec.groups")

    async def read(name: str) -> frozenset[ScimId] | None:
        async with slots:
            try:
                found = await client.members(ids[name][0])
                tally.keep_bytes(text_bytes(found))
                return frozenset(map(ScimId, found))
            except ForeignNotFound as error:
                raise Unavailable(
                    error.message, system="SCIM", status=error.status, reason=error.reason
                ) from None
            except NotFound:
                # Deleted since it was listed.
                return None

    wanted = [name for name in sorted(names) if len(ids.get(name, ())) == 1]
    found = dict(zip(wanted, await asyncio.gather(*map(read, wanted)), strict=True))
    members = {name: held for name, held in found.items() if held is not None}
    return GroupState({name: ids[name] for name in ids if found.get(name, _UNREAD) is not None}, members)


def _by_name(listed: Sequence[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    ids: dict[str, tuple[str, ...]] = {}
    for name, group_id in sorted(listed):
        ids[name] = (*ids.get(name, ()), group_id)
    return ids


class GroupWriter:
    """An Executor for one run. `accounts` has the ids of accounts that the run has made, by Okta id."""

    def __init__(self, client: GroupClient, accounts: Mapping[str, str]) -> None:
        self._client, self._accounts = client, accounts
        self._ids: dict[str, tuple[str, ...]] | None = None
        self._refusals: Counter[str] = Counter()
        self._refusal: dict[str, RemoteError] = {}

    def concurrency(self, kind: ActionKind) -> int:
        return 1

    def confirms_singly(self, kind: ActionKind, count: int) -> bool:
        """A group is read once for all its new members."""
        return kind is ActionKind.CREATE_PROVIDER_GROUP

    def bundles(self, kind: ActionKind, actions: Sequence[Action]) -> list[list[Action]]:
        """People who join and leave the same groups together."""
        if kind is ActionKind.CREATE_PROVIDER_GROUP:
            return [[action] for action in actions]
        alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Action]] = {}
        for action in actions:
            alike.setdefault(changed_groups(action), []).append(action)
        return [found[at : at + AT_ONCE] for found in alike.values() for at in range(0, len(found), AT_ONCE)]

    async def write(self, action: Action) -> Written:
        if action.kind is ActionKind.CREATE_PROVIDER_GROUP:
            return Written(await self._create(action.subject))
        place = repr(changed_groups(action))
        if self._refusals[place] >= MOST_REFUSALS:
            raise self._refusal[place]
        try:
            await self.write_bundle([action])
        except Rejected as error:
            # Some providers refuse what is so already; twice has to be as good as once.
            if await self._fault(action, {}):
                self._refusals[place] += 1
                self._refusal[place] = error
                raise
        self._refusals[place] = 0
        return Written(action.remote_id)

    async def write_bundle(self, actions: Sequence[Action]) -> Written:
        """Puts people into their new groups before they are taken out of the old ones: who is refused by the
        new one keeps the old."""
        new: dict[str, list[str]] = {}
        gone: dict[str, list[str]] = {}
        for action in actions:
            for found, names in zip((new, gone), changed_groups(action), strict=True):
                for name in names:
                    found.setdefault(name, []).append(self._account(action))
        for name, members in new.items():
            await self._client.change_members(await self._id(name), (), members)
        for name, members in gone.items():
            # Out of a group that is gone is everybody; what is not so is found by reading back.
            with suppress(NotFound):
                await self._client.change_members(await self._id(name), members, ())
        return Written()

    async def confirm(self, action: Action, written: Written) -> Outcome:
        if action.kind is ActionKind.CHANGE_MEMBERSHIPS:
            return await self._confirm(action, written, {})
        name = await self._client.name(written.remote_id)
        if name == action.subject:
            return confirmed(action, written)
        return not_confirmed(action, written, f"the group is named {name!r}")

    async def confirm_all(self, kind: ActionKind, written: Sequence[tuple[Action, Written]]) -> list[Outcome]:
        read: dict[str, frozenset[str]] = {}
        return [await self._confirm(action, one, read) for action, one in written]

    async def _confirm(self, action: Action, written: Written, read: dict[str, frozenset[str]]) -> Outcome:
        fault = await self._fault(action, read)
        return not_confirmed(action, written, fault) if fault else confirmed(action, written)

    async def _fault(self, action: Action, read: dict[str, frozenset[str]]) -> str:
        """How the groups differ from what the action asks for, in words; `read` holds the members of groups
        that were read already."""
        joined, left = changed_groups(action)
        account = self._account(action)
        for name in (*joined, *left):
            if name not in read:
                try:
                    read[name] = await self._client.members(await self._id(name))
                except ForeignNotFound:
                    raise
                except NotFound:
                    read[name] = frozenset()
            if (account in read[name]) is not (name == group_after(action)):
                return f"the person is {'still' if name in left else 'not'} in the group {name!r}"
        return ""

    def _account(self, action: Action) -> str:
        found = action.remote_id or self._accounts.get(action.subject, "")
        if not found:
            raise Rejected("the person has no account yet", system="SCIM", reason="DependencyFailed")
        return found

    async def _id(self, name: str) -> str:
        """The id of the group. Raises NotFound where there is none, Rejected where there are several."""
        if self._ids is None:
            self._ids = _by_name(await self._client.names())
        found = self._ids.get(name, ())
        if not found:
            raise NotFound(f"the provider has no group {name!r}", system="SCIM", status=404)
        if len(found) > 1:
            told = f"the provider has several groups named {name!r}; rename all but one"
            raise Rejected(told, system="SCIM", reason="ProviderGroupAmbiguous")
        return found[0]

    async def _create(self, name: str) -> str:
        """The group of that name; an earlier attempt may have made it."""
        try:
            return await self._id(name)
        except NotFound:
            pass
        try:
            made = await self._client.create(name)
        except Unavailable as error:
            if isinstance(error, Unreachable):
                raise
            # The answer got lost; whether the request did is for a read to say.
            self._ids = None
            try:
                return await self._id(name)
            except NotFound:
                raise error from None
        self._ids = {**(self._ids or {}), name: (made,)}
        return made
