"""Which account belongs to which person: by externalId, by the pair we keep, by userName without case.

Called by people, groups, seats and teardown. Says whose an account is, never what becomes of it. Every
lookup is a dictionary, made once; the ones that a quiet run does not need are made when first asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cached_property

from controller.model.actual import AccountState, AssignmentState, Memory
from controller.model.people import Account, OktaId, Person, PersonState, ScimId
from controller.names import fold, shape
from controller.planning.base.desired import Desired
from controller.urls import normal_url


class Tie(Enum):
    """How a person and an account hang together."""

    OURS = auto()
    """The account carries the person's Okta id, or is the one we noted down."""
    ADOPTABLE = auto()
    """It has the person's userName and belongs to nobody."""
    ORPHAN = auto()
    """It has the person's userName and another Okta id."""
    AMBIGUOUS = auto()
    """Several accounts have the person's userName, none of them to the letter."""
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Match:
    """`owner` is the Okta id that an ORPHAN carries, or whose pair it is."""

    tie: Tie
    account: Account | None = None
    owner: str = ""


NO_MATCH = Match(Tie.NONE)


class Register:
    """The accounts of a tenant, by everything that ties them to people."""

    def __init__(
        self,
        accounts: Sequence[Account],
        pairs: Mapping[OktaId, ScimId],
        freed: Collection[OktaId] = frozenset(),
    ) -> None:
        """`freed` are people whose account is nobody's once it does not carry their id any more."""
        self._accounts, self._pairs, self._freed = accounts, pairs, freed
        self.by_external = {account.external_id: account for account in accounts}
        self.doubles = self._settle_doubles()
        self.by_external.pop("", None)

    def _settle_doubles(self) -> tuple[str, ...]:
        """The Okta ids that several accounts carry; the noted one counts, else an active one, else the
        first."""
        seen: dict[str, list[Account]] = {}
        unmarked = sum(not account.external_id for account in self._accounts)
        if len(self.by_external) - bool(unmarked) + unmarked == len(self._accounts):
            return ()
        for account in self._accounts:
            seen.setdefault(account.external_id, []).append(account)
        doubles = sorted(key for key, found in seen.items() if key and len(found) > 1)
        for key in doubles:
            noted = self._pairs.get(OktaId(key))
            self.by_external[key] = min(
                seen[key], key=lambda a: (a.scim_id != noted, not a.active, a.scim_id)
            )
        return tuple(doubles)

    @cached_property
    def by_scim_id(self) -> dict[ScimId, Account]:
        return {account.scim_id: account for account in self._accounts}

    @cached_property
    def by_user_name(self) -> dict[str, Account]:
        """Folded userName -> account; of several the one with the lowest id."""
        found: dict[str, Account] = {}
        for account in self._accounts:
            name = fold(account.user_name)
            if name not in found or account.scim_id < found[name].scim_id:
                found[name] = account
        return found

    @cached_property
    def _namesakes(self) -> dict[str, list[Account]]:
        """Folded userName -> accounts, where a provider that regards case or normalization has several."""
        found: dict[str, list[Account]] = {}
        if len(self.by_user_name) < len(self._accounts):
            for account in self._accounts:
                found.setdefault(fold(account.user_name), []).append(account)
        return {name: accounts for name, accounts in found.items() if len(accounts) > 1}

    def named(self, user_name: str) -> tuple[Account, ...]:
        """The account of that name; if there are several, the first that bears it to the letter, else all."""
        name = fold(user_name)
        several = self._namesakes.get(name)
        if several is None:
            return (self.by_user_name[name],) if name in self.by_user_name else ()
        several = sorted(several, key=lambda account: account.scim_id)
        exact = [account for account in several if account.user_name == user_name]
        return tuple(exact[:1] or several)

    @cached_property
    def _by_shape(self) -> dict[str, list[Account]]:
        found: dict[str, list[Account]] = {}
        for account in self._accounts:
            found.setdefault(shape(account.user_name), []).append(account)
        return found

    def lookalikes(self, user_name: str) -> list[Account]:
        """The accounts whose names look like `user_name` and are another's."""
        alike = self._by_shape.get(shape(user_name), ())
        return [account for account in alike if fold(account.user_name) != fold(user_name)]

    def owner(self, account: Account) -> str:
        """The Okta id that `account` carries, or whose pair it is; "" for nobody's."""
        return account.external_id or self._owner_by_scim_id.get(account.scim_id, "")

    @cached_property
    def _owner_by_scim_id(self) -> dict[ScimId, OktaId]:
        return {scim_id: okta_id for okta_id, scim_id in self._pairs.items() if okta_id not in self._freed}

    def owned(self, okta_id: OktaId) -> Account | None:
        """The account of a person whom we have provisioned: the one that carries their Okta id, else the one
        that was noted. None if there is no pair, or the account is gone or another's."""
        noted = self._pairs.get(okta_id)
        if noted is None:
            return None
        account = self.by_external.get(okta_id)
        if account is not None:
            return account
        account = self.by_scim_id.get(noted)
        return account if account is not None and not account.external_id else None

    def match(self, person: Person) -> Match:
        """The account of `person`, by the strongest tie there is."""
        account = self.by_external.get(person.okta_id) or self.owned(person.okta_id)
        if account is not None:
            return Match(Tie.OURS, account)
        named = self.named(person.user_name) if person.user_name else ()
        if not named:
            return NO_MATCH
        if len(named) > 1:
            return Match(Tie.AMBIGUOUS, named[0])
        owner = self.owner(named[0])
        return Match(Tie.ORPHAN, named[0], owner) if owner else Match(Tie.ADOPTABLE, named[0])


