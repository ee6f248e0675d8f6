"""SCIM 2.0 Groups at any service provider: list, read, create, change members. Bodies are plain dicts.

Used by targets.provider_groups. Sources: RFC 7643 section 4.2, RFC 7644 section 3.5.2; members are added and
removed in the forms in which Okta's Group Push does it, which is what providers are tried with.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controller.errors import Rejected, Unavailable
from controller.scim.client import PATCH_SCHEMA, Json, ScimClient, resource_of
from controller.scim.shapes import GroupResource
from controller.transport.calls import Call, fill
from controller.transport.listing import Tally
from controller.transport.typed import misfit

GROUPS = "/Groups"
GROUP = "/Groups/{id}"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"


class GroupClient:
    """The groups of one tenant, by the ScimClient of it."""

    def __init__(self, client: ScimClient) -> None:
        self._client = client

    async def names(self) -> list[tuple[str, str]]:
        """(displayName, id) of every group; complete, or Unavailable. Members are not asked for, since many
        providers leave them out of a listing anyway."""
        try:
            return await self._client.listing(GROUPS, _name, {"excludedAttributes": "members"})
        except Rejected:
            # It may not know how to leave them out.
            return await self._client.listing(GROUPS, _name)

    async def members(self, group_id: str) -> frozenset[str]:
        """Ids of the members of a group, as its own resource tells them. Raises NotFound."""
        body = await self._read(group_id)
        if fault := misfit(GroupResource, body):
            told = f"the provider tells a group that is none: {fault}"
            raise Unavailable(told, system="SCIM", reason="NotScim")
        rows = body.get("members") or []
        tally = Tally("a group of the provider", "members", "spec.groups")
        tally.announced(len(rows))
        return frozenset(tally.keep(str(row.get("value") or "")) for row in rows) - {""}

    async def name(self, group_id: str) -> str:
        """displayName of a group. Raises NotFound."""
        return str((await self._read(group_id)).get("displayName") or "")

    async def create(self, name: str) -> str:
        """The id of a new group without members. Raises Conflict where the name is taken."""
        body = {"schemas": [GROUP_SCHEMA], "displayName": name, "members": []}
        answer = await self._client.send(Call("POST", GROUPS, GROUPS, json=body))
        group_id = resource_of(answer, "group").get("id")
        if not isinstance(group_id, str) or not group_id:
            raise Unavailable("the provider created a group without an id", system="SCIM", reason="NotScim")
        return group_id

    async def change_members(self, group_id: str, gone: Iterable[str], new: Iterable[str]) -> None:
        """Takes the members `gone` out and puts `new` in, by one PATCH. Twice is as good as once, so that it
        is sent again where its answer got lost."""
        operations: list[Json] = [
            {"op": "remove", "path": f'members[value eq "{_quoted(one)}"]'} for one in gone
        ]
        added = [{"value": one} for one in new]
        operations += [{"op": "add", "path": "members", "value": added}] if added else []
        body = {"schemas": [PATCH_SCHEMA], "Operations": operations}
        await self._client.send(self._call("PATCH", group_id, body))

    async def _read(self, group_id: str) -> Json:
        return resource_of(await self._client.send(self._call("GET", group_id)), "group")

    def _call(self, method: str, group_id: str, body: Any = None) -> Call:
        path = fill("SCIM", GROUP, {"id": group_id})
        # One group is a listing of its members.
        return Call(method, path, GROUP, json=body, is_idempotent=True, is_listing=True)


def _name(row: Json) -> tuple[str, str]:
    return str(row.get("displayName") or ""), str(row["id"])


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
