"""The interface of a target: one part of the world that can be read and changed.

reconcile.engine calls `observe` of every target, plans, and hands each target its actions in order.
tests/contract/targets judges every implementation of `Target`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from pydantic import SecretStr

from controller.model.actions import Action, ActionKind, Outcome
from controller.model.actual import AccountState, AppState, AssignmentState, GroupState, ProviderState
from controller.model.people import Account, OktaId, PersonState, Refresh, ScimId
from controller.planning.base.desired import Desired
from controller.planning.base.inputs import Inputs

Part = TypeVar("Part", covariant=True)
Done = Callable[[Outcome], None]
Begun = Callable[[Action], None]
"""Told of each action right before its first request is sent: what a process that is killed leaves behind. A
ControllerError that it raises ends the run: what is under way is finished, nothing more is begun."""


def unobserved(action: Action) -> None:
    """Nobody is told that `action` begins."""


class Target(Protocol[Part]):
    """One part of the world.

    Rules, judged by the contract suite:
    - `observe` never writes, and returns a complete part or raises a RemoteError: a partial listing taken
      for "absent" deactivates people.
    - `apply` takes actions of `handles` only, is idempotent (natural key or externalId), runs kinds in the
      order given and actions of one kind with bounded concurrency, and calls `done` once for each action as
      soon as its outcome is known. It raises nothing for what concerns one action; it raises
      Unauthorized, RateLimited or Unavailable where nothing further can succeed, after having called `done`
      (SKIPPED) for the rest. `begun` is called once for each action that is tried, before anything is sent.
    - A 2xx is not believed: the answer's body is checked at once, then up to 20 writes are confirmed by a GET
      each, more by one listing after the batch. What differs is FAILED/NotConfirmed, what the SaaS defers is
      PENDING_CONFIRMATION.
    """

    name: str
    handles: frozenset[ActionKind]

    async def observe(self, desired: Desired) -> Part:
        """The target's part of Actual, read whole."""
        ...

    async def apply(
        self, desired: Desired, actions: Sequence[Action], done: Done, begun: Begun = unobserved
    ) -> None:
        """Carries out `actions`; every one of them has been reported through `done` when it returns."""
        ...


class SecondLook(NamedTuple):
    """What a second read says of people who seem to have left."""

    assigned: frozenset[OktaId] = frozenset()
    """Those who are assigned after all."""
    unproven: frozenset[OktaId] = frozenset()
    """Those of whom the second read does not say that they left."""


class AppTarget(Target[AppState], Protocol):
    """The target for the Okta app."""

    async def refresh(self, desired: Desired, app: AppState) -> AppState:
        """`app` with the app itself read anew; schema, mappings and connection stay as they were read."""
        ...


class SettingsTarget(Target[ProviderState], Protocol):
    """The target for the provider's settings."""

    async def refresh(self, desired: Desired, state: ProviderState) -> ProviderState:
        """`state` with the probe and the organization read anew, whose seats change by the minute."""
        ...


class PeopleTarget(Target[AssignmentState], Protocol):
    """The target for assignments, which can also look for people who are no longer listed."""

    async def observe_people(self, desired: Desired, ids: Sequence[OktaId]) -> AssignmentState:
        """`ids` alone, each asked for singly, without any group. Who is not assigned is among the missing,
        with their state; None if Okta knows no such user and its log has no deletion."""
        ...

    async def observe_missing(
        self, desired: Desired, ids: Sequence[OktaId]
    ) -> Mapping[OktaId, PersonState | None]:
        """The state of each of `ids`; None if Okta knows no such user. Complete, or raises.

        Up to 20 are read singly, more by `users?filter=status eq "DEPROVISIONED" and lastUpdated gt ..`
        and, for what that leaves, singly again. A user whose deletion is in the System Log counts as
        deactivated.
        """
        ...

    async def look_again(self, desired: Desired, ids: Sequence[OktaId], refresh: Refresh) -> SecondLook:
        """A second read of another kind for each of `ids`, whom a first one says are not assigned.

        After a complete read up to 20 are asked for singly as users of the app, after a small one as owners
        of the app; more stay unproven.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sought:
    """Whose account is looked for singly, and by what."""

    okta_id: OktaId
    user_name: str
    """"" where only known accounts are to be looked at."""
    known: tuple[ScimId, ...]
    """Accounts that were the person's, or bore the person's name, when they were last read."""


class FoundAccounts(NamedTuple):
    """What was found of people whose accounts were looked for singly."""

    accounts: tuple[Account, ...]
    absent: frozenset[ScimId] = frozenset()
    """Known accounts that do not exist any more, as the provider itself says."""
    unsure: frozenset[OktaId] = frozenset()
    """People of whom only a complete listing can tell: the provider knows no such filter, or its answer
    proves nothing."""


class AccountTarget(Target[AccountState], Protocol):
    """The target for accounts, which can also look into the provider's groups."""

    async def observe_accounts(self, desired: Desired, sought: Sequence[Sought]) -> FoundAccounts:
        """The accounts of `sought`: each known one by its id; by userName where none is known or left. A
        filter that finds nobody is believed only of a name that no listed account bore."""
        ...

    async def observe_groups(self, desired: Desired, names: Collection[str], refresh: Refresh) -> GroupState:
        """Every group by name, and the members of those in `names` of which there is one. Complete, or
        raises; a provider without groups is told as the fault."""
        ...


class SecretStore(Protocol):
    """Secrets that issued tokens go to. They exist; nothing is ever created here.

    Every failure is a RemoteError of the system Kubernetes that concerns one action: NotFound, Conflict where
    the Secret changed meanwhile, Rejected with reason SecretOwnedByOther where somebody else keeps it, with
    reason SecretNotWritable where the operator may not write it.
    """

    async def read(self, namespace: str, name: str) -> Mapping[str, SecretStr]:
        """The values by key."""
        ...

    async def check(self, namespace: str, name: str, key: str, notes: Mapping[str, str | None]) -> None:
        """Raises what `put` would raise; changes nothing."""
        ...

    async def put(
        self, namespace: str, name: str, key: str, value: SecretStr, notes: Mapping[str, str | None]
    ) -> None:
        """Sets one key and the annotations `notes` (None takes one away) in one write."""
        ...


Credentials = Mapping[tuple[str, str, str], SecretStr]
"""(namespace, Secret name, key) -> value, of every Secret that the integration and its org name, and of
nothing but Secrets. Keys of one Secret that are read together (clientId, privateKey) are all there."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The four targets of one integration, in the order in which they are applied."""

    provider_settings: SettingsTarget
    okta_app: AppTarget
    okta_people: PeopleTarget
    provider_people: AccountTarget


class Connector(Protocol):
    """Makes the targets of an integration; keeps sessions, tokens and request budgets between runs.

    targets.connect has the real one; tests of the engine pass their own.
    """

    async def connect(self, inputs: Inputs, desired: Desired, credentials: Credentials) -> Targets:
        """Targets that use `credentials`; sends nothing beyond what a shared budget needs: the org's id."""
        ...
