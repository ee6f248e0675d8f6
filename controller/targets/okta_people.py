"""Who is assigned to the Okta app and through what; assigns and unassigns, fills the seat group.

Used by the engine through targets.connect. People come from the app's users with the Okta user
embedded, 500 a page; never one GET for each in a full read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any, cast

from controller.clock import Clock
from controller.errors import NotFound, Rejected, Unauthorized, Unavailable
from controller.model.actions import Action, ActionKind
from controller.model.actual import AssignmentState, OktaGroup
from controller.model.people import STATE_OF_OKTA_STATUS, OktaId, Person, PersonState, Refresh, Value
from controller.names import fold
from controller.okta.client import OktaClient
from controller.okta.shapes import AppUser, Group, User
from controller.planning.base.desired import Desired, GroupRef
from controller.targets.app_lookup import AppLookup
from controller.targets.assigning import AssignmentWriter
from controller.targets.base import Begun, Done, SecondLook, unobserved
from controller.targets.memberships import Members, Memberships, mark_of
from controller.targets.order import carry_out
from controller.transport.calls import Lane
from controller.transport.listing import Tally

HANDLES = frozenset(
    {
        ActionKind.CREATE_SEAT_GROUP,
        ActionKind.ASSIGN_GROUP,
        ActionKind.ASSIGN_USER,
        ActionKind.ADD_TO_SEAT_GROUP,
        ActionKind.REMOVE_FROM_SEAT_GROUP,
        ActionKind.UNASSIGN_GROUP,
        ActionKind.UNASSIGN_USER,
        ActionKind.DELETE_SEAT_GROUP,
    }
)
NOT_ASSIGNED = frozenset({"DEPROVISIONED", "UNASSIGNED", "REVOKED"})
"""Statuses of an app user whose assignment has ended; the row may linger."""
SINGLY = 20
LOG_KEPT = timedelta(days=90)
"""How far back the System Log is kept (developer.okta.com, System Log API)."""
LEAVERS_LOOKED_BACK = timedelta(days=30)
"""How far back deactivations are asked for in one filter; who left earlier is asked for singly."""


class OktaPeople:
    """A PeopleTarget."""

    name = "okta_people"
    handles = HANDLES

    def __init__(
        self, client: OktaClient, lookup: AppLookup, clock: Clock, memberships: Memberships | None = None
    ) -> None:
        self._client, self._lookup, self._clock = client, lookup, clock
        self._memberships = memberships or Memberships(clock)

    async def observe(self, desired: Desired) -> AssignmentState:
        """Everybody, with the groups that matter."""
        app_id = await self._lookup.app_id(desired)
        client = self._client.in_lane(Lane.FULL)
        people = await self._people(client, desired, app_id)
        app_groups = {row["id"]: row.get("priority") for row in await client.app_groups(app_id)}
        rows = await _group_rows(client, desired, app_groups)
        groups = {group_id: _group(row) for group_id, row in rows.items()}
        has_former = _has_former(desired, groups, app_groups)
        opened = _groups_to_open(desired, groups, app_groups, opens_all=desired.is_departing or has_former)
        only_ranks = _only_ranks(desired) and not has_former
        members = {i: await self._members(client, rows[i], only_ranks=only_ranks) for i in opened}
        return AssignmentState(
            people,
            app_groups,
            groups,
            {group_id: frozenset(found) for group_id, found in members.items()},
            declared_users=await _declared_users(client, desired, people),
            logins={okta_id: login for found in members.values() for okta_id, login in found.items()},
            rules=await _rules(client) if desired.assignments.seat_group else {},
        )

    async def observe_people(self, desired: Desired, ids: Sequence[OktaId]) -> AssignmentState:
        """`ids` alone, without any group; see PeopleTarget."""
        app_id, client = await self._lookup.app_id(desired), self._client.in_lane(Lane.PERSON)
        asks = _asks_for_sign_ins(desired)
        people: list[Person] = []
        missing: dict[OktaId, PersonState | None] = {}
        for okta_id in ids:
            person = await _assigned(client, app_id, okta_id, desired.reads.attributes, with_sign_in=asks)
            if person is None:
                state = await _state_of(client, okta_id)
                missing[okta_id] = state or await self._state_by_log(client, okta_id)
            else:
                people.append(person)
        return AssignmentState(tuple(people), {}, {}, {}, missing)

    async def observe_missing(
        self, desired: Desired, ids: Sequence[OktaId]
    ) -> Mapping[OktaId, PersonState | None]:
        """The state of each of `ids`, None where Okta knows no such user."""
        client = self._client.in_lane(Lane.FULL)
        found: dict[OktaId, PersonState | None] = {}
        if len(ids) > SINGLY:
            wanted, since = set(ids), self._clock.now() - LEAVERS_LOOKED_BACK
            async for user in _each(client.deprovisioned_pages(since)):
                if OktaId(user["id"]) in wanted:
                    found[OktaId(user["id"])] = _state(user)
        for okta_id in ids:
            if okta_id not in found:
                found[okta_id] = await _state_of(client, okta_id)
        unknown = [okta_id for okta_id, state in found.items() if state is None]
        for okta_id in unknown if len(unknown) <= SINGLY else ():
            found[okta_id] = await self._state_by_log(client, okta_id)
        return found

    async def look_again(self, desired: Desired, ids: Sequence[OktaId], refresh: Refresh) -> SecondLook:
        """Whether `ids` are assigned, by a read of another kind; see PeopleTarget."""
        app_id = await self._lookup.app_id(desired)
        if not refresh.is_complete:
            client = self._client.in_lane(Lane.PERSON)
            owners = [okta_id for okta_id in ids if not await _is_without(client, app_id, okta_id)]
            return SecondLook(unproven=frozenset(owners))
        if len(ids) > SINGLY:
            return SecondLook(unproven=frozenset(ids))
        client, names = self._client.in_lane(Lane.FULL), desired.reads.attributes
        found = [await _assigned(client, app_id, okta_id, names) for okta_id in ids]
        return SecondLook(frozenset(person.okta_id for person in found if person is not None))

    async def apply(
        self, desired: Desired, actions: Sequence[Action], done: Done, begun: Begun = unobserved
    ) -> None:
        """Carries out assignments and memberships; see Target.apply."""
        writer = AssignmentWriter(
            self._client.in_lane(Lane.CHANGE),
            await self._lookup.app_id(desired),
            desired.assignments.seat_group,
        )
        await carry_out(writer, actions, done, begun)

    async def _people(self, client: OktaClient, desired: Desired, app_id: str) -> tuple[Person, ...]:
        names = desired.reads.attributes
        # By id: a page that shifts while it is walked may name somebody twice.
        asks = _asks_for_sign_ins(desired)
        tally = Tally("Okta", "people assigned to the app", "spec.okta.app")
        people = {
            row["id"]: tally.keep(row_to_person(row, names, with_sign_in=asks))
            async for row in _each(client.app_user_pages(app_id))
        }
        return tuple(person for person in people.values() if person is not None)

    async def _members(self, client: OktaClient, row: Group, *, only_ranks: bool) -> Members:
        """Who is in the group: what is kept will do where it only ranks people. Who is assigned or removed by
        it is read anew."""
        group_id = row["id"]
        mark = mark_of(row) if only_ranks else None
        return await self._memberships.of(group_id, mark, lambda: _members(client, group_id))

    async def _state_by_log(self, client: OktaClient, okta_id: OktaId) -> PersonState | None:
        """DEACTIVATED for somebody who was deleted, which happens to deactivated users only; None if the log
        does not say so, or the credential may not read it. A narrower role sees nobody there either."""
        try:
            was_deleted = await client.was_deleted(okta_id, self._clock.now() - LOG_KEPT)
        except (Unauthorized, Rejected):
            return None
        return PersonState.DEACTIVATED if was_deleted else None


def row_to_person(row: AppUser, attributes: tuple[str, ...], *, with_sign_in: bool = False) -> Person | None:
    """The person of an app user with the Okta user embedded; None where the assignment has ended.

    Raises Unavailable for a row that is not whole.
    """
    if row.get("status") in NOT_ASSIGNED:
        return None
    user = (row.get("_embedded") or {}).get("user")
    profile = user.get("profile") if user else None
    if not user or not profile:
        raise Unavailable("Okta lists an app user without the user", system="Okta", reason="Incomplete")
    return Person(
        OktaId(row["id"]),
        str(profile.get("login") or ""),
        str((row.get("credentials") or {}).get("userName") or ""),
        _state(user),
        str((user.get("type") or {}).get("id") or ""),
        str(row.get("created") or ""),
        tuple([_value(profile.get(name)) for name in attributes]),
        row.get("scope") == "USER",
        str(row.get("externalId") or ""),
        str(row.get("status") or ""),
        str(row.get("syncState") or ""),
        str(user.get("lastLogin") or "") if with_sign_in else "",
    )


def _value(value: Any) -> Value:
    """A scalar as it is; anything else, such as a list, is no value of an expression."""
    return value if isinstance(value, str | int | float | bool) else None


def _state(user: User) -> PersonState:
    status = str(user.get("status") or "")
    if status not in STATE_OF_OKTA_STATUS:
        raise Unavailable(
            f"Okta tells the status {status[:40]!r} of user {user.get('id')}, which is not known",
            system="Okta",
            reason="Incomplete",
        )
    return STATE_OF_OKTA_STATUS[status]


def _asks_for_sign_ins(desired: Desired) -> bool:
    return desired.seats is not None and desired.seats.inactive_for is not None


async def _assigned(
    client: OktaClient,
    app_id: str,
    okta_id: OktaId,
    attributes: tuple[str, ...],
    *,
    with_sign_in: bool = False,
) -> Person | None:
    try:
        return row_to_person(await client.app_user(app_id, okta_id), attributes, with_sign_in=with_sign_in)
    except NotFound:
        return None


async def _is_without(client: OktaClient, app_id: str, okta_id: OktaId) -> bool:
    """Whether the apps of a user say that this is none of them; not if Okta does not answer the question."""
    try:
        return app_id not in await client.ids_of_apps_of(okta_id)
    except Rejected:
        return False


async def _state_of(client: OktaClient, okta_id: OktaId) -> PersonState | None:
    try:
        return _state(await client.user(okta_id))
    except NotFound:
        return None


async def _each(pages: AsyncIterator[list[Any]]) -> AsyncIterator[Any]:
    async with aclosing(cast(Any, pages)):
        async for page in pages:
            for row in page:
                yield row
            del page  # while the next one is waited for


def _refs(desired: Desired) -> tuple[GroupRef, ...]:
    """Every group that a resource names."""
    asked = desired.assignments
    seat_group = (GroupRef(name=asked.seat_group),) if asked.seat_group else ()
    return (*asked.groups, *(desired.seats.priority if desired.seats else ()), *seat_group)


async def _group_rows(
    client: OktaClient, desired: Desired, app_groups: Mapping[str, int | None]
) -> dict[str, Group]:
    """Every group that is named or assigned, by id, with its count of users; all of one name are there."""
    refs = _refs(desired)
    ids = sorted({*app_groups, *(ref.group_id for ref in refs if ref.group_id)})
    found = await client.groups_by_id(ids)
    for name in sorted({ref.name for ref in refs if ref.name}):
        # Looked up even if an assigned group bears the name: a second one has to be seen.
        found += await client.groups_by_name(name, stats=True)
    return {row["id"]: row for row in found}


def _group(row: Group) -> OktaGroup:
    stats = (row.get("_embedded") or {}).get("stats") or {}
    count = stats.get("usersCount")
    return OktaGroup(
        row["id"],
        str((row.get("profile") or {}).get("name") or ""),
        str(row.get("type") or ""),
        count if isinstance(count, int) else None,
    )


def _only_ranks(desired: Desired) -> bool:
    asked = desired.assignments
    return asked.through == "Direct" and not asked.prune and not desired.is_departing


def _has_former(
    desired: Desired, groups: Mapping[str, OktaGroup], app_groups: Mapping[str, int | None]
) -> bool:
    """Whether a group that was the seat group is assigned, and another or none is named now."""
    assigned = [groups[one] for one in app_groups if one in groups]
    former = (one for one in assigned if {one.group_id, one.name} & desired.seat_groups)
    return any(one.name != desired.assignments.seat_group for one in former)


def _groups_to_open(
    desired: Desired,
    groups: Mapping[str, OktaGroup],
    app_groups: Mapping[str, int | None],
    *,
    opens_all: bool,
) -> list[str]:
    """Ids of the groups whose members the plan needs: those of the seat order; with a seat group that one and
    the groups that its candidates come from; with `prune` those whose removal has to be counted in people;
    every one with `opens_all`, when it matters who comes in by nothing else."""
    asked = desired.assignments
    refs = list(desired.seats.priority) if desired.seats else []
    if asked.through == "SeatGroup":
        refs += [*asked.groups, GroupRef(name=asked.seat_group)]
    ids = {ref.group_id for ref in refs if ref.group_id}
    names = {ref.name for ref in refs if ref.name}
    opened = {g.group_id for g in groups.values() if g.group_id in ids or g.name in names}
    declared = {(ref.group_id or ref.name) for ref in asked.groups}
    pruned = {g for g in app_groups if g in groups and not declared & {g, groups[g].name}}
    if asked.prune and asked.is_declared and pruned:
        opened |= pruned
    if opens_all or (asked.prune and asked.is_declared and pruned):
        opened |= {g.group_id for g in groups.values() if declared & {g.group_id, g.name}}
    if opens_all:
        opened |= set(app_groups) & set(groups)
    return sorted(opened)


async def _rules(client: OktaClient) -> dict[str, tuple[str, ...]]:
    """Group id -> names of the active rules that fill it; nothing where the role may not see rules."""
    found: dict[str, tuple[str, ...]] = {}
    try:
        rules = await client.group_rules()
    except Unauthorized:
        return found
    for rule in rules:
        assigned = (rule.get("actions") or {}).get("assignUserToGroups") or {}
        for group_id in (assigned.get("groupIds") or ()) if rule.get("status") == "ACTIVE" else ():
            found[group_id] = (*found.get(group_id, ()), str(rule.get("name") or rule.get("id")))
    return found


async def _members(client: OktaClient, group_id: str) -> Members:
    """Okta id -> login of everybody in the group."""
    tally = Tally("Okta", f"members in the group {group_id[:40]}", "spec.assignments")
    members: dict[OktaId, str] = {}
    async for user in _each(client.member_pages(group_id)):
        login = str((user.get("profile") or {}).get("login") or "")
        okta_id, members[okta_id] = tally.keep((OktaId(user["id"]), login))
    return members


async def _declared_users(
    client: OktaClient, desired: Desired, people: Iterable[Person]
) -> dict[str, OktaId | None]:
    """Folded login -> Okta id; who is assigned already is not asked for again."""
    logins = {fold(login): login for login in sorted(desired.assignments.users)}
    if not logins:
        return {}
    assigned = {fold(person.login): person.okta_id for person in people}
    found: dict[str, OktaId | None] = {}
    for name, login in sorted(logins.items()):
        found[name] = assigned.get(name) or await _id_of(client, login)
    return found


async def _id_of(client: OktaClient, login: str) -> OktaId | None:
    user = await client.user_of(login)
    return OktaId(user["id"]) if user is not None else None
