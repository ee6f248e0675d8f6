"""Killed after every single write of a plan and run again by a new process: the end is the same, and nothing
is doubled. The worlds together hold every kind of action; tokens have theirs in test_provider_tokens."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from controller.api.group_mapping import GroupMappingSpec
from controller.api.meta import APPROVE
from controller.api.scim_integration import ScimIntegrationSpec
from controller.api.seat_limit import SeatLimitSpec
from controller.metrics import Metrics
from controller.model.actions import ActionKind
from controller.model.actual import Memory
from controller.planning.base.inputs import Inputs, Resource, SecretKey
from controller.planning.desired.profiles import CALENDLY_URN
from controller.reconcile.engine import Engine
from controller.reconcile.report import Report
from controller.reconcile.state_codec import decode_frozen, decode_memory, encode_frozen, encode_memory
from controller.scim.client import USER_SCHEMA
from controller.settings import Settings
from scim_sandbox.okta import apps, assignments, directory
from tests.contract.targets.conftest import Opener
from tests.contract.targets.test_connect import connector, credentials
from tests.contract.targets.test_engine import HOSTS, enforcing
from tests.contract.targets.world import World

TOKENS = {ActionKind.ISSUE_TOKEN, ActionKind.REVOKE_TOKEN}
RUNS = 12


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Life:
    """A world, what of the operator's memory is stored, and at which write it dies."""

    world: World
    inputs: Inputs
    dies_at: int = 0
    stored: bytes = field(default_factory=lambda: encode_memory(Memory()))
    frozen: bytes = b""
    approval: str = ""
    """What somebody who reads each plan that waits has written last."""
    handled: str = ""
    approvals: int = 0
    writes: int = 0
    kinds: set[ActionKind] = field(default_factory=set)
    is_dead: bool = False

    def arm(self) -> None:
        send = self.world.hosts.handle_async_request

        async def mortal(request: httpx.Request) -> httpx.Response:
            if self.is_dead:
                raise Killed
            answer = await send(request)
            if request.method != "GET" and "oauth2" not in request.url.path:
                self.writes += 1
                self.is_dead = self.writes == self.dies_at
            if self.is_dead:
                raise Killed
            return answer

        self.world.hosts.handle_async_request = mortal  # type: ignore[method-assign]

    async def run(self) -> Report:
        """One run of a process that has just started: it knows what is stored and nothing else."""

        async def keep(_: Resource[ScimIntegrationSpec], memory: Memory) -> None:
            self.stored = encode_memory(memory)

        engine = Engine(connector(self.world), self.world.clock, Settings(), Metrics(), keep)
        held = {**credentials(self.world), ("default", "okta-token", "token"): SecretStr("token-of-okta")}
        frozen = decode_frozen(self.frozen) if self.frozen else None
        report = await engine.run(self._approved(), held, decode_memory(self.stored), frozen=frozen)
        self.stored = encode_memory(report.memory)
        if report.verdict is not None:
            self.frozen = encode_frozen(report.verdict.frozen) if report.verdict.frozen else b""
            self.handled = report.verdict.handled_approval or self.handled
            if report.verdict.digest and report.verdict.digest != self.approval:
                self.approval = report.verdict.digest
                self.approvals += 1
            assert not report.verdict.is_approval_ignored
        self.kinds |= {outcome.action.kind for outcome in report.outcomes}
        return report

    def _approved(self) -> Inputs:
        integration = self.inputs.integration
        status = {"lastHandledApproval": self.handled}
        annotated = replace(integration, annotations={APPROVE: self.approval}, status=status)
        return replace(self.inputs, integration=annotated)

    async def settle(self) -> None:
        """Runs until nothing is left to do; once dead, the next run is a new process."""
        for _ in range(RUNS):
            try:
                report = await self.run()
            except Killed:
                self.is_dead = False
                continue
            assert report.error is None, report.error
            if report.plan is not None and not report.plan.actions:
                return
        raise AssertionError(f"it does not come to rest: {report.outcomes}")


