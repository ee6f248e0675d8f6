"""Targets that keep a world in memory, and a connector that hands them out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controller.model.actions import Action, ActionKind, Outcome, Result
from controller.model.actual import Actual, AssignmentState
from controller.model.people import OktaId, PersonState, Refresh
from controller.planning.base.desired import Desired
from controller.planning.base.inputs import Inputs
from controller.targets.base import (
    Begun,
    Credentials,
    Done,
    FoundAccounts,
    SecondLook,
    Sought,
    Targets,
    unobserved,
)
from tests.unit.planning import world

OKTA_APP = frozenset({ActionKind.SET_USERNAME_FORMAT, ActionKind.SET_MAPPING, ActionKind.ADD_APP_ATTRIBUTE})
OKTA_PEOPLE = frozenset({ActionKind.ASSIGN_GROUP, ActionKind.ASSIGN_USER, ActionKind.UNASSIGN_USER})
SETTINGS = frozenset(
    {ActionKind.ENABLE_SCIM, ActionKind.ISSUE_TOKEN, ActionKind.SAVE_GROUP_TABLE, ActionKind.REVOKE_TOKEN}
)
ACCOUNTS = frozenset(
    {
        ActionKind.DEACTIVATE_ACCOUNT,
        ActionKind.UPDATE_ACCOUNT,
        ActionKind.REACTIVATE_ACCOUNT,
        ActionKind.CREATE_ACCOUNT,
        *world.GROUP_KINDS,
    }
)
PARTS = (
    ("provider_settings", SETTINGS, "provider"),
    ("okta_app", OKTA_APP, "app"),
    ("okta_people", OKTA_PEOPLE, "assignments"),
    ("provider_people", ACCOUNTS, "accounts"),
)


@dataclass
class FakeWorld:
    """What is, what was done, and what goes wrong."""

    state: Actual = field(default_factory=world.actual)
    missing: Mapping[OktaId, PersonState | None] = field(default_factory=dict)
    left_out: frozenset[OktaId] = frozenset()
    """People who are assigned though they are not listed."""
    unproven: frozenset[OktaId] = frozenset()
    unsure: frozenset[OktaId] = frozenset()
    """People whose account the provider cannot look up singly."""
    calls: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    """Keys of the actions that had their effect, in order."""
    fail: dict[str, str] = field(default_factory=dict)
    """Key of an action -> reason."""
    error_at: dict[str, Exception] = field(default_factory=dict)
    """`observe provider_people`, or key of an action -> what is raised there."""
    after: Callable[[Action], None] = lambda action: None
    """Called after each effect; raising kills the run there."""

    def targets(self) -> Targets:
        made: dict[str, Any] = {name: FakeTarget(name, kinds, part, self) for name, kinds, part in PARTS}
        return Targets(**made)


@dataclass
class FakeTarget:
    """One target of a FakeWorld."""

    name: str
    handles: frozenset[ActionKind]
    part: str
    world: FakeWorld

    async def observe(self, desired: Desired) -> Any:
        self.world.calls.append(f"observe {self.name}")
        if error := self.world.error_at.get(f"observe {self.name}"):
            raise error
        return getattr(self.world.state, self.part)

    async def refresh(self, desired: Desired, part: Any) -> Any:
        self.world.calls.append(f"refresh {self.name}")
        if error := self.world.error_at.get(f"refresh {self.name}"):
            raise error
        return getattr(self.world.state, self.part)

    async def observe_people(self, desired: Desired, ids: Sequence[OktaId]) -> AssignmentState:
        self.world.calls.append(f"observe_people {','.join(ids)}")
        if error := self.world.error_at.get("observe_people"):
            raise error
        state = self.world.state.assignments
        people = tuple(person for person in state.people if person.okta_id in ids)
        gone = set(ids) - {person.okta_id for person in people}
        missing = {one: self.world.missing.get(one, state.missing.get(one)) for one in sorted(gone)}
        return AssignmentState(people, {}, {}, {}, missing)

    async def observe_accounts(self, desired: Desired, sought: Sequence[Sought]) -> FoundAccounts:
        self.world.calls.append(f"observe_accounts {','.join(one.okta_id for one in sought)}")
        accounts = {account.scim_id: account for account in self.world.state.accounts.accounts}
        known = [scim_id for one in sought for scim_id in one.known]
        names = {one.user_name for one in sought}
        found = {i: a for i, a in accounts.items() if i in known or a.user_name in names}
        absent = frozenset(known) - found.keys()
        unsure = frozenset(one.okta_id for one in sought) & self.world.unsure
        return FoundAccounts(tuple(found.values()), absent, unsure)

    async def observe_missing(
        self, desired: Desired, ids: Sequence[OktaId]
    ) -> dict[OktaId, PersonState | None]:
        self.world.calls.append(f"observe_missing {','.join(ids)}")
        return {okta_id: self.world.missing.get(okta_id) for okta_id in ids}

    async def look_again(self, desired: Desired, ids: Sequence[OktaId], refresh: Refresh) -> SecondLook:
        self.world.calls.append(f"look_again {','.join(ids)}")
        return SecondLook(frozenset(ids) & self.world.left_out, frozenset(ids) & self.world.unproven)

    async def observe_groups(self, desired: Desired, names: Collection[str], refresh: Refresh) -> Any:
        self.world.calls.append(f"observe_groups {','.join(sorted(names))}")
        return self.world.state.accounts.groups

    async def apply(
        self, desired: Desired, actions: Sequence[Action], done: Done, begun: Begun = unobserved
    ) -> None:
        self.world.calls.append(f"apply {self.name}")
        for action in actions:
            begun(action)
            if error := self.world.error_at.get(action.key):
                done(Outcome(action, Result.FAILED, "Unavailable"))
                raise error
            if reason := self.world.fail.get(action.key):
                done(Outcome(action, Result.FAILED, reason, "refused"))
                continue
            self.world.state = world.carry_out(self.world.state, [action], desired)
            self.world.done.append(action.key)
            self.world.after(action)
            done(*world.done([action]))


@dataclass
class FakeConnector:
    """Connects to a FakeWorld."""

    world: FakeWorld

    async def connect(self, inputs: Inputs, desired: Desired, credentials: Credentials) -> Targets:
        self.world.calls.append("connect")
        return self.world.targets()
