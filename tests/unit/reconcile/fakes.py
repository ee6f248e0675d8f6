"""Targets that keep a world in memory, and a connector that hands them out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controller.model.actions import Action, ActionKind, Outcome, Result
from controller.model.actual import Actual
from controller.model.people import OktaId, PersonState, Scope
from controller.planning.base.desired import Desired
from controller.planning.base.inputs import Inputs
from controller.targets.base import Begun, Credentials, Done, SecondLook, Targets, unobserved
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

    async def observe(self, desired: Desired, scope: Scope) -> Any:
        self.world.calls.append(f"observe {self.name}")
        if error := self.world.error_at.get(f"observe {self.name}"):
            raise error
        return getattr(self.world.state, self.part)

    async def observe_missing(
        self, desired: Desired, ids: Sequence[OktaId]
    ) -> dict[OktaId, PersonState | None]:
        self.world.calls.append(f"observe_missing {','.join(ids)}")
        return {okta_id: self.world.missing.get(okta_id) for okta_id in ids}

    async def look_again(self, desired: Desired, ids: Sequence[OktaId], scope: Scope) -> SecondLook:
        self.world.calls.append(f"look_again {','.join(ids)}")
        return SecondLook(frozenset(ids) & self.world.left_out, frozenset(ids) & self.world.unproven)

    async def observe_groups(self, desired: Desired, names: Collection[str], scope: Scope) -> Any:
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