def declared(
    world: World,
    spec: dict[str, Any],
    *,
    values: dict[str, str],
    seats: int = 0,
    profile: str = "calendly",
) -> Inputs:
    """The integration with changed parts of its spec, a GroupMapping and, with `seats`, a SeatLimit."""
    given = enforcing(world)
    raw = given.integration.spec.model_dump(by_alias=True, mode="json", exclude_none=True)
    safe = {"removals": {"count": 900, "percent": 100}, "changes": {"count": 900, "percent": 100}}
    token = {"name": "okta-token", "key": "token"}
    provider = {**raw["provider"], "profile": {"name": profile}, "oktaTokenRef": token}
    parsed = ScimIntegrationSpec.model_validate({**raw, "provider": provider, "safeguards": safe, **spec})
    rows = [{"values": [value], "providerGroup": group} for value, group in values.items()]
    mapping = GroupMappingSpec.model_validate({"integrationRef": {"name": "calendly"}, "mappings": rows})
    limit = SeatLimitSpec.model_validate({"integrationRefs": [{"name": "calendly"}], "seats": seats or 1})
    born = ("2026-01-01T00:00:00Z",)
    key = SecretKey("okta-token", "token", HOSTS)
    return replace(
        given,
        secrets={**given.secrets, ("default", "okta-token"): frozenset({key})},
        integration=replace(given.integration, spec=parsed),
        mappings=(Resource("GroupMapping", "default", "teams", "u3", 1, *born, mapping),),
        limits=(Resource("SeatLimit", "default", "seats", "u4", 1, *born, limit),) if seats else (),
    )


GROUPS = {"sources": [{"source": "user.department"}], "createGroups": "WhenMissing"}


async def operator_world(opened: Opener) -> Life:
    """Six people have accounts; then everything that the operator pushes itself changes at once."""
    world = await opened(6)
    org = world.org
    extra = [directory.create_user(org, profile(n)) for n in (6, 7, 8)]
    assignments.assign_user(org, world.app, extra[2], {"id": extra[2].id, "scope": "USER"})
    life = Life(world, declared(world, {"groups": GROUPS}, values={"Sales": "Sales"}))
    await life.settle()
    people = [org.find_user(f"p{number:05}@acme.example") for number in range(6)]
    newcomers = directory.create_group(org, {"name": "Newcomers", "description": ""})
    for user in (*people[1:4], extra[0]):
        directory.add_member(org, newcomers, user)
    directory.change_status(org, people[0], "deactivate")
    directory.update_user(org, people[1], {"department": "Legal", "displayName": "Renamed"})
    for one in await world.admin.people():
        if one["userName"] == "p00002@acme.example":
            await world.admin.deactivate(one["id"])
    await world.admin.update_organization({"scimEnabled": False})
    spec = {
        "groups": GROUPS,
        "okta": {"orgRef": {"name": "acme"}, "app": {"id": world.app.id}, "usernameFormat": "EmailLowercase"},
        "assignments": {
            "oktaGroups": [{"name": "Newcomers"}],
            "users": ["p00007@acme.example"],
            "prune": "Undeclared",
        },
    }
    life.inputs = declared(world, spec, values={"Sales": "Vendors", "Legal": "Lawyers"})
    return life


async def groups_world(opened: Opener) -> Life:
    """The operator keeps groups itself; then rows lead elsewhere, people come, change and leave."""
    world = await opened(6, profile="rfc7643")
    org = world.org
    spec = {"groups": {**GROUPS, "via": "ScimGroups", "unmapped": {"action": "Remove"}}}
    values = {"Sales": "Sales", "Support": "Support"}
    life = Life(world, declared(world, spec, values=values, profile="rfc7643"))
    await life.settle()
    people = [org.find_user(f"p{number:05}@acme.example") for number in range(6)]
    newcomer = directory.create_user(org, profile(6))
    assignments.assign_user(org, world.app, newcomer, {"id": newcomer.id, "scope": "USER"})
    directory.update_user(org, people[1], {"department": "Legal"})
    directory.update_user(org, people[2], {"department": "Nobody's"})
    directory.change_status(org, people[3], "deactivate")
    for one in await world.admin.people():
        if one["userName"] == "p00004@acme.example":
            await world.admin.deactivate(one["id"])
    values = {"Sales": "Vendors", "Support": "Support", "Legal": "Lawyers"}
    life.inputs = declared(world, spec, values=values, profile="rfc7643")
    return life