def is_of_tenant(desired: Desired, memory: Memory) -> bool:
    """Whether `memory` is of the tenant that is provisioned, or of none yet."""
    return memory.tenant == "" or normal_url(memory.tenant) == desired.tenant


def freed_people(desired: Desired, memory: Memory) -> Collection[OktaId]:
    """People who left and whose account is free once its externalId was cleared; nobody if the provider drops
    externalId, since the pair is all that says whose the account is."""
    return memory.left.keys() if desired.profile.keeps_external_id else frozenset[OktaId]()


def ids_to_look_up(
    desired: Desired, assignments: AssignmentState, accounts: AccountState, memory: Memory
) -> tuple[OktaId, ...]:
    """The Okta ids whose state a full run needs beyond the listing: people of ours with an active account who
    are no longer assigned, and, where orphans may be adopted, the owners of accounts that somebody new
    claims. Sorted. The answer goes into `AssignmentState.missing`."""
    listed = {person.okta_id for person in assignments.people}
    pairs = memory.pairs if is_of_tenant(desired, memory) else {}
    register = Register(accounts.accounts, pairs, freed_people(desired, memory))
    wanted = {okta_id for okta_id in pairs if okta_id not in listed and _is_active(register.owned(okta_id))}
    if desired.adopts_orphans:
        for person in assignments.people:
            if person.okta_id not in register.by_external:
                owner = register.match(person).owner
                if owner and owner not in listed:
                    wanted.add(OktaId(owner))
    return tuple(sorted(wanted))


def _is_active(account: Account | None) -> bool:
    return account is not None and account.active


def is_gone(assignments: AssignmentState, listed: Mapping[OktaId, PersonState], owner: str) -> bool:
    """Whether `owner` was read as deactivated. A 404 is no proof: the id may be another system's."""
    known = OktaId(owner)
    return listed.get(known, assignments.missing.get(known)) is PersonState.DEACTIVATED


def is_protected(desired: Desired, memory: Memory, okta_id: OktaId, *names: str) -> bool:
    """Whether nothing may be done to a person, by Okta id, by any of `names`, or by a login they once had."""
    if not desired.protected:
        return False
    known = {okta_id, *map(fold, names), *memory.logins.get(okta_id, ())}
    return not desired.protected.isdisjoint(known)


def of_this_tenant(desired: Desired, memory: Memory) -> Memory:
    """`memory` without what belongs to another tenant: no account there is known to be ours."""
    if is_of_tenant(desired, memory):
        return memory
    return replace(
        memory,
        pairs={},
        left={},
        unlisted=frozenset(),
        adopted=frozenset(),
        rows={},
        claims={},
        placed={},
        confirmed={},
        confirmed_paths="",
        deferred={},
        settled=frozenset(),
        failures={},
        trouble="",
    )
