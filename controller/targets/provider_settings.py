"""The provider's settings: our test of the credentials, the organization, its SCIM switch, tokens, group
table.

Used by the engine through targets.connect. Everything but the test needs the admin API; without one
the parts are None and planning makes manual steps of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from controller.clock import Clock
from controller.errors import Conflict, Rejected, Unavailable
from controller.model.actions import Action, ActionKind, Outcome
from controller.model.actual import (
    NO_TOKENS,
    GroupTable,
    HeldTokens,
    Organization,
    Probe,
    ProviderState,
    Token,
)
from controller.model.people import OktaId
from controller.parsing import as_texts, parse_moment, whole_number
from controller.planning.base.desired import Desired
from controller.planning.groups.mapping_table import SavedTable, table_of
from controller.scim.admin import AdminClient, Json
from controller.scim.client import ScimClient
from controller.targets.base import Begun, Done, unobserved
from controller.targets.order import Written, carry_out, confirmed, not_confirmed
from controller.targets.provider_tokens import TokenDesk
from controller.transport.calls import Lane

HANDLES = frozenset(
    {
        ActionKind.ENABLE_SCIM,
        ActionKind.ISSUE_TOKEN,
        ActionKind.SAVE_GROUP_TABLE,
        ActionKind.REVOKE_TOKEN,
    }
)


class ProviderSettings:
    """A Target whose part is ProviderState."""

    name = "provider_settings"
    handles = HANDLES

    def __init__(
        self,
        client: ScimClient,
        admin: AdminClient | None,
        clock: Clock,
        desk: TokenDesk | None = None,
        held: HeldTokens = NO_TOKENS,
    ) -> None:
        self._client, self._admin, self._clock = client, admin, clock
        self._desk, self._held = desk, held

    async def observe(self, desired: Desired) -> ProviderState:
        """The probe; with the admin API the organization, its tokens and its group table."""
        probe = await self._probe(Lane.FULL)
        if self._admin is None:
            return ProviderState(probe)
        organization = parse_organization(await self._admin.organization())
        tokens = tuple(parse_token(row) for row in await self._admin.tokens())
        table, active = await read_table(self._admin), await _last_active(desired, self._admin)
        return ProviderState(probe, organization, table, tokens, self._held, active)

    async def refresh(self, desired: Desired, state: ProviderState) -> ProviderState:
        """`state` with the probe and the organization read anew."""
        probe = await self._probe(Lane.PERSON)
        if self._admin is None:
            return replace(state, probe=probe)
        return replace(state, probe=probe, organization=parse_organization(await self._admin.organization()))

    async def _probe(self, lane: Lane) -> Probe:
        tested = await self._client.in_lane(lane).probe()
        return Probe(tested.ok, tested.seconds, self._clock.now(), tested.cause)

    async def apply(
        self, desired: Desired, actions: Sequence[Action], done: Done, begun: Begun = unobserved
    ) -> None:
        """Carries out settings, one after the other; see Target.apply."""
        await carry_out(_Writer(desired, self._admin, self._desk), actions, done, begun)


class _Writer:
    """An Executor for one run."""

    def __init__(self, desired: Desired, admin: AdminClient | None, desk: TokenDesk | None) -> None:
        self._desired, self._given, self._given_desk = desired, admin, desk

    @property
    def _admin(self) -> AdminClient:
        if self._given is None:
            raise Rejected("needs spec.provider.admin", system="admin", reason="AdminApiMissing")
        return self._given

    @property
    def _desk(self) -> TokenDesk:
        if self._given_desk is None:
            raise Rejected("needs spec.provider.admin", system="admin", reason="AdminApiMissing")
        return self._given_desk

    def concurrency(self, kind: ActionKind) -> int:
        return 1

    def confirms_singly(self, kind: ActionKind, count: int) -> bool:
        return True

    async def write(self, action: Action) -> Written:
        match action.kind:
            case ActionKind.ENABLE_SCIM:
                body = await self._admin.update_organization(dict(action.after))
                return Written(body=body)
            case ActionKind.SAVE_GROUP_TABLE:
                return Written(body=await self._save(table_of(action), action.remote_id))
            case ActionKind.ISSUE_TOKEN:
                return await self._desk.issue(self._desired, action)
            case _:
                await self._desk.revoke(self._desired, action)
                return Written()

    async def confirm(self, action: Action, written: Written) -> Outcome:
        fault = await self._fault(action, written)
        return not_confirmed(action, written, fault) if fault else confirmed(action, written)

    async def confirm_all(self, kind: ActionKind, written: Sequence[tuple[Action, Written]]) -> list[Outcome]:
        return [await self.confirm(action, one) for action, one in written]

    async def _save(self, table: SavedTable, digest: str) -> Json:
        """The saved table. What is saved is what a preview showed just now, on the table that the plan
        saw."""
        present = await read_table(self._admin)
        if digest and present.digest != digest:
            raise Conflict(
                "somebody saved the group table meanwhile; it is planned anew", system="admin", status=412
            )
        body = table_body(table)
        _, preview_digest = await self._admin.preview_group_mapping(body)
        return await self._admin.save_group_mapping(body, preview_digest)

    async def _fault(self, action: Action, written: Written) -> str:
        match action.kind:
            case ActionKind.ENABLE_SCIM:
                enabled = parse_organization(await self._admin.organization()).scim_enabled
                return "" if enabled else "SCIM is still off"
            case ActionKind.SAVE_GROUP_TABLE:
                return _table_fault(table_of(action), await read_table(self._admin))
            case ActionKind.ISSUE_TOKEN:
                return await self._desk.issue_fault(self._desired, action, written)
            case _:
                return await self._desk.revoke_fault(action)


async def read_table(admin: AdminClient) -> GroupTable:
    """The group table in force, with the names of the groups that exist."""
    body = await admin.group_mapping()
    names = frozenset(str(row.get("displayName") or row.get("name") or "") for row in await admin.groups())
    return parse_table(body, names)


def parse_table(body: Json, groups: frozenset[str]) -> GroupTable:
    """The table of an answer; its digest is over what a save would replace."""
    entries = tuple(
        (tuple(str(value) for value in row.get("values") or ()), str(row.get("group") or ""))
        for row in body.get("entries") or ()
    )
    unmapped = body.get("unmapped") or {}
    action, group = str(unmapped.get("action") or "Keep"), unmapped.get("group")
    shown = [body.get("attribute"), sorted(entries), body.get("createGroups"), action, group]
    return GroupTable(
        str(body.get("attribute") or ""),
        entries,
        str(body.get("createGroups") or "Never"),
        f"{action}/{group}" if group else action,
        hashlib.sha256(json.dumps(shown).encode()).hexdigest(),
        groups - {""},
    )


def table_body(table: SavedTable) -> Json:
    """The table as the admin API takes it."""
    action, _, group = table.unmapped.partition("/")
    return {
        "attribute": table.attribute,
        "entries": [{"values": list(values), "group": name} for values, name in table.rows],
        "createGroups": table.create_groups,
        "unmapped": {"action": action, **({"group": group} if group else {})},
    }


def _table_fault(expected: SavedTable, actual: GroupTable) -> str:
    rows = {value: group for values, group in actual.entries for value in values}
    for values, group in expected.rows:
        for value in values:
            if rows.pop(value, None) != group:
                return f"the value {value!r} does not lead to {group!r}"
    if rows:
        return f"the value {next(iter(rows))!r} is still in the table"
    return "" if expected.unmapped == actual.unmapped else f"unmapped is {actual.unmapped}"


def parse_organization(body: Json) -> Organization:
    """The organization of an answer. Raises Unavailable for one without seats."""
    seats, billing = body.get("seats"), body.get("billing") or {}
    purchased = whole_number(seats.get("purchased")) if isinstance(seats, Mapping) else None
    if not isinstance(seats, Mapping) or purchased is None:
        raise Unavailable("the admin API tells no seats", system="admin", reason="NotAdminApi")
    return Organization(
        str(body.get("plan") or ""),
        _text(body.get("sso")),
        bool(body.get("scimEnabled")),
        str(body.get("scimBaseUrl") or ""),
        str(billing.get("method") or "") if isinstance(billing, Mapping) else str(billing),
        purchased,
        whole_number(seats.get("used")) or 0,
        whole_number(seats.get("pending")) or 0,
        whole_number(seats.get("free")) or 0,
        str(body.get("profile") or ""),
    )


async def _last_active(desired: Desired, admin: AdminClient) -> Mapping[OktaId, str] | None:
    """When each person was last active; None where nobody asks."""
    if desired.seats is None or desired.seats.inactive_for is None:
        return None
    return {OktaId(person): moment for person, moment in (await admin.last_active()).items()}


def parse_token(row: Json) -> Token:
    """A token of an answer."""
    return Token(
        str(row.get("id") or ""),
        str(row.get("name") or ""),
        tuple(as_texts(row.get("scopes"))),
        parse_moment(row.get("created")),
        parse_moment(row.get("expires")),
        parse_moment(row.get("lastUsed")),
        str(row.get("lastUserAgent") or ""),
        str(row.get("fingerprint") or ""),
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value or "")