def profile(number: int) -> dict[str, Any]:
    login = f"p{number:05}@acme.example"
    names = {"firstName": f"First{number}", "lastName": f"Last{number}", "displayName": f"Name {number}"}
    return {"login": login, "email": login, "department": "Sales", **names}


async def okta_world(opened: Opener, *, has_group: bool = True) -> Life:
    """An app that Okta's API can connect; Okta pushes, and a seat group decides who is assigned."""
    world = await opened(4)
    org = world.org
    users = next(group for group in org.groups.values() if group.profile["name"] == "Calendly users")
    world.app = apps.create_app(org, "zscalerbyz", apps.saml_body("Zscaler 2.0"))
    assignments.assign_group(org, world.app, users.id, {"priority": 0})
    if has_group:
        seat_group = directory.create_group(org, {"name": "Seats", "description": ""})
        directory.add_member(org, seat_group, directory.create_user(org, profile(9)))
    attribute = {"displayName": "Group", "name": "teamName", "externalName": "group"}
    spec = {
        "okta": {"orgRef": {"name": "acme"}, "app": {"id": world.app.id}},
        "provisioning": {"by": "Okta"},
        "attributes": {"policy": "Exact", "pruneSchema": "Unmapped"},
        "groups": {**GROUPS, "attribute": {**attribute, "externalNamespace": CALENDLY_URN}},
        "assignments": {
            "through": "SeatGroup",
            "seatGroup": {"name": "Seats"},
            "oktaGroups": [{"name": "Calendly users"}],
        },
    }
    return Life(world, declared(world, spec, values={"Sales": "Sales"}, seats=50))


async def departing_world(opened: Opener) -> Life:
    """The operator has set everything up, a group of its own included; then the integration is deleted."""
    life = await okta_world(opened, has_group=False)
    await life.settle()
    pushed = await push_everybody(life)
    await life.settle()
    assert decode_memory(life.stored).pairs.keys() == pushed
    integration = replace(life.inputs.integration, is_deleting=True)
    life.inputs = replace(life.inputs, integration=integration)
    life.kinds, life.approvals = set(), 0
    return life


async def renamed_world(opened: Opener) -> Life:
    """The operator has filled a seat group of its own; then the spec names another one."""
    life = await okta_world(opened, has_group=False)
    await life.settle()
    await push_everybody(life)
    await life.settle()
    integration = life.inputs.integration
    raw = integration.spec.model_dump(by_alias=True, mode="json", exclude_none=True)
    raw["assignments"]["seatGroup"] = {"name": "Desks"}
    spec = ScimIntegrationSpec.model_validate(raw)
    life.inputs = replace(life.inputs, integration=replace(integration, spec=spec))
    life.kinds, life.approvals = set(), 0
    return life


async def push_everybody(life: Life) -> set[str]:
    """What Okta's agent does for everybody who is assigned; their Okta ids."""
    for okta_id in life.world.app.users:
        user = life.world.org.users[okta_id]
        named = {"givenName": user.profile["firstName"], "familyName": user.profile["lastName"]}
        body = {"userName": user.profile["login"], "externalId": okta_id, "active": True, "name": named}
        await life.world.scim.client.create({"schemas": [USER_SCHEMA], **body})
    return set(life.world.app.users)


async def picture(life: Life) -> dict[str, Any]:
    """Everything that a run may have changed, without ids and times."""
    world, org = life.world, life.world.org
    login = {user.id: user.profile["login"] for user in org.users.values()}
    people = await world.admin.people()
    names = {one["id"]: one["userName"] for one in people}
    table = await world.admin.group_mapping()
    memory = decode_memory(life.stored)
    app = await world.okta.client.app(world.app.id)
    journal = Counter(one["action"] for one in await world.admin.journal())
    drop = ("id", "created", "lastModified", "meta", "groups", "acceptedAt", "deactivatedAt", "invitedAt")
    return {
        "people": sorted(json.dumps({k: v for k, v in p.items() if k not in drop}) for p in people),
        "groups": sorted((g["displayName"], g.get("members", 0)) for g in await world.admin.groups()),
        "in groups": sorted((one["userName"], sorted(one["groups"])) for one in people),
        "table": (table["attribute"], sorted(map(json.dumps, table["entries"])), table["unmapped"]),
        "assigned": sorted((login[i], r.scope) for i, r in world.app.users.items()),
        "app groups": sorted(org.groups[i].profile["name"] for i in world.app.groups),
        "org groups": sorted(g.profile["name"] for g in org.groups.values()),
        "members": {
            group.profile["name"]: sorted(login[i] for i in org.members[group.id])
            for group in org.groups.values()
        },
        "app": (app["credentials"]["userNameTemplate"], sorted(app["features"])),
        "connection": (world.app.connection.status, world.app.connection.base_url, world.app.capabilities),
        "schema": sorted(world.app.schema.custom),
        "mappings": sorted(json.dumps(m.properties, sort_keys=True) for m in org.mappings.values()),
        "journal": dict(journal),
        "ours": sorted((login[i], names[s]) for i, s in memory.pairs.items()),
        "adopted": memory.adopted,
        "touched": sorted((login.get(one.okta_id, ""), one.touch) for one in memory.window),
    }


