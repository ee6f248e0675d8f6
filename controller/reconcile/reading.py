"""Reads what a plan needs from the four targets: everything, or a few people into the picture of a tenant.

Called by the engine. A complete read is complete, or raises. A small one returns the whole picture with some
people in it read anew, and says who they are (`Actual.fresh`); None where only a complete read can help.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable
from dataclasses import replace
from typing import TypeVar

from controller.errors import RemoteError
from controller.model.actual import (
    AccountState,
    Actual,
    AppState,
    AssignmentState,
    GroupState,
    Memory,
    ProviderState,
)
from controller.model.people import EVERYTHING, Account, OktaId, PersonState, Refresh, ScimId
from controller.planning.base.desired import Desired
from controller.planning.groups.memberships import groups_to_read
from controller.planning.people.matching import Register, ids_to_look_up, is_of_tenant
from controller.planning.policy.absences import people_to_prove
from controller.planning.state.before_run import recover
from controller.planning.tokens.rotation import lacks_token
from controller.targets.base import FoundAccounts, SecondLook, Sought, Targets

First = TypeVar("First")
Second = TypeVar("Second")


async def read_everything(targets: Targets, desired: Desired, memory: Memory) -> Actual:
    """Everything: Okta's people and the provider at the same time once the app is known; then the people of
    ours who are no longer listed, and who is in which group. Complete, or raises."""
    app = await targets.okta_app.observe(desired)
    assignments, (provider, accounts) = await _both(
        targets.okta_people.observe(desired), _provider(targets, desired)
    )
    memory = recover(desired, memory, accounts.accounts)
    assignments = await _with_missing(targets, desired, assignments, accounts, memory)
    # If the accounts could not be listed for a reason that the plan removes first, groups cannot be either.
    is_off = _cannot_list(desired, provider)
    names = (
        frozenset[str]() if is_off else groups_to_read(desired, assignments.people, app.user_types, memory)
    )
    if names:
        groups = await targets.provider_people.observe_groups(desired, names, EVERYTHING)
        accounts = replace(accounts, groups=groups)
    return Actual(app, assignments, provider, accounts)


async def _both(one: Awaitable[First], other: Awaitable[Second]) -> tuple[First, Second]:
    """What both give, side by side; where one fails the other ends too."""
    reads = asyncio.ensure_future(one), asyncio.ensure_future(other)
    try:
        return await asyncio.gather(*reads)
    finally:
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)


async def _provider(targets: Targets, desired: Desired) -> tuple[ProviderState, AccountState]:
    settings = asyncio.ensure_future(targets.provider_settings.observe(desired))
    return await _both(settings, _accounts(targets, desired, settings))


def _cannot_list(desired: Desired, provider: ProviderState) -> bool:
    """Whether SCIM is off at the provider or our token is dead."""
    is_off = provider.organization is not None and not provider.organization.scim_enabled
    return is_off or lacks_token(desired, provider)


async def _accounts(
    targets: Targets, desired: Desired, settings: asyncio.Future[ProviderState]
) -> AccountState:
    """The accounts; none if SCIM is off at the provider or our token is dead: the plan corrects that first,
    and another run follows. Any other failure to list them is raised."""
    try:
        return await targets.provider_people.observe(desired)
    except RemoteError:
        if not _cannot_list(desired, await asyncio.shield(settings)):
            raise
        return AccountState(())


async def _with_missing(
    targets: Targets,
    desired: Desired,
    assignments: AssignmentState,
    accounts: AccountState,
    memory: Memory,
) -> AssignmentState:
    """`assignments` with the people of ours who are not assigned any more, each by two reads."""
    absent = ids_to_look_up(desired, assignments, accounts, memory)
    if absent:
        missing = await targets.okta_people.observe_missing(desired, absent)
        assignments = replace(assignments, missing={**assignments.missing, **missing})
    doubted = people_to_prove(desired, assignments, accounts, memory)
    if not doubted:
        return assignments
    look = await targets.okta_people.look_again(desired, doubted, EVERYTHING)
    return with_second_look(assignments, look, memory)


def with_second_look(assignments: AssignmentState, look: SecondLook, memory: Memory) -> AssignmentState:
    """`assignments` of a complete read as a second read of another kind leaves them. Those without a proof
    stay among the missing, for the guard to hold their removal."""
    return replace(
        assignments,
        left_out=len(look.assigned),
        unproven=look.unproven,
        unconfirmed=look.unproven - memory.unlisted,
    )


# People who left, of whom nothing else is known yet.


async def read_leavers(
    targets: Targets, desired: Desired, memory: Memory, people: Collection[OktaId]
) -> Actual | None:
    """Those of `people` who are deactivated in Okta, as the missing, with the accounts that are theirs by the
    ids that are known; nothing else. None if there is nobody."""
    known = {one: memory.pairs[one] for one in sorted(people) if one in memory.in_use}
    if not known or not is_of_tenant(desired, memory):
        return None
    found = await targets.okta_people.observe_people(desired, tuple(known))
    states = {**found.missing, **{person.okta_id: person.state for person in found.people}}
    gone = {one: state for one, state in states.items() if state is PersonState.DEACTIVATED}
    if not gone:
        return None
    sought = tuple(Sought(one, "", (known[one],)) for one in sorted(gone))
    looked = await targets.provider_people.observe_accounts(desired, sought)
    app = await targets.okta_app.observe(desired)
    provider = await targets.provider_settings.observe(desired)
    people_part = AssignmentState((), {}, {}, {}, gone)
    return Actual(app, people_part, provider, AccountState(looked.accounts), frozenset(gone) - looked.unsure)


# A few people.


async def read_people(
    targets: Targets,
    desired: Desired,
    memory: Memory,
    picture: Actual,
    people: Collection[OktaId],
    outdated: Collection[str] = (),
) -> Actual | None:
    """`picture` with `people` read anew, their account and the groups concerned, and with what is always
    read: the app, the provider's seats and the test of the credentials. Who is fresh in it stays so. The
    settings of targets named in `outdated` are read whole.

    None where only a complete read can tell: the app is another one, or accounts cannot be listed."""
    ids, refresh = sorted(people), Refresh(frozenset(people))
    app = await _app(targets, desired, picture, outdated)
    if app.app_id != picture.app.app_id:
        return None
    provider, found = await _both(
        _settings(targets, desired, picture, outdated),
        targets.okta_people.observe_people(desired, ids),
    )
    if _cannot_list(desired, provider):
        return None
    looked = await targets.provider_people.observe_accounts(
        desired, tuple(_sought(desired, memory, picture, found, ids))
    )
    accounts = with_accounts(picture.accounts, looked)
    memory = recover(desired, memory, accounts.accounts)
    unproven = await _unproven(targets, desired, found, accounts, memory, refresh)
    unknown = unproven | looked.unsure
    assignments = with_people(picture.assignments, found, unproven)
    names = groups_to_read(desired, found.people, app.user_types, memory)
    if names and accounts.groups is not None:
        groups = await targets.provider_people.observe_groups(desired, names, refresh)
        accounts = replace(accounts, groups=with_groups(accounts.groups, groups))
    fresh = (picture.fresh or frozenset()) | (frozenset(ids) - unknown)
    return Actual(app, assignments, provider, accounts, fresh)


async def _app(targets: Targets, desired: Desired, picture: Actual, outdated: Collection[str]) -> AppState:
    if targets.okta_app.name in outdated:
        return await targets.okta_app.observe(desired)
    return await targets.okta_app.refresh(desired, picture.app)


async def _settings(
    targets: Targets, desired: Desired, picture: Actual, outdated: Collection[str]
) -> ProviderState:
    if targets.provider_settings.name in outdated:
        return await targets.provider_settings.observe(desired)
    return await targets.provider_settings.refresh(desired, picture.provider)


async def _unproven(
    targets: Targets,
    desired: Desired,
    found: AssignmentState,
    accounts: AccountState,
    memory: Memory,
    refresh: Refresh,
) -> frozenset[OktaId]:
    """Those of `found` who would lose their account though only one read says that they are not assigned.
    Whom Okta does not know at all is left to a complete read: a narrow role gets the same answer."""
    doubted = people_to_prove(desired, found, accounts, memory)
    known = [okta_id for okta_id in doubted if found.missing[okta_id] is not None]
    if not known:
        return frozenset(doubted)
    look = await targets.okta_people.look_again(desired, known, refresh)
    return look.unproven | look.assigned | frozenset(doubted).difference(known)


def _sought(
    desired: Desired, memory: Memory, picture: Actual, found: AssignmentState, ids: Iterable[OktaId]
) -> Iterable[Sought]:
    """The people to look up at the provider, each by the stored account id, by the id that Okta shows, and by
    every account that had the person's id or name when accounts were last listed."""
    register = Register(picture.accounts.accounts, memory.pairs)
    read = {person.okta_id: person for person in found.people}
    for okta_id in ids:
        known: dict[ScimId, None] = {}
        if okta_id in memory.pairs:
            known[memory.pairs[okta_id]] = None
        if okta_id in register.by_external:
            known[register.by_external[okta_id].scim_id] = None
        person = read.get(okta_id)
        if person is not None and person.external_id and desired.by == "Okta":
            known[ScimId(person.external_id)] = None
        name = person.user_name if person is not None else ""
        known.update(dict.fromkeys(account.scim_id for account in (register.named(name) if name else ())))
        yield Sought(okta_id, name, tuple(known))


def with_people(
    known: AssignmentState, found: AssignmentState, unproven: frozenset[OktaId]
) -> AssignmentState:
    """`known` with the people of `found` in it, but for the unproven, who stay as they were known."""
    people = {person.okta_id: person for person in found.people}
    missing = {one: state for one, state in found.missing.items() if one not in unproven}
    read = people.keys() | missing.keys()
    kept = tuple(person for person in known.people if person.okta_id not in read)
    return replace(
        known,
        people=(*kept, *people.values()),
        missing={**{one: s for one, s in known.missing.items() if one not in read}, **missing},
        unproven=known.unproven - read,
        unconfirmed=known.unconfirmed - read,
    )


def with_accounts(known: AccountState, found: FoundAccounts) -> AccountState:
    """`known` with what was found singly in it."""
    read = {account.scim_id for account in found.accounts} | found.absent
    kept: tuple[Account, ...] = tuple(one for one in known.accounts if one.scim_id not in read)
    return replace(known, accounts=(*kept, *found.accounts))


def with_groups(known: GroupState, found: GroupState) -> GroupState:
    """`found`, with the members of the groups that were not read anew and still exist."""
    kept = {name: members for name, members in known.members.items() if name in found.ids}
    return replace(found, members={**kept, **found.members})