Make = Callable[[Opener], Awaitable[Life]]
WORLDS: dict[str, Make] = {
    "operator": operator_world,
    "groups": groups_world,
    "okta": okta_world,
    "switchover": partial(okta_world, has_group=False),
    "departing": departing_world,
    "renamed": renamed_world,
}
KINDS = {
    "operator": {
        ActionKind.ENABLE_SCIM, ActionKind.SAVE_GROUP_TABLE, ActionKind.SET_USERNAME_FORMAT,
        ActionKind.ASSIGN_GROUP, ActionKind.ASSIGN_USER, ActionKind.UNASSIGN_GROUP, ActionKind.UNASSIGN_USER,
        ActionKind.DEACTIVATE_ACCOUNT, ActionKind.UPDATE_ACCOUNT, ActionKind.REACTIVATE_ACCOUNT,
        ActionKind.CREATE_ACCOUNT,
    },
    "okta": {
        ActionKind.SAVE_GROUP_TABLE, ActionKind.ADD_APP_ATTRIBUTE, ActionKind.SET_MAPPING,
        ActionKind.REMOVE_APP_ATTRIBUTE, ActionKind.ENABLE_CONNECTION, ActionKind.SET_TO_APP,
        ActionKind.ASSIGN_GROUP, ActionKind.ADD_TO_SEAT_GROUP, ActionKind.REMOVE_FROM_SEAT_GROUP,
        ActionKind.UNASSIGN_GROUP,
    },
}  # fmt: skip
KINDS["groups"] = {
    ActionKind.DEACTIVATE_ACCOUNT, ActionKind.REACTIVATE_ACCOUNT, ActionKind.CREATE_ACCOUNT,
    ActionKind.CREATE_PROVIDER_GROUP, ActionKind.CHANGE_MEMBERSHIPS,
}  # fmt: skip
KINDS["departing"] = {
    ActionKind.UNASSIGN_GROUP, ActionKind.DELETE_SEAT_GROUP, ActionKind.DEACTIVATE_ACCOUNT,
    ActionKind.SET_TO_APP, ActionKind.DISABLE_CONNECTION, ActionKind.SET_MAPPING,
    ActionKind.REMOVE_APP_ATTRIBUTE,
}  # fmt: skip
KINDS["renamed"] = {
    ActionKind.CREATE_SEAT_GROUP, ActionKind.ASSIGN_GROUP, ActionKind.ADD_TO_SEAT_GROUP,
    ActionKind.UNASSIGN_GROUP,
}  # fmt: skip
KINDS["switchover"] = KINDS["okta"] - {ActionKind.REMOVE_FROM_SEAT_GROUP} | {ActionKind.CREATE_SEAT_GROUP}


def test_the_worlds_together_hold_every_kind_of_action() -> None:
    assert set().union(TOKENS, *KINDS.values()) == set(ActionKind)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
async def test_killed_after_every_single_write_the_end_is_the_same(opened: Opener, name: str) -> None:
    whole = await WORLDS[name](opened)
    whole.arm()
    await whole.settle()
    assert whole.kinds == KINDS[name]
    whole_picture = await picture(whole)
    for number in range(1, whole.writes + 1):
        life = await WORLDS[name](opened)
        life.dies_at = number
        life.arm()
        await life.settle()
        told = f"killed after write {number} of {whole.writes}"
        assert await picture(life) == whole_picture, told
        assert life.approvals == whole.approvals, f"{told}: what was approved has to be approved again"
